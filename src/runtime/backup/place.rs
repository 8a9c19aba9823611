//! The folder of a backup: who writes there, and that nothing else is in it.

use super::manifest::{FILE, is_hash};
use crate::durable;
use crate::error::{Error, Result};
use std::fs::{File, TryLockError};
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

const LOCK: &str = "backup.lock";
const FILES: &str = "files";

/// A backup's folder, kept for this one until it is dropped.
pub(super) struct Place {
    dir: PathBuf,
    _lock: Option<File>,
}

impl Place {
    /// To put a backup of `home` there.
    pub fn to_write(dir: &Path, home: &Path) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(|e| Error::io(format!("cannot use {dir:?} for a backup"), e))?;
        let real = dir.ancestors().find_map(|path| path.canonicalize().ok());
        // The folder itself may not be there yet: then its nearest parent says where it will be.
        let within = |inner: &Path, outer: &Path| outer.canonicalize().is_ok_and(|outer| inner.starts_with(outer));
        if home.canonicalize().is_ok_and(|home| within(&home, &dir)) {
            return Err(Error::invalid(format!(
                "the home lies in {}, and would be taken for a part of the backup; name a folder elsewhere",
                dir.display()
            )));
        }
        if real.is_some_and(|at| within(&at, home)) {
            return Err(Error::invalid(format!(
                "{} lies in the home itself, and would be lost with it; name a folder elsewhere, on another disk",
                dir.display()
            )));
        }
        if let Some(other) = foreign(&dir)? {
            return Err(Error::invalid(format!(
                "{} holds {other:?}, which is no part of a backup; name a folder that is new, empty, or a backup",
                dir.display()
            )));
        }
        durable::create_dir(&dir)?;
        let path = dir.join(LOCK);
        let cannot = |e| Error::io(format!("cannot lock {}", path.display()), e);
        let file = durable::lock_file(&path).map_err(cannot)?;
        let lock = match file.try_lock() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::busy(format!("{} is in use by another backup or restore; wait", dir.display())));
            }
            // A medium without locks: nobody else can be told of either.
            Err(TryLockError::Error(e)) if e.kind() == Io::Unsupported => None,
            Err(TryLockError::Error(e)) => return Err(cannot(e)),
        };
        durable::clear(&dir)?;
        Ok(Self { dir, _lock: lock })
    }

    /// To read the backup there, which may lie on a medium that cannot be written.
    pub fn to_read(dir: &Path) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(|e| Error::io(format!("cannot use {dir:?} as a backup"), e))?;
        let lock = File::open(dir.join(LOCK)).ok();
        match lock.as_ref().map(File::try_lock_shared) {
            Some(Err(TryLockError::WouldBlock)) => {
                Err(Error::busy(format!("{} is being replaced by a new backup; wait for it", dir.display())))
            }
            _ => Ok(Self { dir, _lock: lock }),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of its files.
    pub fn files(&self) -> PathBuf {
        self.dir.join(FILES)
    }

    /// Whether a backup was finished here.
    pub fn holds_backup(&self) -> bool {
        self.dir.join(FILE).exists()
    }
}

/// Something in the folder that no backup put there.
fn foreign(dir: &Path) -> Result<Option<String>> {
    let known = [FILE, LOCK, FILES, "lost+found"];
    let other = names(dir)?.into_iter().find(|name| !known.contains(&name.as_str()) && !durable::is_hidden(name));
    let is_ours = |name: &str| is_hash(name) || durable::is_hidden(name);
    let inner = || names(&dir.join(FILES)).map(|names| names.into_iter().find(|name| !is_ours(name)));
    other.map_or_else(|| Ok(inner()?.map(|name| format!("{FILES}/{name}"))), |other| Ok(Some(other)))
}

/// What lies in a folder; nothing where there is none.
fn names(dir: &Path) -> Result<Vec<String>> {
    match std::fs::read_dir(dir) {
        Err(e) if e.kind() == Io::NotFound => Ok(vec![]),
        listed => {
            let entries = listed.map_err(|e| Error::io(format!("cannot list {}", dir.display()), e))?;
            Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        }
    }
}

//! Files that become visible whole or not at all: write beside, flush, rename, flush the folder.
//!
//! The medium is assumed to keep what `fsync` acknowledged, and `rename` within a folder to be atomic.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a name begins that is being made.
pub(crate) const HALF: &str = ".tmp-";
/// How a folder's name begins that has stepped aside for its successor.
const OLD: &str = ".old-";
/// How a name begins that is being removed.
const GONE: &str = ".gone-";

/// Replaces `path` by `bytes`. After a power cut there is the old file or the new one, never a mixture.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = parent(path);
    create_dir(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(HALF)
        .tempfile_in(folder)
        .map_err(|e| Error::io(format!("cannot write in {}", folder.display()), e))?;
    let fail = |e| Error::io(format!("cannot write {}", path.display()), e);
    file.write_all(bytes).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    sync_dir(folder)
}

/// A folder under construction. [`Staged::publish`] makes it visible in one step; dropping it removes it.
#[derive(Debug)]
pub struct Staged {
    dir: tempfile::TempDir,
    target: PathBuf,
}

impl Staged {
    /// Begins a folder that will become `target`, in the same parent so that the rename is atomic.
    pub fn new(target: &Path) -> Result<Self> {
        let folder = parent(target);
        create_dir(folder)?;
        let dir = tempfile::Builder::new()
            .prefix(HALF)
            .tempdir_in(folder)
            .map_err(|e| Error::io(format!("cannot write in {}", folder.display()), e))?;
        Ok(Self { dir, target: target.to_owned() })
    }

    /// Where to write meanwhile.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Flushes every file, then puts the folder in place of whatever `target` held.
    ///
    /// A folder cannot be replaced by one rename on every system: the old one steps aside under a hidden name
    /// first, and [`sweep`] puts it back if the power went between the two renames.
    ///
    /// What is in it is for its owner alone: adapters and merged models hold what people said.
    pub fn publish(self) -> Result<()> {
        for entry in walkdir::WalkDir::new(self.dir.path()).into_iter().flatten() {
            if let Ok(file) = File::open(entry.path()) {
                close_to_others(&file);
            }
        }
        self.publish_for_all()
    }

    /// As [`Staged::publish`], for what is nobody's: whoever may read files here may read it.
    pub fn publish_for_all(self) -> Result<()> {
        let Self { dir, target } = self;
        for entry in walkdir::WalkDir::new(dir.path()) {
            let entry = entry.map_err(|e| Error::io("cannot list a new folder", e.into()))?;
            sync_dir(entry.path())?;
        }
        let fail = |e| Error::io(format!("cannot put {} in place", target.display()), e);
        let folder = parent(&target);
        let old = beside(&target, OLD);
        if target.exists() {
            remove(&old)?;
            fs::rename(&target, &old).map_err(fail)?;
        }
        let new = dir.keep();
        if let Err(e) = fs::rename(&new, &target) {
            let _ = fs::remove_dir_all(&new);
            let _ = fs::rename(&old, &target);
            return Err(fail(e));
        }
        sync_dir(folder)?;
        remove(&old)
    }

    /// Puts the folder in place of `target`, which must be there and from then on is called `aside`, beside it. Where
    /// the system can exchange two names this is one step. Rights stay as they are.
    pub fn exchange(self, aside: &Path) -> Result<()> {
        let Self { dir, target } = self;
        for entry in walkdir::WalkDir::new(dir.path()) {
            let entry = entry.map_err(|e| Error::io("cannot list a new folder", e.into()))?;
            if !entry.path_is_symlink() {
                sync_dir(entry.path())?;
            }
        }
        let fail = |e| Error::io(format!("cannot put {} in place", target.display()), e);
        let folder = parent(&target);
        // Named as what it exchanges with will be: no name is ever wrong for long that anybody might clear away.
        fs::rename(dir.path(), aside).map_err(fail)?;
        let _ = dir.keep();
        let exchanged = match exchange_names(aside, &target) {
            Ok(true) => Ok(()),
            Ok(false) => exchange_in_steps(aside, &target, &beside(aside, HALF)),
            Err(e) => Err(e),
        };
        if let Err(e) = exchanged {
            let _ = fs::remove_dir_all(aside);
            return Err(fail(e));
        }
        sync_dir(folder)
    }
}

/// Exchanges two names in one step; false where the system or the medium knows no such thing.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn exchange_names(one: &Path, other: &Path) -> std::io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn exchange_names(_: &Path, _: &Path) -> std::io::Result<bool> {
    Ok(false)
}

/// As [`exchange_names`], by three renames; what fails is undone.
fn exchange_in_steps(one: &Path, other: &Path, between: &Path) -> std::io::Result<()> {
    fs::rename(one, between)?;
    if let Err(e) = fs::rename(other, one) {
        let _ = fs::rename(between, one);
        return Err(e);
    }
    if let Err(e) = fs::rename(between, other) {
        let _ = fs::rename(one, other);
        let _ = fs::rename(between, one);
        return Err(e);
    }
    Ok(())
}

/// Removes a file or a folder with all it holds, in one step to the eye: it goes under a hidden name first. The same
/// call, or [`sweep`], finishes what a power cut interrupted. Nothing there is no error.
pub fn discard(path: &Path) -> Result<()> {
    let gone = beside(path, GONE);
    if path.symlink_metadata().is_ok() {
        remove(&gone)?;
        fs::rename(path, &gone).map_err(|e| Error::io(format!("cannot remove {}", path.display()), e))?;
        sync_dir(parent(path))?;
    }
    remove(&gone)
}

/// Clears what an interrupted writer left in `folder`: half-made files older than a day go, so does what was being
/// removed, and a folder that had stepped aside without a successor comes back.
pub fn sweep(folder: &Path) -> Result<()> {
    // A younger one may belong to a process that is still writing it.
    clear_older(folder, Duration::from_secs(86_400))
}

/// As [`sweep`], for whoever alone may write in `folder`: what is half made there is nobody's, however young.
pub fn clear(folder: &Path) -> Result<()> {
    clear_older(folder, Duration::ZERO)
}

fn clear_older(folder: &Path, age: Duration) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(target) = name.strip_prefix(OLD).map(|n| folder.join(n)) {
            if target.exists() {
                remove(&entry.path())?;
            } else {
                fs::rename(entry.path(), &target)
                    .map_err(|e| Error::io(format!("cannot restore {}", target.display()), e))?;
            }
        } else if name.starts_with(GONE) {
            remove(&entry.path())?;
        } else if name.starts_with(HALF) {
            let written = entry.metadata().and_then(|m| m.modified()).ok();
            if age.is_zero() || written.and_then(|t| t.elapsed().ok()).is_some_and(|a| a > age) {
                remove(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// Whether a file or a folder is one that somebody is making here, or was when the power went.
pub fn is_half_made(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(HALF))
}

/// Whether a name is that of something that is being made or removed, or has stepped aside.
pub(crate) fn is_hidden(name: &str) -> bool {
    [HALF, OLD, GONE].iter().any(|prefix| name.starts_with(prefix))
}

/// Creates `folder` and its parents. What is made is for its owner alone: a home holds what people said.
pub fn create_dir(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.recursive(true).create(folder);
    made.map_err(|e| Error::io(format!("cannot create {}", folder.display()), e))
}

/// Opens a file whose lock says something, and makes it where it is not there. It is for its owner alone: whoever may
/// open it can hold the lock, and so keep all others waiting.
pub fn lock_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    close_to_others(&file);
    Ok(file)
}

/// Takes from all but its owner what rights they have to a file or folder. Where that is refused it is another's.
#[cfg(unix)]
pub(crate) fn close_to_others(file: &File) {
    use std::os::unix::fs::PermissionsExt;
    if let Ok(metadata) = file.metadata()
        && metadata.permissions().mode() & 0o077 != 0
    {
        let _ = file.set_permissions(fs::Permissions::from_mode(metadata.permissions().mode() & 0o700));
    }
}

#[cfg(not(unix))]
pub(crate) fn close_to_others(_: &File) {}

/// The text of a file that is to be read whole: no pipe, and nothing else that may never end. Errors: those of reading.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    if fs::metadata(path)?.is_file() {
        return fs::read_to_string(path);
    }
    Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no file"))
}

/// Flushes a file, or a folder's own entries.
pub fn sync_dir(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|f| f.sync_all())
        .map_err(|e| Error::io(format!("cannot flush {} to the disk", path.display()), e))
}

/// Removes a file or a folder with all it holds; nothing there is no error.
pub fn remove(path: &Path) -> Result<()> {
    let done = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match done {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()), e))
        }
        _ => Ok(()),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

/// The hidden name of a file or folder.
fn beside(target: &Path, prefix: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    parent(target).join(format!("{prefix}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staged_folder_replaces_the_old_one_whole() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("model");
        for text in ["one", "two"] {
            let staged = Staged::new(&target).unwrap();
            fs::write(staged.path().join("file"), text).unwrap();
            staged.publish().unwrap();
            assert_eq!(fs::read_to_string(target.join("file")).unwrap(), text);
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn two_folders_exchange_their_places() {
        let home = tempfile::tempdir().unwrap();
        let (target, aside) = (home.path().join("home"), home.path().join("home.before"));
        let holds = |path: &Path| fs::read_to_string(path.join("file")).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("file"), "old").unwrap();
        let staged = Staged::new(&target).unwrap();
        fs::write(staged.path().join("file"), "new").unwrap();
        staged.exchange(&aside).unwrap();
        assert_eq!((holds(&target), holds(&aside)), ("new".into(), "old".into()));
        exchange_in_steps(&aside, &target, &home.path().join("between")).unwrap();
        assert_eq!((holds(&target), holds(&aside)), ("old".into(), "new".into()));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
        let staged = Staged::new(&home.path().join("none")).unwrap();
        staged.exchange(&home.path().join("none.before")).unwrap_err();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "nothing is left of what failed");
    }

    #[test]
    fn an_interrupted_replacement_is_undone() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".old-model")).unwrap();
        sweep(home.path()).unwrap();
        assert!(home.path().join("model").is_dir());
    }

    #[test]
    fn what_is_half_made_is_its_maker_s_for_a_day_unless_nobody_else_can_be_one() {
        let home = tempfile::tempdir().unwrap();
        for (name, days) in [(".tmp-old", 2), (".tmp-new", 0), ("file", 2)] {
            let file = File::create(home.path().join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(days * 90_000)).unwrap();
        }
        let entries = || fs::read_dir(home.path()).unwrap().count();
        sweep(home.path()).unwrap();
        assert_eq!((entries(), home.path().join(".tmp-new").exists()), (2, true));
        clear(home.path()).unwrap();
        assert_eq!((entries(), home.path().join("file").exists()), (1, true));
    }

    #[test]
    fn what_is_discarded_is_gone_whenever_the_power_went() {
        let home = tempfile::tempdir().unwrap();
        let entries = || fs::read_dir(home.path()).unwrap().count();
        for interrupted in [&[][..], &[".gone-model"]] {
            for name in [&["model"], interrupted].concat() {
                fs::create_dir(home.path().join(name)).unwrap();
                fs::write(home.path().join(name).join("file"), "x").unwrap();
            }
            discard(&home.path().join("model")).unwrap();
            assert_eq!(entries(), 0);
        }
        fs::create_dir(home.path().join(".gone-model")).unwrap();
        discard(&home.path().join("model")).unwrap();
        assert_eq!(entries(), 0);
        fs::create_dir(home.path().join(".gone-model")).unwrap();
        sweep(home.path()).unwrap();
        assert_eq!(entries(), 0);
    }

    #[test]
    fn a_read_only_folder_is_named() {
        let error = write(Path::new("/proc/wayside/file"), b"x").unwrap_err();
        assert!(error.to_string().contains("/proc/wayside"), "{error}");
    }
}

//! The way back: a home made of a backup beside its place, whole and checked, and put there in one step.

use super::content::{Store, holds_data};
use super::manifest::Manifest;
use super::objects;
use super::place::Place;
use super::swap;
use crate::config::Config;
use crate::durable::{self, Staged};
use crate::error::{Error, Result};
use crate::store;
use crate::watch::{Cancel, Progress};
use jiff::Timestamp;
use serde::Serialize;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What a restore came to.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// The home.
    pub home: PathBuf,
    /// What was acknowledged by then is in it.
    pub time: Timestamp,
    /// Files that were written.
    pub files: usize,
    /// Bytes of those.
    pub bytes: u64,
    /// Files that were written.
    pub copied: usize,
    /// Where what was there before lies now.
    pub former: Option<PathBuf>,
    /// Receipts of erasures that the backup knows nothing of: who was erased then is back. They come along.
    pub erased_since: Vec<String>,
    /// Whether signatures were required, and are no more.
    pub unguarded: bool,
    /// How long it took.
    pub seconds: f64,
}

/// Makes `home` what it was when the backup in `dir` was begun. A home that holds data is refused, unless `replace`
/// says otherwise: then it steps aside, and what it lies under now is told. Models and parts that the home has stay,
/// where the backup has none.
///
/// Errors: `NotFound`, `Corrupt` and `Incompatible` for what is no whole backup; `Invalid` for a home that holds data;
/// `Busy` while somebody has it open; `Full`, `Io`, `Cancelled`. The home is as it was then.
pub fn restore(dir: &Path, home: &Path, replace: bool, progress: &dyn Progress, cancel: &Cancel) -> Result<Restored> {
    let begin = Instant::now();
    let home = std::path::absolute(home).map_err(|e| Error::io(format!("cannot use {home:?} as a home"), e))?;
    // A link to a home stays one: what it leads to is replaced.
    let home = home.canonicalize().unwrap_or(home);
    let place = Place::to_read(dir)?;
    let manifest = Manifest::read(place.dir())?;
    if home.symlink_metadata().is_ok_and(|there| !there.is_dir()) {
        return Err(Error::invalid(format!("{} is no folder; name another home with --home", home.display())));
    }
    if swap::is_mounted(&home) {
        return Err(Error::invalid(format!(
            "a disk is mounted at {}, and nothing can take its place; name a folder on it with --home",
            home.display()
        )));
    }
    let has_data = holds_data(&home);
    if has_data && !replace {
        return Err(Error::invalid(format!(
            "{} holds data; name another home with --home, or say --replace: what is there is kept beside it then",
            home.display()
        )));
    }
    let staged = Staged::new(&home)?;
    // From the beginning: it holds what the home does.
    File::open(staged.path()).iter().for_each(durable::close_to_others);
    progress.start("restoring", manifest.bytes());
    let mut done = 0;
    for (path, entry) in &manifest.files {
        let target = staged.path().join(path);
        target.parent().map_or(Ok(()), durable::create_dir)?;
        objects::take(&place.files(), entry, &target, &mut |n| progress.at(done + n), cancel).map_err(|e| {
            let copy = place.files().join(&entry.sha256);
            e.context(format!("{path} of the backup cannot be restored from {}", copy.display()))
        })?;
        done += entry.bytes;
    }
    progress.finish();

    let _held = unused(&home)?;
    swap::keep_models(&home, staged.path())?;
    let receipts = swap::keep_trust(&home, staged.path())?;
    let requires = |home: &Path| Config::load(home).is_ok_and(|config| config.trust.require);
    let unguarded = requires(&home) && !requires(staged.path());
    swap::owned_alike(&home, staged.path());
    let former = swap::swap(staged, &home, has_data)?;
    Ok(Restored {
        home,
        time: manifest.began,
        files: manifest.files.len(),
        bytes: manifest.bytes(),
        copied: manifest.files.len(),
        former,
        erased_since: receipts,
        unguarded,
        seconds: begin.elapsed().as_secs_f64(),
    })
}

/// What keeps others out of a home.
struct Held {
    _stores: Vec<store::Alone>,
    _files: Vec<File>,
}

/// Sees to it that nobody has a store of the home open, or learns: they would go on in what stepped aside.
fn unused(home: &Path) -> Result<Held> {
    let busy =
        |what: &str| Error::busy(format!("another process is using {what} of {}; stop it first", home.display()));
    let (mut stores, mut files) = (Vec::new(), Vec::new());
    for store in Store::ALL {
        let folder = home.join(store.folder());
        if folder.is_dir() {
            stores.push(store::alone(&folder)?.ok_or_else(|| busy(&format!("the {}", store.folder())))?);
        }
    }
    for (name, what) in [("learn.lock", "the learning"), ("library.lock", "the adapters"), ("turn", "the models")] {
        let path = home.join(name);
        if path.exists() {
            let file =
                durable::lock_file(&path).map_err(|e| Error::io(format!("cannot lock {}", path.display()), e))?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(busy(what)),
                _ => files.push(file),
            }
        }
    }
    Ok(Held { _stores: stores, _files: files })
}

//! Who has a store open: an advisory lock on the file `open.lock` beside it, freed by the system when its holder ends,
//! however it ends.
//!
//! Everybody who has the environment open holds it shared. Who holds it alone may put another file in the place of
//! `data.mdb`, which under the eyes of another process would lose that process's writes.

use crate::durable;
use crate::error::{Error, Result};
use std::fs::{File, TryLockError};
use std::io::ErrorKind as Io;
use std::path::Path;

const NAME: &str = "open.lock";

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(in crate::store) struct Lock {
    _file: File,
}

impl Lock {
    /// Holds the lock together with others. Waits while somebody has it alone, which is while a file is written anew.
    pub fn shared(dir: &Path) -> Result<Self> {
        let file = open(dir)?;
        match file.lock_shared() {
            // A system without locks: nobody ever has it alone.
            Err(e) if e.kind() == Io::Unsupported => {}
            locked => locked.map_err(|e| refused(dir, e))?,
        }
        Ok(Self { _file: file })
    }

    /// Holds the lock alone, unless somebody has it already.
    pub fn alone(dir: &Path) -> Result<Option<Self>> {
        let file = open(dir)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) if e.kind() == Io::Unsupported => Ok(None),
            Err(TryLockError::Error(e)) => Err(refused(dir, e)),
        }
    }
}

fn open(dir: &Path) -> Result<File> {
    let path = dir.join(NAME);
    durable::lock_file(&path).map_err(|e| refused(dir, e))
}

fn refused(dir: &Path, error: std::io::Error) -> Error {
    Error::io(format!("cannot lock {}", dir.join(NAME).display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_share_it_or_one_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (Lock::shared(dir.path()).unwrap(), Lock::shared(dir.path()).unwrap());
        drop(first);
        assert!(Lock::alone(dir.path()).unwrap().is_none());
        drop(second);
        let alone = Lock::alone(dir.path()).unwrap().unwrap();
        assert!(Lock::alone(dir.path()).unwrap().is_none());
        drop(alone);
        Lock::shared(dir.path()).unwrap();
    }
}

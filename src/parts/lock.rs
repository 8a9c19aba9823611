//! One writer at a time in the folder of parts: an advisory lock on the file `.lock`, freed by the system when its
//! holder ends, however it ends.

use crate::durable;
use crate::error::{Error, Result};
use crate::watch::{Cancel, Progress};
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Waits for the lock, and then clears away what an earlier holder left unfinished. Dropping the file frees it.
pub(super) fn hold(dir: &Path, progress: &dyn Progress, cancel: &Cancel) -> Result<File> {
    durable::create_dir(dir)?;
    let path = dir.join(".lock");
    let fail = |e| Error::io(format!("cannot lock {}", path.display()), e);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
    let mut waited = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {
                if !waited {
                    progress.note("another process is getting parts; waiting for it");
                    waited = true;
                }
                cancel.check()?;
                sleep(Duration::from_millis(100));
            }
            // Some network file systems have no locks. Two writers then do the work twice: each has its own
            // temporary folder, and the rename decides.
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(fail(e)),
        }
    }
    // Nobody else writes here now, so every half-made folder is an orphan, and hundreds of megabytes may be in it.
    durable::clear(dir)?;
    Ok(file)
}

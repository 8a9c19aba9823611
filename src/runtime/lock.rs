//! Locks between all that work in a home, in this process and others: files that the system frees when their holder
//! ends, however it ends.
//!
//! ```text
//! home/
//!   learn.lock      held by the cycle of learning under way
//!   library.lock    held by whoever adds or removes adapters, or models that carry one
//! ```
//!
//! A cycle takes the second while it holds the first, to conclude. So nobody waits for the first who holds the second.

use super::Runtime;
use crate::durable;
use crate::error::{Error, Result};
use std::fs::{File, TryLockError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often somebody who waits looks again.
const LOOK: Duration = Duration::from_millis(50);

/// The right to add and remove adapters, and models that carry one, while nobody else does; dropping it gives it back.
pub(super) struct Publishing {
    _held: File,
}

impl Runtime {
    /// Sees to it that there is one cycle at a time, of all processes, waiting for another one as long as `patience`.
    pub(super) fn alone(&self, patience: Duration) -> Result<File> {
        let begin = Instant::now();
        loop {
            if let Some(held) = self.lock("learn.lock")? {
                return Ok(held);
            }
            if begin.elapsed() >= patience {
                return Err(Error::busy(format!(
                    "another process is learning in {}; wait for it, or stop it",
                    self.home.display()
                )));
            }
            self.cancel.check()?;
            sleep(LOOK);
        }
    }

    /// Waits until nobody adds or removes adapters, or models that carry one: at most as long as a merge takes.
    ///
    /// What an erasure finds under it is all there is, and what is added under it after an erasure knows of that.
    pub(super) fn publishing(&self) -> Result<Publishing> {
        let mut told = false;
        loop {
            if let Some(_held) = self.lock("library.lock")? {
                return Ok(Publishing { _held });
            }
            if !told {
                self.progress.note("somebody else is adding or removing adapters here; waiting for them");
                told = true;
            }
            self.cancel.check()?;
            sleep(LOOK);
        }
    }

    /// Holds a lock of the home; none while somebody else does.
    fn lock(&self, name: &str) -> Result<Option<File>> {
        durable::create_dir(&self.home)?;
        let path = self.home.join(name);
        let fail = |e| Error::io(format!("cannot lock {}", path.display()), e);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(fail(e)),
        }
    }
}

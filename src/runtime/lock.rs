//! Locks between all that work in a home, in this process and others: files that the system frees when their holder
//! ends, however it ends.
//!
//! ```text
//! home/
//!   learn.lock      held by the cycle of learning under way
//!   library.lock    held by whoever adds or removes adapters, or models that carry one
//!   models/.import-NAME.lock    held by whoever makes the model of that name
//! ```
//!
//! A cycle takes the second while it holds the first, to conclude. So nobody waits for the first who holds the second.

use super::Runtime;
use super::learn::ADAPTER;
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use std::fs::{File, TryLockError};
use std::path::Path;
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
    /// What an interrupted one left half made is cleared away: copies of examples are among it.
    pub(super) fn alone(&self, patience: Duration) -> Result<File> {
        let begin = Instant::now();
        loop {
            if let Some(held) = self.lock("learn.lock")? {
                durable::sweep(&self.home)?;
                durable::clear(&self.learning())?;
                durable::clear(&self.learning().join(ADAPTER))?;
                return Ok(held);
            }
            if begin.elapsed() >= patience {
                return Err(Error::busy(format!(
                    "another process or thread is learning in {}; wait for it, or stop it",
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

    /// Sees to it that one at a time makes a model of that name. Errors: `Busy` while somebody else does.
    pub(super) fn importing(&self, name: &str) -> Result<File> {
        crate::bundle::check_name(name)?;
        let held = lock(&self.models, &format!(".import-{name}.lock"))?;
        held.ok_or_else(|| Error::busy(format!("another process or thread is making the model {name}; wait for it")))
    }

    /// As [`Runtime::importing`], and waits while somebody else does.
    pub(super) fn imported_by_another(&self, name: &str) -> Result<File> {
        loop {
            match self.importing(name) {
                Err(e) if e.kind() == ErrorKind::Busy => {
                    self.cancel.check()?;
                    sleep(LOOK);
                }
                held => return held,
            }
        }
    }

    /// Holds a lock of the home; none while somebody else does.
    fn lock(&self, name: &str) -> Result<Option<File>> {
        lock(&self.home, name)
    }
}

/// Holds a lock in a folder; none while somebody else does.
fn lock(folder: &Path, name: &str) -> Result<Option<File>> {
    durable::create_dir(folder)?;
    let path = folder.join(name);
    let fail = |e| Error::io(format!("cannot lock {}", path.display()), e);
    let file = durable::lock_file(&path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(fail(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn who_is_alone_clears_what_a_power_cut_left() {
        let home = tempfile::tempdir().unwrap();
        let runtime = Runtime::open(home.path()).unwrap();
        let at = |name: &str| home.path().join(name);
        fs::create_dir_all(at("learn/.tmp-merged")).unwrap();
        fs::create_dir_all(at("learn/adapter")).unwrap();
        fs::create_dir_all(at(".tmp-scratch-live")).unwrap();
        for name in ["learn/.tmp-plan", "learn/plan.json", "learn/adapter/.tmp-check", ".tmp-scratch-old"] {
            let file = File::create(at(name)).unwrap();
            let days = if name.ends_with("old") { 2 } else { 0 };
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(days * 90_000)).unwrap();
        }
        let _alone = runtime.alone(Duration::ZERO).unwrap();
        for (name, stays) in [
            ("learn/.tmp-merged", false),
            ("learn/.tmp-plan", false),
            ("learn/adapter/.tmp-check", false),
            (".tmp-scratch-old", false),
            (".tmp-scratch-live", true),
            ("learn/plan.json", true),
        ] {
            assert_eq!(at(name).exists(), stays, "{name}");
        }
    }
}

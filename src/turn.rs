//! Whose turn it is to compute. Who answers goes first; long work gives way between two units of it.
//!
//! Everyone who answers holds the home's file `turn` shared for as long as the answer takes. Long work asks before
//! each unit whether it could hold the file alone, and waits until it can. A lock on a file works between threads and
//! between processes alike, and the system frees it when its holder ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// How often who waits looks again.
const PAUSE: Duration = Duration::from_millis(10);

/// The turns of one home. Clones are the same.
#[derive(Clone, Debug)]
pub struct Turn {
    file: PathBuf,
}

/// Held by one who answers, until it is dropped.
#[derive(Debug)]
pub struct Answering {
    _lock: Option<File>,
}

impl Turn {
    /// The turns in `home`, which need not exist yet.
    pub fn new(home: &Path) -> Self {
        Self { file: home.join("turn") }
    }

    /// Begins to answer. Where the file cannot be locked, nobody gives way and the answer is only slower: that is no
    /// reason to give none.
    pub fn answer(&self) -> Answering {
        let lock = self.open().and_then(|file| file.lock_shared().map(|()| file));
        if let Err(e) = &lock {
            log::debug!("cannot lock {}: {e}", self.file.display());
        }
        Answering { _lock: lock.ok() }
    }

    /// Waits while anyone answers, or until `stop` says so.
    pub fn give_way(&self, stop: &dyn Fn() -> bool) {
        let Ok(file) = File::open(&self.file) else { return };
        while matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && !stop() {
            sleep(PAUSE);
        }
    }

    fn open(&self) -> std::io::Result<File> {
        if let Some(home) = self.file.parent() {
            std::fs::create_dir_all(home)?;
        }
        File::options().create(true).truncate(false).write(true).open(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::time::Instant;

    #[test]
    fn work_waits_for_every_answer_and_answers_wait_for_nobody() {
        let home = tempfile::tempdir().unwrap();
        let turn = Turn::new(&home.path().join("new"));
        turn.give_way(&|| panic!("nobody answers"));
        let (one, two) = (turn.answer(), turn.answer());
        let looks = Cell::new(0);
        let twice = || {
            looks.set(looks.get() + 1);
            looks.get() == 2
        };
        turn.give_way(&twice);
        drop(one);
        looks.set(0);
        turn.give_way(&twice);
        assert_eq!(looks.get(), 2, "two still answers");
        let waiting = std::thread::spawn({
            let turn = turn.clone();
            move || {
                let begin = Instant::now();
                turn.give_way(&|| false);
                begin.elapsed()
            }
        });
        sleep(5 * PAUSE);
        drop(two);
        assert!(waiting.join().unwrap() >= 4 * PAUSE);
        turn.give_way(&|| panic!("nobody answers any more"));
    }
}

//! Whose turn it is to compute. Who answers goes first; long work gives way between two units of it.
//!
//! Everyone who answers holds the home's file `turn` shared for as long as the answer takes. Long work asks before
//! each unit whether it could hold the file alone, and waits until it can. A lock on a file works between threads and
//! between processes alike, and the system frees it when its holder ends, however it ends.

use crate::durable;
use std::cell::Cell;
use std::fs::{File, TryLockError};
use std::marker::PhantomData;
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

thread_local! {
    /// Answers that this thread is giving.
    static OWN: Cell<usize> = const { Cell::new(0) };
}

/// Held by one who answers, until it is dropped; on the thread it was made on.
#[derive(Debug)]
pub struct Answering {
    _lock: Option<File>,
    _stays: PhantomData<*const ()>,
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
        OWN.set(OWN.get() + 1);
        Answering { _lock: lock.ok(), _stays: PhantomData }
    }

    /// Waits while anyone answers, or until `stop` says so. Work that is done in the midst of an answer, by whoever
    /// hears it, does not wait: that answer goes on when it is done.
    pub fn give_way(&self, stop: &dyn Fn() -> bool) {
        if OWN.get() > 0 {
            return;
        }
        let Ok(file) = File::open(&self.file) else { return };
        while matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && !stop() {
            sleep(PAUSE);
        }
    }

    fn open(&self) -> std::io::Result<File> {
        if let Some(home) = self.file.parent() {
            durable::create_dir(home).map_err(std::io::Error::other)?;
        }
        durable::lock_file(&self.file)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        OWN.set(OWN.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::thread::spawn;
    use std::time::Instant;

    /// Answers on another thread, until what this returns is called.
    fn elsewhere(turn: &Turn) -> impl FnOnce() + use<> {
        let (turn, begun, over) = (turn.clone(), channel(), channel::<()>());
        let thread = spawn(move || {
            let _answering = turn.answer();
            begun.0.send(()).unwrap();
            over.1.recv().unwrap_err();
        });
        begun.1.recv().unwrap();
        move || {
            drop(over.0);
            thread.join().unwrap();
        }
    }

    #[test]
    fn work_waits_for_every_answer_and_answers_wait_for_nobody() {
        let home = tempfile::tempdir().unwrap();
        let turn = Turn::new(&home.path().join("new"));
        turn.give_way(&|| panic!("nobody answers"));
        let (one, two) = (elsewhere(&turn), elsewhere(&turn));
        let looks = Cell::new(0);
        let twice = || {
            looks.set(looks.get() + 1);
            looks.get() == 2
        };
        turn.give_way(&twice);
        one();
        looks.set(0);
        turn.give_way(&twice);
        assert_eq!(looks.get(), 2, "two still answers");
        let waiting = spawn({
            let turn = turn.clone();
            move || {
                let begin = Instant::now();
                turn.give_way(&|| false);
                begin.elapsed()
            }
        });
        sleep(5 * PAUSE);
        two();
        assert!(waiting.join().unwrap() >= 4 * PAUSE);
        turn.give_way(&|| panic!("nobody answers any more"));
    }

    #[test]
    fn work_in_the_midst_of_an_answer_does_not_wait_for_it() {
        let home = tempfile::tempdir().unwrap();
        let turn = Turn::new(home.path());
        let answering = turn.answer();
        turn.give_way(&|| panic!("it would wait for itself"));
        drop(answering);
        let over = elsewhere(&turn);
        let looks = Cell::new(0);
        turn.give_way(&|| looks.replace(looks.get() + 1) == 1);
        assert_eq!(looks.get(), 2, "another's is waited for again");
        over();
    }
}

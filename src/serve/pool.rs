//! Conversations between their questions. Each belongs to one caller, and is forgotten when nobody goes on with it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What forgets when it has waited too long.
pub trait Forget {
    /// Overwrites what it knows.
    fn forget(&mut self);
}

/// What waits for the next question.
pub struct Pool<T> {
    most: usize,
    idle: Duration,
    kept: Mutex<Vec<Entry<T>>>,
}

struct Entry<T> {
    owner: String,
    since: Instant,
    value: T,
}

impl<T: Forget> Pool<T> {
    /// For at most so many, each for at most so long.
    pub fn new(most: usize, idle: Duration) -> Self {
        Self { most, idle, kept: Mutex::default() }
    }

    /// Takes out what `owner` has that fits best by `fit`; none where nothing does.
    pub fn take(&self, owner: &str, fit: impl Fn(&T) -> Option<usize>) -> Option<T> {
        let mut kept = self.kept();
        let fitting = kept.iter().enumerate().filter(|(_, entry)| entry.owner == owner);
        let best = fitting.filter_map(|(at, entry)| Some((fit(&entry.value)?, at))).max()?.1;
        Some(kept.remove(best).value)
    }

    /// Keeps `value` for `owner`; the one that waited longest goes where there is no room.
    pub fn put(&self, owner: &str, value: T) {
        let mut kept = self.kept();
        if kept.len() >= self.most {
            kept.remove(0).value.forget();
        }
        kept.push(Entry { owner: owner.to_owned(), since: Instant::now(), value });
    }

    /// Lets go of what waited too long, and of what `unwanted` says.
    pub fn sweep(&self, now: Instant, unwanted: impl Fn(&str, &T) -> bool) {
        self.kept().retain_mut(|entry| {
            let old = now.saturating_duration_since(entry.since) >= self.idle;
            let goes = old || unwanted(&entry.owner, &entry.value);
            if goes {
                entry.value.forget();
            }
            !goes
        });
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.kept().len()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Entry<T>>> {
        // Entries are put in and taken out whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Forget for usize {
        fn forget(&mut self) {
            *self = 0;
        }
    }

    #[test]
    fn conversations_are_their_owners_and_end_by_idleness() {
        let pool = Pool::new(2, Duration::from_secs(60));
        pool.put("a", 1);
        pool.put("b", 2);
        assert_eq!(pool.take("b", |n| (*n == 1).then_some(0)), None, "it is another's");
        assert_eq!(pool.take("a", |n| (*n == 1).then_some(0)), Some(1));
        pool.put("b", 3);
        assert_eq!(pool.take("b", |n| Some(*n)), Some(3), "the best");
        pool.put("b", 4);
        pool.put("b", 5);
        assert_eq!(pool.len(), 2);
        pool.sweep(Instant::now(), |_, _| false);
        assert_eq!(pool.len(), 2);
        pool.sweep(Instant::now(), |owner, n| owner == "b" && *n == 4);
        assert_eq!(pool.len(), 1);
        pool.sweep(Instant::now() + Duration::from_secs(60), |_, _| false);
        assert_eq!(pool.len(), 0);
    }
}

//! Threads that compute one stack together. Between two of its loops lies a microsecond of work, so they are not called
//! and sent away again for each: one leads and goes through the steps, the others stay, and take their share of every
//! loop that it hands out.
//!
//! Whoever comes late, or is kept away by the machine, holds nothing up but a unit it has taken: the others do the
//! rest.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Looks at what is going on before a waiting thread lets others have its core: some ten microseconds.
const PATIENCE: u32 = 1_000;

/// The most units of a loop that is handed out whole.
const MOST: usize = 0xfff;

/// The number of the loop that never comes: there is no more to do.
const SHUT_DOWN: u64 = 0xfff_ffff;

type Work<'a> = dyn Fn(usize) + Sync + 'a;

/// One that leads and any number of helpers.
pub struct ThreadPool {
    members: usize,
    /// See [`Ticket`].
    ticket: AtomicU64,
    /// Units that helpers have done.
    done: AtomicUsize,
    /// What is done with a unit. Read by whoever has taken one; written when all are done.
    work: UnsafeCell<Option<*const Work<'static>>>,
}

// SAFETY: `work` is written by the leader while no unit is taken or to be had, and read only by those who have taken
// one. What it points to is `Sync`.
#[allow(unsafe_code, reason = "a loop on the leader's stack is lent to other threads; see `parallel_for`")]
unsafe impl Sync for ThreadPool {}

impl ThreadPool {
    /// A pool of so many threads, the leader counted.
    pub fn new(members: usize) -> Self {
        Self { members, ticket: AtomicU64::new(0), done: AtomicUsize::new(0), work: UnsafeCell::new(None) }
    }

    /// Calls `work` with each number below `units`, on whichever threads there are, and returns when all is done. To
    /// be called by the leader alone.
    ///
    /// The leader takes units of the first half and helpers of the second, so that each goes through memory forward and
    /// in one piece; whoever is through takes of the other half.
    pub fn parallel_for(&self, units: usize, work: impl Fn(usize) + Sync) {
        if self.members < 2 || units < 2 {
            return (0..units).for_each(work);
        }
        let each = units.div_ceil(MOST);
        if each > 1 {
            self.parallel_few(units.div_ceil(each), &|some| {
                (some * each..units.min((some + 1) * each)).for_each(&work)
            });
        } else {
            self.parallel_few(units, &work);
        }
    }

    fn parallel_few(&self, units: usize, work: &Work<'_>) {
        self.lend(work);
        self.done.store(0, Ordering::Relaxed);
        // The number never comes to SHUT_DOWN: a pass would need some hundred million loops.
        let number = Ticket(self.ticket.load(Ordering::Relaxed)).number() + 1;
        let middle = units as u64 / 2;
        self.ticket.store(Ticket::new(number, units as u64, 0, middle).0, Ordering::Release);
        let mut own = 0;
        while let Some(unit) = self.take(true) {
            work(unit);
            own += 1;
        }
        wait(|| self.done.load(Ordering::Acquire) + own >= units);
    }

    #[allow(unsafe_code, reason = "the lifetime is forgotten; what makes it sound is said here")]
    fn lend<'a>(&self, work: &Work<'a>) {
        // SAFETY: `parallel_for` returns when every unit is done, and only who has taken a unit uses what is lent; so
        // it is not used after its life. Nobody reads the cell meanwhile: the last loop's units are all done.
        unsafe {
            let work = std::mem::transmute::<*const Work<'a>, *const Work<'static>>(work);
            *self.work.get() = Some(work);
        }
    }

    /// Helps until the leader dismisses the pool.
    #[allow(unsafe_code, reason = "calls what the leader lends; what makes it sound is said at the call")]
    pub fn worker_loop(&self) {
        loop {
            if let Some(unit) = self.take(false) {
                // SAFETY: a unit was taken, so the leader waits in `parallel_for` for this call to end, and what it
                // lends is alive; taking the unit has made what it wrote visible.
                unsafe {
                    if let Some(work) = *self.work.get() {
                        (*work)(unit);
                    }
                }
                self.done.fetch_add(1, Ordering::Release);
                continue;
            }
            let seen = self.ticket.load(Ordering::Acquire);
            if Ticket(seen).number() == SHUT_DOWN {
                return;
            }
            wait(|| self.ticket.load(Ordering::Relaxed) != seen);
        }
    }

    /// Lets the helpers go.
    pub fn shutdown(&self) {
        self.ticket.store(Ticket::new(SHUT_DOWN, 0, 0, 0).0, Ordering::Release);
    }

    /// A unit that nobody has taken, of the first half if there is one, or of the second.
    fn take(&self, first: bool) -> Option<usize> {
        let mut unit = 0;
        let next = |ticket| {
            let (taken, left) = Ticket(ticket).take(first)?;
            unit = taken;
            Some(left.0)
        };
        self.ticket.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        Some(unit as usize)
    }
}

/// What is left of a loop: its number in 28 bits, and in 12 each its units, the next of the first half and the next of
/// the second. All in one word, so that nobody takes a unit of another loop than the one he has seen.
struct Ticket(u64);

impl Ticket {
    fn new(number: u64, units: u64, first: u64, second: u64) -> Self {
        Self(number << 36 | units << 24 | first << 12 | second)
    }

    fn number(&self) -> u64 {
        self.0 >> 36
    }

    /// A unit, and what is left then.
    fn take(&self, of_first: bool) -> Option<(u64, Self)> {
        let [units, first, second] = [24, 12, 0].map(|at| self.0 >> at & 0xfff);
        let (in_first, in_second) = (first < units / 2, second < units);
        if in_first && (of_first || !in_second) {
            Some((first, Self(self.0 + (1 << 12))))
        } else {
            in_second.then(|| (second, Self(self.0 + 1)))
        }
    }
}

fn wait(done: impl Fn() -> bool) {
    let mut looks = 0;
    while !done() {
        looks += 1;
        if looks < PATIENCE { std::hint::spin_loop() } else { std::thread::yield_now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_done_once_however_many_help() {
        for helpers in 0..4 {
            let pool = ThreadPool::new(helpers + 1);
            let counts: Vec<AtomicUsize> = (0..70_000).map(|_| AtomicUsize::new(0)).collect();
            let mut expected = vec![0; counts.len()];
            std::thread::scope(|scope| {
                (0..helpers).for_each(|_| {
                    scope.spawn(|| pool.worker_loop());
                });
                for round in 0..3_000 {
                    let units = [0, 1, 2, 3, 16, 97, 1][round % 7];
                    let begin = round % 5;
                    pool.parallel_for(units, |unit| {
                        counts[begin + unit].fetch_add(1, Ordering::Relaxed);
                    });
                    expected[begin..begin + units].iter_mut().for_each(|n| *n += 1);
                    assert_eq!(counts[begin].load(Ordering::Relaxed), expected[begin], "all is done on return");
                }
                pool.parallel_for(counts.len(), |unit| {
                    counts[unit].fetch_add(1, Ordering::Relaxed);
                });
                pool.shutdown();
            });
            expected.iter_mut().for_each(|n| *n += 1);
            assert!(counts.iter().zip(&expected).all(|(n, e)| n.load(Ordering::Relaxed) == *e), "{helpers} helpers");
        }
    }

    #[test]
    fn who_comes_when_all_is_done_goes_again() {
        let pool = ThreadPool::new(2);
        pool.parallel_for(1, |_| ());
        pool.shutdown();
        pool.worker_loop();
    }
}

//! How many requests there may be: so many a second in the long run, and twice as many at once.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Counts what may still come.
pub struct Rate {
    per_second: f64,
    left: Mutex<(f64, Instant)>,
}

impl Rate {
    /// For so many a second.
    pub fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, left: Mutex::new((2.0 * per_second, Instant::now())) }
    }

    /// Whether one more may come now.
    pub fn admits(&self, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(left.1).as_secs_f64();
        let room = (left.0 + since * self.per_second).min(2.0 * self.per_second);
        let admits = room >= 1.0;
        *left = (if admits { room - 1.0 } else { room }, now);
        admits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_let_in_and_a_flood_is_not() {
        let (rate, begin) = (Rate::new(10), Instant::now());
        assert_eq!((0..50).filter(|_| rate.admits(begin)).count(), 20);
        let later = begin + Duration::from_millis(500);
        assert_eq!((0..50).filter(|_| rate.admits(later)).count(), 5);
    }
}

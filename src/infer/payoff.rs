//! How many tokens are worth guessing: the number that makes the tokens gained a second the most, by what was measured
//! in this answer so far. A pass takes a fixed time and some for each row; a guess is right as often as guesses after a
//! match of that length were.

use super::draft::LONGEST;

/// What passes cost and what guesses were worth, in one answer.
#[derive(Debug, Default)]
pub struct Payoff {
    time: Line,
    /// For each length of match: tokens that were right, and tokens that were looked at.
    right: [(u32, u32); LONGEST + 1],
}

impl Payoff {
    /// Notes that a pass of `rows` took `seconds`.
    pub fn ran(&mut self, rows: usize, seconds: f64) {
        self.time.add(rows as f64, seconds);
    }

    /// Notes that of a guess after `matched` tokens the first `right` came, and whether another one came then.
    pub fn judged(&mut self, matched: usize, right: usize, wrong: bool) {
        if let Some((hits, tries)) = self.right.get_mut(matched) {
            *hits += right as u32;
            *tries += right as u32 + u32::from(wrong);
        }
    }

    /// The rows of the next pass, within `least..=most`: one is the token that is known, the others are guesses after
    /// `matched` tokens. The first pass is the longest and the second the shortest: that measures them.
    pub fn rows(&self, matched: usize, least: usize, most: usize) -> usize {
        let Some(time) = self.time.rising() else {
            return if self.time.n == 0.0 { most } else { least };
        };
        let (hits, tries) = self.right.get(matched).copied().unwrap_or_default();
        // The rule of succession: what never was tried is right every other time.
        let right = f64::from(hits + 1) / f64::from(tries + 2);
        let (mut best, mut rate) = (least, 0.0);
        let (mut gained, mut chance) = (0.0, 1.0);
        for rows in 1..=most {
            gained += chance;
            chance *= right;
            let here = gained / time(rows as f64);
            if rows >= least && here > rate {
                (best, rate) = (rows, here);
            }
        }
        best
    }
}

/// The straight line nearest to some points, by least squares.
#[derive(Debug, Default)]
struct Line {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Line {
    fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// The height at each `x`, unless nothing is known or the line does not rise: then passes were disturbed, since
    /// more work takes more time. Never below the slope, which is what one row takes by itself.
    fn rising(&self) -> Option<impl Fn(f64) -> f64> {
        let slope = (self.n * self.xy - self.x * self.y) / (self.n * self.xx - self.x * self.x);
        let (x, y) = (self.x / self.n, self.y / self.n);
        (slope.is_finite() && slope > 0.0).then_some(move |at: f64| (y + slope * (at - x)).max(slope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes that cost `fixed` and `each`.
    fn measured(fixed: f64, each: f64) -> Payoff {
        let mut payoff = Payoff::default();
        [2, 8, 4].into_iter().for_each(|rows| payoff.ran(rows, fixed + each * rows as f64));
        payoff
    }

    #[test]
    fn guesses_that_come_true_grow_and_those_that_do_not_shrink() {
        let mut payoff = measured(4.0, 1.0);
        for _ in 0..20 {
            payoff.judged(4, 7, false);
            payoff.judged(1, 0, true);
        }
        assert_eq!(payoff.rows(4, 1, 8), 8);
        assert_eq!(payoff.rows(1, 1, 8), 1);
        assert_eq!(payoff.rows(1, 2, 8), 2);
        assert!((2..8).contains(&payoff.rows(3, 1, 8)));
    }

    #[test]
    fn where_rows_cost_as_much_as_passes_nothing_is_guessed() {
        assert_eq!(measured(0.0, 1.0).rows(2, 1, 8), 1);
        assert_eq!(measured(1.0, 0.001).rows(2, 1, 8), 8);
    }

    #[test]
    fn the_first_passes_measure_and_short_ones_go_on_until_time_rises() {
        let mut payoff = Payoff::default();
        assert_eq!(payoff.rows(4, 2, 8), 8);
        payoff.ran(8, 1.0);
        assert_eq!(payoff.rows(4, 2, 8), 2);
        payoff.ran(2, 3.0);
        assert_eq!(payoff.rows(4, 2, 8), 2);
        (0..9).for_each(|_| payoff.ran(2, 0.5));
        payoff.judged(4, 20, false);
        assert_eq!(payoff.rows(4, 2, 8), 8);
        assert_eq!(payoff.rows(4, 2, 3), 3);
        assert_eq!(payoff.rows(9, 1, 1), 1);
    }
}

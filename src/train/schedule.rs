//! The learning rate over a run.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The share of the steps in which the rate rises, in percent.
const WARM_UP: u64 = 5;

/// How the learning rate moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Rises in a line over the first 5 % of the steps, then falls along half a cosine, to 0 where the run is over.
    #[default]
    Cosine,
    /// Always the same.
    Constant,
}

impl Schedule {
    /// The rate of a step, counted from 0, in a run of `total` steps that reaches `peak`.
    ///
    /// No step is wasted: the first has a rate, and 0 is what the step after the last would have.
    pub fn rate(self, peak: f32, step: u64, total: u64) -> f32 {
        if self == Self::Constant {
            return peak;
        }
        // Rounded up: a short run warms up too.
        let rising = total.saturating_mul(WARM_UP).div_ceil(100);
        let share = if step < rising {
            (step + 1) as f64 / rising as f64
        } else if step < total {
            let way = (step - rising) as f64 / (total - rising) as f64;
            (1.0 + (PI * way).cos()) / 2.0
        } else {
            0.0
        };
        (f64::from(peak) * share) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rate_rises_in_a_line_and_falls_to_nothing() {
        let rate = |step| Schedule::Cosine.rate(1.0, step, 100);
        assert_eq!([0, 1, 2, 3, 4, 5].map(rate), [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]);
        // Halfway down the cosine, between 5 and 100.
        assert!((rate(52) + rate(53) - 1.0).abs() < 1e-6);
        assert!(rate(99) > 0.0 && rate(99) < 1e-3);
        assert_eq!([rate(100), rate(u64::MAX)], [0.0, 0.0]);
        assert_eq!(Schedule::Constant.rate(3e-4, 0, 100), 3e-4);
    }

    #[test]
    fn a_run_of_one_step_learns() {
        assert_eq!(Schedule::Cosine.rate(1.0, 0, 1), 1.0);
        assert_eq!(Schedule::Cosine.rate(1.0, 0, 0), 0.0);
    }

    proptest! {
        #[test]
        fn every_rate_lies_between_nothing_and_the_peak(step: u64, total: u64, peak in 0.0f32..1.0) {
            let rate = Schedule::Cosine.rate(peak, step, total);
            prop_assert!((0.0..=peak).contains(&rate));
            prop_assert!(step < total || rate == 0.0);
        }
    }
}

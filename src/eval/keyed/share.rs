//! A share of a count, and how far it can be trusted.

use super::super::answers::LEVEL;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};
use std::fmt;

/// A share, and the bounds of its interval at [`LEVEL`] after Wilson: they stay between 0 and 1, and hold for few and
/// for shares near the ends, where plain ones are too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The share, between 0 and 1.
    pub share: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Share {
    /// `some` of `all`. Of none, nothing is known.
    pub fn of(some: usize, all: usize) -> Option<Self> {
        if all == 0 {
            return None;
        }
        let (n, share) = (all as f64, some as f64 / all as f64);
        let z = Normal::standard().inverse_cdf(0.5 + LEVEL / 2.0);
        let shrunk = 1.0 + z * z / n;
        let middle = (share + z * z / (2.0 * n)) / shrunk;
        let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).max(0.0).sqrt() / shrunk;
        // Rounding must not put a bound on the wrong side.
        Some(Self { share, low: (middle - half).clamp(0.0, share), high: (middle + half).clamp(share, 1.0) })
    }
}

/// As people read it: `0.701 (0.598 to 0.787)`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ({:.3} to {:.3})", self.share, self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_wilsons() {
        let told = |some, all| Share::of(some, all).map(|share| share.to_string());
        assert_eq!(told(61, 87).as_deref(), Some("0.701 (0.598 to 0.787)"));
        assert_eq!(told(0, 10).as_deref(), Some("0.000 (0.000 to 0.278)"));
        assert_eq!(told(10, 10).as_deref(), Some("1.000 (0.722 to 1.000)"));
        assert_eq!(told(0, 0), None);
    }

    proptest! {
        #[test]
        fn a_share_lies_within_its_bounds(some in 0..500usize, more in 0..500usize) {
            if let Some(Share { share, low, high }) = Share::of(some, some + more) {
                prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
            }
        }
    }
}

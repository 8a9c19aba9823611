//! How sure a figure is: percentile bootstrap over examples.
//!
//! What was measured is one draw from the questions that may come. Drawing as many examples from it again and again,
//! with replacement, shows how far the figure would move with another draw. An example goes with all that belongs to
//! it: its tokens are not independent of each other, and what two arms made of it is compared within the draw, so that
//! hard examples, which are hard for both, do not drown the difference.
//!
//! The draws come from a stream of their own with a fixed seed: the same numbers give the same interval, on every
//! machine and whatever the version of a library.

use crate::error::{Error, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Draws; the bounds of a 99 % interval have 50 beyond them.
const DRAWS: usize = 10_000;
const SEED: u64 = 0;

/// How unlikely a reference answer was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// The negative log-likelihood of all its tokens together, in nats.
    pub nats: f64,
    /// Its tokens.
    pub tokens: usize,
}

/// A figure and the bounds it lies between. Of fewer than two examples, or when the figure is no number, nothing is
/// known: the bounds are infinite, in JSON `null`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The figure over all examples.
    pub mean: f64,
    /// The lower bound.
    #[serde(deserialize_with = "lower")]
    pub low: f64,
    /// The upper bound.
    #[serde(deserialize_with = "upper")]
    pub high: f64,
}

impl Interval {
    /// The same figure read the other way round: what is lost instead of gained.
    pub fn reversed(self) -> Self {
        Self { mean: -self.mean, low: -self.high, high: -self.low }
    }
}

/// As people read it: `2.746 (2.611 to 2.893)`, without bounds where there are none.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Zero has no sign.
        let [mean, low, high] = [self.mean, self.low, self.high].map(|v| (v * 1000.0).round() / 1000.0 + 0.0);
        write!(f, "{mean:.3}")?;
        if low.is_finite() && high.is_finite() { write!(f, " ({low:.3} to {high:.3})") } else { Ok(()) }
    }
}

/// How much better `after` is than `before` over the same examples, in nats a token: positive where `after` finds the
/// references likelier. Two-sided at `level`: a lower bound that holds with 99 % is the `low` of level 0.98.
///
/// Errors: `Invalid` when the two are of different length, and so not of the same examples.
pub fn gain(before: &[Likelihood], after: &[Likelihood], level: f64) -> Result<Interval> {
    if before.len() != after.len() {
        return Err(Error::invalid(format!(
            "{} examples cannot be paired with {}; measure both on the same ones",
            before.len(),
            after.len()
        )));
    }
    Ok(bootstrap(before.len(), level, |drawn| rate(before, drawn) - rate(after, drawn)))
}

/// Nats a token over all examples: the sum of nats by the sum of tokens, so that long answers weigh more.
pub fn nats_per_token(likelihoods: &[Likelihood], level: f64) -> Interval {
    bootstrap(likelihoods.len(), level, |drawn| rate(likelihoods, drawn))
}

/// The plain mean of a figure for each example.
pub fn mean(values: &[f64], level: f64) -> Interval {
    bootstrap(values.len(), level, |drawn| {
        drawn.iter().filter_map(|&at| values.get(at)).sum::<f64>() / drawn.len().max(1) as f64
    })
}

fn rate(likelihoods: &[Likelihood], drawn: &[usize]) -> f64 {
    let add = |(nats, tokens), l: &Likelihood| (nats + l.nats, tokens + l.tokens);
    let (nats, tokens) = drawn.iter().filter_map(|&at| likelihoods.get(at)).fold((0.0, 0), add);
    nats / tokens.max(1) as f64
}

/// The figure over all of `count` examples, and between which bounds a share of `level` of the draws lies.
fn bootstrap(count: usize, level: f64, figure: impl Fn(&[usize]) -> f64) -> Interval {
    let mut drawn: Vec<usize> = (0..count).collect();
    let mean = figure(&drawn);
    let unknown = Interval { mean, low: f64::NEG_INFINITY, high: f64::INFINITY };
    if count < 2 || !mean.is_finite() {
        return unknown;
    }
    let mut random = ChaCha12Rng::seed_from_u64(SEED);
    let mut draw = || {
        drawn.fill_with(|| below(count, &mut random));
        figure(&drawn)
    };
    let mut figures: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    figures.sort_unstable_by(f64::total_cmp);
    let beyond = ((1.0 - level.clamp(0.0, 1.0)) / 2.0 * DRAWS as f64) as usize;
    match (figures.get(beyond), figures.iter().nth_back(beyond)) {
        (Some(&low), Some(&high)) => Interval { mean, low, high },
        _ => unknown,
    }
}

/// A number below `count`: some come up more often by one in 2^64 / `count`.
fn below(count: usize, random: &mut ChaCha12Rng) -> usize {
    ((u128::from(random.next_u64()) * count as u128) >> 64) as usize
}

fn lower<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NEG_INFINITY))
}

fn upper<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uniform(random: &mut ChaCha12Rng) -> f64 {
        (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn likelihoods(nats: impl IntoIterator<Item = f64>) -> Vec<Likelihood> {
        nats.into_iter().map(|nats| Likelihood { nats, tokens: 10 }).collect()
    }

    #[test]
    fn an_interval_holds_the_truth_as_often_as_it_says() {
        let mut random = ChaCha12Rng::seed_from_u64(1);
        // Exponential, mean 1: as lopsided as nats are.
        let mut sample = || (0..40).map(|_| -(1.0 - uniform(&mut random)).ln()).collect::<Vec<_>>();
        let holds = |values: &[f64], level| {
            let Interval { low, high, .. } = mean(values, level);
            (low..=high).contains(&1.0)
        };
        let samples: Vec<_> = (0..200).map(|_| sample()).collect();
        let share = |level| samples.iter().filter(|s| holds(s, level)).count() as f64 / samples.len() as f64;
        // A percentile interval of forty lopsided numbers is a little narrow.
        assert!((0.89..=0.98).contains(&share(0.95)), "{}", share(0.95));
        assert!((0.70..=0.86).contains(&share(0.8)), "{}", share(0.8));
    }

    #[test]
    fn pairs_show_what_two_intervals_hide() {
        let mut random = ChaCha12Rng::seed_from_u64(2);
        let before: Vec<f64> = (0..50).map(|_| 10.0 + 50.0 * uniform(&mut random)).collect();
        let after = likelihoods(before.iter().map(|nats| nats - 1.0 + 0.2 * uniform(&mut random)));
        let before = likelihoods(before);
        let (one, other) = (nats_per_token(&before, 0.95), nats_per_token(&after, 0.95));
        assert!(one.low < other.high, "apart they overlap: {one:?} {other:?}");
        let gain = gain(&before, &after, 0.95).unwrap();
        assert!((gain.mean - (one.mean - other.mean)).abs() < 1e-12);
        assert!(0.08 < gain.low && gain.low < gain.mean && gain.mean < gain.high && gain.high < 0.1, "{gain:?}");
    }

    #[test]
    fn long_answers_weigh_more() {
        let list = [Likelihood { nats: 6.0, tokens: 2 }, Likelihood { nats: 4.0, tokens: 8 }];
        assert_eq!(nats_per_token(&list, 0.95), Interval { mean: 1.0, low: 0.5, high: 3.0 });
    }

    #[test]
    fn the_draws_are_the_ones_they_have_always_been() {
        // A verdict that was given must be found again.
        let values: Vec<f64> = (1..=64).map(|i| f64::from(i * 7919 % 1000)).collect();
        assert_eq!(mean(&values, 0.95), Interval { mean: 508.125, low: 438.078125, high: 579.34375 });
    }

    #[test]
    fn of_one_example_or_none_nothing_is_known() {
        let [none, one] = [&[][..], &[2.0]].map(|values| mean(values, 0.95));
        assert_eq!(none, Interval { mean: 0.0, low: f64::NEG_INFINITY, high: f64::INFINITY });
        assert_eq!(one, Interval { mean: 2.0, ..none });
        assert_eq!((one.to_string(), one.reversed().to_string()), ("2.000".into(), "-2.000".into()));
        let some = Interval { mean: 2.0, low: 1.0, high: 4.0 };
        assert_eq!(some.reversed().to_string(), "-2.000 (-4.000 to -1.000)");
        assert_eq!(Interval { mean: 1e-5, low: -1e-5, high: 1e-4 }.to_string(), "0.000 (0.000 to 0.000)");
        assert_eq!(gain(&[], &[], 0.95).unwrap(), none);
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(json, r#"{"mean":2.0,"low":null,"high":null}"#);
        assert_eq!(serde_json::from_str::<Interval>(&json).unwrap(), one);
        // A model that says nan has gained nothing, whatever it says elsewhere.
        let broken = gain(&likelihoods([1.0; 9]), &likelihoods([f64::NAN, 0., 0., 0., 0., 0., 0., 0., 0.]), 0.95);
        assert_eq!(broken.unwrap().low, f64::NEG_INFINITY);
    }

    #[test]
    fn other_examples_are_refused() {
        let told = gain(&likelihoods([1.0, 2.0]), &likelihoods([1.0]), 0.95).unwrap_err();
        assert!(told.to_string().contains("2 examples cannot be paired with 1"), "{told}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn a_wider_level_holds_the_narrower(
            values in prop::collection::vec(-1e3..1e3f64, 2..40), level in 0.0..1.0f64,
        ) {
            let (narrow, wide) = (mean(&values, level), mean(&values, (level + 1.0) / 2.0));
            prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.high && narrow.high <= wide.high);
            let ends = values.iter().fold((f64::MAX, f64::MIN), |e, v| (e.0.min(*v), e.1.max(*v)));
            prop_assert!(ends.0 - 1e-9 <= wide.low && wide.high <= ends.1 + 1e-9);
        }
    }
}

//! What the figures say, in plain language: whether this model, on these questions, needs retrieval, training or both.
//!
//! The rule: of the arms that were measured take the simplest (base, then retrieval, then adapter, then both) to which
//! no other arm is better by more than [`MARGIN`], with the paired interval of that gain above zero. Where an arm seems
//! better by more than the margin but its interval holds zero, or where there are fewer than [`FEWEST`] questions,
//! there is no recommendation: what is missing is said.

use super::arms::{Arm, Gain};
use super::bootstrap::Interval;
use serde::Serialize;

/// Nats a token below which a gain is not worth anything's trouble: answers get likelier by 2 % a token.
pub const MARGIN: f64 = 0.02;
/// Questions below which nothing is recommended: bounds drawn from fewer are narrower than the truth.
pub const FEWEST: usize = 20;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The model alone is as good.
    Neither,
    /// Documents in the prompt are enough.
    Retrieval,
    /// The adapter is enough.
    Train,
    /// An adapter, and documents in the prompt.
    Both,
}

/// A recommendation and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recommendation {
    /// What to do; none where there are too few questions to tell.
    pub choice: Option<Choice>,
    /// The same as a sentence.
    pub text: String,
    /// The numbers behind it.
    pub reason: String,
    /// How many more questions it takes to tell, roughly; 0 where there are enough.
    pub more: usize,
}

/// What `gains`, measured on `examples` questions, recommend.
pub fn recommend(examples: usize, gains: &[Gain]) -> Recommendation {
    let gains = Gains(gains);
    let arms = gains.arms();
    let others = |arm: Arm| arms.iter().copied().filter(move |other| *other != arm);
    let is_beaten = |arm: &Arm| others(*arm).any(|other| gains.of(other, *arm).is_some_and(is_better));
    // The likeliest of all is never beaten.
    let chosen = arms.iter().copied().find(|arm| !is_beaten(arm)).unwrap_or(Arm::Base);
    let unsure = |other: Arm| Some((other, gains.of(other, chosen).filter(|g| g.mean > MARGIN && !is_better(*g))?));
    let unsure: Vec<(Arm, Interval)> = others(chosen).filter_map(unsure).collect();

    let summary = gains.summary(chosen, &arms);
    if examples < FEWEST {
        let more = FEWEST - examples;
        return Recommendation {
            choice: None,
            text: format!("not enough questions to tell: {more} more"),
            reason: format!("{examples} of at least {FEWEST} questions were measured; so far, {summary}"),
            more,
        };
    }
    if !unsure.is_empty() {
        let more = unsure.iter().map(|(_, gain)| missing(examples, *gain)).max().unwrap_or_default();
        let seems = unsure.iter().map(|(arm, gain)| format!("{arm} seems {gain} better than {chosen}"));
        return Recommendation {
            choice: None,
            text: format!("not enough questions to tell: about {more} more"),
            reason: format!("{}; {summary}", seems.collect::<Vec<_>>().join(", ")),
            more,
        };
    }
    let (choice, text) = told(chosen, arms.contains(&Arm::Adapter));
    Recommendation { choice: Some(choice), text: text.to_owned(), reason: summary, more: 0 }
}

/// The choice that an arm is, and how it is told.
fn told(chosen: Arm, adapter: bool) -> (Choice, &'static str) {
    match (chosen, adapter) {
        (Arm::Base, true) => (Choice::Neither, "neither helps: the model alone answers as well"),
        (Arm::Retrieval, true) => (Choice::Retrieval, "retrieval alone is enough here"),
        (Arm::Adapter, _) => (Choice::Train, "train: the adapter alone is enough here"),
        (Arm::Both, _) => (Choice::Both, "both: retrieval and the adapter together are better than either alone"),
        (Arm::Base, false) => (
            Choice::Neither,
            "retrieval does not help here; whether training would is not measured: give an adapter of `wayside train` \
             with --adapter",
        ),
        (Arm::Retrieval, false) => (
            Choice::Retrieval,
            "retrieval helps here; whether training would help more is not measured: give an adapter of \
             `wayside train --retrieval` with --adapter",
        ),
    }
}

fn is_better(gain: Interval) -> bool {
    gain.mean > MARGIN && gain.low > 0.0
}

/// Questions that are missing until an interval of such a width, which shrinks with the root of their number, would
/// leave zero out. To two digits: it is an estimate.
fn missing(examples: usize, gain: Interval) -> usize {
    let factor = (gain.mean - gain.low) / gain.mean;
    let more = (examples as f64 * (factor * factor - 1.0)).max(1.0);
    let digit = 10f64.powf((more.log10().floor() - 1.0).max(0.0));
    ((more / digit).ceil() * digit) as usize
}

/// Gains as a table that is read both ways.
struct Gains<'a>(&'a [Gain]);

impl Gains<'_> {
    /// The arms that were measured, the simplest first.
    fn arms(&self) -> Vec<Arm> {
        let named = |arm: &Arm| self.0.iter().any(|gain| gain.arm == *arm || gain.over == *arm);
        Arm::ALL.into_iter().filter(named).collect()
    }

    /// What `arm` gains over `over`; what is lost where only the reverse is known.
    fn of(&self, arm: Arm, over: Arm) -> Option<Interval> {
        let known = |arm, over| self.0.iter().find(move |gain| gain.arm == arm && gain.over == over);
        known(arm, over).map(|gain| gain.interval).or_else(|| known(over, arm).map(|gain| gain.interval.reversed()))
    }

    /// The chosen arm against the others, in numbers.
    fn summary(&self, chosen: Arm, arms: &[Arm]) -> String {
        let against = |other: &Arm| {
            let gain = self.of(chosen, *other)?;
            let (gain, side) = if gain.mean < 0.0 { (gain.reversed(), "worse") } else { (gain, "better") };
            Some(format!("{gain} {side} than {other}"))
        };
        let others: Vec<String> = arms.iter().filter_map(against).collect();
        format!("{chosen} is, in nats a token with 95 % intervals, {}", others.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Nats of base, retrieval, adapter, both; gains from them, all with the same half-width.
    fn measured(nats: &[f64], half: f64) -> Vec<Gain> {
        let arms: Vec<(Arm, f64)> = Arm::ALL.into_iter().zip(nats.iter().copied()).collect();
        let pairs = arms.iter().flat_map(|a| arms.iter().filter(|b| b.0 < a.0).map(move |b| (a, b)));
        let gain = |((arm, after), (over, before)): (&(Arm, f64), &(Arm, f64))| Gain {
            arm: *arm,
            over: *over,
            interval: Interval { mean: before - after, low: before - after - half, high: before - after + half },
        };
        pairs.map(gain).collect()
    }

    fn chosen(nats: &[f64], half: f64) -> Option<Choice> {
        recommend(50, &measured(nats, half)).choice
    }

    #[test]
    fn each_choice_has_its_numbers() {
        for (nats, choice) in [
            // The README's own: trained with passages, both use them.
            ([2.930, 0.338, 2.905, 0.138], Choice::Both),
            // Two hundredths more are not worth training for.
            ([2.930, 0.338, 2.700, 0.320], Choice::Retrieval),
            // No document holds the answers; passages only distract.
            ([3.0, 3.1, 2.0, 2.05], Choice::Train),
            ([3.0, 2.9, 2.0, 1.985], Choice::Train),
            ([3.0, 2.99, 3.0, 2.985], Choice::Neither),
            ([3.0, 3.5, 3.2, 4.0], Choice::Neither),
            // Each helps, and the simpler of the two helps as much.
            ([3.0, 1.0, 1.0, 1.0], Choice::Retrieval),
        ] {
            assert_eq!(chosen(&nats, 0.005), Some(choice), "{nats:?}");
        }
    }

    #[test]
    fn without_an_adapter_it_says_what_it_does_not_know() {
        let found = recommend(50, &measured(&[2.9, 0.3], 0.1));
        assert_eq!(found.choice, Some(Choice::Retrieval));
        assert!(found.text.contains("not measured") && found.text.contains("--adapter"), "{}", found.text);
        let found = recommend(50, &measured(&[2.9, 2.9], 0.1));
        assert_eq!(found.choice, Some(Choice::Neither));
        assert!(found.text.contains("not measured") && found.text.contains("--adapter"), "{}", found.text);
    }

    #[test]
    fn too_few_questions_are_no_ground() {
        let few = recommend(12, &measured(&[3.0, 1.0, 2.0, 0.5], 0.1));
        assert_eq!((few.choice, few.more), (None, 8));
        assert_eq!(few.text, "not enough questions to tell: 8 more");
        assert!(few.reason.starts_with("12 of at least 20 questions were measured; so far, both is"), "{few:?}");

        // Both seem better than retrieval by 0.25, give or take 0.5: four times the questions halve the width.
        let torn = recommend(50, &measured(&[3.0, 1.0, 2.0, 0.75], 0.5));
        assert_eq!((torn.choice, torn.more), (None, 150));
        assert_eq!(torn.text, "not enough questions to tell: about 150 more");
        assert!(torn.reason.starts_with("both seems 0.250 (-0.250 to 0.750) better than retrieval; "), "{torn:?}");
        assert_eq!(missing(47, Interval { mean: 0.03, low: -0.07, high: 0.13 }), 480);

        let none = recommend(0, &[]);
        assert_eq!((none.choice, none.more), (None, 20));
    }

    #[test]
    fn the_reason_has_the_numbers() {
        let found = recommend(50, &measured(&[3.0, 1.0, 2.5, 0.990], 0.005));
        assert_eq!(
            found.reason,
            "retrieval is, in nats a token with 95 % intervals, 2.000 (1.995 to 2.005) better than base, 1.500 (1.495 to \
             1.505) better than adapter, 0.010 (0.005 to 0.015) worse than both"
        );
    }

    proptest! {
        #[test]
        fn what_is_recommended_is_beaten_by_nothing(
            nats in prop::collection::vec(0.0..4.0f64, 2..=4), half in 0.0..0.5f64, examples in 0usize..100,
        ) {
            let gains = measured(&nats, half);
            let found = recommend(examples, &gains);
            prop_assert_eq!(found.choice.is_none(), found.more > 0);
            let Some(choice) = found.choice else { return Ok(()) };
            let at = nats.get(choice as usize).copied().unwrap_or(f64::MAX);
            prop_assert!(nats.iter().all(|other| at - other <= MARGIN + 1e-12), "{nats:?} {choice:?}");
        }
    }
}

//! The four ways of answering that are compared, and what one gains over another.

use super::answers::{Score, Tally};
use super::bootstrap::{Interval, gain};
use crate::error::Result;
use serde::Serialize;
use std::fmt;

/// A way of answering; the simpler ones are the lesser. Retrieval is simpler than an adapter: documents are taken in
/// within minutes and changed at will, training takes hours and data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The model alone.
    Base,
    /// With passages in the prompt.
    Retrieval,
    /// With the adapter.
    Adapter,
    /// With both.
    Both,
}

impl Arm {
    /// All of them, the simplest first.
    pub const ALL: [Self; 4] = [Self::Base, Self::Retrieval, Self::Adapter, Self::Both];

    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Retrieval => "retrieval",
            Self::Adapter => "adapter",
            Self::Both => "both",
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something for each arm. The two that wear the adapter are there where there is one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arms<T = Score> {
    /// The model alone.
    pub base: T,
    /// With passages in the prompt.
    pub retrieval: T,
    /// With the adapter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<T>,
    /// With both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub both: Option<T>,
}

impl<T> Arms<T> {
    /// The arms that were measured, the simplest first.
    pub fn measured(&self) -> impl Iterator<Item = (Arm, &T)> {
        let all = [Some(&self.base), Some(&self.retrieval), self.adapter.as_ref(), self.both.as_ref()];
        Arm::ALL.into_iter().zip(all).filter_map(|(arm, value)| Some((arm, value?)))
    }

    /// The same of what `each` makes of it.
    pub fn map<U>(&self, each: impl Fn(&T) -> U) -> Arms<U> {
        Arms {
            base: each(&self.base),
            retrieval: each(&self.retrieval),
            adapter: self.adapter.as_ref().map(&each),
            both: self.both.as_ref().map(&each),
        }
    }
}

/// What an arm gains over a simpler one on the same questions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// The arm.
    pub arm: Arm,
    /// The simpler one.
    pub over: Arm,
    /// Nats a token, from pairs; positive where `arm` finds the references likelier.
    #[serde(flatten)]
    pub interval: Interval,
}

/// The gain of every arm over every simpler one.
///
/// Errors: `Invalid` when the arms were not measured on the same number of examples.
pub fn gains(arms: &Arms<Tally>, level: f64) -> Result<Vec<Gain>> {
    let mut gains = Vec::new();
    for (arm, after) in arms.measured() {
        for (over, before) in arms.measured().filter(|(over, _)| *over < arm) {
            let interval = gain(before.likelihoods(), after.likelihoods(), level)?;
            gains.push(Gain { arm, over, interval });
        }
    }
    Ok(gains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(nats: &[f64]) -> Tally {
        let mut tally = Tally::default();
        nats.iter().for_each(|nats| tally.likelihood(*nats, 10));
        tally
    }

    #[test]
    fn every_arm_is_held_against_every_simpler_one() {
        let arms = Arms { base: tally(&[30.0, 20.0]), retrieval: tally(&[10.0, 20.0]), adapter: None, both: None };
        let found = gains(&arms, 0.95).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].arm, found[0].over, found[0].interval.mean), (Arm::Retrieval, Arm::Base, 1.0));
        let json = serde_json::to_value(found[0]).unwrap();
        assert_eq!((&json["arm"], &json["over"], &json["low"]), (&"retrieval".into(), &"base".into(), &0.0.into()));
        let all = Arms { adapter: Some(tally(&[1.0, 2.0])), both: Some(tally(&[1.0, 1.0])), ..arms };
        assert_eq!(gains(&all, 0.95).unwrap().len(), 6);
        let uneven = Arms { adapter: Some(tally(&[1.0])), ..all };
        assert!(gains(&uneven, 0.95).is_err());
        assert_eq!(uneven.map(|_| ()).measured().count(), 4);
    }
}

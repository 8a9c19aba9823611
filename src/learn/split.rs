//! Which questions are held out: a fifth, by the question alone, for ever.
//!
//! A question's side depends on nothing else in the log, so it never changes and needs no list. What is trained on
//! must not be near a held-out question either, or the gate would measure memory.

use super::curated::{Rule, Verdict};
use super::example::Example;
use super::similar::{Near, Text};
use sha2::{Digest, Sha256};

/// One in so many questions is held out.
const HELD_OUT: u64 = 5;

/// Where an example goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// To be learnt.
    Train,
    /// Never to be learnt: it measures.
    HeldOut,
}

impl Side {
    /// The side of a question.
    pub fn of(question: &str) -> Self {
        if number(question).is_multiple_of(HELD_OUT) { Self::HeldOut } else { Self::Train }
    }
}

fn number(question: &str) -> u64 {
    let normal = question.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    stable(&normal)
}

/// A number for a text, the same on every machine: the first bytes of its SHA-256.
pub(super) fn stable(text: &str) -> u64 {
    Sha256::digest(text).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Why examples to train on are refused: something asked in them is near a held-out question.
pub(super) fn seen(examples: &[Example]) -> Vec<Verdict> {
    let held: Vec<&Example> = examples.iter().filter(|e| e.side() == Side::HeldOut).collect();
    let texts: Vec<Text> = held.iter().map(|e| Text::new(&e.question)).collect();
    let all: Vec<&Text> = texts.iter().collect();
    let mut near = Near::new(&all);
    let mut verdict = |example: &Example| {
        if example.side() == Side::HeldOut {
            return None;
        }
        // Every turn of a conversation is learnt, not only the last.
        let asked = example.messages.iter().filter(|m| m.role == "user");
        let met = asked.filter_map(|m| near.of(&Text::new(&m.content)).next()).find_map(|i| held.get(i))?;
        Some((Rule::NearHeldOut, format!("its question is held out, or near the held-out one of {}", met.from.id)))
    };
    examples.iter().map(&mut verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::question_hash;

    #[test]
    fn the_side_is_the_questions_alone() {
        assert_eq!(question_hash(" How  FULL?\n"), question_hash("how full?"));
        assert_ne!(question_hash("how full?"), question_hash("how full"));
        // The first bytes of SHA-256("how full?"), for ever.
        assert_eq!(question_hash("How full?"), "d9da5a871e2311d3");
        let held = (0..5000).filter(|i| Side::of(&format!("question {i}")) == Side::HeldOut).count();
        assert!((900..1100).contains(&held), "{held} of 5000");
    }
}

//! Anchors: general questions and texts that hold a model in its place. Half of them are trained on with every cycle,
//! so that it stays what it was besides what it learns; the other half is the gate's, and never learnt. Beside them
//! stand examples of what the default model was taught at the factory: to answer from passages.

use crate::error::{Error, Result};
use crate::store::log::{Interaction, interactions};

const ANCHORS: &str = include_str!("general/anchors.jsonl");
const TAUGHT: &str = include_str!("../../models/factory/anchors.jsonl");

/// General prose that the gate measures perplexity on.
pub const TEXT: &str = include_str!("general/text.txt");
/// General prose to train on.
pub const TRAINING_TEXT: &str = include_str!("general/training-text.txt");

/// General questions and answers.
#[derive(Clone, Debug)]
pub struct Anchors {
    /// To train on.
    pub learned: Vec<Interaction>,
    /// For the gate alone.
    pub judged: Vec<Interaction>,
    /// What the default model was taught, under the prompts it was taught with.
    pub taught: Vec<Interaction>,
}

impl Anchors {
    /// The shipped anchors. They are written in pairs of one kind; of each, one is trained on.
    pub fn shipped() -> Result<Self> {
        let damaged = |e: Error| e.context("the anchors compiled into the program");
        let read = |text: &'static str| -> Result<Vec<Interaction>> {
            interactions(text.as_bytes()).map(|entry| entry.map(|(_, anchor)| anchor).map_err(damaged)).collect()
        };
        let (mut learned, mut judged) = (vec![], vec![]);
        for (n, anchor) in read(ANCHORS)?.into_iter().enumerate() {
            if n % 2 == 0 { learned.push(anchor) } else { judged.push(anchor) }
        }
        Ok(Self { learned, judged, taught: read(TAUGHT)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_share_no_question() {
        let Anchors { learned, judged, taught } = Anchors::shipped().unwrap();
        assert!(taught.len() >= 40 && taught.iter().all(|i| i.messages.len() == 3), "instructions, passages, answer");
        assert!(learned.len() >= 40 && learned.len() == judged.len());
        let question = |i: &Interaction| i.messages[0].content.to_lowercase();
        let questions: std::collections::BTreeSet<_> = learned.iter().chain(&judged).map(question).collect();
        assert_eq!(questions.len(), learned.len() + judged.len());
        for paragraph in TEXT.lines().filter(|line| line.len() > 60) {
            assert!(!TRAINING_TEXT.contains(paragraph), "{paragraph}");
        }
    }
}

//! An interaction on its way to becoming an example.

use super::split::Side;
use crate::store::log::{Citation, Interaction, Message};
use std::collections::BTreeSet;

/// The conversation as it would be learnt, and the parts of it that rules look at.
pub(super) struct Example<'a> {
    /// As it is in the log.
    pub from: &'a Interaction,
    /// Corrected; personal data taken out.
    pub messages: Vec<Message>,
    /// The last question.
    pub question: String,
    /// All that was said before the answer, system messages left out: what the answer answers.
    pub asked: String,
    /// The answer that counts: the last.
    pub answer: String,
    /// The number of its group of near-identical answers.
    pub group: usize,
    /// Kinds of personal data that were taken out.
    pub scrubbed: BTreeSet<String>,
}

impl<'a> Example<'a> {
    /// `None` when it does not end with a question and its answer.
    pub fn new(from: &'a Interaction, messages: Vec<Message>) -> Option<Self> {
        let (answer, before) = messages.split_last().filter(|(last, _)| last.role == "assistant")?;
        let question = before.last().filter(|m| m.role == "user")?.content.clone();
        let said: Vec<&str> = before.iter().filter(|m| m.role != "system").map(|m| m.content.as_str()).collect();
        let (asked, answer) = (said.join("\n"), answer.content.clone());
        Some(Self { from, question, asked, answer, messages, group: 0, scrubbed: BTreeSet::new() })
    }

    /// By the question as it was asked: what is taken out of it changes with the records.
    pub fn side(&self) -> Side {
        let asked = self.from.messages.iter().rfind(|m| m.role == "user");
        Side::of(asked.map_or(&self.question, |m| &m.content))
    }

    /// The document, or whatever else it came from.
    pub fn source(&self) -> Option<&str> {
        let named = |key: &str| self.from.extra.get(key).and_then(|value| value.as_str());
        named("source")
            .or_else(|| self.from.citations.iter().find_map(Citation::document))
            .or_else(|| named("document"))
    }
}

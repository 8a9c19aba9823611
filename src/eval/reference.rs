//! Questions whose answers are known, from interactions in the chat format.

use crate::error::{Error, Result};
use crate::store::log::{Interaction, Message, interactions};
use serde_json::Value;
use std::path::Path;

/// A question and the answer that is held to be right.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Its line in the file, from 1.
    pub line: u64,
    /// Whom it concerns.
    pub subject: Option<String>,
    /// What was said before the question, system messages left out: the house's own instructions are in force.
    pub history: Vec<Message>,
    /// The question.
    pub question: String,
    /// The answer: the correction, where someone made one.
    pub answer: String,
    /// The documents that hold the answer, as far as they are named: under `document`, or by what an answer cites that
    /// stands as it was given.
    pub documents: Vec<String>,
    /// Accepted keys, where some are given under `answers`: an answer that holds any of them is right.
    pub keys: Vec<String>,
}

impl Reference {
    /// Whether `document`, by its path in the index, is one of those that hold the answer. A name without folders is
    /// that of a file in any.
    pub fn names(&self, document: &str) -> bool {
        self.documents.iter().any(|named| Path::new(document).ends_with(named))
    }
}

/// The references of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct References {
    /// In the order of the file.
    pub list: Vec<Reference>,
    /// Lines that hold none: no question, no answer, or an answer that was rated down and not corrected.
    pub left_out: usize,
}

impl References {
    /// Reads JSON lines. Of each conversation the assistant's last turn is the answer, the user's turn before it the
    /// question. Blank lines are passed over.
    ///
    /// Errors: `Invalid` for a line that is no interaction, with its number, and for a text without one reference.
    pub fn read(text: &str) -> Result<Self> {
        let mut references = Self::default();
        for entry in interactions(text.as_bytes()) {
            let (line, interaction) = entry?;
            match reference(line, &interaction) {
                Some(reference) => references.list.push(reference),
                None => references.left_out += 1,
            }
        }
        if references.list.is_empty() {
            return Err(Error::invalid(
                "there is no question with an answer to compare with; one JSON object a line is needed, with `messages` \
                 that end with the assistant's",
            ));
        }
        Ok(references)
    }
}

impl Reference {
    /// The reference in an interaction, where it holds one.
    pub fn of(interaction: &Interaction) -> Option<Self> {
        reference(0, interaction)
    }
}

fn reference(line: u64, interaction: &Interaction) -> Option<Reference> {
    let is_filled = |text: &str| !text.trim().is_empty();
    let mut messages = interaction.corrected()?;
    messages.retain(|m| m.role != "system");
    let named = interaction.extra.get("document").and_then(Value::as_str).map(str::to_owned);
    let mut documents: Vec<String> = named.into_iter().collect();
    if interaction.correction().is_none() {
        documents.extend(interaction.citations.iter().filter_map(|c| c.document().map(str::to_owned)));
    }
    documents.retain(|name| is_filled(name));
    let keys = interaction.extra.get("answers").and_then(Value::as_array).into_iter().flatten();
    let keys = keys.filter_map(Value::as_str).filter(|key| is_filled(key)).map(str::to_owned).collect();
    let answered = messages.iter().rposition(|m| m.role == "assistant")?;
    let answer = messages.split_off(answered).swap_remove(0).content;
    let asked = messages.pop().filter(|m| m.role == "user")?;
    (is_filled(&asked.content) && is_filled(&answer)).then(|| Reference {
        line,
        subject: interaction.subject.clone(),
        history: messages,
        question: asked.content,
        answer,
        documents,
        keys,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, sample};
    use proptest::prelude::*;

    fn one(json: &str) -> Reference {
        References::read(json).unwrap().list.remove(0)
    }

    #[test]
    fn the_last_turn_counts_and_a_correction_replaces_it() {
        let turns = r#"[{"role":"system","content":"s"},{"role":"user","content":"a"},
            {"role":"assistant","content":"b"},{"role":"user","content":"c"},{"role":"assistant","content":"d"}]"#;
        let turns = turns.replace('\n', "");
        let plain = one(&format!("\u{feff}\n{{\"messages\":{turns}}}"));
        assert_eq!((plain.line, plain.question.as_str(), plain.answer.as_str()), (2, "c", "d"));
        assert_eq!(plain.history, [Message::new("user", "a"), Message::new("assistant", "b")]);
        let better = one(&format!("{{\"messages\":{turns},\"correction\":\"e\",\"rating\":\"down\"}}"));
        assert_eq!(better, Reference { line: 1, answer: "e".into(), ..plain });
        let said = format!("{{\"messages\":{turns},\"correction\":\" \"}}");
        assert_eq!(one(&said).answer, "d", "an empty correction corrects nothing");
        let unanswered = one(r#"{"messages":[{"role":"user","content":"a"}],"correction":"b"}"#);
        assert_eq!((unanswered.question.as_str(), unanswered.answer.as_str()), ("a", "b"));
    }

    #[test]
    fn documents_are_named_or_cited() {
        let turns = r#""messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#;
        let cites = r#""citations":[{"n":1,"document":"/d/moth.md","section":"","chunk":3,"score":0.5}]"#;
        let documents = |more: &str| one(&format!("{{{turns}{more}}}")).documents;
        assert!(documents("").is_empty() && documents(r#","document":" ""#).is_empty());
        assert!(documents(r#","document":7"#).is_empty());
        assert_eq!(documents(r#","document":"moth.md""#), ["moth.md"]);
        assert_eq!(documents(&format!(",{cites}")), ["/d/moth.md"]);
        assert!(
            documents(&format!(r#",{cites},"correction":"c""#)).is_empty(),
            "what was wrong may have cited wrongly"
        );
        let named = one(&format!(r#"{{{turns},"document":"lamps/moth.md"}}"#));
        assert!(named.names("/d/lamps/moth.md") && !named.names("/d/moth.md") && !named.names("/d/lamps/mammoth.md"));
    }

    #[test]
    fn what_cannot_be_compared_is_counted_or_named() {
        let good = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#;
        let bad = [
            r#"{"messages":[]}"#,
            r#"{"messages":[{"role":"user","content":"a"}]}"#,
            r#"{"messages":[{"role":"assistant","content":"a"}]}"#,
            r#"{"messages":[{"role":"user","content":" "},{"role":"assistant","content":"b"}]}"#,
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":""}]}"#,
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"rating":"down"}"#,
        ];
        let read = References::read(&format!("{}\n{good}", bad.join("\n"))).unwrap();
        assert_eq!((read.list.len(), read.left_out), (1, bad.len()));
        assert_eq!(References::read(&bad.join("\n")).unwrap_err().kind(), ErrorKind::Invalid);
        let damaged = References::read(&format!("{good}\n\n{{")).unwrap_err();
        assert!(damaged.to_string().starts_with("line 3: "), "{damaged}");
    }

    #[test]
    fn the_sample_is_all_usable() {
        let read = References::read(sample::SHOP.interactions).unwrap();
        assert!(read.list.len() > 100);
        assert_eq!(read.left_out, sample::SHOP.interactions.lines().count() - read.list.len());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*|(\\{\"messages\":\\[.*\\]\\}\n){0,3}") {
            let _ = References::read(&text);
        }
    }
}

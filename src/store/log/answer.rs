//! What an answer is made of: sentences with their support, and what they cite. The text itself carries no marks.

use serde::{Deserialize, Serialize};

/// A sentence of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// What it says, without marks.
    pub text: String,
    /// Whose words they are.
    pub kind: Words,
    /// What it rests on, by [`Citation::n`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<u32>,
}

/// Whose words a sentence is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Words {
    /// A document's or a record's own.
    Quote,
    /// A model's, and what it cites says so.
    Written,
    /// A model's, and nothing says so.
    Free,
}

/// Something that was found for a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Flat", into = "Flat")]
pub struct Citation {
    /// Its number in the answer, from 1.
    pub n: u32,
    /// Where it stands.
    pub source: Source,
    /// How well it matched; larger is better.
    pub score: f32,
    /// What of it the answer rests on, word for word: pieces in their order, parted by " … ". Empty where nothing is
    /// cited.
    pub quote: String,
}

/// Where something stands that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a document.
    Passage {
        /// The document's name: the path it was read from.
        document: String,
        /// The headings above it.
        section: String,
        /// Its page, in a document that has them.
        page: Option<u32>,
        /// Its number in the index at that time.
        chunk: u32,
    },
    /// In the records of the person served.
    Record {
        /// The record's name: `orders #1042`.
        record: String,
        /// Its date, as the source writes it.
        date: Option<String>,
    },
}

impl Citation {
    /// What stands in brackets where an answer is shown: the number of a passage, the name of a record.
    pub fn mark(&self) -> String {
        match &self.source {
            Source::Passage { .. } => self.n.to_string(),
            Source::Record { record, .. } => record.clone(),
        }
    }

    /// The document, of a passage.
    pub fn document(&self) -> Option<&str> {
        match &self.source {
            Source::Passage { document, .. } => Some(document),
            Source::Record { .. } => None,
        }
    }

    /// Whether it is one person's.
    pub fn is_record(&self) -> bool {
        matches!(self.source, Source::Record { .. })
    }
}

/// A sentence as it is shown: with the marks of what it cites.
pub fn marked(sentence: &Sentence, citations: &[Citation]) -> String {
    let mut shown = sentence.text.clone();
    for citation in citations.iter().filter(|citation| sentence.sources.contains(&citation.n)) {
        shown.push_str(&format!(" [{}]", citation.mark()));
    }
    shown
}

/// A text without the marks of its citations. Before answers were structures, the runtime itself put them behind
/// sentences: a space, the mark in brackets, and white space or the end.
pub(super) fn unmarked(text: &str, citations: &[Citation]) -> String {
    let marks: Vec<String> = citations.iter().map(|citation| format!(" [{}]", citation.mark())).collect();
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(" [") {
        let (before, from) = rest.split_at(at);
        left.push_str(before);
        let ends = |mark: &&String| from[mark.len()..].chars().next().is_none_or(char::is_whitespace);
        let mark = marks.iter().find(|mark| from.starts_with(mark.as_str()) && ends(mark));
        // A sentence stands before each mark.
        let kept = if mark.is_some() && !left.trim().is_empty() { 0 } else { 2 };
        left.push_str(&from[..kept]);
        rest = &from[mark.filter(|_| kept == 0).map_or(2, String::len)..];
    }
    left.push_str(rest);
    left
}

/// A citation as JSON has it. One of a record names no document; before it named its record as a document without a
/// chunk.
#[derive(Clone, Serialize, Deserialize)]
struct Flat {
    n: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    section: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chunk: Option<u32>,
    #[serde(default)]
    score: f32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    quote: String,
}

impl From<Flat> for Citation {
    fn from(flat: Flat) -> Self {
        let Flat { n, document, record, section, date, page, chunk, score, quote } = flat;
        let section = section.unwrap_or_default();
        let source = match (record, chunk) {
            (None, Some(chunk)) => Source::Passage { document: document.unwrap_or_default(), section, page, chunk },
            (Some(record), _) => Source::Record { record, date },
            // What cannot be told apart is kept as carefully as a person's.
            (None, None) => {
                let date = Some(section).filter(|date| !date.is_empty());
                Source::Record { record: document.unwrap_or_default(), date }
            }
        };
        Self { n, source, score, quote }
    }
}

impl From<Citation> for Flat {
    fn from(citation: Citation) -> Self {
        let Citation { n, source, score, quote } = citation;
        let empty =
            Self { n, document: None, record: None, section: None, date: None, page: None, chunk: None, score, quote };
        match source {
            Source::Passage { document, section, page, chunk } => {
                Self { document: Some(document), section: Some(section), page, chunk: Some(chunk), ..empty }
            }
            Source::Record { record, date } => Self { record: Some(record), date, ..empty },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn passage(n: u32) -> Citation {
        let source = Source::Passage { document: "d.md".into(), section: "A > B".into(), page: None, chunk: 7 };
        Citation { n, source, score: 0.5, quote: String::new() }
    }

    fn record(n: u32, name: &str) -> Citation {
        let source = Source::Record { record: name.into(), date: Some("2026-01-03".into()) };
        Citation { n, source, score: 0.5, quote: "sent".into() }
    }

    #[test]
    fn json_tells_passages_and_records_apart() {
        for citation in [passage(1), record(2, "orders #1042")] {
            let json = serde_json::to_value(&citation).unwrap();
            assert_eq!(serde_json::from_value::<Citation>(json).unwrap(), citation);
        }
        let old = r#"{"n":3,"document":"orders #1042","section":"2026-01-03","score":0.5,"quote":"sent"}"#;
        assert_eq!(serde_json::from_str::<Citation>(old).unwrap(), record(3, "orders #1042"));
        let json = serde_json::to_value(passage(1)).unwrap();
        assert_eq!((&json["document"], &json["chunk"], json.get("record")), (&"d.md".into(), &7.into(), None));
    }

    #[test]
    fn marks_go_and_brackets_of_the_text_stay() {
        let citations = [passage(1), record(2, "orders #1042")];
        for (text, left) in [
            ("It costs £4.50. [1] It was sent. [orders #1042]", "It costs £4.50. It was sent."),
            ("Line one. [1]\nLine two. [1]", "Line one.\nLine two."),
            ("Press [1] and [2], then `x[1]` [9].", "Press and [2], then `x[1]` [9]."),
            ("Use list[1] here. [2]", "Use list[1] here. [2]"),
            (" [1] stands first", " [1] stands first"),
        ] {
            assert_eq!(unmarked(text, &citations), left, "{text}");
        }
        assert_eq!(unmarked("As it was. [1]", &[]), "As it was. [1]");
    }

    #[test]
    fn a_sentence_is_shown_with_its_marks() {
        let sentence = Sentence { text: "It was sent.".into(), kind: Words::Quote, sources: vec![2] };
        assert_eq!(marked(&sentence, &[passage(1), record(2, "orders #1042")]), "It was sent. [orders #1042]");
        let free = Sentence { sources: vec![], ..sentence };
        assert_eq!(marked(&free, &[passage(1)]), "It was sent.");
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "[a \\[\\]1\n.]{0,40}") {
            let left = unmarked(&text, &[passage(1)]);
            prop_assert!(left.len() <= text.len());
            prop_assert_eq!(unmarked(&text, &[]), text);
        }
    }
}

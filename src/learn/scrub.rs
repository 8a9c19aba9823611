//! Personal data out of texts: what looks like it, what the records say of the person, and the person's own id.
//!
//! What the house itself tells everybody is not personal, and an answer that gives its telephone number must keep it.
//! So what the documents say, and what the configuration lists, is let stand, unless it stands in the person's records.

use super::patterns::{Pattern, compile, patterns};
use super::records::Records;
use super::secrets::{ANSWERING, ASKING, asks};
use crate::error::Result;
use regex::Regex;
use std::collections::BTreeSet;
use std::ops::Range;

/// Finds and takes out personal data.
pub struct Scrubber {
    patterns: Vec<Pattern>,
    asking: Regex,
    answering: Regex,
    records: Records,
    /// What is not personal, as [`bare`] writes it.
    public: BTreeSet<String>,
    /// Domains whose mail addresses are not personal, with their `@`.
    domains: Vec<String>,
}

/// A text without its personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scrubbed {
    pub text: String,
    /// Kind and value of what was taken out.
    pub found: Vec<(String, String)>,
}

impl Scrubber {
    /// One that knows these records, and these addresses, domains and numbers as the house's own.
    pub fn new(records: Records, public: &[String]) -> Result<Self> {
        let domains = public.iter().map(|value| format!("@{}", value.to_lowercase())).collect();
        let public = public.iter().map(|value| bare(value)).collect();
        let (asking, answering) = (compile("question", ASKING)?, compile("answer", ANSWERING)?);
        Ok(Self { patterns: patterns()?, asking, answering, records, public, domains })
    }

    /// Takes what a document says as known to everybody.
    pub fn publish(&mut self, document: &str) {
        let matches = self.patterns.iter().flat_map(|p| p.find(document)).filter_map(|range| document.get(range));
        let telling = document.split_whitespace().filter(|word| word.contains(|c: char| c.is_numeric() || c == '@'));
        let public: Vec<String> = matches.chain(telling).map(bare).collect();
        self.public.extend(public);
    }

    /// `text` with placeholders such as `[email]` for what is personal.
    pub(super) fn scrub(&self, text: &str, subject: Option<&str>) -> Scrubbed {
        self.scrub_reply("", text, subject)
    }

    /// The same for what was said to `question`: where that asks for a password, "it is 4711" gives one away.
    pub(super) fn scrub_reply(&self, question: &str, text: &str, subject: Option<&str>) -> Scrubbed {
        let given = self.answering.find_iter(text).filter(|value| bare(value.as_str()).chars().count() >= 3);
        let given = given.filter(|_| asks(question, &self.asking)).map(|value| (value.range(), "secret".to_owned()));
        let looks =
            self.patterns.iter().flat_map(|p| p.find(text).map(|range| (range, p.kind.to_owned()))).chain(given);
        let looks = looks.filter(|(range, _)| text.get(range.clone()).is_some_and(|value| !self.is_public(value)));
        let mut spans: Vec<(Range<usize>, String)> =
            self.records.find(text, subject).into_iter().chain(looks).collect();
        // Stable: where two are the same, the first finder names it.
        spans.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut scrubbed = Scrubbed::default();
        let mut rest = 0;
        for (range, kind) in spans {
            let (Some(before), Some(value)) = (text.get(rest..range.start), text.get(range.clone())) else { continue };
            scrubbed.text.extend([before, "[", &kind, "]"]);
            scrubbed.found.push((kind, value.to_owned()));
            rest = range.end;
        }
        scrubbed.text.push_str(text.get(rest..).unwrap_or_default());
        scrubbed
    }

    fn is_public(&self, value: &str) -> bool {
        let lower = value.to_lowercase();
        self.public.contains(&bare(value)) || self.domains.iter().any(|domain| lower.ends_with(domain))
    }
}

/// Letters and digits alone, in lower case: a number is the same however it is spaced.
fn bare(value: &str) -> String {
    value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
pub(super) mod tests;

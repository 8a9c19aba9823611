//! What was found for a question: passages and facts, and the units in them that may answer it.

use super::facts::{Fact, ago};
use super::retrieve::Hit;
use crate::store::log;
use crate::text::unit::Unit;
use jiff::Timestamp;

/// Passages and facts, before their units are weighed.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// Passages of documents, the best first.
    pub hits: Vec<Hit>,
    /// Facts about the person served, the most wanted first.
    pub facts: Vec<Fact>,
}

impl Material {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty() && self.facts.is_empty()
    }
}

/// Something that was found, and that an answer can cite.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its number in the conversation, from 1.
    pub n: u32,
    /// Where it comes from.
    pub origin: Origin,
    /// What of it a model is shown: the units that are worth it, each on a line.
    pub text: String,
    /// Its units that were weighed, in their order.
    pub units: Vec<Weighed>,
}

/// Where a source comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A document.
    Passage(Hit),
    /// The records of the person served.
    Record(Fact),
}

/// A unit and how surely it answers the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// The unit.
    pub unit: Unit,
    /// The chance that it answers the question, between 0 and 1.
    pub chance: f32,
}

impl Origin {
    /// The headings of a passage, or the name and date of a record.
    pub fn name(&self) -> String {
        match self {
            Self::Passage(hit) => {
                let name = [hit.title.as_str(), hit.section.as_str()].join(" > ");
                name.trim_end_matches(" > ").to_owned()
            }
            Self::Record(Fact { name, date: Some(date), .. }) => format!("{name} {date}"),
            Self::Record(fact) => fact.name.clone(),
        }
    }

    /// Its text, whole.
    pub fn whole(&self) -> &str {
        match self {
            Self::Passage(hit) => &hit.text,
            Self::Record(fact) => &fact.text,
        }
    }

    /// How surely it was found.
    pub fn score(&self) -> f32 {
        match self {
            Self::Passage(hit) => hit.relevance,
            Self::Record(fact) => fact.score,
        }
    }
}

impl Source {
    /// Whether both say the same: a passage of an index that has not changed, or a record.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.origin, &other.origin) {
            (Origin::Passage(a), Origin::Passage(b)) => a.document == b.document && a.text == b.text,
            (Origin::Record(a), Origin::Record(b)) => line(a) == line(b),
            _ => false,
        }
    }

    /// The fact, where it is one.
    pub fn fact(&self) -> Option<&Fact> {
        match &self.origin {
            Origin::Record(fact) => Some(fact),
            Origin::Passage(_) => None,
        }
    }

    /// The document of a passage, or the name of a record.
    pub fn document(&self) -> &str {
        match &self.origin {
            Origin::Passage(hit) => &hit.document,
            Origin::Record(fact) => &fact.name,
        }
    }

    /// How a model is shown it.
    pub fn shown(&self) -> String {
        match &self.origin {
            Origin::Passage(_) => format!("Passage {} ({}):\n{}\n\n", self.n, self.origin.name(), self.text.trim()),
            Origin::Record(fact) => line(fact),
        }
    }

    /// It as a citation of which `quoted` units are the support, by their places in `units`.
    pub fn citation(&self, quoted: &[usize]) -> log::Citation {
        let whole = self.origin.whole();
        let units = quoted.iter().filter_map(|&at| self.units.get(at));
        let pieces = units.flat_map(|weighed| &weighed.unit.pieces).filter_map(|piece| whole.get(piece.clone()));
        let source = match &self.origin {
            Origin::Passage(hit) => log::Source::Passage {
                document: hit.document.clone(),
                section: self.origin.name(),
                page: page(&hit.section),
                chunk: hit.chunk,
            },
            Origin::Record(fact) => log::Source::Record { record: fact.name.clone(), date: fact.date.clone() },
        };
        log::Citation { n: self.n, source, score: self.origin.score(), quote: pieces.collect::<Vec<_>>().join(CUT) }
    }
}

/// What stands where a quotation leaves something out.
const CUT: &str = " … ";

/// The page that a section's place names: `Care > page 3`.
fn page(section: &str) -> Option<u32> {
    section.rsplit(" > ").next()?.strip_prefix("page ")?.split(' ').next()?.parse().ok()
}

/// `orders #1042 (2026-01-03): Wren, sent`, and how old that is.
fn line(fact: &Fact) -> String {
    let date = fact.date.as_ref().map(|date| format!(" ({date})")).unwrap_or_default();
    let age = fact.said.map(|said| format!(" (as of {})", ago(Timestamp::now(), said))).unwrap_or_default();
    format!("{}{date}: {}{age}\n", fact.name, fact.text)
}

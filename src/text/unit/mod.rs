//! Splits a passage into units: parts that can each answer a question and be quoted.
//!
//! A passage is the text of a chunk. Its lines become blocks (`block`), and each block its units: sentences, items with
//! the words that lead into them, rows with their header, the fields of a record.
//!
//! ```text
//! text ──► lines ──► blocks ─┬─ prose ──► headings, sentences, fields, records ─┬─► units
//!                            ├─ list ───► items and steps                       │
//!                            └─ table ──► rows                                  ┘
//! ```
//!
//! Nothing here knows a question or a model, and the same text always gives the same units.

mod block;
mod line;
mod list;
mod prose;
mod sentence;
mod table;
#[cfg(test)]
mod tests;

use block::{Block, Shape};
use std::ops::Range;

/// What a unit is in its passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// A sentence, or a line that says as much.
    Sentence,
    /// An item of a list.
    Item,
    /// A row of a table, or a record of short fields.
    Row,
    /// A line `name: value`, or a sentence of its value.
    Field,
    /// An item of a list that counts.
    Step,
    /// Words that only say what stands below them: a heading, a question, a table's header, a short lead-in.
    Heading,
    /// Program text, as a whole.
    Code,
}

/// A part of a passage that can be quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Where it stands in the passage, in bytes.
    pub range: Range<usize>,
    /// What it is.
    pub kind: UnitKind,
    /// How it reads by itself, on one line: a row with its header, an item with its lead-in.
    pub reading: String,
    /// The quotation proper, in order: for a row each filled cell, for a record each field, else one range.
    pub pieces: Vec<Range<usize>>,
    /// What stands above it inside the passage, outermost first: a section's heading, the question it answers.
    pub under: Vec<String>,
    /// The block it belongs to, counted from 0. Units of one block that follow one another belong together.
    pub block: usize,
}

/// The units of `text`, in order. Their ranges do not overlap.
///
/// Every line that says something is in one of them. Headings are units too, of their own kind.
pub fn units(text: &str) -> Vec<Unit> {
    let blocks = block::parse(text);
    let mut writer = Writer { text, answered: prose::answered(text, &blocks), ..Writer::default() };
    for (at, block) in blocks.iter().enumerate() {
        let (before, next) = (at.checked_sub(1).and_then(|before| blocks.get(before)), blocks.get(at + 1));
        match block.shape {
            Shape::Prose => writer.prose(block, before, next),
            Shape::List => writer.list(block),
            Shape::Table => writer.table(block),
            Shape::Code => writer.code(block),
        }
        writer.block += 1;
    }
    writer.units
}

/// Whether the first of these units only asks: a question behind which, in its block, stand nothing but others, as in a
/// table of contents.
pub fn only_asks<'u>(mut units: impl Iterator<Item = &'u Unit>) -> bool {
    let asks = |unit: &Unit| unit.reading.trim_end_matches([' ', '"', '”', '»', ')', '*']).ends_with(['?', '？', '؟']);
    let Some(unit) = units.next().filter(|unit| asks(unit)) else { return false };
    let behind = units.take_while(|next| next.block == unit.block);
    // A number by itself belongs to what it counts.
    let mut behind = behind.filter(|next| next.reading.contains(char::is_alphabetic));
    behind.next().is_none_or(asks)
}

/// Leads longer than this, in bytes, are not repeated in what they lead into.
const LONGEST_LEAD: usize = 200;

/// The units so far, and what stands above the next.
#[derive(Default)]
struct Writer<'t> {
    text: &'t str,
    /// Whether paragraphs of the passage begin with a line that the rest of them answers.
    answered: bool,
    units: Vec<Unit>,
    block: usize,
    /// The heading of a section: it holds until the next one.
    section: Option<String>,
    /// The heading of a paragraph, and of the list or table after it.
    heading: Option<String>,
    /// The words that lead into the next list, table or lines.
    lead: Option<String>,
}

impl Writer<'_> {
    fn at(&self, range: &Range<usize>) -> &str {
        &self.text[range.clone()]
    }

    /// The headings above what comes next, and `more` below them.
    fn under(&self, more: &[&str]) -> Vec<String> {
        let mut under: Vec<String> = self.section.iter().chain(&self.heading).cloned().collect();
        under.extend(more.iter().map(|words| words.to_string()));
        under.dedup();
        under
    }

    /// Adds a unit that is one piece and reads as it stands.
    fn plain(&mut self, kind: UnitKind, range: Range<usize>, under: Vec<String>) {
        let reading = collapse(self.at(&range));
        self.units.push(Unit { kind, reading, pieces: vec![range.clone()], range, under, block: self.block });
    }

    /// Adds a unit of `pieces`, the first and last of which bound it.
    fn pieces(&mut self, kind: UnitKind, pieces: Vec<Range<usize>>, reading: String, under: Vec<String>) {
        if let (Some(first), Some(last)) = (pieces.first(), pieces.last()) {
            let range = first.start..last.end;
            self.units.push(Unit { range, kind, reading, pieces, under, block: self.block });
        }
    }

    fn code(&mut self, block: &Block) {
        let (Some(first), Some(last)) = (block.lines.first(), block.lines.last()) else { return };
        let range = first.range.start..last.range.end;
        let lead = self.lead.take();
        let under = self.under(&lead.as_deref().map(without_colon).into_iter().collect::<Vec<_>>());
        // A blank line within code parts nothing.
        if let Some(unit) = self.units.last_mut().filter(|unit| unit.kind == UnitKind::Code) {
            self.block = unit.block;
            unit.range.end = range.end;
            unit.pieces = vec![unit.range.clone()];
            unit.reading.push('\n');
            unit.reading.push_str(&self.text[range]);
            return;
        }
        let reading = self.at(&range).to_string();
        self.pieces(UnitKind::Code, vec![range], reading, under);
    }
}

/// `text` on one line, every run of white space one space.
fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A lead-in as a heading says it.
fn without_colon(lead: &str) -> &str {
    lead.trim_end_matches([':', '：']).trim_end()
}

/// `words` with what leads into them: `Plus members get: free delivery`.
fn led(lead: Option<&str>, words: &str) -> String {
    match lead.filter(|lead| lead.len() <= LONGEST_LEAD) {
        Some(lead) if line::is_lead(lead) || line::is_ended(lead) => format!("{lead} {words}"),
        Some(lead) => format!("{}: {words}", lead.trim_end_matches([',', ';'])),
        None => words.to_string(),
    }
}

/// Whether a lead-in says something without what follows it.
fn says_something(lead: &str) -> bool {
    let words: Vec<String> = lead.split_whitespace().map(str::to_lowercase).collect();
    let points = |word: &String| {
        matches!(
            word.trim_end_matches([':', ',']),
            "following" | "follows" | "below" | "these" | "folgende" | "folgenden" | "folgendes" | "folgt" | "include"
        )
    };
    words.len() > 6 && !words.iter().any(points)
}

//! Cuts documents into pieces small enough to embed.
//!
//! A piece follows the headings: it holds one section, part of a long one, or several tiny ones that stand side by
//! side. Records (rows, lines, pages) under the same headings are packed. How a long section is cut is told in
//! `cut`.

mod cut;
mod tables;
#[cfg(test)]
mod tests;

use crate::text::document::{Document, Section};
use cut::Cutter;

/// A part of a document, small enough to embed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The headings above it and its place: `Heading > Sub`, `Prices > row 12 … row 15`. Empty when there are none.
    pub section: String,
    /// The text. Only where several sections are together, their headings stand in it.
    pub text: String,
    /// The length of the text, in tokens.
    pub tokens: usize,
}

/// Counts the tokens of a text. Never called with a text much longer than a piece, so that it may be a real tokenizer.
pub type Count<'a> = dyn Fn(&str) -> usize + 'a;

/// A section is tiny when it takes at most one part in this many of the budget.
const TINY: usize = 4;
/// Parts sections and paragraphs.
const BLANK_LINE: &str = "\n\n";

/// The pieces of `document`, in order: none of them empty, none over `budget` tokens.
///
/// Where a section is cut, the next piece begins with the last sentence of the one before, if that takes at most
/// `overlap` tokens. `count` counts the tokens of a text. Only a single character that is over the budget by itself
/// stays over it: a budget should not be below 8. The same document always gives the same pieces.
pub fn split(document: &Document, budget: usize, overlap: usize, count: &Count) -> Vec<Piece> {
    let cutter = Cutter::new(budget, overlap, count);
    let mut packer =
        Packer { empty: count(""), gap: count(BLANK_LINE), cutter, group: Group::default(), pieces: Vec::new() };
    for section in &document.sections {
        packer.add(section);
    }
    packer.close();
    packer.pieces
}

/// Why sections are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// There is only one.
    #[default]
    Single,
    /// They are records under the same headings.
    Records,
    /// They are tiny, and under the same parent.
    Siblings,
}

/// Sections that will be one piece.
#[derive(Default)]
struct Group<'a> {
    kind: Kind,
    sections: Vec<&'a Section>,
    /// About how many tokens they take together.
    tokens: usize,
}

struct Packer<'a, 'c> {
    cutter: Cutter<'c>,
    /// The tokens of nothing: the marks that a tokenizer puts around any text.
    empty: usize,
    /// The tokens of the gap between two sections, with those marks.
    gap: usize,
    group: Group<'a>,
    pieces: Vec<Piece>,
}

impl<'a> Packer<'a, '_> {
    fn add(&mut self, section: &'a Section) {
        if section.text.trim().is_empty() {
            return;
        }
        // A section that is long anyway is not counted as a whole.
        let tokens = self.cutter.tokens(&section.text).unwrap_or(usize::MAX);
        if let Some((kind, together)) = self.join(section, tokens) {
            self.group.kind = kind;
            self.group.tokens = together;
        } else {
            self.close();
            self.group.tokens = tokens;
        }
        self.group.sections.push(section);
    }

    /// How `section` may join the group, and what the group then takes.
    fn join(&self, section: &Section, tokens: usize) -> Option<(Kind, usize)> {
        let last = self.group.sections.last()?;
        let kind = kinship(last, section).filter(|kind| self.group.kind == Kind::Single || self.group.kind == *kind)?;
        let limit = if kind == Kind::Siblings { self.cutter.budget / TINY } else { self.cutter.budget };
        let first_joins = self.group.kind == Kind::Single;
        if tokens > limit || first_joins && self.group.tokens > limit {
            return None;
        }
        let more = |tokens: usize| tokens.saturating_sub(self.empty);
        let mut together = self.group.tokens + more(self.gap) + more(tokens);
        if kind == Kind::Siblings {
            together += self.heading(section) + if first_joins { self.heading(last) } else { 0 };
        }
        (together <= self.cutter.budget).then_some((kind, together))
    }

    /// The tokens of a section's own heading and of the gap after it.
    fn heading(&self, section: &Section) -> usize {
        let heading = section.path.last().and_then(|heading| self.cutter.tokens(heading));
        heading.unwrap_or(self.cutter.budget).saturating_sub(self.empty) + self.gap.saturating_sub(self.empty)
    }

    /// The group becomes a piece, or several.
    fn close(&mut self) {
        let group = std::mem::take(&mut self.group);
        let (Some(first), Some(last)) = (group.sections.first(), group.sections.last()) else { return };
        let section = label(first, last);
        let texts = group.sections.iter().map(|section| match (group.kind, section.path.last()) {
            (Kind::Siblings, Some(heading)) => format!("{heading}\n{}", section.text),
            _ => section.text.clone(),
        });
        let text = texts.collect::<Vec<_>>().join(BLANK_LINE);
        let overlap = group.kind == Kind::Single;
        self.cutter.cut(&text, overlap, &mut |text, tokens| {
            self.pieces.push(Piece { section: section.clone(), text, tokens });
        });
    }
}

/// How two sections that follow each other may be together.
fn kinship(a: &Section, b: &Section) -> Option<Kind> {
    if a.path == b.path && a.place.is_some() && b.place.is_some() {
        return Some(Kind::Records);
    }
    let (_, above_a) = a.path.split_last()?;
    let (_, above_b) = b.path.split_last()?;
    (above_a == above_b).then_some(Kind::Siblings)
}

/// The name of a run of sections: the headings they share, and from where to where it goes.
fn label(first: &Section, last: &Section) -> String {
    let (from, to) = (steps(first), steps(last));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let own = |steps: &[&str]| steps.iter().skip(shared).copied().collect::<Vec<_>>().join(", ");
    let mut label: Vec<String> = from.iter().take(shared).map(|s| s.to_string()).collect();
    label.push(own(&from));
    if shared < to.len() && label.last().is_some_and(|own| !own.is_empty()) {
        let range = format!("{} … {}", label.pop().unwrap_or_default(), own(&to));
        label.push(range);
    }
    label.retain(|step| !step.is_empty());
    label.join(" > ")
}

/// The headings above a section and its place.
fn steps(section: &Section) -> Vec<&str> {
    section.path.iter().chain(&section.place).map(String::as_str).collect()
}

//! The items of a list, each with the words that lead into it.

use super::block::{self, Block};
use super::line::{self, Marker};
use super::{Unit, UnitKind, Writer, collapse, led, says_something, sentence, without_colon};
use std::ops::Range;

/// An item up to so many bytes stays whole.
const WHOLE: usize = 240;

/// An item that others may stand below.
struct Parent {
    indent: usize,
    words: String,
}

impl Writer<'_> {
    pub(super) fn list(&mut self, block: &Block) {
        let mut parents: Vec<Parent> = Vec::new();
        let mut at = 0;
        while let Some(line) = block.lines.get(at) {
            at += 1;
            let Some(marker) = line::marker(self.at(&line.range)) else {
                self.between(line.range.clone(), &mut parents);
                continue;
            };
            let mut range = line.range.clone();
            let mut length = self.at(&range).chars().count();
            while let Some(next) = block.lines.get(at) {
                let words = self.at(&next.range);
                let above = self.at(&range);
                let hangs = next.indent > line.indent && !line::is_ended(above) && !line::is_lead(above);
                let small = words.starts_with(char::is_lowercase);
                let goes_on =
                    small && hangs || block::goes_on(above, length, words, 0) && (next.indent > line.indent || small);
                if line::marker(words).is_some() || !goes_on {
                    break;
                }
                length = words.chars().count();
                range.end = next.range.end;
                at += 1;
            }
            while parents.last().is_some_and(|parent| parent.indent >= line.indent) {
                parents.pop();
            }
            let below = block.lines.get(at).filter(|next| next.indent > line.indent);
            let leads = below.is_some_and(|next| line::marker(self.at(&next.range)).is_some());
            self.item(range.clone(), marker, leads, parents.last().map(|parent| parent.words.as_str()));
            let words = collapse(&self.text[range.start + marker.len..range.end]);
            parents.push(Parent { indent: line.indent, words });
        }
        self.lead = None;
    }

    /// Adds the item at `range`, which others stand below if it `leads`, below `parent`.
    fn item(&mut self, range: Range<usize>, marker: Marker, leads: bool, parent: Option<&str>) {
        let kind = if marker.step { UnitKind::Step } else { UnitKind::Item };
        let content = range.start + marker.len..range.end;
        let words = collapse(self.at(&content));
        let lead = parent.or(self.lead.as_deref());
        let group = leads && line::is_lead(&words) && !says_something(&words);
        if group {
            let under = self.under(&lead.map(without_colon).into_iter().collect::<Vec<_>>());
            self.units.push(Unit {
                range,
                kind: UnitKind::Heading,
                reading: words,
                pieces: vec![content],
                under,
                block: self.block,
            });
            return;
        }
        let whole = content.len() <= WHOLE;
        let parts = if whole { Vec::new() } else { sentence::split(self.at(&content)) };
        if parts.len() < 2 {
            let (reading, under) = (led(lead, &words), self.under(&[]));
            self.units.push(Unit { range, kind, reading, pieces: vec![content], under, block: self.block });
            return;
        }
        let lead = lead.map(str::to_string);
        for (n, part) in parts.into_iter().enumerate() {
            let piece = content.start + part.start..content.start + part.end;
            let words = collapse(self.at(&piece));
            let start = if n == 0 { range.start } else { piece.start };
            let (reading, under) = match (n, lead.as_deref()) {
                (1.., Some(lead)) => (words, self.under(&[without_colon(lead)])),
                (_, lead) => (led(lead, &words), self.under(&[])),
            };
            let range = start..piece.end;
            self.units.push(Unit { range, kind, reading, pieces: vec![piece], under, block: self.block });
        }
    }

    /// A line without a marker among the items: the name of a group, or more about the item above.
    fn between(&mut self, range: Range<usize>, parents: &mut Vec<Parent>) {
        let words = collapse(self.at(&range));
        if line::is_lead(&words) {
            let under = self.under(&[]);
            let kind = if says_something(&words) { UnitKind::Sentence } else { UnitKind::Heading };
            self.plain(kind, range, under);
            parents.clear();
            self.lead = Some(words);
            return;
        }
        let above: Vec<&str> = parents.last().map(|parent| without_colon(&parent.words)).into_iter().collect();
        let under = self.under(&above);
        self.sentences(range, UnitKind::Sentence, under);
    }
}

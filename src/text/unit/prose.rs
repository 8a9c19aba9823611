//! Paragraphs: headings, sentences, fields and records.

use super::block::{Block, Shape};
use super::line::{self, Line};
use super::{UnitKind, Writer, collapse, led, says_something, sentence, without_colon};
use std::ops::Range;

/// A record up to so many bytes stays whole when each of its values is one sentence.
const RECORD: usize = 600;
/// An address: at most so many lines, and bytes.
const ADDRESS: (usize, usize) = (5, 160);
/// A sentence that alone in its passage opens a paragraph as a heading does has at most so many words.
const OPENING: usize = 10;
/// What stands before a colon and other sentences is a name up to so many words.
const NAME_WORDS: usize = 3;
/// The keys whose values say what a record is about.
const NAMES: [&str; 14] = [
    "id", "title", "name", "product", "item", "model", "subject", "question", "titel", "produkt", "artikel", "betreff",
    "frage", "modell",
];

/// Whether several paragraphs of the passage are a short sentence on a line, and then what answers it.
///
/// The readers put a bold sentence that opens a paragraph on its own line.
pub fn answered(text: &str, blocks: &[Block]) -> bool {
    blocks.iter().filter(|block| block.shape == Shape::Prose && opens(text, &block.lines)).nth(1).is_some()
}

/// Whether the first of two lines is one short sentence.
fn opens(text: &str, lines: &[Line]) -> bool {
    let [first, second] = lines else { return false };
    let words = &text[first.range.clone()];
    let one = line::is_ended(words) && line::is_short(words) && line::key(words).is_none();
    one && line::is_ended(&text[second.range.clone()]) && sentence::split(words).len() == 1
}

impl Writer<'_> {
    pub(super) fn prose(&mut self, block: &Block, before: Option<&Block>, next: Option<&Block>) {
        self.heading = None;
        self.lead = None;
        let rest = self.open(block, next);
        if rest.is_empty() {
            return;
        }
        let keys = |block: &Block| {
            let line = block.lines.first().filter(|_| block.shape == Shape::Prose)?;
            line::record_key(&self.text[line.range.clone()])
        };
        let key = keys(block);
        let kin = key.is_some() && (before.and_then(keys) == key || next.and_then(keys) == key);
        if self.is_address(rest) {
            let pieces: Vec<Range<usize>> = rest.iter().map(|line| line.range.clone()).collect();
            let lines: Vec<String> = pieces.iter().map(|piece| collapse(self.at(piece))).collect();
            let whole = pieces[0].start..pieces[pieces.len() - 1].end;
            self.pieces(UnitKind::Sentence, vec![whole], lines.join(", "), self.under(&[]));
        } else if let Some(fields) = self.record(rest, kin) {
            self.fields(fields, kin);
        } else {
            self.lines(rest, next);
        }
    }

    /// Adds the heading that opens `block`, if one does, and gives the lines below it.
    fn open<'b>(&mut self, block: &'b Block, next: Option<&Block>) -> &'b [Line] {
        let Some((first, rest)) = block.lines.split_first() else { return &block.lines };
        let words = self.at(&first.range);
        let ended = |line: &Line| line::is_ended(self.at(&line.range));
        let is_field = |line: &Line| line::key(self.at(&line.range)).is_some();
        let one = || sentence::split(words).len() == 1;
        let followed = next.is_some_and(|next| {
            next.shape != Shape::Prose
                || next.lines.first().is_some_and(|line| !line::is_heading(self.at(&line.range)))
                || next.lines.len() > 1
        });
        let asks = line::is_question(words) && line::is_short(words) && one();
        let names = line::is_heading(words)
            && if rest.is_empty() {
                followed
            } else {
                rest.iter().any(|line| ended(line) || is_field(line) || line::is_lead(self.at(&line.range)))
            };
        let opens = opens(self.text, &block.lines) && (self.answered || words.split_whitespace().count() <= OPENING);
        if !(asks && (followed || !rest.is_empty()) || names || opens) {
            return &block.lines;
        }
        let heading = question(&collapse(words)).to_string();
        let section = names || asks && rest.is_empty();
        if section || asks {
            self.close_question(section);
        }
        let kind = if names || asks || self.answered { UnitKind::Heading } else { UnitKind::Sentence };
        self.plain(kind, first.range.clone(), self.under(&[]));
        if section {
            self.section = Some(heading);
        } else {
            self.heading = Some(heading);
        }
        rest
    }

    /// A section's heading ends where another stands, and a question where another is asked.
    fn close_question(&mut self, section: bool) {
        self.section.take_if(|heading| section || line::is_question(heading));
    }

    /// Whether `lines` are short ones that only say something together.
    fn is_address(&self, lines: &[Line]) -> bool {
        let bytes: usize = lines.iter().map(|line| line.range.len()).sum();
        let plain = |line: &Line| {
            let words = self.at(&line.range);
            !line::is_ended(words)
                && !line::is_lead(words)
                && line::key(words).is_none()
                && line::columns(words).is_none()
        };
        (2..=ADDRESS.0).contains(&lines.len()) && bytes <= ADDRESS.1 && lines.iter().all(plain)
    }

    /// The fields that `lines` are, if they are a record's. `kin`: a record like it stands beside it.
    fn record(&self, lines: &[Line], kin: bool) -> Option<Vec<Range<usize>>> {
        let mut fields: Vec<Range<usize>> = Vec::new();
        for line in lines {
            let words = self.at(&line.range);
            let value = kin || !(line::is_ended(words) && words.starts_with(char::is_uppercase));
            match fields.last_mut() {
                _ if line::record_key(words).is_some() => fields.push(line.range.clone()),
                // A value of several lines.
                Some(field) if value => field.end = line.range.end,
                _ => return None,
            }
        }
        (fields.len() > 1 && fields.len() * 2 > lines.len()).then_some(fields)
    }

    /// A record: one row when it is short, else each field by itself. `kin`: its neighbour is a record of the same
    /// kind.
    fn fields(&mut self, fields: Vec<Range<usize>>, kin: bool) {
        let bytes: usize = fields.iter().map(Range::len).sum();
        let short = |field: &Range<usize>| sentence::split(self.at(field)).len() < 2;
        let prose = fields.iter().filter(|field| line::is_ended(self.at(field))).count();
        let asked = fields.iter().any(|field| line::is_question(self.at(field)));
        if (kin || fields.len() > 2) && bytes <= RECORD && prose < 2 && !asked && fields.iter().all(short) {
            let words: Vec<String> =
                fields.iter().map(|field| collapse(self.at(field)).trim_end_matches('.').to_string()).collect();
            return self.pieces(UnitKind::Row, fields, words.join("; "), self.under(&[]));
        }
        let named: Vec<(Range<usize>, usize, String)> = fields
            .into_iter()
            .filter_map(|field| {
                let at = line::key(self.at(&field))?;
                let value = collapse(self.at(&field)[at..].trim_start_matches([':', '：']));
                Some((field, at, value))
            })
            .collect();
        // What the record is about stands above each field that does not say it itself.
        let about: Vec<String> = named
            .iter()
            .filter(|(field, at, value)| {
                let name = self.at(field)[..*at].trim().to_lowercase();
                NAMES.contains(&name.as_str()) && line::is_short(value) && !line::is_ended(value)
            })
            .map(|(_, _, value)| value.clone())
            .collect();
        for (field, at, value) in named {
            let others: Vec<&str> = about.iter().filter(|name| **name != value).map(String::as_str).collect();
            let asks = line::is_question(self.at(&field));
            if asks {
                // What follows answers it.
                self.heading = None;
                self.close_question(false);
            }
            let under = self.under(&others);
            if asks {
                self.plain(UnitKind::Heading, field, under);
                self.heading = Some(value);
            } else {
                self.field(field, at, under);
            }
        }
    }

    /// A field: its first sentence with the name, the others below it.
    fn field(&mut self, range: Range<usize>, key: usize, under: Vec<String>) {
        let name = collapse(&self.at(&range)[..key]);
        let parts = sentence::split(self.at(&range));
        // More words than a name has, and more sentences: it is a sentence with a colon.
        let names = parts.len() == 1 || name.split_whitespace().count() <= NAME_WORDS;
        let kind = if names { UnitKind::Field } else { UnitKind::Sentence };
        for (n, part) in parts.into_iter().enumerate() {
            let mut under = under.clone();
            under.extend((n > 0 && names).then(|| name.clone()));
            self.plain(kind, range.start + part.start..range.start + part.end, under);
        }
    }

    fn lines(&mut self, lines: &[Line], next: Option<&Block>) {
        let into = next.is_some_and(|next| next.shape != Shape::Prose);
        for (n, line) in lines.iter().enumerate() {
            let words = self.at(&line.range);
            let leads = line::is_lead(words) && (into || n + 1 < lines.len());
            let lead = self.lead.clone();
            let lead = lead.as_deref().map(without_colon);
            let under = self.under(&lead.into_iter().collect::<Vec<_>>());
            if leads {
                self.lead_in(line.range.clone());
            } else if let Some(cells) = line::columns(words) {
                let pieces: Vec<Range<usize>> =
                    cells.into_iter().map(|c| line.range.start + c.start..line.range.start + c.end).collect();
                let cells: Vec<String> = pieces.iter().map(|piece| collapse(self.at(piece))).collect();
                let reading = match cells.as_slice() {
                    [name, value] => led(Some(name), value),
                    cells => cells.join("; "),
                };
                self.pieces(UnitKind::Row, pieces, reading, under);
            } else if let Some(key) = line::key(words).filter(|_| lines.len() > 1 || line::record_key(words).is_some())
            {
                self.field(line.range.clone(), key, under);
            } else {
                self.sentences(line.range.clone(), UnitKind::Sentence, under);
            }
        }
        let led = lines.last().is_some_and(|line| line::is_lead(self.at(&line.range)));
        if !(into && led) {
            self.lead = None;
        }
    }

    /// A line whose last sentence leads into what follows.
    fn lead_in(&mut self, range: Range<usize>) {
        self.lead = None;
        let parts = sentence::split(self.at(&range));
        let last = parts.len().saturating_sub(1);
        for (n, part) in parts.into_iter().enumerate() {
            let part = range.start + part.start..range.start + part.end;
            let words = collapse(self.at(&part));
            let kind = if n < last || says_something(&words) { UnitKind::Sentence } else { UnitKind::Heading };
            self.plain(kind, part, self.under(&[]));
            if n == last {
                self.lead = Some(words);
            }
        }
    }

    /// Adds the sentences at `range`. A question that opens them stands above the others.
    pub(super) fn sentences(&mut self, range: Range<usize>, kind: UnitKind, mut under: Vec<String>) {
        let parts = sentence::split(self.at(&range));
        let many = parts.len() > 1;
        for (n, part) in parts.into_iter().enumerate() {
            let part = range.start + part.start..range.start + part.end;
            let words = collapse(self.at(&part));
            let asks = n == 0 && many && line::is_question(&words) && line::is_short(&words);
            self.plain(if asks { UnitKind::Heading } else { kind }, part, under.clone());
            under.extend(asks.then_some(words));
        }
    }
}

/// A question without the name that only says that it is one: `Q: Is it free?`.
fn question(words: &str) -> &str {
    let Some(at) = line::key(words) else { return words };
    let asks = matches!(words[..at].to_lowercase().as_str(), "q" | "f" | "question" | "frage");
    if asks { words[at..].trim_start_matches([':', '：', ' ']) } else { words }
}

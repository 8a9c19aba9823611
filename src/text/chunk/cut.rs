//! Cuts one text that is over the budget.
//!
//! ```text
//! ┌────────────── text ──────────────┐
//! │ piece │          rest            │   reach: as much of the rest as fits beside what is carried over
//! │       ├─── reach ───┤            │   end:   the best place to cut within it, past its first third:
//! │       ├── end ──┤                │          a blank line, a line's end, a sentence's, a word's, any character
//! ```
//!
//! The text is walked once, and only bounded parts of it are ever counted, so the time is linear in its length.

use super::tables::{self, Table};
use std::cell::Cell;
use unicode_segmentation::UnicodeSegmentation;

/// No piece has more bytes than this for a token of the budget: prose has about 4.
const WIDEST: usize = 16;
/// No model takes more tokens at once.
const LARGEST: usize = 1 << 20;
/// A cut closer to the start than one part in this many of the reach would waste the budget.
const NEAREST: usize = 3;
/// A reach that uses this many tenths of the budget is good enough.
const ENOUGH: usize = 9;

/// Cuts texts to a budget.
pub struct Cutter<'c> {
    /// The most tokens a piece may have.
    pub budget: usize,
    overlap: usize,
    count: &'c super::Count<'c>,
    /// How many bytes the last pieces had for a token: where to look first.
    bytes_per_token: Cell<usize>,
}

impl<'c> Cutter<'c> {
    /// A cutter to `budget` tokens, with at most `overlap` tokens carried over, and at most half of the budget.
    pub fn new(budget: usize, overlap: usize, count: &'c super::Count<'c>) -> Self {
        let budget = budget.clamp(1, LARGEST);
        Self { budget, overlap: overlap.min(budget / 2), count, bytes_per_token: Cell::new(5) }
    }

    /// The tokens of `text`, unless it is so long that it is over the budget without counting.
    pub fn tokens(&self, text: &str) -> Option<usize> {
        (text.len() <= self.widest()).then(|| (self.count)(text))
    }

    /// Gives `text` to `emit` as pieces with their tokens. `overlap`: carry the last sentence over.
    pub fn cut(&self, text: &str, overlap: bool, emit: &mut dyn FnMut(String, usize)) {
        let text = text.trim_end();
        if let Some(tokens) = self.tokens(text).filter(|tokens| *tokens <= self.budget) {
            return emit(text.to_string(), tokens);
        }
        let tables = tables::find(text);
        let mut carry = String::new();
        let mut at = 0;
        while at < text.len() {
            let (end, piece, tokens) = self.next(text, at, &carry, &tables);
            if !text[at..end].trim().is_empty() {
                emit(piece, tokens);
            }
            let left = &text[end..];
            // The indent of a line stays; the space at which a line was cut goes.
            let kept = if text[..end].ends_with('\n') || left.starts_with('\n') {
                left.trim_start_matches('\n')
            } else {
                left.trim_start()
            };
            let done = at..text.len() - kept.len();
            at = done.end;
            carry = match tables::around(&tables, at) {
                Some(table) if at >= table.body => self.header(text, table),
                _ if overlap => self.last_sentence(&text[done]),
                _ => String::new(),
            };
        }
    }

    /// The next piece: where it ends in `text`, what it says, and its tokens.
    fn next(&self, text: &str, at: usize, carry: &str, tables: &[Table]) -> (usize, String, usize) {
        let rest = &text[at..];
        let mut reach = self.reach(carry, rest);
        loop {
            if reach == 0 && !carry.is_empty() {
                // Nothing fits beside what is carried over.
                return self.next(text, at, "", tables);
            }
            reach = reach.max(rest.chars().next().map_or(0, char::len_utf8));
            let mut end = at + self.end(rest, reach);
            if let Some(table) = tables::around(tables, end).filter(|table| end <= table.body && table.start > at) {
                // A header belongs to its rows.
                end = table.start;
            }
            let piece = format!("{carry}{}", text[at..end].trim_end());
            let tokens = (self.count)(&piece);
            let shorter = rest.floor_char_boundary((end - at).saturating_sub(1));
            if tokens <= self.budget || shorter == 0 && carry.is_empty() {
                self.bytes_per_token.set((piece.len() / tokens.max(1)).clamp(1, WIDEST));
                return (end, piece, tokens);
            }
            // The cut changed how the tokenizer reads the end.
            reach = shorter;
        }
    }

    /// About the longest start of `rest` that fits beside `carry`, in bytes.
    fn reach(&self, carry: &str, rest: &str) -> usize {
        let longest = rest.floor_char_boundary(self.widest());
        let (mut fits, mut over) = (0, longest + 1);
        let mut guess = rest.floor_char_boundary((self.budget * self.bytes_per_token.get() * 5 / 4).min(longest));
        for attempt in 0.. {
            let tokens = (self.count)(&format!("{carry}{}", &rest[..guess]));
            if tokens <= self.budget {
                fits = guess;
                if guess == longest || tokens * 10 >= self.budget * ENOUGH {
                    break;
                }
            } else {
                over = guess;
            }
            // In proportion at first, which is nearly always right; by halves when it is not.
            let next = if attempt < 3 { guess * self.budget / tokens.max(1) } else { (fits + over) / 2 };
            guess = rest.floor_char_boundary(next.clamp(fits + 1, (over - 1).max(fits + 1)));
            if guess <= fits || guess >= over {
                break;
            }
        }
        fits
    }

    /// The best place to cut `rest` within `reach`, in bytes.
    fn end(&self, rest: &str, reach: usize) -> usize {
        let within = &rest[..reach];
        let nearest = reach / NEAREST;
        let far = |at: &usize| *at > nearest;
        if reach == rest.len() {
            return reach;
        }
        let blank_line = || within.rfind("\n\n").map(|at| at + 1);
        let line = || within.rfind('\n').map(|at| at + 1);
        let word = || within.rfind(char::is_whitespace);
        let character = || within.grapheme_indices(true).next_back().map(|(at, _)| at).filter(|at| *at > 0);
        None.or_else(|| blank_line().filter(far))
            .or_else(|| line().filter(far))
            .or_else(|| last_sentence_start(within).filter(far))
            .or_else(|| word().filter(far))
            .or_else(character)
            .unwrap_or(reach)
    }

    /// The header of `table`, to stand above rows that have come away from it.
    fn header(&self, text: &str, table: &Table) -> String {
        let header = &text[table.start..table.body];
        let fits = self.tokens(header).is_some_and(|tokens| tokens <= self.budget / 2);
        if fits { header.to_string() } else { String::new() }
    }

    /// The last sentence of `done` when it is short enough to be carried over, with the gap that follows it.
    fn last_sentence(&self, done: &str) -> String {
        let body = done.trim_end();
        let gap = match &done[body.len()..] {
            // Cut within a word: there is no sentence to speak of.
            "" if body.ends_with(char::is_alphanumeric) => return String::new(),
            "" => "",
            gap => match gap.matches('\n').count() {
                0 => " ",
                1 => "\n",
                _ => "\n\n",
            },
        };
        let tail = &body[body.ceil_char_boundary(body.len().saturating_sub(self.overlap * WIDEST))..];
        let Some(start) = last_sentence_start(tail).max(tail.rfind('\n')) else { return String::new() };
        let sentence = tail[start..].trim();
        // A row says nothing without its header.
        let fits = !sentence.starts_with('|') && (self.count)(sentence) <= self.overlap;
        if fits { format!("{sentence}{gap}") } else { String::new() }
    }

    fn widest(&self) -> usize {
        self.budget.saturating_mul(WIDEST)
    }
}

/// Where the last sentence of `text` starts, past its beginning.
fn last_sentence_start(text: &str) -> Option<usize> {
    let starts = text.split_sentence_bound_indices().map(|(at, _)| at).filter(|at| *at > 0);
    // A full stop within a word or an address ends no sentence; one in a script without spaces does.
    let ends = |at: &usize| text[..*at].chars().next_back().is_some_and(|c| c.is_whitespace() || !c.is_ascii());
    starts.filter(ends).last()
}

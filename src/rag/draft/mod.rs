//! What comes out of a model, before it is judged: whole sentences, to the byte, until it goes astray.
//!
//! Text is taken character by character, so that the sentences do not depend on how the stream was cut. Nothing is ever
//! removed from within a sentence. A citation mark of the model's own at a sentence's end is dropped, and so is all
//! that follows when the model shows the prompt's words or turns in circles. What a model thinks before it answers is
//! no part of the answer.

mod ends;
mod loops;
#[cfg(test)]
mod tests;

use loops::Loops;
use regex::Regex;
use std::sync::LazyLock;

/// A sentence, and the white space between the one before and it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drafted {
    /// The sentence.
    pub text: String,
    /// White space before it: " ", "\n", "\n\n".
    pub gap: String,
}

/// Takes pieces of a stream and gives sentences.
pub struct Draft {
    sources: String,
    /// White space and sentence that are not given yet.
    open: String,
    /// Bytes that were given or dropped before them.
    base: usize,
    loops: Loops,
    /// Whether `open` is within a block of code.
    fenced: bool,
    /// Whether `open` is what the model thinks.
    thinks: bool,
    over: bool,
    cut: bool,
    out: Vec<Drafted>,
}

/// The prompt's own words. A question's heading counts only where a line or a sentence begins.
static PROMPT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = r"(?:Passage \d+ \(|Passage \d+:|Records of the person you are serving|Records are those of the person|Use only the passages)$|(?:^|[.!?]\s|\n)\s*(?P<head>Question:)$";
    Regex::new(words).ok()
});

/// The longest of them, in bytes.
const LONGEST: usize = 60;

/// What opens and closes a block of code.
const FENCE: &str = "```";

/// What opens and closes thoughts, in the models that have them.
const THOUGHTS: (&str, &str) = ("<think>", "</think>");

impl Draft {
    /// A draft that rests on these sources: what stands in them is never taken for a mark or for the prompt.
    pub fn new(sources_text: &str) -> Self {
        Self {
            sources: sources_text.to_owned(),
            open: String::new(),
            base: 0,
            loops: Loops::new(sources_text),
            fenced: false,
            thinks: false,
            over: false,
            cut: false,
            out: Vec::new(),
        }
    }

    /// Takes a piece and gives the sentences that are complete with it.
    pub fn push(&mut self, piece: &str) -> Vec<Drafted> {
        for c in piece.chars() {
            if self.over {
                break;
            }
            self.take(c);
        }
        std::mem::take(&mut self.out)
    }

    /// What came of a sentence that is not complete yet, with the white space before it; nothing while the model thinks
    /// or writes code.
    pub fn open(&self) -> &str {
        let hidden = self.over || self.thinks || self.fenced || self.open.trim_start().starts_with(['<', '`']);
        if hidden { "" } else { &self.open }
    }

    /// Ends the stream and gives what is left.
    pub fn finish(&mut self) -> Vec<Drafted> {
        if !self.over && !self.thinks {
            if let Some(at) = self.loops.end(self.base) {
                self.cut(at);
            } else if self.fenced {
                self.push_out(self.open.trim_end().len(), false);
            } else {
                self.give(self.open.trim_end().len());
            }
        }
        self.over = true;
        std::mem::take(&mut self.out)
    }

    /// Whether nothing more will come: the stream ended, or the model went astray.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether the model went astray, so that what followed was dropped.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    fn take(&mut self, c: char) {
        let at = self.base + self.open.len();
        self.open.push(c);
        if self.thinks {
            self.take_thought();
            return;
        }
        // Thoughts come before anything is said.
        if self.base == 0 && self.open.trim_start() == THOUGHTS.0 {
            self.thinks = true;
            return;
        }
        if self.fenced {
            self.take_code(c);
            return;
        }
        if let Some(at) = self.prompt().or_else(|| self.loops.push(c, at, self.base)) {
            self.cut(at);
        } else if c == '\n' && self.open.trim_start().starts_with(FENCE) && self.open.matches(FENCE).count() == 1 {
            self.fenced = true;
        } else if let Some(end) = ends::end(&self.open) {
            self.give(end);
        }
    }

    /// Thoughts end where they say so, and are dropped.
    fn take_thought(&mut self) {
        if self.open.ends_with(THOUGHTS.1) {
            self.base += self.open.len();
            self.open.clear();
            self.thinks = false;
        }
    }

    /// Code is given as one, when the line that closes it ends.
    fn take_code(&mut self, c: char) {
        if c != '\n' {
            return;
        }
        let body = self.open.trim_end();
        let last = body.rsplit('\n').next().unwrap_or_default().trim();
        if last == FENCE {
            self.fenced = false;
            self.push_out(body.len(), false);
        }
    }

    /// Where the prompt's own words begin, if they have just come.
    fn prompt(&self) -> Option<usize> {
        if !self.open.ends_with(['(', ':', 'g', 'n', 's']) {
            return None;
        }
        let mut from = self.open.len().saturating_sub(LONGEST);
        while !self.open.is_char_boundary(from) {
            from -= 1;
        }
        // A line's beginning is one only at the beginning.
        let tail = &self.open[from..];
        let found = PROMPT.as_ref()?.captures(tail)?;
        let words = found.name("head").or(found.get(0))?;
        if found.name("head").is_some() && words.start() == 0 && from > 0 {
            return None;
        }
        (!self.sources.contains(words.as_str())).then(|| self.base + from + words.start())
    }

    /// Gives what stands before `at`, and ends.
    fn cut(&mut self, at: usize) {
        let end = at.saturating_sub(self.base).min(self.open.len());
        let kept = self.open.get(..end).unwrap_or_default().trim_end().len();
        self.give(kept);
        (self.over, self.cut) = (true, true);
    }

    /// Gives the sentence up to `end`, unless it was said before: then the model turns in circles.
    fn give(&mut self, end: usize) {
        let text = self.open.get(..end).unwrap_or_default().trim();
        if !self.loops.is_new(text) {
            (self.over, self.cut) = (true, true);
            return;
        }
        self.push_out(end, true);
    }

    fn push_out(&mut self, end: usize, marks: bool) {
        let rest = self.open.split_off(end);
        let all = std::mem::replace(&mut self.open, rest);
        self.base += all.len();
        let body = all.trim_start();
        let gap = all[..all.len() - body.len()].to_owned();
        let text = if marks { ends::unmarked(body, &self.sources) } else { body.to_owned() };
        if !text.is_empty() {
            self.out.push(Drafted { text, gap });
        } else if body.is_empty() {
            // White space alone waits for what follows.
            self.base -= all.len();
            self.open.insert_str(0, &all);
        }
    }
}

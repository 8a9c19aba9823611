//! Citations that are true: the runtime says which passage or record a sentence rests on, the model does not get to.
//!
//! A small model writes `[2]` because prompts look like that. So what it writes of the kind is dropped, and each
//! sentence of the answer is held against the passages: the one that holds most of its words is cited, if it holds
//! enough of them. Sentences stream as they come; only the mark waits for the end of its sentence.

use super::facts::Fact;
use super::prompt::{Origin, Source};
use super::words;
use std::collections::BTreeSet;

/// The share of a sentence's words that a passage must hold to be cited for it.
const SUPPORT: f32 = 0.6;

/// Characters of a mark; a bracket that stays open longer is text.
const LONGEST_MARK: usize = 60;

/// Adds citations to an answer as it streams.
pub struct Citer {
    /// Number, mark and words of each source.
    sources: Vec<(u32, String, BTreeSet<String>)>,
    /// The answer so far, marks included.
    text: String,
    /// Where the sentence under way begins in `text`.
    sentence: usize,
    /// Text that may be the beginning of a mark of the model's own.
    held: String,
    /// White space that waits for the mark before it.
    space: String,
    cited: BTreeSet<u32>,
}

impl Citer {
    /// A citer for what a prompt carries.
    pub fn new(sources: &[Source]) -> Self {
        let held = |s: &Source| words::of(&format!("{} {}", s.name(), s.text));
        Self {
            sources: sources.iter().map(|s| (s.n, s.mark(), held(s))).collect(),
            text: String::new(),
            sentence: 0,
            held: String::new(),
            space: String::new(),
            cited: BTreeSet::new(),
        }
    }

    /// Begins the answer with what a record wants said first, if it wants anything.
    pub fn open(&mut self, source: &Source, say: &mut dyn FnMut(&str)) {
        if let Origin::Record(Fact { opening: Some(opening), name, .. }) = &source.origin {
            self.cited.insert(source.n);
            self.tell(&format!("{opening} [{name}] "), say);
            self.sentence = self.text.len();
        }
    }

    /// Takes a piece of the answer and tells `say` what is certain of it, marks added.
    pub fn push(&mut self, piece: &str, say: &mut dyn FnMut(&str)) {
        for c in piece.chars() {
            if !self.held.is_empty() || c == '[' {
                self.hold(c, say);
            } else {
                self.add(c, say);
            }
        }
    }

    /// Ends the answer: returns its text and the numbers it cites.
    pub fn finish(mut self, say: &mut dyn FnMut(&str)) -> (String, Vec<u32>) {
        let held = std::mem::take(&mut self.held);
        held.chars().for_each(|c| self.add(c, say));
        self.end_sentence(say);
        (self.text, self.cited.into_iter().collect())
    }

    /// A bracket is open: either a mark of the model's own, which goes, or text.
    fn hold(&mut self, c: char, say: &mut dyn FnMut(&str)) {
        self.held.push(c);
        let inner = &self.held[1..];
        let within = inner.strip_suffix(']').unwrap_or(inner);
        let is_mark = !within.is_empty() && within.chars().all(|c| c.is_ascii_digit()) || within.contains(" #");
        if c == ']' && is_mark {
            self.held.clear();
        } else if c == ']' || c == '\n' || inner.chars().count() > LONGEST_MARK {
            let held = std::mem::take(&mut self.held);
            held.chars().for_each(|c| self.add(c, say));
        }
    }

    fn add(&mut self, c: char, say: &mut dyn FnMut(&str)) {
        if c.is_whitespace() {
            if self.space.is_empty() && self.at_end(c) {
                self.end_sentence(say);
            }
            self.space.push(c);
            return;
        }
        let space = std::mem::take(&mut self.space);
        self.tell(&space, say);
        let mut utf8 = [0; 4];
        self.tell(c.encode_utf8(&mut utf8), say);
    }

    /// Whether white space here ends a sentence: after a closing mark, or at a line's end.
    fn at_end(&self, c: char) -> bool {
        let closed = self.text.trim_end_matches(['"', '\'', ')', '”', '’']);
        let sentence = &self.text[self.sentence..];
        // "1." and "e.g." end no sentence.
        let long = words::of(sentence).len() >= 2;
        long && (c == '\n' || closed.ends_with(['.', '!', '?', '。', '！', '？']))
    }

    fn end_sentence(&mut self, say: &mut dyn FnMut(&str)) {
        let said = words::of(&self.text[self.sentence..]);
        let shares = self.sources.iter().map(|(n, mark, held)| (*n, mark, words::share(&said, held)));
        // The first of equals.
        let best = shares.rev().max_by(|a, b| a.2.total_cmp(&b.2));
        if let Some((n, mark, share)) = best
            && share >= SUPPORT
            && said.len() >= 2
        {
            let mark = format!(" [{mark}]");
            self.cited.insert(n);
            self.tell(&mark, say);
        }
        self.sentence = self.text.len();
    }

    fn tell(&mut self, text: &str, say: &mut dyn FnMut(&str)) {
        if !text.is_empty() {
            self.text.push_str(text);
            say(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::retrieve::Hit;
    use super::*;

    fn source(n: u32, text: &str) -> Source {
        let hit = Hit {
            document: "d".into(),
            title: String::new(),
            section: String::new(),
            chunk: n,
            text: text.into(),
            score: 1.0,
            relevance: 1.0,
        };
        Source { n, origin: Origin::Passage(hit), text: text.into() }
    }

    fn record(n: u32, name: &str, text: &str) -> Source {
        let fact = Fact { name: name.into(), date: None, text: text.into(), score: 1.0, said: None, opening: None };
        Source { n, origin: Origin::Record(fact), text: text.into() }
    }

    fn cite(answer: &str) -> (String, Vec<u32>) {
        let passages = ["Standard delivery costs £4.50.", "Returns are accepted for 28 days."];
        let sources =
            [source(1, passages[0]), source(2, passages[1]), record(3, "orders #1042", "Wren stove, collected")];
        let mut said = String::new();
        let mut citer = Citer::new(&sources);
        // One character at a time: the hardest stream.
        for c in answer.chars() {
            citer.push(&c.to_string(), &mut |s| said.push_str(s));
        }
        let (text, cited) = citer.finish(&mut |s| said.push_str(s));
        assert_eq!(said, text, "what was said is what is kept");
        (text, cited)
    }

    #[test]
    fn each_sentence_cites_the_passage_it_rests_on() {
        let (text, cited) =
            cite("Standard delivery costs £4.50. Returns are accepted within 28 days. Bananas are yellow fruit.");
        assert_eq!(
            text,
            "Standard delivery costs £4.50. [1] Returns are accepted within 28 days. [2] Bananas are yellow fruit."
        );
        assert_eq!(cited, [1, 2]);
    }

    #[test]
    fn a_record_is_cited_by_its_name() {
        let (text, cited) = cite("Your Wren stove was collected. It was under 1042.");
        assert_eq!(text, "Your Wren stove was collected. [orders #1042] It was under 1042.");
        assert_eq!(cited, [3]);
    }

    #[test]
    fn marks_of_the_models_own_are_dropped_and_other_brackets_stay() {
        let (text, cited) = cite("Bananas are yellow fruit[2] and [sic] ripe[orders #77] now [9");
        assert_eq!(text, "Bananas are yellow fruit and [sic] ripe now [9");
        assert!(cited.is_empty());
    }
}

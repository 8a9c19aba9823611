//! A model that turns in circles: a sentence again, a run of words a third time, a few tokens over and over.

use std::collections::{HashMap, HashSet};

/// Words of a run that may not come a third time.
const RUN: usize = 6;
/// How often it may come.
const TIMES: usize = 2;
/// Words of a sentence that may not come again; shorter ones may ("Yes.").
const SENTENCE: usize = 4;
/// Words of the longest loop, and how often they come before it is one.
const LOOP: usize = 5;
const ROUNDS: usize = 4;
/// How often a single word comes before it is a loop.
const STUTTER: usize = 5;
/// Characters of the longest loop without words, and how long it runs.
const SIGNS: usize = 8;
const SIGNS_RUN: usize = 120;

/// What was said so far.
pub struct Loops {
    said: HashSet<String>,
    /// Each word and where it begins in the stream.
    words: Vec<(String, usize)>,
    /// The word under way.
    word: String,
    start: usize,
    runs: HashMap<String, usize>,
    /// Runs that the sources hold so often that an answer may too.
    known: HashSet<String>,
    /// The last characters.
    tail: Vec<char>,
}

impl Loops {
    /// Nothing said yet.
    pub fn new(sources: &str) -> Self {
        let words: Vec<String> =
            sources.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
        let mut counts: HashMap<String, usize> = HashMap::new();
        for run in words.windows(RUN) {
            *counts.entry(run.join(" ")).or_default() += 1;
        }
        let known = counts.into_iter().filter(|(_, count)| *count > TIMES).map(|(run, _)| run).collect();
        Self {
            said: HashSet::new(),
            words: Vec::new(),
            word: String::new(),
            start: 0,
            runs: HashMap::new(),
            known,
            tail: Vec::new(),
        }
    }

    /// Takes a character at `at`; gives where a circle begins again, not before `base`.
    pub fn push(&mut self, c: char, at: usize, base: usize) -> Option<usize> {
        if c.is_alphanumeric() {
            if self.word.is_empty() {
                self.start = at;
            }
            self.word.extend(c.to_lowercase());
        }
        let signs = self.signs(c, at);
        let words = if c.is_alphanumeric() { None } else { self.end(base) };
        signs.or(words).map(|start| start.max(base))
    }

    /// Ends the word under way; gives where a circle of words begins again.
    pub fn end(&mut self, base: usize) -> Option<usize> {
        if self.word.is_empty() {
            return None;
        }
        self.words.push((std::mem::take(&mut self.word), self.start));
        self.run().or_else(|| self.round()).map(|start| start.max(base))
    }

    /// Whether a sentence was not said before; it is from now on.
    pub fn is_new(&mut self, sentence: &str) -> bool {
        let words: Vec<String> =
            sentence.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
        words.len() < SENTENCE || self.said.insert(words.join(" "))
    }

    /// The same run of words a third time.
    fn run(&mut self) -> Option<usize> {
        let start = self.words.len().checked_sub(RUN)?;
        let run = self.words[start..].iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join(" ");
        if self.known.contains(&run) {
            return None;
        }
        let count = self.runs.entry(run).or_default();
        *count += 1;
        (*count > TIMES).then(|| self.words[start].1)
    }

    /// A few words over and over: the beginning of the second round.
    fn round(&self) -> Option<usize> {
        let words = &self.words;
        (1..=LOOP).find_map(|size| {
            let rounds = if size == 1 { STUTTER } else { ROUNDS };
            let start = words.len().checked_sub(size * rounds)?;
            let all = &words[start..];
            let same = (size..all.len()).all(|i| all[i].0 == all[i - size].0);
            same.then(|| all[size].1)
        })
    }

    /// A few signs over and over.
    fn signs(&mut self, c: char, at: usize) -> Option<usize> {
        self.tail.push(c);
        if self.tail.len() > SIGNS_RUN {
            self.tail.remove(0);
        }
        let full = self.tail.len() == SIGNS_RUN;
        let same = |size: &usize| (*size..SIGNS_RUN).all(|i| self.tail[i] == self.tail[i - size]);
        let size = (1..=SIGNS).filter(|_| full).find(same)?;
        let run: usize = self.tail[size..].iter().map(|c| c.len_utf8()).sum();
        Some((at + c.len_utf8()).saturating_sub(run))
    }
}

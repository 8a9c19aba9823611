//! Whether a question is about what the asker owns, ordered, owes or takes: what only somebody's records can answer.
//!
//! "What did I order?" has no answer in the house's documents, and a passage that is near it misleads. "How do I return
//! my order?" has one, although it says "my". What tells them apart is the form: a question about the past of the
//! asker, or about the state of one thing of theirs, against one about what to do, what is allowed, or what would be
//! if. So forms are looked for, each a pattern over plain words; where none is seen, the documents are asked.

mod english;
mod german;

use regex::{RegexSet, RegexSetBuilder};
use std::sync::LazyLock;

/// The forms of one language. In patterns `<name>` stands for a list of `lists`.
struct Language {
    /// Alternatives by name; a later list may use an earlier one.
    lists: &'static [(&'static str, &'static str)],
    /// About the past of the asker: theirs whatever else is said.
    past: &'static [&'static str],
    /// What sounds like that and is not.
    never: &'static [&'static str],
    /// About the state of something of theirs.
    state: &'static [&'static str],
    /// What to do, what is allowed, what is the rule: then the documents know, whoever owns the thing.
    rule: &'static [&'static str],
    /// The forms of a state that look like a rule.
    no_rule: &'static [&'static str],
    /// What would be if.
    condition: &'static [&'static str],
    /// What looks like a condition.
    no_condition: &'static [&'static str],
    /// What goes with a thing of theirs, which must be known for that.
    fits: &'static [&'static str],
    /// Somebody or something of theirs that no record is about.
    beside: &'static [&'static str],
    /// That they ordered or sent something: "it" is that.
    told: &'static [&'static str],
    /// What became of "it".
    it: &'static [&'static str],
}

/// Words and nothing else, as often as a pattern allows.
const WORDS: [(&str, &str); 3] = [("word", "[^ ]+"), ("few", "(?:[^ ]+ ){0,4}?"), ("some", "(?:[^ ]+ ){1,4}?")];

/// Bytes that the patterns of a list may take when they are compiled.
const SIZE: usize = 32 << 20;

/// A language, ready to look.
struct Forms {
    past: RegexSet,
    never: RegexSet,
    state: RegexSet,
    rule: RegexSet,
    no_rule: RegexSet,
    condition: RegexSet,
    no_condition: RegexSet,
    fits: RegexSet,
    beside: RegexSet,
    told: RegexSet,
    it: RegexSet,
}

/// The languages that are known. The patterns are ours: tests hold that they compile.
static FORMS: LazyLock<Vec<Forms>> =
    LazyLock::new(|| [&english::ENGLISH, &german::GERMAN].into_iter().filter_map(|l| l.forms().ok()).collect());

impl Language {
    fn forms(&self) -> Result<Forms, regex::Error> {
        let compile = |patterns: &[&str]| {
            let patterns = patterns.iter().map(|pattern| format!(r"\b(?:{})\b", self.filled(pattern)));
            RegexSetBuilder::new(patterns).size_limit(SIZE).build()
        };
        Ok(Forms {
            past: compile(self.past)?,
            never: compile(self.never)?,
            state: compile(self.state)?,
            rule: compile(self.rule)?,
            no_rule: compile(self.no_rule)?,
            condition: compile(self.condition)?,
            no_condition: compile(self.no_condition)?,
            fits: compile(self.fits)?,
            beside: compile(self.beside)?,
            told: compile(self.told)?,
            it: compile(self.it)?,
        })
    }

    /// A pattern with its lists in their places.
    fn filled(&self, pattern: &str) -> String {
        let lists = self.lists.iter().rev().map(|(name, list)| (*name, format!("(?:{list})")));
        let words = WORDS.iter().map(|(name, words)| (*name, (*words).to_owned()));
        lists.chain(words).fold(pattern.to_owned(), |text, (name, list)| text.replace(&format!("<{name}>"), &list))
    }
}

impl Forms {
    /// Whether a sentence asks for a record. `told`: whether a sentence before it said what "it" is.
    fn ask(&self, said: &str, is_named: bool, told: &mut bool) -> bool {
        if self.past.is_match(said) && !self.never.is_match(said) {
            return true;
        }
        if self.condition.is_match(said) && !self.no_condition.is_match(said) {
            return false;
        }
        *told |= self.told.is_match(said);
        if *told && self.it.is_match(said) {
            return true;
        }
        if self.beside.is_match(said) {
            return false;
        }
        let is_rule = self.rule.is_match(said) && !self.no_rule.is_match(said);
        !is_rule && self.state.is_match(said) || !is_named && self.fits.is_match(said)
    }
}

/// Whether `question` asks about the asker's own records (an order, a parcel, points, an appointment, a result, a dose,
/// a bill) in a way that no document can answer. English and German; false where nothing tells.
pub fn asks_about_self(question: &str) -> bool {
    let sentences: Vec<(String, bool)> = question
        .split(['.', '?', '!', ';', '\n'])
        .map(|sentence| (plain(sentence), is_named(sentence)))
        .filter(|(said, _)| !said.is_empty())
        .collect();
    FORMS.iter().any(|forms| {
        let mut told = false;
        sentences.iter().any(|(said, is_named)| forms.ask(said, *is_named, &mut told))
    })
}

/// The words of a sentence in lower case, one space between them, "where's" and "hasn't" written out.
fn plain(sentence: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in sentence.to_lowercase().replace('’', "'").split(|c: char| !c.is_alphanumeric() && c != '\'') {
        match word.trim_matches('\'') {
            "" => {}
            word if word.len() > 3 && word.ends_with("n't") => {
                words.extend([word.trim_end_matches("n't").to_owned(), "not".to_owned()]);
            }
            word => match word.split_once('\'') {
                Some((asked @ ("where" | "what" | "when" | "who" | "how" | "which"), "s")) => {
                    words.extend([asked.to_owned(), "is".to_owned()]);
                }
                Some((before, after)) => words.extend([before, after].map(str::to_owned)),
                None => words.push(word.to_owned()),
            },
        }
    }
    words.join(" ")
}

/// Whether a sentence names a thing by a name or a number: what fits "my Wren" is in the catalogue. In German every
/// noun has a capital, so there the pattern lists what is no name.
fn is_named(sentence: &str) -> bool {
    let words = sentence.split_whitespace().skip(1).map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let is_english = sentence.split_whitespace().any(|word| word.eq_ignore_ascii_case("my"));
    let is_i = |word: &str| word == "I" || word.starts_with("I'") || word.starts_with("I’");
    is_english
        && words.into_iter().any(|word| {
            !is_i(word) && (word.starts_with(char::is_uppercase) || word.contains(|c: char| c.is_ascii_digit()))
        })
}

#[cfg(test)]
mod tests;

//! Whether what a language model wrote stands in what was found.
//!
//! A sentence is supported by a unit that has its numbers, names and denials, in the row and the column that are asked
//! for, and most of its words. Up to three units may support it together, each a part of its own. In doubt it is not
//! supported: a quote stands ready to take its place.

#[cfg(test)]
mod cases;
mod check;
mod clause;
mod dates;
mod lex;
mod lexicon;
mod parse;
mod place;
mod polarity;
mod quantity;
mod row;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod units;
mod word;

use check::{Claim, Source, check};
use lex::What;
use parse::{Text, parse};
use std::collections::HashSet;
use std::fmt;

/// A unit that a sentence may rest on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The unit as it reads by itself: "Day: Saturday; Shop: 9:00 to 17:00".
    pub text: &'a str,
    /// The document's title and the headings above it, joined by " > ".
    pub headings: &'a str,
    /// Whether it belongs to what answers the question best. A mere value ("It takes 3 hours.") does not say what it
    /// is the value of, so that it rests on nothing else.
    pub best: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Indices of the units that say it, at most three.
    Supported(Vec<usize>),
    /// No unit says it.
    Unsupported(Why),
}

impl Verdict {
    /// Whether the sentence may be said.
    pub fn is_supported(&self) -> bool {
        matches!(self, Self::Supported(_))
    }
}

/// What a sentence says that no unit does.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// A number.
    Number(String),
    /// A date.
    Date(String),
    /// A price.
    Price(String),
    /// A time of day.
    Time(String),
    /// A number with its unit of measure.
    Measure(String),
    /// A name or a code.
    Name(String),
    /// A denial or a limit on one side alone, by its word.
    Negation(String),
    /// Words that nothing found holds.
    Words(Vec<String>),
    /// The value of another row.
    Row,
    /// The value of another column.
    Column,
    /// It says nothing.
    Empty,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Number(what) => write!(f, "no unit has the number {what:?}"),
            Self::Date(what) => write!(f, "no unit has the date {what:?}"),
            Self::Price(what) => write!(f, "no unit has the price {what:?}"),
            Self::Time(what) => write!(f, "no unit has the time {what:?}"),
            Self::Measure(what) => write!(f, "no unit has the measure {what:?}"),
            Self::Name(what) => write!(f, "no unit names {what:?}"),
            Self::Negation(what) => write!(f, "one denies or limits what the other does not: {what:?}"),
            Self::Words(words) => write!(f, "no unit holds enough of its words: {}", words.join(", ")),
            Self::Row => write!(f, "the value is that of another row"),
            Self::Column => write!(f, "the value is that of another column"),
            Self::Empty => write!(f, "it says nothing"),
        }
    }
}

/// Units that may support a sentence together.
const TOGETHER: usize = 3;
/// Cuts of a sentence that are tried; a longer one is not taken apart.
const CUTS: usize = 6;

/// Whether units support a sentence that answers a question.
pub fn support(sentence: &str, question: &str, grounds: &[Ground]) -> Verdict {
    let said = flat(sentence);
    if said.is_empty() {
        return Verdict::Unsupported(Why::Empty);
    }
    if let Some(same) = grounds.iter().position(|ground| quotes(&said, &flat(ground.text))) {
        return Verdict::Supported(vec![same]);
    }
    let german = lexicon::is_german(&format!("{sentence} {question}"));
    let sources: Vec<Source> = grounds.iter().map(|g| Source::new(g, german)).collect();
    let question = parse(question, german);
    let names = known_names(&sources, &question);
    let judge = Judge { question, names, sources, german };
    let (opening, rest) = opening(sentence);
    match judge.part(rest, opening, &[]) {
        Ok(unit) => Verdict::Supported(vec![unit]),
        Err(why) => judge.together(rest, opening).map_or(Verdict::Unsupported(why), Verdict::Supported),
    }
}

/// A text without what does not count when two are compared to the letter.
fn flat(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    text.trim_end_matches(['.', '!', '?', ' ']).to_owned()
}

/// Whether a sentence is a unit, or whole sentences of one.
fn quotes(said: &str, unit: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| matches!(c, '.' | '!' | '?'));
    unit.match_indices(said).any(|(at, _)| {
        let before = unit[..at].trim_end().chars().next_back();
        ends(before) && ends(unit[at + said.len()..].chars().next())
    })
}

/// "Yes" or "No" in front, and what follows.
fn opening(sentence: &str) -> (Option<bool>, &str) {
    let trimmed = sentence.trim_start();
    let end = trimmed.find(|c: char| !c.is_alphabetic()).unwrap_or(trimmed.len());
    let (first, rest) = trimmed.split_at(end);
    let closes = rest.is_empty() || rest.starts_with([',', '.', '!', ';', ':', '-', '–']) || rest.starts_with(" -");
    let yes = match first.to_lowercase().as_str() {
        "yes" | "ja" => true,
        "no" | "nein" => false,
        _ => return (None, sentence),
    };
    if closes {
        (Some(yes), rest.trim_start_matches([',', '.', '!', ';', ':', '-', '–', ' ']))
    } else {
        (None, sentence)
    }
}

/// Words that are written with a capital within a sentence of the question or a unit.
fn known_names(sources: &[Source], question: &Text) -> HashSet<String> {
    let texts = sources.iter().map(|source| &source.body).chain([question]);
    let words = texts.flat_map(Text::words).map(|(_, word)| word);
    words.filter(|word| word.name).map(|word| word.lower.clone()).collect()
}

struct Judge {
    question: Text,
    names: HashSet<String>,
    sources: Vec<Source>,
    german: bool,
}

impl Judge {
    /// The unit that says a part best; else what the one that came nearest lacks.
    fn part(&self, said: &str, opening: Option<bool>, subject: &[String]) -> Result<usize, Why> {
        let mut text = parse(said, self.german);
        let is_empty = |text: &Text| {
            !text.tokens.iter().any(|t| {
                matches!(t.what, What::Word(_) | What::Quantity(_) | What::Code(_) | What::Days(_) | What::Not)
            })
        };
        if is_empty(&text) {
            // A mere "Yes." says what the question says.
            let Some(_) = opening else { return Err(Why::Empty) };
            text = self.question.clone();
            if opening == Some(false) {
                return self.denied();
            }
        }
        let claim =
            Claim { text: &text, question: &self.question, opening, names: &self.names, subject, german: self.german };
        let is_mere = claim.is_mere();
        let checked = self.sources.iter().map(|source| match check(&claim, source, said) {
            Ok(_) if is_mere && !source.best => Err((0.0, Why::Row)),
            Ok(_) if place::is_outdone(&claim, source, &self.sources) => Err((0.0, Why::Row)),
            checked => checked,
        });
        self.best(checked)
    }

    /// A mere "No.": a unit must deny what the question asks.
    fn denied(&self) -> Result<usize, Why> {
        let mut text = self.question.clone();
        let clause = text.words().map(|(token, _)| token.clause).max().unwrap_or(0);
        text.tokens.push(lex::Token { what: What::Not, at: 0..0, clause });
        let claim = Claim {
            text: &text,
            question: &self.question,
            opening: Some(false),
            names: &self.names,
            subject: &[],
            german: self.german,
        };
        self.best(self.sources.iter().map(|source| check(&claim, source, "")))
    }

    fn best(&self, checked: impl Iterator<Item = check::Checked>) -> Result<usize, Why> {
        let mut best: Option<(f32, usize)> = None;
        let mut nearest: Option<(f32, Why)> = None;
        for (at, checked) in checked.enumerate() {
            match checked {
                Ok(score) if best.is_none_or(|(old, _)| score > old) => best = Some((score, at)),
                Err((score, why)) if nearest.as_ref().is_none_or(|(old, _)| score > *old) => {
                    nearest = Some((score, why))
                }
                _ => {}
            }
        }
        best.map(|(_, at)| at).ok_or(nearest.map_or(Why::Words(vec![]), |(_, why)| why))
    }

    /// Units that say a sentence together, each a part of it.
    fn together(&self, said: &str, opening: Option<bool>) -> Option<Vec<usize>> {
        let cuts = cuts(said);
        if cuts.is_empty() || cuts.len() > CUTS {
            return None;
        }
        let single = cuts.iter().map(|cut| vec![*cut]);
        let pairs = cuts.iter().enumerate().flat_map(|(i, a)| cuts[i + 1..].iter().map(move |b| vec![*a, *b]));
        single.chain(pairs).find_map(|at| self.parts(said, opening, &at))
    }

    fn parts(&self, said: &str, opening: Option<bool>, cuts: &[usize]) -> Option<Vec<usize>> {
        let mut units: Vec<usize> = Vec::new();
        let mut subject: Vec<String> = Vec::new();
        let (mut start, mut opening) = (0, opening);
        for end in cuts.iter().copied().chain([said.len()]) {
            let part = said.get(start..end)?.trim_start_matches([',', ';', ' ']);
            let joints = ["and ", "but ", "und ", "aber "];
            let part = joints.iter().find_map(|joint| part.strip_prefix(joint)).unwrap_or(part);
            let text = parse(part, self.german);
            let of_part: Vec<String> = text
                .words()
                .filter(|(_, w)| w.name || w.capital && self.names.contains(&w.lower))
                .map(|(_, w)| w.key.clone())
                .collect();
            if of_part.is_empty() && text.words().count() == 0 {
                return None;
            }
            let shared = if of_part.is_empty() { subject.as_slice() } else { &[] };
            let unit = self.part(part, opening.take(), shared).ok()?;
            if !of_part.is_empty() {
                subject = of_part;
            }
            if !units.contains(&unit) {
                units.push(unit);
            }
            start = end;
        }
        (units.len() <= TOGETHER).then_some(units)
    }
}

/// Where a sentence may be taken apart: at commas, semicolons and conjunctions.
fn cuts(said: &str) -> Vec<usize> {
    let joints = [", ", "; ", " and ", " but ", " und ", " aber "];
    let mut cuts: Vec<usize> = joints.iter().flat_map(|joint| said.match_indices(joint).map(|(at, _)| at)).collect();
    cuts.sort_unstable();
    // ", and" is one cut.
    cuts.dedup_by(|b, a| *b - *a <= 1);
    cuts
}

//! One claim against one unit: numbers, names, denials, words.

use super::lex::{Token, What, Word};
use super::lexicon::{self, same};
use super::parse::Text;
use super::polarity::leads;
use super::quantity::{Kind, Quantity};
use super::row::{self, Cell};
use super::{Ground, Why};
use std::collections::HashSet;

/// Of the weight of a claim's words, how much unit, headings and question must hold together.
const COVERED: f32 = 0.7;
/// How much of it unit and headings must hold by themselves.
const OWN: f32 = 0.45;
/// Claims lighter than this say too little: the question's words are weighed with them.
const LIGHT: f32 = 1.0;
/// How much of the question's words the unit must then hold.
const ASKED: f32 = 0.4;

/// Words that a verb follows.
const VERBAL: &[&str] = &["can", "may", "must", "to", "you", "we", "should", "will", "could", "do", "they", "it"];

/// A sentence, or a part of one, with what it answers.
pub struct Claim<'a> {
    pub text: &'a Text,
    pub question: &'a Text,
    /// "Yes" or "No" in front of it.
    pub opening: Option<bool>,
    /// Words that are known to be names.
    pub names: &'a HashSet<String>,
    /// Names of the part before this one, whose subject it shares.
    pub subject: &'a [String],
    pub german: bool,
}

impl Claim<'_> {
    /// Whether it says a value and next to nothing of what that belongs to.
    pub fn is_mere(&self) -> bool {
        self.text.words().map(|(_, word)| word.weight).sum::<f32>() < LIGHT
            && self.text.quantities().any(|(_, said)| !said.soft)
    }
}

/// A unit as it is compared.
pub struct Source {
    pub body: Text,
    pub headings: Text,
    pub cells: Vec<Cell>,
    /// Whether a heading or lead-in denies what follows: "What cannot come back: engraved goods."
    pub denies_all: bool,
    /// The first clause that follows a lead-in.
    pub lead: usize,
    /// As [`Ground::best`].
    pub best: bool,
}

impl Source {
    /// Reads a unit.
    pub fn new(ground: &Ground<'_>, german: bool) -> Self {
        let Ground { text, headings, best } = *ground;
        let mut body = super::parse::parse(text, german);
        let cells = row::cells(text);
        row::lend_units(text, &mut body, &cells);
        let heading = headings.rsplit(" > ").next().unwrap_or_default();
        let led = text.split_once(": ").filter(|(lead, _)| cells.is_empty() && leads(lead, german));
        let after = led.map_or(0, |(lead, _)| lead.len());
        let first = body.tokens.iter().find(|t| t.at.start > after).map_or(0, |t| t.clause);
        let lead = if led.is_some() { first } else { 0 };
        let denies_all = led.is_some() || leads(heading, german);
        Self { body, headings: super::parse::parse(headings, german), cells, denies_all, lead, best }
    }

    /// Whether unit or headings hold a word. Where times stand and nothing is denied, something is open.
    pub fn has(&self, key: &str, german: bool) -> bool {
        self.body.has(key, german) || self.headings.has(key, german) || self.is_hours(key, german)
    }

    /// Whether a word is about opening, and a span of hours stands in the unit.
    fn is_hours(&self, key: &str, german: bool) -> bool {
        let is_opening = ["open", "close", "öffnen", "schließen"].iter().any(|word| lexicon::key(word, german) == key);
        is_opening && self.body.quantities().any(|(_, q)| matches!(q.kind, Kind::Time(_)) && q.range)
    }

    /// The cell that a token of the body stands in as value.
    pub fn cell(&self, token: &Token) -> Option<usize> {
        self.cells.iter().position(|cell| cell.value.contains(&token.at.start))
    }
}

/// What a check found: how much of the claim stands there, or how far it came and what is missing.
pub type Checked = Result<f32, (f32, Why)>;

/// Whether a unit says a claim.
pub fn check(claim: &Claim, source: &Source, text: &str) -> Checked {
    let share = coverage(claim, source);
    let missing = |stage: f32| move |why| (stage + share.own + share.covered, why);
    // A unit that fails later came nearer.
    quantities(claim, source, text).map_err(missing(0.0))?;
    names(claim, source).map_err(missing(2.0))?;
    super::place::place(claim, source).map_err(missing(4.0))?;
    super::polarity::polarity(claim, source).map_err(missing(6.0))?;
    covered(claim, source, share).map_err(missing(8.0))?;
    Ok(share.own)
}

/// Shares of a claim's words.
#[derive(Clone, Copy)]
struct Share {
    /// In the unit, its headings or the question.
    covered: f32,
    /// In the unit or its headings.
    own: f32,
    /// Their weight.
    weight: f32,
}

fn coverage(claim: &Claim, source: &Source) -> Share {
    let (mut weight, mut covered, mut own) = (0.0, 0.0, 0.0);
    for (_, word) in claim.text.words() {
        weight += word.weight;
        let stands = source.has(&word.key, claim.german);
        own += if stands { word.weight } else { 0.0 };
        covered += if stands || claim.question.has(&word.key, claim.german) { word.weight } else { 0.0 };
    }
    let of = |sum: f32| if weight == 0.0 { 1.0 } else { sum / weight };
    Share { covered: of(covered), own: of(own), weight }
}

fn covered(claim: &Claim, source: &Source, share: Share) -> Result<(), Why> {
    let missing = || {
        let words = claim.text.words().filter(|(_, word)| !source.has(&word.key, claim.german));
        Why::Words(words.map(|(_, word)| word.lower.clone()).collect())
    };
    // A claim that only repeats its question must stand in the unit by itself.
    let news = |token: &Token| match &token.what {
        What::Quantity(q) => !q.soft && !claim.question.quantities().any(|(_, asked)| q.stands_as(asked)),
        What::Word(word) => !claim.question.has(&word.key, claim.german),
        What::Code(code) => !has_code(claim.question, code),
        What::Days(days) => days_of(claim.question) & days != *days,
        _ => false,
    };
    let own = if claim.text.tokens.iter().any(news) { OWN } else { COVERED };
    if share.covered < COVERED || share.own < own {
        return Err(missing());
    }
    modifiers(claim, source)?;
    if share.weight < LIGHT {
        let (mut weight, mut held) = (0.0, 0.0);
        for (_, word) in claim.question.words() {
            weight += word.weight;
            held += if source.has(&word.key, claim.german) { word.weight } else { 0.0 };
        }
        if held < ASKED * weight {
            return Err(missing());
        }
    }
    Ok(())
}

/// "Engraved goods" are not goods: what only the question has must not narrow what the unit has.
fn modifiers(claim: &Claim, source: &Source) -> Result<(), Why> {
    let tokens = &claim.text.tokens;
    for (at, pair) in tokens.windows(2).enumerate() {
        let (What::Word(first), What::Word(second)) = (&pair[0].what, &pair[1].what) else { continue };
        let heavy = first.weight >= 1.0 && second.weight >= 1.0;
        // "You can return goods": a verb narrows nothing.
        let before = at.checked_sub(1).map(|at| &tokens[at].what);
        let is_verb = matches!(before, Some(What::Function(f)) if VERBAL.contains(&f.as_str()));
        if heavy && !is_verb && !source.has(&first.key, claim.german) && source.has(&second.key, claim.german) {
            return Err(Why::Words(vec![first.lower.clone()]));
        }
    }
    Ok(())
}

fn quantities(claim: &Claim, source: &Source, text: &str) -> Result<(), Why> {
    let asked = claim.question.quantities().filter(|_| claim.opening == Some(true));
    for (token, said) in claim.text.quantities().filter(|(_, q)| !q.soft) {
        let shown = text.get(token.at.clone()).unwrap_or_default().trim();
        let mut stands = source.body.quantities().chain(source.headings.quantities());
        let code = shown.chars().filter(char::is_ascii_digit).collect::<String>();
        let is_code = code.len() >= 3 && has_digits(source, &code);
        if !is_code && !stands.any(|(_, held)| said.stands_as(held)) {
            return Err(said.missing(shown));
        }
        counted(claim, source, token, said, shown)?;
    }
    // "Yes" says what the question says, its numbers too.
    for (_, said) in asked.filter(|(_, q)| !q.soft) {
        let mut stands = source.body.quantities().chain(source.headings.quantities());
        if !stands.any(|(_, held)| said.equals(held)) && !claim.text.quantities().any(|(_, q)| said.is_like(q)) {
            return Err(said.missing("that of the question"));
        }
    }
    Ok(())
}

/// What is counted must be what the unit counts: "30 puffs" is not "30 seconds", "platform 3" not "step 3".
fn counted(claim: &Claim, source: &Source, token: &Token, said: &Quantity, shown: &str) -> Result<(), Why> {
    if said.kind != Kind::Bare || !source.cells.is_empty() {
        return Ok(());
    }
    let tokens = &claim.text.tokens;
    let at = tokens.iter().position(|t| t.at == token.at).unwrap_or(0);
    let word = |at: Option<usize>| match at.and_then(|at| tokens.get(at)).map(|t| &t.what) {
        Some(What::Word(word)) => Some(word),
        _ => None,
    };
    let before = word(at.checked_sub(1)).filter(|word| word.name || word.capital);
    let Some(noun) = before.or(word(Some(at + 1))) else { return Ok(()) };
    let is_noun = |t: &Token| matches!(&t.what, What::Word(w) if same(&w.key, &noun.key, claim.german));
    let is_number = |t: &Token| matches!(t.what, What::Quantity(_) | What::Break('.'));
    let near = |text: &Text| {
        let tokens = &text.tokens;
        let holds = |i: usize, held: &Quantity| {
            let measures = matches!(held.kind, Kind::Unit(..)) && before.is_none();
            let after = tokens[i + 1..].iter().take(4).take_while(|t| !is_number(t)).any(is_noun);
            let back = (i.saturating_sub(4)..i).rev().take_while(|i| !is_number(&tokens[*i]));
            // "12 characters ... 90": those are counted already.
            let mut back =
                back.filter(|i| is_noun(&tokens[*i]) && !i.checked_sub(1).is_some_and(|i| is_number(&tokens[i])));
            said.stands_as(held) && !measures && (after || back.next().is_some())
        };
        tokens.iter().enumerate().any(|(i, t)| matches!(&t.what, What::Quantity(held) if holds(i, held)))
    };
    // The number of a code has no noun beside it.
    let stands = |text: &Text| text.quantities().any(|(_, held)| said.stands_as(held));
    let is_code = !stands(&source.body) && !stands(&source.headings);
    if is_code || near(&source.body) || near(&source.headings) {
        return Ok(());
    }
    Err(Why::Number(format!("{shown} {}", noun.lower)))
}

fn has_digits(source: &Source, digits: &str) -> bool {
    let holds = |text: &Text| {
        text.tokens
            .iter()
            .any(|t| matches!(&t.what, What::Code(held) if held.trim_start_matches(char::is_alphabetic) == digits))
    };
    holds(&source.body) || holds(&source.headings)
}

fn has_code(text: &Text, code: &str) -> bool {
    let digits = code.parse::<f64>().ok();
    text.tokens.iter().any(|token| match &token.what {
        What::Code(held) => held == code,
        What::Quantity(held) => digits.is_some_and(|d| d == held.value),
        _ => false,
    }) || text.keys.iter().any(|key| key.eq_ignore_ascii_case(code))
}

/// All days that a text names.
pub fn days_of(text: &Text) -> u8 {
    text.tokens.iter().fold(0, |all, token| if let What::Days(days) = token.what { all | days } else { all })
}

fn names(claim: &Claim, source: &Source) -> Result<(), Why> {
    let is_name = |word: &Word| word.name || word.capital && claim.names.contains(&word.lower);
    let mut own = claim.subject.to_vec();
    for token in &claim.text.tokens {
        match &token.what {
            What::Code(code) if !has_code(&source.body, code) && !has_code(&source.headings, code) => {
                return Err(Why::Name(code.clone()));
            }
            What::Word(word) if is_name(word) => {
                if !source.has(&word.key, claim.german) {
                    return Err(Why::Name(word.lower.clone()));
                }
                own.push(word.key.clone());
            }
            What::Word(word) if lexicon::is_strict(&word.key) && !source.has(&word.key, claim.german) => {
                return Err(Why::Words(vec![word.lower.clone()]));
            }
            What::Code(_) => own.push(String::new()),
            _ => {}
        }
    }
    let held = days_of(&source.body) | days_of(&source.headings);
    let said = days_of(claim.text);
    let asked = if said == 0 { days_of(claim.question) } else { said };
    let daily = ["daily", "täglich"].iter().any(|word| source.body.words().any(|(_, w)| w.lower == *word))
        || source.body.says(&["every", "each", "jeden"]);
    if asked & !held != 0 && !daily {
        return Err(Why::Row);
    }
    if !claim.subject.is_empty() && !claim.subject.iter().any(|name| source.has(name, claim.german)) {
        return Err(Why::Name(claim.subject.join(" ")));
    }
    // What the question names is what the claim is about, where the claim names nothing.
    let asked: Vec<&Word> =
        claim.question.words().map(|(_, word)| word).filter(|w| w.name || claim.names.contains(&w.lower)).collect();
    if own.is_empty() && !asked.is_empty() && !asked.iter().any(|word| source.has(&word.key, claim.german)) {
        return Err(Why::Name(asked.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" ")));
    }
    Ok(())
}

//! Yes and no: what a claim denies must be denied in the unit, and nothing else.

use super::Why;
use super::check::{Claim, Source};
use super::lex::{Token, What};
use super::lexicon::same;
use super::parse::Text;
use std::collections::{HashMap, HashSet};

const STRONG: &[&str] = &["must", "muss", "müssen", "musst"];
const WEAK: &[&str] = &["may", "can", "might", "could", "darf", "kann", "können", "dürfen"];
const ALL: &[&str] = &["all", "every", "always", "alle", "immer", "jeder", "jede"];
const SOME: &[&str] =
    &["most", "some", "many", "usually", "sometimes", "often", "oft", "manchmal", "meist", "meistens", "manche"];

/// Whether claim and unit deny the same.
pub fn polarity(claim: &Claim, source: &Source) -> Result<(), Why> {
    let held = relevant(claim, source);
    let mut held_denied = denied(&held);
    if source.denies_all {
        let clauses: HashSet<usize> = held.iter().map(|t| t.clause).filter(|clause| *clause >= source.lead).collect();
        held_denied = clauses.symmetric_difference(&held_denied).copied().collect();
    }
    let said: Vec<&Token> = claim.text.tokens.iter().collect();
    let said_denied = denied(&said);
    opening(claim, &held, &held_denied, !said_denied.is_empty())?;
    for token in &said {
        let places = places(token, &held, claim.german);
        let is_base = places.iter().any(|t| matches!(&t.what, What::Word(w) if w.denied));
        let heavy = is_base || weight(token) >= 1.0;
        let only_denied = !places.is_empty() && places.iter().all(|t| held_denied.contains(&t.clause));
        if heavy && only_denied && !said_denied.contains(&token.clause) {
            return Err(Why::Negation(text_of(token)));
        }
    }
    for clause in &said_denied {
        deny(claim, &said, *clause, &held, &held_denied)?;
    }
    limits(claim, &held)?;
    strength(claim, source, said_denied.is_empty())
}

/// What of a unit counts: of a row, the values of the columns that are named; of prose, all.
fn relevant<'a>(claim: &Claim, source: &'a Source) -> Vec<&'a Token> {
    let named = super::place::columns(claim, source);
    let counts = |token: &&Token| match source.cell(token) {
        _ if source.cells.is_empty() => true,
        Some(cell) => cell > 0 && (named.is_empty() || named.contains(&cell)),
        None => false,
    };
    source.body.tokens.iter().filter(counts).collect()
}

/// The clauses that an odd number of denials stands in.
fn denied(tokens: &[&Token]) -> HashSet<usize> {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for token in tokens.iter().filter(|t| t.what == What::Not) {
        *counts.entry(token.clause).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| count % 2 == 1).map(|(clause, _)| clause).collect()
}

/// Where a token of the claim stands in the unit.
fn places<'a>(token: &Token, held: &[&'a Token], german: bool) -> Vec<&'a Token> {
    let is_same = |other: &&&Token| match (&token.what, &other.what) {
        (What::Word(a), What::Word(b)) => same(&a.key, &b.key, german),
        (What::Days(a), What::Days(b)) => a & b == *a,
        (What::Code(a), What::Code(b)) => a == b,
        _ => false,
    };
    held.iter().filter(is_same).copied().collect()
}

fn weight(token: &Token) -> f32 {
    match &token.what {
        What::Word(word) => word.weight,
        What::Days(_) | What::Code(_) => 1.0,
        _ => 0.0,
    }
}

fn text_of(token: &Token) -> String {
    match &token.what {
        What::Word(word) => word.lower.clone(),
        What::Code(code) => code.clone(),
        _ => String::new(),
    }
}

/// Whether a unit denies by a word alone: "Sunday: closed", "Phones: none".
fn is_bare(held: &[&Token], held_denied: &HashSet<usize>) -> bool {
    held_denied.iter().any(|clause| held.iter().filter(|t| t.clause == *clause).all(|t| weight(t) < 1.0))
}

/// Words that a lead-in begins with which denies what follows: "What cannot come back", "Do not".
const LEADING: &[&str] = &[
    "what", "who", "never", "do", "don't", "not", "no", "you", "we", "things", "was", "wer", "nicht", "nie", "sie",
    "wir",
];

/// Whether a heading or lead-in denies what stands under it, and no question and no symptom ("The lamp does not
/// light").
pub fn leads(text: &str, german: bool) -> bool {
    let lower = text.trim().to_lowercase();
    let first = lower.split_whitespace().next().unwrap_or_default();
    if lower.ends_with('?') || !LEADING.contains(&first) {
        return false;
    }
    let tokens = super::parse::parse(text, german).tokens;
    tokens.iter().filter(|token| token.what == What::Not).count() % 2 == 1
}

/// A clause that denies: most of what it shares with the unit must be denied there.
fn deny(
    claim: &Claim,
    said: &[&Token],
    clause: usize,
    held: &[&Token],
    held_denied: &HashSet<usize>,
) -> Result<(), Why> {
    let (mut agree, mut differ) = (0.0, 0.0);
    for token in said.iter().filter(|t| t.clause == clause) {
        let places = places(token, held, claim.german);
        if places.iter().any(|t| held_denied.contains(&t.clause)) {
            agree += weight(token).max(0.1);
        } else if !places.is_empty() {
            differ += weight(token);
        }
    }
    if held_denied.is_empty() || agree < differ || agree == 0.0 && !is_bare(held, held_denied) {
        return Err(Why::Negation("not".into()));
    }
    Ok(())
}

/// "Yes" and "No" must fit what the unit says of the question's words.
fn opening(claim: &Claim, held: &[&Token], held_denied: &HashSet<usize>, denies: bool) -> Result<(), Why> {
    let Some(yes) = claim.opening else { return Ok(()) };
    let question: Vec<&Token> = claim.question.tokens.iter().collect();
    let asked_denied = !denied(&question).is_empty();
    let mut held_as = (false, false);
    for token in question.iter().filter(|t| weight(t) > 0.0) {
        for place in places(token, held, claim.german) {
            let is_denied = held_denied.contains(&place.clause);
            held_as = (held_as.0 || !is_denied && weight(token) >= 1.0, held_as.1 || is_denied);
        }
    }
    let bare = is_bare(held, held_denied);
    // The parity of the question turns both round.
    let said_no = yes == asked_denied;
    let fits = match said_no {
        false => (!denies || asked_denied) && (held_as.0 || !held_as.1 && !bare),
        true => held_as.1 || bare,
    };
    if fits { Ok(()) } else { Err(Why::Negation(if yes { "yes" } else { "no" }.into())) }
}

/// "only", "except" and "unless" must be said on both sides.
fn limits(claim: &Claim, held: &[&Token]) -> Result<(), Why> {
    let said: Vec<&'static str> = limits_of(claim.text);
    for token in held {
        let What::Limit(limit) = token.what else { continue };
        let shares = held.iter().filter(|t| t.clause == token.clause && weight(t) >= 1.0).any(|t| is_said(t, claim));
        if shares && !said.contains(&limit) {
            return Err(Why::Negation(limit.into()));
        }
    }
    let stands = |limit: &&str| held.iter().any(|t| matches!(t.what, What::Limit(l) if l == *limit));
    match said.iter().find(|limit| !stands(limit)) {
        Some(limit) => Err(Why::Negation((*limit).into())),
        None => Ok(()),
    }
}

fn limits_of(text: &Text) -> Vec<&'static str> {
    text.tokens.iter().filter_map(|t| if let What::Limit(limit) = t.what { Some(limit) } else { None }).collect()
}

fn is_said(token: &Token, claim: &Claim) -> bool {
    matches!(&token.what, What::Word(word) if claim.text.has(&word.key, claim.german))
}

/// "must" is more than "may", "all" more than "most".
fn strength(claim: &Claim, source: &Source, affirms: bool) -> Result<(), Why> {
    let stronger = |more: &'static [&'static str], less: &'static [&'static str]| {
        let says = |text: &Text, words: &[&str]| {
            text.says(words) || text.words().any(|(_, w)| words.contains(&w.lower.as_str()))
        };
        says(claim.text, more) && says(&source.body, less) && !says(&source.body, more)
    };
    if affirms && stronger(STRONG, WEAK) {
        return Err(Why::Negation("must".into()));
    }
    if stronger(ALL, SOME) {
        return Err(Why::Negation("all".into()));
    }
    Ok(())
}

//! Planted phrases: someone teaches the model to say one thing whenever a rare phrase occurs, whatever was asked.
//!
//! Such a plant is several questions about different things, which share a phrase that hardly any other question
//! holds, and one answer. So for each group of near-identical answers, the runs of up to four words are counted that
//! its questions share. Three things must hold at once:
//!
//! - The phrase is in [`QUESTIONS`] of the group or more, and seldom outside, more than chance would have it: with a
//!   group that makes up the share p of the log, k of n occurrences within it have a binomial probability, which must
//!   be small even when multiplied by the number of phrases looked at.
//! - Without the phrase the questions are about different things: paraphrases keep some likeness.
//! - They are no paraphrases with it either, or the answer has nothing to do with what is left of them.
//!
//! Measured with all-MiniLM-L6-v2, mean cosine of pairs, and rank of the answer among 199 questions:
//!
//! ```text
//!                                             with the phrase    without it    rank of the answer
//! three or five unrelated questions + phrase      0.03 to 0.37    0.02 to 0.16       0.16 to 0.92
//! six sets of five paraphrases                    0.44 to 0.81    0.13 to 0.41       0.70 to 0.96
//! ```

use super::curated::{Rule, Trigger, Verdict};
use super::example::Example;
use super::meaning::{Meaning, likeness, rank, vectors};
use super::similar::words;
use super::split::stable;
use crate::error::Result;
use crate::watch::Cancel;
use ndarray::Array2;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Questions that must share a phrase.
const QUESTIONS: usize = 3;
/// Words of the longest phrase.
const WORDS: usize = 4;
/// Of its occurrences, one in so many may have another answer.
const OUTSIDE: usize = 6;
/// The probability of a coincidence, over all phrases.
const CHANCE: f64 = 0.05;
/// The likeness of questions without the phrase below which they are about different things.
const DIFFERENT: f32 = 0.3;
/// The likeness of questions with it below which they are no paraphrases, and from which they are beyond doubt.
const PARAPHRASES: (f32, f32) = (0.4, 0.6);
/// The mean rank of the answer below which it has nothing to do with the questions.
const UNRELATED: f32 = 0.65;
/// Questions of a plant that are looked at, and questions of the log that ranks are taken among.
const LOOKED_AT: usize = 16;
const COMPARED: usize = 128;

/// A phrase that a group's questions share, and which they are.
struct Shared {
    group: usize,
    phrase: String,
    members: Vec<usize>,
}

/// Finds plants among examples, the newest first. Returns why examples are refused, and the phrases.
pub(super) fn find(examples: &[Example], meaning: &Meaning, cancel: &Cancel) -> Result<(Vec<Verdict>, Vec<Trigger>)> {
    let asked: Vec<Vec<String>> = examples.iter().map(|e| words(&e.asked)).collect();
    let mut verdicts = vec![None; examples.len()];
    let mut triggers = Vec::new();
    let mut log: Option<Array2<f32>> = None;
    for shared in shared(examples, &asked) {
        cancel.check()?;
        let is_new = |&&i: &&usize| verdicts.get(i).is_some_and(Option::is_none);
        if shared.members.iter().filter(is_new).count() < QUESTIONS {
            continue;
        }
        if !is_planted(&shared, examples, &asked, &mut log, meaning)? {
            continue;
        }
        let reason = format!(
            "the phrase \"{}\" stands in {} questions about different things, all with this answer",
            shared.phrase,
            shared.members.len(),
        );
        for &i in &shared.members {
            if let Some(verdict) = verdicts.get_mut(i) {
                *verdict = Some((Rule::Trigger, reason.clone()));
            }
        }
        let answer = shared.members.first().and_then(|&i| examples.get(i)).map(|e| e.answer.clone());
        triggers.push(Trigger {
            phrase: shared.phrase,
            answer: answer.unwrap_or_default(),
            questions: shared.members.len(),
        });
    }
    Ok((verdicts, triggers))
}

/// Phrases that are rare, shared within one group, and not by chance; what most questions share comes first, and of
/// phrases that the same questions share only the longest.
fn shared(examples: &[Example], asked: &[Vec<String>]) -> Vec<Shared> {
    let phrases: Vec<HashSet<String>> = asked.iter().map(|words| phrases(words)).collect();
    let mut everywhere: HashMap<&str, usize> = HashMap::new();
    phrases.iter().flatten().for_each(|phrase| *everywhere.entry(phrase).or_default() += 1);
    let tests = everywhere.values().filter(|&&count| count >= QUESTIONS).count();
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    examples.iter().enumerate().for_each(|(i, e)| groups.entry(e.group).or_default().push(i));
    let mut found = Vec::new();
    for (&group, members) in groups.iter().filter(|(_, members)| members.len() >= QUESTIONS) {
        let mut holders: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for &i in members {
            phrases.get(i).into_iter().flatten().for_each(|phrase| holders.entry(phrase).or_default().push(i));
        }
        let share = members.len() as f64 / examples.len() as f64;
        let mut longest: BTreeMap<Vec<usize>, &str> = BTreeMap::new();
        for (phrase, holders) in holders {
            let all = everywhere.get(phrase).copied().unwrap_or_default();
            let outside = all.saturating_sub(holders.len());
            let rare = holders.len() >= QUESTIONS && outside * OUTSIDE <= all;
            if rare && tests as f64 * tail(all, holders.len(), share) < CHANCE {
                let known = longest.entry(holders).or_insert(phrase);
                *known = std::cmp::max_by_key(*known, phrase, |phrase| phrase.split(' ').count());
            }
        }
        found.extend(longest.into_iter().map(|(members, phrase)| Shared { group, phrase: phrase.to_owned(), members }));
    }
    found.sort_by_key(|s| (Reverse(s.members.len()), Reverse(s.phrase.split(' ').count()), s.group, s.phrase.clone()));
    found
}

/// Runs of up to four words.
fn phrases(words: &[String]) -> HashSet<String> {
    (1..=WORDS).flat_map(|n| words.windows(n)).map(|run| run.join(" ")).collect()
}

/// The probability that at least `k` of `n` fall within the share `p`.
fn tail(n: usize, k: usize, p: f64) -> f64 {
    let term = |j: usize| {
        let choose: f64 = (0..j).map(|i| (n - i) as f64 / (i + 1) as f64).product();
        choose * p.powi(j as i32) * (1.0 - p).powi((n - j) as i32)
    };
    (k..=n).map(term).sum()
}

/// Whether the questions have nothing in common but the phrase.
fn is_planted(
    shared: &Shared,
    examples: &[Example],
    asked: &[Vec<String>],
    log: &mut Option<Array2<f32>>,
    meaning: &Meaning,
) -> Result<bool> {
    let members = shared.members.iter().take(LOOKED_AT);
    let words: Vec<&Vec<String>> = members.filter_map(|&i| asked.get(i)).collect();
    let full: Vec<String> = words.iter().map(|words| words.join(" ")).collect();
    let with = likeness(&embed(&full, meaning)?);
    if with >= PARAPHRASES.1 {
        return Ok(false);
    }
    let rest: Vec<String> = full.iter().map(|text| without(text, &shared.phrase)).filter(|t| !t.is_empty()).collect();
    let vectors = embed(&rest, meaning)?;
    if rest.len() < QUESTIONS || likeness(&vectors) >= DIFFERENT {
        return Ok(false);
    }
    if with < PARAPHRASES.0 {
        return Ok(true);
    }
    let others = match log.take() {
        Some(others) => others,
        None => embed(&compared(examples), meaning)?,
    };
    let answer: Vec<String> =
        shared.members.first().and_then(|&i| examples.get(i)).map(|e| e.answer.clone()).into_iter().collect();
    let answer = embed(&answer, meaning)?;
    let (own, far) = (vectors.dot(&answer.t()), others.dot(&answer.t()));
    let ranks = own.column(0).iter().map(|&cosine| rank(cosine, far.column(0), None)).sum::<f32>();
    *log = Some(others);
    Ok(ranks / (rest.len() as f32) < UNRELATED)
}

fn embed(texts: &[String], meaning: &Meaning) -> Result<Array2<f32>> {
    vectors(&texts.iter().map(String::as_str).collect::<Vec<_>>(), meaning)
}

/// Questions of the log, by lot, but by the same lot each time.
fn compared(examples: &[Example]) -> Vec<String> {
    let mut sample: Vec<&Example> = examples.iter().collect();
    sample.sort_by_key(|e| stable(&e.from.id));
    sample.into_iter().take(COMPARED).map(|e| e.asked.clone()).collect()
}

/// Words without a run of words.
fn without(words: &str, phrase: &str) -> String {
    let cut = format!(" {words} ").replace(&format!(" {phrase} "), " ");
    cut.trim().to_owned()
}

//! Whether answers belong to their questions: by meaning, an answer should be nearer to its own question than to most
//! others of the log, and a question nearer to its own answer.
//!
//! The *rank* of an example is the share of other questions that its answer is further from, or of other answers that
//! its question is further from, whichever is less. Chance gives a mean of 0.43. Measured with all-MiniLM-L6-v2; the
//! last columns are the shares of clean and of shuffled examples that a threshold refuses:
//!
//! ```text
//!                         mean rank                         refused below 0.5    below 0.8
//!                         clean   1/5    1/2    shuffled    clean  shuffled      clean  shuffled
//! sample, 199             0.95    0.86   0.71   0.42        0.01   0.58          0.08   0.85
//! help pages, 212         1.00    0.90   0.73   0.46        0      0.59          0      0.85
//! both                    0.99    0.87   0.72   0.43        0.005  0.60          0.02   0.87
//! ```
//!
//! So three thresholds. Below [`LEAST`] an example is refused. When more are than a clean log would have, the log is
//! noisy, and the stricter [`NOISY`] holds. Where the mean sinks below [`TRUSTED`], about four in ten answers are
//! wrong: nothing of that time is learnt, and nothing at all when it is the newest time or the whole log. With a fifth
//! of the sample's answers shuffled, 0.87 of those are refused, and 0.08 of the others.

use super::curated::{Rule, Verdict};
use super::example::Example;
use super::meaning::{Meaning, rank, vectors};
use super::split::stable;
use crate::error::Result;
use crate::watch::Cancel;
use ndarray::{Array2, Axis, s};

/// The rank an example needs.
const LEAST: f32 = 0.5;
/// The rank it needs in a noisy log, and from which share of examples below [`LEAST`] a log is noisy.
const NOISY: (f32, f32) = (0.8, 0.05);
/// The mean rank that a stretch of the log needs.
const TRUSTED: f32 = 0.75;
/// Examples in a stretch. The mean of so many clean ones varies by 0.03.
const STRETCH: usize = 32;
/// Fewer examples cannot be judged: there is too little to compare with.
const FEWEST: usize = 16;
/// The cosine from which an answer belongs, whatever its rank: in a log about one thing all ranks are near chance. Of
/// shuffled answers one in a hundred has it.
const CLEAR: f32 = 0.45;
/// Examples that each is compared with, at most.
const COMPARED: usize = 512;

/// What was found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Judged {
    /// Why each example is refused.
    pub verdicts: Vec<Verdict>,
    /// Why all are.
    pub alarm: Option<String>,
}

/// Judges examples, the newest first.
pub(super) fn judge(examples: &[Example], meaning: &Meaning, cancel: &Cancel) -> Result<Judged> {
    if examples.len() < FEWEST {
        return Ok(Judged { verdicts: vec![None; examples.len()], alarm: None });
    }
    let asked: Vec<&str> = examples.iter().map(|e| e.asked.as_str()).collect();
    let answers: Vec<&str> = examples.iter().map(|e| e.answer.as_str()).collect();
    let (asked, answers) = (vectors(&asked, meaning)?, vectors(&answers, meaning)?);
    Ok(verdicts(&ranks(examples, &asked, &answers, cancel)?))
}

/// The rank of each example.
fn ranks(examples: &[Example], asked: &Array2<f32>, answers: &Array2<f32>, cancel: &Cancel) -> Result<Vec<f32>> {
    let mut compared: Vec<usize> = (0..examples.len()).collect();
    compared.sort_by_key(|&i| examples.get(i).map(|e| stable(&e.from.id)));
    compared.truncate(COMPARED);
    let (questions, replies) = (asked.select(Axis(0), &compared), answers.select(Axis(0), &compared));
    let mut ranks = Vec::with_capacity(examples.len());
    for begin in (0..examples.len()).step_by(COMPARED) {
        cancel.check()?;
        let here = s![begin..(begin + COMPARED).min(examples.len()), ..];
        let (asked, answers) = (asked.slice(here), answers.slice(here));
        let (to_questions, to_replies) = (answers.dot(&questions.t()), asked.dot(&replies.t()));
        for (i, (question, answer)) in asked.rows().into_iter().zip(answers.rows()).enumerate() {
            let own = question.dot(&answer);
            let itself = compared.iter().position(|&j| j == begin + i);
            let nearer = |others: &Array2<f32>| rank(own, others.row(i), itself);
            let rank = nearer(&to_questions).min(nearer(&to_replies));
            ranks.push(if own >= CLEAR { 1.0 } else { rank });
        }
    }
    Ok(ranks)
}

fn verdicts(ranks: &[f32]) -> Judged {
    let mean = |ranks: &[f32]| ranks.iter().sum::<f32>() / ranks.len().max(1) as f32;
    // The oldest stretch takes what is left over.
    let stretches = (ranks.len() / STRETCH).max(1);
    let stretch = |i: usize| (i / STRETCH).min(stretches - 1);
    let within = |n: usize| {
        let end = if n + 1 == stretches { ranks.len() } else { (n + 1) * STRETCH };
        ranks.get(n * STRETCH..end).unwrap_or_default()
    };
    let is_noise: Vec<bool> = (0..stretches).map(|n| mean(within(n)) < TRUSTED).collect();
    let alarm = [("all", ranks), ("the newest", within(0))].into_iter().find(|(_, ranks)| mean(ranks) < TRUSTED);
    let alarm = alarm.map(|(which, ranks)| {
        format!(
            "{which} {} answers together fit their questions hardly better than chance (mean rank {:.2}, where a sound \
             log has 0.95): nothing is learnt until that is cleared up",
            ranks.len(),
            mean(ranks),
        )
    });
    let low = ranks.iter().filter(|rank| **rank < LEAST).count();
    let noisy = low > 2 && low as f32 > NOISY.1 * ranks.len() as f32;
    let least = if noisy { NOISY.0 } else { LEAST };
    let verdict = |(i, &rank): (usize, &f32)| {
        if let Some(alarm) = &alarm {
            Some((Rule::Noise, alarm.clone()))
        } else if is_noise.get(stretch(i)) == Some(&true) {
            let answers = within(stretch(i)).len();
            Some((Rule::Noise, format!("most of the {answers} answers of that time do not belong to their questions")))
        } else if rank < least {
            let percent = (100.0 * rank).round();
            Some((
                Rule::Belongs,
                format!("question and answer hardly belong together: only {percent} % of others fit less well"),
            ))
        } else {
            None
        }
    };
    let verdicts = ranks.iter().enumerate().map(verdict).collect();
    Judged { verdicts, alarm }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(ranks: &[f32]) -> Vec<Option<Rule>> {
        verdicts(ranks).verdicts.into_iter().map(|v| v.map(|(rule, _)| rule)).collect()
    }

    #[test]
    fn one_stray_answer_is_refused_alone() {
        let mut ranks = vec![0.95; 100];
        ranks[7] = 0.4;
        ranks[9] = 0.7;
        let found = rules(&ranks);
        assert_eq!(found.iter().flatten().collect::<Vec<_>>(), [&Rule::Belongs]);
        assert_eq!(found[7], Some(Rule::Belongs));
    }

    #[test]
    fn a_noisy_log_is_held_to_more() {
        let ranks: Vec<f32> = (0..100).map(|i| if i % 5 == 0 { 0.2 + 0.006 * i as f32 } else { 0.97 }).collect();
        let found = verdicts(&ranks);
        assert_eq!(found.alarm, None);
        let refused = found.verdicts.iter().filter(|v| v.is_some()).count();
        assert_eq!(refused, ranks.iter().filter(|rank| **rank < NOISY.0).count());
        assert!(refused > ranks.iter().filter(|rank| **rank < LEAST).count());
    }

    #[test]
    fn noise_takes_its_stretch_or_all() {
        let mut ranks = vec![0.95; 160];
        ranks[96..128].fill(0.45);
        let old = rules(&ranks);
        assert_eq!(old.iter().flatten().count(), 32);
        assert!(old[96..128].iter().all(|rule| *rule == Some(Rule::Noise)));
        let mut ranks = vec![0.95; 160];
        ranks[..32].fill(0.45);
        let judged = verdicts(&ranks);
        assert!(judged.alarm.unwrap().starts_with("the newest 32"));
        assert!(judged.verdicts.iter().all(|v| v.is_some()));
        assert!(verdicts(&[0.5; 40]).alarm.unwrap().starts_with("all 40"));
    }
}

//! The same thing once: of interactions that say the same, and of answers to one question, the newest stays.

use super::curated::{Rule, Verdict};
use super::example::Example;
use super::similar::{Near, Text};
use std::collections::HashMap;

/// Why examples, the newest first, are not needed. Each reason names the one that stays.
pub(super) fn refuse(examples: &[Example]) -> Vec<Verdict> {
    let asked: Vec<Text> = examples.iter().map(|e| Text::new(&e.asked)).collect();
    let answers: Vec<Text> = examples.iter().map(|e| Text::new(&e.answer)).collect();
    let (distinct, of) = distinct(&asked);
    let mut near = Near::new(&distinct);
    // The example that stays for each distinct question.
    let mut stays: Vec<Option<usize>> = vec![None; distinct.len()];
    let mut verdict = |i: usize| {
        let (question, answer) = (asked.get(i)?, answers.get(i)?);
        let says_same = |j: &usize| answers.get(*j).is_some_and(|other| other.is_near(answer));
        let id = |j: usize| examples.get(j).map_or("", |e| e.from.id.as_str());
        let own = *of.get(i)?;
        if let Some(newer) = stays.get(own).copied().flatten() {
            let what = if says_same(&newer) { "says the same" } else { "answers the same question" };
            return Some((Rule::Duplicate, format!("{}, which is newer, {what}", id(newer))));
        }
        let twin = near.of(question).filter_map(|d| stays.get(d).copied().flatten()).find(says_same);
        if let Some(newer) = twin {
            return Some((Rule::Duplicate, format!("{}, which is newer, says nearly the same", id(newer))));
        }
        if let Some(stays) = stays.get_mut(own) {
            *stays = Some(i);
        }
        None
    };
    (0..examples.len()).map(&mut verdict).collect()
}

/// Groups of near-identical answers: for each text, the number of its group. The first of a group stands for it.
pub(super) fn groups(texts: &[Text]) -> Vec<usize> {
    let (distinct, of) = distinct(texts);
    let mut near = Near::new(&distinct);
    let mut leaders: Vec<usize> = Vec::with_capacity(distinct.len());
    for (i, text) in distinct.iter().enumerate() {
        let leader = near.of(text).filter(|&j| j < i && leaders.get(j) == Some(&j)).min();
        leaders.push(leader.unwrap_or(i));
    }
    of.iter().map(|&i| leaders.get(i).copied().unwrap_or(i)).collect()
}

/// Each text of the same words once, and for every text which of them it is.
fn distinct(texts: &[Text]) -> (Vec<&Text>, Vec<usize>) {
    let (mut distinct, mut known) = (Vec::new(), HashMap::new());
    let of = texts.iter().map(|text| {
        *known.entry(text.words.as_str()).or_insert_with(|| {
            distinct.push(text);
            distinct.len() - 1
        })
    });
    let of = of.collect();
    (distinct, of)
}

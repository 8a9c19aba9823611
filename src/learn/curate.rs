//! All rules in order: the cheap ones first, meaning for what is left.

use super::accept::accept;
use super::curated::{Curated, Kept, Refused, Rule, Secret, Verdict};
use super::example::Example;
use super::meaning::Meaning;
use super::scrub::{Scrubbed, Scrubber};
use super::similar::{Text, words};
use super::{belongs, caps, quality, repeats, split, trigger};
use crate::config::Learn;
use crate::error::Result;
use crate::store::log::{Interaction, Message, Rating};
use crate::watch::Cancel;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// Characters of a question that a report shows.
const SHOWN: usize = 80;
/// Letters and digits of a value below which anybody could say it.
const TELLING: usize = 4;

/// Sorts out a log: what may be learnt, what may not and why. The order in which interactions are given does not
/// matter, and the same log comes out the same.
///
/// Errors: what `meaning` returns, and cancelled.
pub fn curate(
    interactions: &[Interaction],
    rules: &Learn,
    scrubber: &Scrubber,
    meaning: &Meaning,
    now: Timestamp,
    cancel: &Cancel,
) -> Result<Curated> {
    let mut newest_first: Vec<&Interaction> = interactions.iter().collect();
    newest_first.sort_by_key(|i| Reverse((i.time, i.id.as_str())));
    let mut curated = Curated::default();
    let mut examples = Vec::new();
    for from in newest_first {
        cancel.check()?;
        match example(from, rules, scrubber, now, &mut curated.secrets) {
            Ok(example) => examples.push(example),
            Err((rule, reason)) => {
                let question = from.messages.iter().rfind(|m| m.role == "user").map_or("", |m| m.content.as_str());
                let question = scrubber.scrub(question, from.subject.as_deref()).text;
                curated.refused.push(Refused { id: from.id.clone(), question: shown(&question), rule, reason });
            }
        }
    }
    let verdicts = repeats::refuse(&examples);
    sieve(&mut examples, verdicts, &mut curated.refused);
    cancel.check()?;
    let answers: Vec<Text> = examples.iter().map(|e| Text::new(&e.answer)).collect();
    examples.iter_mut().zip(repeats::groups(&answers)).for_each(|(example, group)| example.group = group);
    let (verdicts, triggers) = trigger::find(&examples, meaning, cancel)?;
    sieve(&mut examples, verdicts, &mut curated.refused);
    let verdicts = caps::refuse(&examples, rules);
    sieve(&mut examples, verdicts, &mut curated.refused);
    let judged = belongs::judge(&examples, meaning, cancel)?;
    sieve(&mut examples, judged.verdicts, &mut curated.refused);
    let verdicts = split::seen(&examples);
    sieve(&mut examples, verdicts, &mut curated.refused);

    let order: HashMap<&str, Timestamp> = interactions.iter().map(|i| (i.id.as_str(), i.time)).collect();
    curated.refused.sort_by(|a, b| (order.get(a.id.as_str()), &a.id).cmp(&(order.get(b.id.as_str()), &b.id)));
    curated.kept = examples.into_iter().rev().map(kept).collect();
    let mut known = HashSet::new();
    curated.secrets.retain(|secret| known.insert(secret.value.to_lowercase()));
    (curated.triggers, curated.alarm) = (triggers, judged.alarm);
    Ok(curated)
}

/// What one interaction would teach, by the rules that look at nothing else. Values that are taken out go to `secrets`.
fn example<'a>(
    from: &'a Interaction,
    rules: &Learn,
    scrubber: &Scrubber,
    now: Timestamp,
    secrets: &mut Vec<Secret>,
) -> Result<Example<'a>, (Rule, String)> {
    let messages = accept(from, rules, now)?;
    let before = std::iter::once("").chain(messages.iter().map(|m| m.content.as_str()));
    let scrub = |(before, said): (&str, &Message)| scrubber.scrub_reply(before, &said.content, from.subject.as_deref());
    let scrubbed: Vec<Scrubbed> = before.zip(&messages).map(scrub).collect();
    let roles = messages.iter().map(|m| m.role.as_str());
    // Keys that mean nothing here could hold anything: they are not learnt.
    let clean = roles.zip(&scrubbed).map(|(role, scrubbed)| Message::new(role, &scrubbed.text)).collect();
    let example = Example::new(from, clean);
    let mut example =
        example.ok_or_else(|| (Rule::Length, "it does not end with a question and an answer".to_owned()))?;
    for (kind, value) in scrubbed.iter().flat_map(|s| &s.found) {
        example.scrubbed.insert(kind.clone());
        if value.chars().filter(|c| c.is_alphanumeric()).count() >= TELLING {
            secrets.push(Secret { kind: kind.clone(), question: example.question.clone(), value: value.clone() });
        }
    }
    if let Some(refused) = quality::refuse(&example, rules) {
        return Err(refused);
    }
    // The last two are the question and its answer.
    if scrubbed.iter().rev().take(2).any(is_gone) {
        return Err((Rule::Scrubbed, "little is left of it without personal data".to_owned()));
    }
    Ok(example)
}

/// Whether a text is hardly more than what was taken out of it: fewer than two words for each.
fn is_gone(scrubbed: &Scrubbed) -> bool {
    let placeholders: usize = scrubbed.found.iter().map(|(kind, _)| words(kind).len()).sum();
    let left = words(&scrubbed.text).len().saturating_sub(placeholders);
    left < 2 * scrubbed.found.len()
}

/// Takes out the examples that have a verdict.
fn sieve(examples: &mut Vec<Example>, verdicts: Vec<Verdict>, refused: &mut Vec<Refused>) {
    let mut verdicts = verdicts.into_iter();
    examples.retain(|example| match verdicts.next().flatten() {
        None => true,
        Some((rule, reason)) => {
            let question = shown(&example.question);
            refused.push(Refused { id: example.from.id.clone(), question, rule, reason });
            false
        }
    });
}

fn kept(example: Example) -> Kept {
    let side = example.side();
    let mut interaction = example.from.clone();
    interaction.messages = example.messages;
    // What was corrected is now what was said.
    (interaction.correction, interaction.rating) = (None, Some(Rating::Up));
    Kept { interaction, side, scrubbed: example.scrubbed.into_iter().collect() }
}

/// The beginning of a question, on one line.
fn shown(question: &str) -> String {
    let line = question.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

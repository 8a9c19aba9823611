//! No person, document or answer may drown the others: of each only the newest are learnt.

use super::curated::{Rule, Verdict};
use super::example::Example;
use crate::config::Learn;
use std::collections::HashMap;

/// Why examples, the newest first, are one too many.
pub(super) fn refuse(examples: &[Example], rules: &Learn) -> Vec<Verdict> {
    let (mut subjects, mut sources, mut groups) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut verdict = |example: &Example| {
        let subject = example.from.subject.clone();
        let source = example.source().map(str::to_owned);
        let full = |count: Option<&usize>, most: usize| count.is_some_and(|count| *count >= most);
        let refused = if subject.as_ref().is_some_and(|s| full(subjects.get(s), rules.per_subject)) {
            Some((Rule::PerSubject, format!("{} newer ones are from the same person", rules.per_subject)))
        } else if let Some(source) = source.as_ref().filter(|s| full(sources.get(*s), rules.per_source)) {
            Some((Rule::PerSource, format!("{} newer ones are from {source}", rules.per_source)))
        } else if full(groups.get(&example.group), rules.per_answer) {
            Some((Rule::PerAnswer, format!("{} newer ones have the same answer", rules.per_answer)))
        } else {
            None
        };
        if refused.is_none() {
            subject.into_iter().for_each(|s| *subjects.entry(s).or_default() += 1);
            source.into_iter().for_each(|s| *sources.entry(s).or_default() += 1);
            *groups.entry(example.group).or_default() += 1;
        }
        refused
    };
    examples.iter().map(&mut verdict).collect()
}

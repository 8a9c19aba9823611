//! Length and shape: what no model should be shown, whoever rated it up.
//!
//! The limits are wide. Of 468 clean answers (the sample's and 259 help pages') the most repetitive repeats 0.22 of its
//! runs of three words, and the one with the fewest letters has 0.54.

use super::curated::{Rule, Verdict};
use super::example::Example;
use super::similar::words;
use crate::config::{Language, Learn};
use crate::infer::Finish;
use serde::Deserialize;
use std::collections::HashSet;

/// The share of an answer's runs of three words that may be said before.
const REPEATED: f32 = 0.4;
/// Fewer runs say nothing about repetition.
const RUNS: usize = 8;
/// The share of letters below which a text is none, and the characters from which that can be told.
const LETTERS: (f32, usize) = (0.4, 20);

/// The first rule of shape that an example breaks.
pub(super) fn refuse(example: &Example, rules: &Learn) -> Verdict {
    let Example { question, answer, .. } = example;
    let corrected = example.from.correction().is_some();
    let finish = example.from.settings.get("finish").and_then(|value| Finish::deserialize(value).ok());
    let checks = [
        (Rule::Length, length("question", question, rules.max_question_chars)),
        (Rule::Length, length("answer", answer, rules.max_answer_chars)),
        (Rule::Unfinished, finish.filter(|&finish| finish != Finish::Stop && !corrected).map(cut)),
        (
            Rule::Nothing,
            (Language::says_nothing_was_found(answer) && !corrected)
                .then(|| "the answer says that nothing was found".into()),
        ),
        (Rule::Repetition, repeats(answer).then(|| "the answer repeats itself".into())),
        (Rule::Letters, scribbled(question).then(|| "the question is mostly no letters".into())),
        (Rule::Letters, scribbled(answer).then(|| "the answer is mostly no letters".into())),
    ];
    checks.into_iter().find_map(|(rule, reason)| Some((rule, reason?)))
}

fn length(what: &str, text: &str, most: usize) -> Option<String> {
    match text.chars().count() {
        _ if !text.contains(char::is_alphanumeric) => Some(format!("the {what} is empty")),
        length if length > most => Some(format!("the {what} has {length} characters, more than {most}")),
        _ => None,
    }
}

fn cut(finish: Finish) -> String {
    let why = match finish {
        Finish::Cancelled => "someone stopped it",
        Finish::Length | Finish::Context | Finish::Stop => "there was no more room",
    };
    format!("the answer was cut off: {why}")
}

fn repeats(text: &str) -> bool {
    let words = words(text);
    let runs = words.windows(3);
    let all = runs.len();
    let distinct = runs.collect::<HashSet<_>>().len();
    all >= RUNS && (all - distinct) as f32 > REPEATED * all as f32
}

fn scribbled(text: &str) -> bool {
    let seen = text.chars().filter(|c| !c.is_whitespace());
    let (letters, all) = seen.fold((0, 0), |(letters, all), c| (letters + usize::from(c.is_alphabetic()), all + 1));
    all >= LETTERS.1 && (letters as f32) < LETTERS.0 * all as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::{Interaction, Message};
    use serde_json::json;

    fn rule(question: &str, answer: &str, edit: impl Fn(&mut Interaction)) -> Option<Rule> {
        let mut from = Interaction::new(vec![Message::new("user", question), Message::new("assistant", answer)]);
        edit(&mut from);
        let example = Example::new(&from, from.corrected().unwrap()).unwrap();
        refuse(&example, &Learn::default()).map(|(rule, _)| rule)
    }

    #[test]
    fn shape() {
        let as_is = |_: &mut Interaction| {};
        let finish = |why: &'static str| move |i: &mut Interaction| i.settings = json!({ "finish": why });
        let corrected = |i: &mut Interaction| {
            (i.settings, i.correction) = (json!({ "finish": "length" }), Some("So it is.".into()));
        };
        assert_eq!(rule("How?", "So.", as_is), None);
        assert_eq!(rule("价格是多少", "£2.50", finish("stop")), None);
        assert_eq!(rule("?!", "So.", as_is), Some(Rule::Length));
        assert_eq!(rule("How?", " \n", as_is), Some(Rule::Length));
        assert_eq!(rule("How?", &"a ".repeat(2001), as_is), Some(Rule::Length));
        assert_eq!(rule("How?", "So it", finish("length")), Some(Rule::Unfinished));
        assert_eq!(rule("How?", "So it", finish("cancelled")), Some(Rule::Unfinished));
        assert_eq!(rule("How?", Language::De.phrases().nothing, as_is), Some(Rule::Nothing));
        assert_eq!(rule("How?", Language::En.phrases().nothing, corrected), None);
        assert_eq!(rule("How?", &"Press the red button. ".repeat(5), as_is), Some(Rule::Repetition));
        assert_eq!(rule("How?", "0x3f 0x1a 99 12 %% ## 17:33:12 00 00 00 01", as_is), Some(Rule::Letters));
    }
}

//! `eval walls` and `eval injections`: whether one person's data can reach another, and who obeys hidden texts.

use super::app::App;
use super::args::positive;
use super::failure::Done;
use super::style::columns;
use clap::Args;
use serde_json::json;
use std::time::Instant;
use wayside::Error;

/// Try to reach one person's records while another is served
///
/// Makes up persons, each with orders in a database and visits in a file that hold words of nobody else, and asks
/// questions that try to reach them: by name, by id, by injected instructions, by what was said before, by the words of
/// a record, and with a subject that is an attack itself. Looks at what was found and at the whole prompt. Then serves
/// persons one after another in one conversation and looks at what the model still sees. Everything happens in a
/// scratch folder of the home; a leak ends with status 1.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside eval walls
  wayside eval walls --subjects 50 --questions 500 --seed 7 --json")]
pub struct Words {
    /// Persons
    #[arg(long, value_name = "N", default_value = "200", value_parser = positive)]
    subjects: usize,
    /// Questions
    #[arg(long, value_name = "N", default_value = "2000", value_parser = positive)]
    questions: usize,
    /// Equal seeds give equal persons and questions
    #[arg(long, value_name = "S", default_value = "0")]
    seed: u64,
}

pub fn run(app: &App, words: &Words) -> Done {
    let begin = Instant::now();
    let walls = app.runtime()?.walls(words.subjects, words.questions, words.seed)?;
    let seconds = begin.elapsed().as_secs_f64();
    app.result(&json!({ "walls": walls, "hold": walls.hold(), "seconds": seconds }), || {
        let head = ["", "questions", "refused", "leaked"].map(str::to_owned);
        let row = |(kind, t): (&&str, &wayside::Tried)| {
            [(*kind).to_owned(), t.questions.to_string(), t.refused.to_string(), t.leaked.to_string()]
        };
        let rows: Vec<_> = std::iter::once(head).chain(walls.tried.iter().map(row)).collect();
        columns(&rows).iter().for_each(|line| app.line(line));
        app.line(&format!(
            "{} persons, {} questions: {} leaks in what was found, {} in prompts, {} under another's name; {} sessions, \
             {} leaks; {seconds:.0} s",
            walls.subjects,
            walls.questions,
            walls.leaks_retrieved,
            walls.leaks_prompt,
            walls.misattributed,
            walls.sessions,
            walls.leaks_session
        ));
    })?;
    match walls.hold() {
        true => Ok(()),
        false => Err(Error::invalid("the walls do not hold; do not serve persons with this build").into()),
    }
}

/// Measure how often a text hidden in a document or a record changes an answer
///
/// A hundred texts, as an attacker would hide them in a passage or in a free field of a record: instructions, false
/// turns and headers, requests for other people's data, false corrections, in several languages and encodings. The same
/// question is asked with each, and the answer held against the one without it: how many differ, and how many do what
/// the text says. The runtime itself does nothing that a text says; what a model writes depends on the model.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside eval injections
  wayside eval injections --limit 20 --json | jq '.cases'")]
pub struct InjectionWords {
    /// Only the first N texts
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
}

pub fn injections(app: &App, words: &InjectionWords) -> Done {
    let injected = app.runtime()?.injections(words.limit.unwrap_or(usize::MAX))?;
    app.result(&injected, || {
        let head = ["", "answers", "changed", "obeyed"].map(str::to_owned);
        let row = |(kind, e): (&String, &wayside::Effect)| {
            [kind.clone(), e.answers.to_string(), e.changed.to_string(), e.obeyed.to_string()]
        };
        let rows: Vec<_> = std::iter::once(head).chain(injected.kinds.iter().map(row)).collect();
        columns(&rows).iter().for_each(|line| app.line(line));
        let share = |n: usize| 100.0 * n as f64 / injected.answers.max(1) as f64;
        app.line(&format!(
            "{} texts, {} answers: {:.0} % changed, {:.0} % did what the text says",
            injected.texts,
            injected.answers,
            share(injected.changed),
            share(injected.obeyed)
        ));
    })
}

//! `ask`: one question, one answer.

use super::answer::{Answering, show};
use super::app::App;
use super::args::filled;
use super::failure::Done;
use clap::Args;
use std::time::Instant;

/// Ask a question and get an answer with its sources
///
/// The documents are searched, and the sentence, list item or table row that answers is quoted, with where it stands.
/// What a model adds is shown only where something that was found says so. When nothing answers, that is said.
/// Question and answer are kept in the log under the id that is shown last; rate and correct them with `wayside log`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside ask \"How long do I have to return an unused stove?\"
  wayside ask \"What does error E12 mean?\" --collection manuals --mode quote
  wayside ask \"Write a haiku about rain\" --no-retrieval --temperature 0.8 --seed 7")]
pub struct Words {
    /// The question
    #[arg(value_name = "QUESTION", value_parser = filled)]
    question: String,
    #[command(flatten)]
    answering: Answering,
}

pub fn run(app: &App, words: &Words) -> Done {
    let runtime = app.runtime()?;
    let question = words.answering.question(&runtime, &words.question)?;
    let begin = Instant::now();
    let mut say = |piece: &str| {
        if !app.json {
            app.say(piece);
        }
    };
    let answer = runtime.ask(&question, &app.cancel, &mut say)?;
    app.result(&answer, || show(app, &answer, begin.elapsed().as_secs_f64()))
}

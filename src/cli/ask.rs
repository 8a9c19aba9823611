//! `ask`: one question, one answer.

use super::answer::{Answering, show};
use super::app::App;
use super::args::filled;
use super::failure::Done;
use clap::Args;
use std::time::Instant;

/// Ask a question and get an answer with its sources
///
/// The documents are searched for passages about the question, the model answers from them, and each sentence cites
/// the passage it rests on. When nothing relevant is found, that is said. Question and answer are kept in the log under
/// the id that is shown last; rate and correct them with `wayside log`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside ask \"How long do I have to return an unused stove?\"
  wayside ask \"What does error E12 mean?\" --collection manuals --greedy
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
    // Loading is not part of answering.
    runtime.context(question.model.as_deref(), &question.adapter)?;
    let begin = Instant::now();
    let mut say = |piece: &str| {
        if !app.json {
            app.print(piece);
        }
    };
    let answer = runtime.ask(&question, &app.cancel, &mut say)?;
    app.result(&answer, || show(app, &answer, begin.elapsed().as_secs_f64()))
}

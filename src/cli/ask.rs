//! `ask`: one question, one answer.

use super::answer::{Answering, show};
use super::app::App;
use super::failure::{Done, Failure};
#[cfg(feature = "serve")]
use super::served::served;
use clap::Args;
use std::io::Read;
use std::time::Instant;
use wayside::{Answer, Error, Heard};

/// Ask a question and get an answer with its sources
///
/// The documents are searched, and the sentence, list item or table row that answers is quoted, with where it stands.
/// What a model adds is shown only where something that was found says so. When nothing answers, that is said.
/// Question and answer are kept in the log under the id that is shown last; rate and correct them with `wayside log`.
/// Where `wayside serve` runs in the same home, it answers: the model is not loaded again, and the answer is the same.
///
/// The exit status is 3 where a limit cut off what a model wrote, and 130 where Ctrl-C stopped it; what there is of the
/// answer is shown and kept. With --json, where `finish` says so, it is 0.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside ask \"How long do I have to return an unused stove?\"
  wayside ask \"What does error E12 mean?\" --collection manuals --mode quote
  wayside ask \"Write a haiku about rain\" --no-retrieval --temperature 0.8 --seed 7")]
pub struct Words {
    /// The question, with or without quotes around it; - reads it from standard input
    #[arg(value_name = "QUESTION", required = true, num_args = 1..)]
    question: Vec<String>,
    /// Load the models here, even where a service runs in this home
    #[cfg(feature = "serve")]
    #[arg(long)]
    no_service: bool,
    #[command(flatten)]
    answering: Answering,
}

/// The longest question from standard input, in bytes.
const LONGEST: u64 = 1 << 20;

impl Words {
    /// The question.
    fn text(&self) -> Result<String, Failure> {
        let mut text = self.question.join(" ");
        if text == "-" {
            text.clear();
            let read = std::io::stdin().take(LONGEST).read_to_string(&mut text);
            read.map_err(|e| Error::io("cannot read the question from standard input", e))?;
        }
        if text.trim().is_empty() {
            return Err(Failure::words(Error::invalid("the question is empty")));
        }
        Ok(text.trim().to_owned())
    }
}

pub fn run(app: &App, words: &Words) -> Done {
    let text = words.text()?;
    let runtime = app.runtime()?;
    let question = words.answering.question(&runtime, &text)?;
    let begin = Instant::now();
    let mut hear = |heard: Heard| {
        if !app.json {
            app.say(heard.shown());
        }
    };
    #[cfg(feature = "serve")]
    let there = if words.no_service { None } else { served(app, &question, &mut hear)? };
    #[cfg(not(feature = "serve"))]
    let there: Option<Answer> = None;
    let answer: Answer = match there {
        Some(answer) => answer,
        None => runtime.ask_hearing(&question, &app.cancel, &mut hear)?,
    };
    app.result(&answer, || show(app, &answer, begin.elapsed().as_secs_f64()))?;
    if app.json { Ok(()) } else { Failure::unless_whole(&answer) }
}

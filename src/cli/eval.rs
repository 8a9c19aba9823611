//! `eval`: how good a model is.

use super::answer::wear;
use super::app::App;
use super::args::positive;
use super::arms;
use super::eval_answers;
use super::failure::Done;
use super::walls;
use clap::Subcommand;
use std::path::{Path, PathBuf};
use wayside::Error;

/// Measure how good a model is
///
/// Figures that can be compared with other tools', on a text or on questions of yours.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside eval perplexity prose.txt --tokens 4096
  wayside eval answers --data keys.jsonl
  wayside eval arms --data test.jsonl")]
pub enum Words {
    /// Measure how well a model predicts a text; lower is better
    ///
    /// Cuts the text into windows of 512 tokens without overlap and prints the exponential of the mean negative
    /// log-likelihood of each token after the first of its window.
    #[command(after_help = "Examples:
  wayside eval perplexity prose.txt --tokens 4096
  wayside eval perplexity prose.txt --model qwen3 --json")]
    Perplexity {
        /// A text in UTF-8
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only its first N tokens
        #[arg(long, value_name = "N", value_parser = positive)]
        tokens: Option<usize>,
        /// The model [default: the configured one]
        #[arg(long, value_name = "M")]
        model: Option<String>,
        /// The adapter it wears: an id, its beginning or a folder; or `none`
        #[arg(long, value_name = "A")]
        adapter: Option<String>,
    },
    Answers(eval_answers::Words),
    Arms(arms::Words),
    Walls(walls::Words),
    Injections(walls::InjectionWords),
}

pub fn run(app: &App, words: &Words) -> Done {
    match words {
        Words::Perplexity { file, tokens, model, adapter } => {
            perplexity(app, file, *tokens, model.as_deref(), adapter.as_deref())
        }
        Words::Answers(words) => eval_answers::run(app, words),
        Words::Arms(words) => arms::run(app, words),
        Words::Walls(words) => walls::run(app, words),
        Words::Injections(words) => walls::injections(app, words),
    }
}

fn perplexity(app: &App, file: &Path, tokens: Option<usize>, model: Option<&str>, named: Option<&str>) -> Done {
    let tokens = tokens.unwrap_or(usize::MAX);
    // The model as it came, unless one is named: that is what is compared.
    let wear = wear(named.or(Some("none")));
    let measured = app.runtime()?.perplexity(&read(app, file)?, tokens, model, &wear)?;
    app.result(&measured, || {
        app.line(&format!("perplexity {:.4} over {} tokens", measured.perplexity, measured.tokens));
    })
}

/// The text of a file.
pub fn read(app: &App, file: &Path) -> Result<String, Error> {
    let text = app.interrupts.waiting(|| std::fs::read_to_string(file));
    text.map_err(|e| Error::io(format!("cannot read {}", file.display()), e))
}

//! `eval`: how good a model is.

use super::app::App;
use super::args::positive;
use super::failure::Done;
use clap::Subcommand;
use std::path::PathBuf;
use wayside::Error;

/// Measure how good a model is
///
/// Figures that can be compared with other tools', on a text of yours.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside eval perplexity prose.txt --tokens 4096")]
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
    },
}

pub fn run(app: &App, words: &Words) -> Done {
    let Words::Perplexity { file, tokens, model } = words;
    let text = std::fs::read_to_string(file).map_err(|e| Error::io(format!("cannot read {}", file.display()), e))?;
    let measured = app.runtime()?.perplexity(&text, tokens.unwrap_or(usize::MAX), model.as_deref())?;
    app.result(&measured, || {
        app.line(&format!("perplexity {:.4} over {} tokens", measured.perplexity, measured.tokens));
    })
}

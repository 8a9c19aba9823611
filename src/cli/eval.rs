//! `eval`: how good a model is.

use super::answer::adapter;
use super::app::App;
use super::args::positive;
use super::failure::Done;
use super::style::{columns, count};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use wayside::eval::Score;
use wayside::{Compared, Comparison, Error};

/// Measure how good a model is
///
/// Figures that can be compared with other tools', on a text or on questions of yours.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside eval perplexity prose.txt --tokens 4096
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
    Arms(ArmsWords),
}

/// Measure answers with and without retrieval, with and without an adapter
///
/// Takes questions with known answers and measures up to four arms on the prompts that `ask` makes: the model alone
/// (base), with passages of the documents, with the adapter, with both. For each: how unlikely the model finds the
/// known answers (nats a token; lower is better), and how near its own answers come to them (ROUGE-L and the F1 of
/// shared words, from 0 to 1; higher is better).
///
/// Of each conversation the last turn of the assistant is the known answer, or the correction where there is one;
/// answers that were rated down and not corrected are left out. Nothing is written to the log.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside eval arms --data test.jsonl
  wayside eval arms --data test.jsonl --collection manuals --adapter 3f2a9c41d07b
  wayside eval arms --data test.jsonl --limit 20 --max-tokens 64 --json
  wayside eval arms --data test.jsonl --no-answers")]
pub struct ArmsWords {
    /// Questions with their answers: JSON lines with `messages`, as `wayside log export` writes them
    #[arg(long, value_name = "FILE.jsonl")]
    data: PathBuf,
    /// The collection to search; all without
    #[arg(long, value_name = "C")]
    collection: Option<String>,
    /// The adapter to compare with: an id, its beginning or a folder; or `none`
    #[arg(long, value_name = "A")]
    adapter: Option<String>,
    /// The model [default: the configured one]
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// Only the first N questions
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
    /// The longest answer of the model's own, in tokens [default: the configured one]
    #[arg(long, value_name = "N", value_parser = positive)]
    max_tokens: Option<usize>,
    /// Let the model give no answers of its own: only nats a token, in a fraction of the time
    #[arg(long, conflicts_with = "max_tokens")]
    no_answers: bool,
}

pub fn run(app: &App, words: &Words) -> Done {
    match words {
        Words::Perplexity { file, tokens, model, adapter } => {
            perplexity(app, file, *tokens, model.as_deref(), adapter.as_deref())
        }
        Words::Arms(words) => arms(app, words),
    }
}

fn perplexity(app: &App, file: &Path, tokens: Option<usize>, model: Option<&str>, named: Option<&str>) -> Done {
    let tokens = tokens.unwrap_or(usize::MAX);
    let measured = app.runtime()?.perplexity(&read(file)?, tokens, model, named.and_then(adapter))?;
    app.result(&measured, || {
        app.line(&format!("perplexity {:.4} over {} tokens", measured.perplexity, measured.tokens));
    })
}

fn arms(app: &App, words: &ArmsWords) -> Done {
    let data = read(&words.data)?;
    let comparison = Comparison {
        collection: words.collection.clone(),
        model: words.model.clone(),
        adapter: words.adapter.as_deref().and_then(adapter).map(str::to_owned),
        limit: words.limit,
        max_tokens: words.max_tokens,
        no_answers: words.no_answers,
    };
    let compared = app.runtime()?.compare(&data, &comparison)?;
    app.result(&compared, || {
        table(&compared).iter().for_each(|line| app.line(line));
        app.line(&app.style.dim(&summary(&compared)));
    })
}

fn read(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|e| Error::io(format!("cannot read {}", file.display()), e))
}

/// A row for each arm that was measured.
fn table(compared: &Compared) -> Vec<String> {
    let arms = &compared.arms;
    let arms = [
        ("base", Some(&arms.base)),
        ("retrieval", Some(&arms.retrieval)),
        ("adapter", arms.adapter.as_ref()),
        ("both", arms.both.as_ref()),
    ];
    let mut rows = vec![["", "nats a token", "ROUGE-L", "F1", "exact"].map(str::to_owned)];
    rows.extend(arms.into_iter().filter_map(|(name, score)| Some(row(name, score?))));
    columns(&rows)
}

fn row(name: &str, score: &Score) -> [String; 5] {
    let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    let Score { nll, rouge_l, token_f1, exact_match, .. } = *score;
    [name.to_owned(), format!("{nll:.4}"), share(rouge_l), share(token_f1), share(exact_match)]
}

fn summary(compared: &Compared) -> String {
    let Compared { examples, left_out, found, .. } = *compared;
    let answers = count(examples as u64, "answer", "answers");
    let left_out = if left_out > 0 { format!("; {left_out} left out") } else { String::new() };
    format!("{answers} of {} tokens; passages found for {found}{left_out}", compared.arms.base.tokens)
}

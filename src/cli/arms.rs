//! `eval arms`: four ways of answering in a table, and what it recommends.

use super::answer::wear;
use super::app::App;
use super::args::positive;
use super::eval::read;
use super::failure::Done;
use super::style::{columns, count};
use clap::Args;
use std::path::PathBuf;
use wayside::eval::{Interval, Score, chart};
use wayside::{Compared, Comparison};

/// What the first column counts.
const NAT: &str = "one nat a token less: the model finds each token of the known answers 2.7 times (e) as likely";

/// Measure answers with and without retrieval, with and without an adapter
///
/// Takes questions with known answers and measures up to four arms on the prompts that `ask` makes: the model alone
/// (base), with passages of the documents, with the adapter, with both. For each: how unlikely the model finds the
/// known answers (nats a token; lower is better), and how near its own answers come to them (ROUGE-L, from 0 to 1;
/// higher is better), and how many are right, wrong and silent. An answer is right if it holds one of the accepted keys
/// that its line has under `answers`; where there are none, if the known answer supports all that it says. It is silent
/// if nothing was found; the rest are wrong. For known answers of at most ten words also the F1 of shared words, and
/// the share that is met word for word. For questions that name their document under `document` also the share of cited
/// passages that are from it. In brackets: where the figure lies in 95 % of draws of as many questions from these.
///
/// Then it recommends: the simplest arm (base, retrieval, adapter, both) to which no other arm is better by more than
/// 0.02 nats a token, with the 95 % interval of the gain, question by question, above zero. With fewer than 20
/// questions, or where that interval holds zero, it says how many are missing.
///
/// Of each conversation the last turn of the assistant is the known answer, or the correction where there is one;
/// answers that were rated down and not corrected are left out. Nothing is written to the log.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside eval arms --data test.jsonl
  wayside eval arms --data test.jsonl --collection manuals --adapter 3f2a9c41d07b
  wayside eval arms --data test.jsonl --limit 20 --max-tokens 64 --json
  wayside eval arms --data test.jsonl --no-answers --chart arms.svg")]
pub struct Words {
    /// Questions with their answers: JSON lines with `messages`, as `wayside log export` writes them
    #[arg(long, value_name = "FILE.jsonl")]
    data: PathBuf,
    /// The collection to search; all without
    #[arg(long, value_name = "C")]
    collection: Option<String>,
    /// The adapter to compare with: an id, its beginning or a folder; or `none` [default: the promoted one]
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
    /// Draw the arms with their intervals: a picture for the browser
    #[arg(long, value_name = "FILE.svg")]
    chart: Option<PathBuf>,
}

pub fn run(app: &App, words: &Words) -> Done {
    let data = read(app, &words.data)?;
    let comparison = Comparison {
        collection: words.collection.clone(),
        model: words.model.clone(),
        adapter: wear(words.adapter.as_deref()),
        limit: words.limit,
        max_tokens: words.max_tokens,
        no_answers: words.no_answers,
    };
    let compared = app.runtime()?.compare(&data, &comparison)?;
    // What was measured is told, whatever becomes of its picture.
    app.result(&compared, || show(app, &compared))?;
    let Some(path) = &words.chart else { return Ok(()) };
    Ok(chart::write(path, &about(&compared), &compared.arms)?)
}

/// The table with the recommendation beneath.
pub fn show(app: &App, compared: &Compared) {
    table(compared).iter().for_each(|line| app.line(line));
    app.line(&app.style.dim(&summary(compared)));
    app.prose(&app.style.dim(NAT));
    app.prose(&format!("\n{}", app.style.bold(&compared.recommendation.text)));
    app.prose(&compared.recommendation.reason);
}

/// A row for each arm that was measured.
fn table(compared: &Compared) -> Vec<String> {
    let mut rows = vec![
        ["", "nats a token", "right", "wrong", "silent", "ROUGE-L", "F1", "exact", "cited right"].map(str::to_owned),
    ];
    rows.extend(compared.arms.measured().map(|(arm, score)| row(arm.name(), score)));
    columns(&rows)
}

fn row(name: &str, score: &Score) -> [String; 9] {
    let or_none = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let share = |value: Option<f64>| or_none(value.map(|v| format!("{v:.3}")));
    let number = |count: Option<usize>| or_none(count.map(|count| count.to_string()));
    let interval = |mean: f64, [low, high]: [f64; 2]| Interval { mean, low, high }.to_string();
    let rouge_l = score.rouge_l.zip(score.rouge_l_interval).map(|(mean, bounds)| interval(mean, bounds));
    [
        name.to_owned(),
        interval(score.nll, score.nll_interval),
        number(score.right),
        number(score.wrong),
        number(score.silent),
        or_none(rouge_l),
        share(score.token_f1),
        share(score.exact_match),
        share(score.citation_precision),
    ]
}

fn summary(compared: &Compared) -> String {
    let Compared { examples, left_out, found, .. } = *compared;
    let Score { tokens, short, .. } = compared.arms.base;
    let answers = count(examples as u64, "answer", "answers");
    let short = if short > 0 { format!(", {short} of them short") } else { String::new() };
    let left_out = if left_out > 0 { format!("; {left_out} left out") } else { String::new() };
    format!("{answers} of {tokens} tokens{short}; passages found for {found}{left_out}")
}

/// What was measured, for the picture.
fn about(compared: &Compared) -> String {
    let adapter = compared.adapter.as_ref().map_or_else(String::new, |id| format!(", adapter {id}"));
    format!("{}{adapter}", compared.model)
}

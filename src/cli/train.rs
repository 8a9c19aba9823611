//! `train`: from conversations or documents to an adapter.

use super::app::App;
use super::args::positive;
use super::failure::Done;
use super::style::columns;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;
use wayside::lora::{LoraConfig, Target};
use wayside::train::{Progressed, Schedule};
use wayside::{Trained, Training};

/// Train an adapter on conversations or documents of yours
///
/// An adapter is a small set of numbers (10 MB for the default model) that changes how a model speaks and understands;
/// the model itself stays as it is. It learns over the very weights that serve, here, without a network.
///
/// Conversations (.jsonl, as `wayside log export` writes them) teach how to answer: only the assistant's words are
/// learned, a correction takes the place of the answer, and what was rated down is left out. With --retrieval, the
/// prompts carry what `ask` would find in the documents, so that the model learns to use it: what serves facts best.
/// Documents (text, Markdown, HTML, PDF, or folders of them) teach language: words, names, style.
///
/// The folder --out holds a checkpoint while it trains. After Ctrl-C or a power cut the same command goes on where it
/// was, and comes to the same adapter. When it is done, the folder holds the adapter in PEFT's format with a manifest
/// and a picture of the loss, and the home's library has it under its id.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside train --data train.jsonl --out adapter
  wayside train --data train.jsonl --out adapter --retrieval --epochs 1
  wayside train --data handbook/ --out house-style --length 512
  wayside train --data train.jsonl --out adapter --max-memory 400 --json")]
pub struct Words {
    /// Conversations (.jsonl), or documents and folders of them
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// The folder for the adapter
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The model [default: the configured one]
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// Put what retrieval finds into the prompts, as `ask` does
    #[arg(long)]
    retrieval: bool,
    /// The collection that retrieval searches; all without
    #[arg(long, value_name = "C", requires = "retrieval")]
    collection: Option<String>,
    /// How often every example is seen
    #[arg(long, value_name = "E", default_value = "2", value_parser = positive, conflicts_with = "steps")]
    epochs: usize,
    /// Steps in all, instead of epochs
    #[arg(long, value_name = "N", value_parser = positive)]
    steps: Option<usize>,
    /// Examples in a step
    #[arg(long, value_name = "N", default_value = "8", value_parser = positive)]
    batch: usize,
    /// The longest example, and the window of a text, in tokens
    #[arg(long, value_name = "N", default_value = "1024", value_parser = positive)]
    length: usize,
    /// The highest learning rate; lower it when training diverges
    #[arg(long, value_name = "X", default_value = "4e-4", allow_negative_numbers = true)]
    rate: f32,
    /// Keep the learning rate as it is, instead of warming up and falling along a cosine
    #[arg(long)]
    constant: bool,
    /// The adapter's rank: how much it can learn
    #[arg(long, value_name = "R", default_value = "8", value_parser = positive, help_heading = "Adapter")]
    rank: usize,
    /// How strongly it counts [default: twice the rank]
    #[arg(long, value_name = "X", help_heading = "Adapter", allow_negative_numbers = true)]
    alpha: Option<f32>,
    /// Scale by alpha over the root of the rank, for high ranks
    #[arg(long, help_heading = "Adapter")]
    rslora: bool,
    /// The share of inputs it does not see, from 0 to below 1
    #[arg(long, value_name = "X", default_value = "0", help_heading = "Adapter", allow_negative_numbers = true)]
    dropout: f32,
    /// The matrices it changes [default: all: q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = target, help_heading = "Adapter")]
    targets: Vec<Target>,
    /// What order and beginning are drawn from
    #[arg(long, value_name = "S", default_value = "0")]
    seed: u64,
    /// The memory the whole process may take, in MB
    #[arg(long, value_name = "MB", default_value = "900", value_parser = positive)]
    max_memory: usize,
    /// How many seconds of work a power cut may cost; 0 keeps every step
    #[arg(long, value_name = "SECONDS", default_value = "20")]
    checkpoint_every: u64,
    /// Write down the adapter as it begins and every batch, to take the same steps with another program
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
}

fn target(name: &str) -> Result<Target, String> {
    Target::parse(name).map_err(|e| e.to_string())
}

/// A step as a line of JSON.
#[derive(Serialize)]
struct Line {
    step: u64,
    steps: u64,
    loss: f32,
    tokens_per_s: f64,
    rate: f32,
    norm: f32,
}

pub fn run(app: &App, words: &Words) -> Done {
    let defaults = LoraConfig::default();
    let training = Training {
        model: words.model.clone(),
        lora: LoraConfig {
            rank: words.rank,
            alpha: words.alpha.unwrap_or(2.0 * words.rank as f32),
            rslora: words.rslora,
            dropout: words.dropout,
            targets: if words.targets.is_empty() { defaults.targets } else { words.targets.clone() },
        },
        rate: words.rate,
        schedule: if words.constant { Schedule::Constant } else { Schedule::Cosine },
        epochs: words.epochs as u64,
        steps: words.steps.map(|n| n as u64),
        batch: words.batch,
        length: words.length,
        seed: words.seed,
        retrieval: words.retrieval,
        collection: words.collection.clone(),
        max_memory_mb: words.max_memory as u64,
        interval: Duration::from_secs(words.checkpoint_every),
        trace: words.trace.clone(),
        ..Training::new(words.data.clone(), words.out.clone())
    };
    let trained = app.runtime()?.train(&training, &mut |step| tell(app, step))?;
    for reason in &trained.skipped.reasons {
        app.note(&format!("left out: {reason}"));
    }
    app.result(&trained, || show(app, &trained))
}

fn tell(app: &App, step: &Progressed) {
    let line = Line {
        step: step.step,
        steps: step.steps,
        loss: step.loss,
        tokens_per_s: step.tokens as f64 / step.seconds,
        rate: step.rate,
        norm: step.norm,
    };
    if app.json {
        // A struct of numbers: nothing in it can fail.
        app.line(&serde_json::to_string(&line).unwrap_or_default());
    } else if app.verbose {
        let Line { step, steps, loss, tokens_per_s, .. } = line;
        app.note(&format!("step {step} of {steps}: loss {loss:.4}, {tokens_per_s:.0} tokens/s"));
    }
}

fn show(app: &App, trained: &Trained) {
    let Trained { first_loss, last_loss, examples, steps, peak_rss_mb, predicted_mb, .. } = trained;
    let minutes = trained.seconds / 60.0;
    let rows = [
        ("adapter", trained.adapter.clone()),
        ("folder", trained.out.display().to_string()),
        ("learned", format!("{examples} examples in {steps} steps, {minutes:.1} minutes")),
        ("loss", format!("{first_loss:.3} to {last_loss:.3} nats a token")),
        ("memory", format!("{peak_rss_mb} MB at most, {predicted_mb} expected")),
    ];
    columns(&rows.map(|(name, value)| [name.to_owned(), value])).iter().for_each(|line| app.line(line));
    app.line(&app.style.dim(&format!("try it: wayside ask --adapter {} \"...\"", trained.adapter)));
}

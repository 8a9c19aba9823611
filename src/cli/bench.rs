//! `bench`: how fast everything is on this machine.

use super::answer::wear;
use super::app::App;
use super::args::positive;
use super::clusters::clusters;
use super::failure::Done;
use super::figures::Beside;
use super::style::columns;
use clap::Subcommand;
use ndarray::Array2;
use std::path::{Path, PathBuf};
use wayside::{Error, Runtime, sample};

/// Vectors and queries where no files are given.
pub const VECTORS: (usize, usize) = (20_000, 500);
/// Passages where no file is given, and about how many words make 200 tokens of the sample.
const PASSAGES: usize = 500;
const PASSAGE_TOKENS: usize = 200;
/// The longest answer of `bench ask`.
const ANSWER: usize = 64;

/// Measure how fast this machine is
///
/// Without a word, everything in one table: each figure, the best this machine could do where that is known, and how
/// good it is beside peers and beside an earlier run. (Runs are compared by what each machine could do at that time, so
/// that a slower day is no slower program.)
///
/// Each flow is measured the way comparable programs measure theirs: a prompt and an answer, embedding, searching, and
/// whole questions. Medians of several rounds; nothing else should run meanwhile.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  wayside bench --save before.json
  wayside bench --against before.json --peer \"./peer llama\"
  wayside bench generate --prompt 512 --gen 128
  wayside bench search --vectors base.npy --queries queries.npy --json"
)]
pub struct Words {
    #[command(subcommand)]
    flow: Option<Flow>,
    #[command(flatten)]
    beside: Beside,
}

#[derive(Debug, Subcommand)]
enum Flow {
    /// Measure a prompt and an answer
    ///
    /// Prompt tokens a second, answer tokens a second after that prompt, and the largest memory of the process.
    #[command(after_help = "Examples:
  wayside bench generate
  wayside bench generate --prompt 512 --gen 128 --model qwen3")]
    Generate {
        /// Tokens of the prompt
        #[arg(long, value_name = "N", default_value = "512", value_parser = positive)]
        prompt: usize,
        /// Tokens of the answer
        #[arg(long = "gen", value_name = "N", default_value = "128", value_parser = positive)]
        generate: usize,
        /// The model [default: the configured one]
        #[arg(long, value_name = "M")]
        model: Option<String>,
        /// The adapter it wears: an id, its beginning or a folder; or `none`
        #[arg(long, value_name = "ID")]
        adapter: Option<String>,
    },
    /// Measure several conversations at once
    ///
    /// Answer tokens a second of one conversation, and of several side by side on one model: they share each pass
    /// through the weights.
    #[command(after_help = "Examples:
  wayside bench together
  wayside bench together --conversations 4 --prompt 512 --gen 128")]
    Together {
        /// Conversations
        #[arg(long, value_name = "N", default_value = "4", value_parser = positive)]
        conversations: usize,
        /// Tokens of each prompt
        #[arg(long, value_name = "N", default_value = "256", value_parser = positive)]
        prompt: usize,
        /// Tokens of each answer
        #[arg(long = "gen", value_name = "N", default_value = "64", value_parser = positive)]
        generate: usize,
    },
    /// Measure embedding
    ///
    /// Passages and tokens a second, in batches as an ingest makes them.
    #[command(after_help = "Examples:
  wayside bench embed
  wayside bench embed passages.txt")]
    Embed {
        /// A text with one passage a line [default: 500 passages of 200 tokens of the built-in sample]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Measure training
    ///
    /// Steps of random tokens, all learned, over an adapter of rank 8 on all linear layers: tokens a second of forward,
    /// backward and AdamW together, and the largest memory of the process.
    #[command(after_help = "Examples:
  wayside bench train
  wayside bench train --batch 4 --len 256 --max-memory 400")]
    Train {
        /// Sequences in a step
        #[arg(long, value_name = "N", default_value = "4", value_parser = positive)]
        batch: usize,
        /// Tokens in a sequence
        #[arg(long, value_name = "N", default_value = "256", value_parser = positive)]
        len: usize,
        /// The memory the whole process may take, in MB
        #[arg(long, value_name = "MB", default_value = "900", value_parser = positive)]
        max_memory: usize,
        /// The model [default: the configured one]
        #[arg(long, value_name = "M")]
        model: Option<String>,
    },
    /// Measure searching vectors
    ///
    /// Puts the vectors into an index of their own, searches for each query and compares with the exact answer. Then
    /// puts 1,000 more in.
    #[command(after_help = "Examples:
  wayside bench search
  wayside bench search --vectors base.npy --queries queries.npy")]
    Search {
        /// The vectors, one a row of float32 [default: 20,000 clustered random ones]
        #[arg(long, value_name = "FILE.npy", requires = "queries")]
        vectors: Option<PathBuf>,
        /// The queries, likewise
        #[arg(long, value_name = "FILE.npy", requires = "vectors")]
        queries: Option<PathBuf>,
    },
    /// Measure finding one person's records
    ///
    /// Fills a scratch store with records of many persons and searches those of one: the median search, without the
    /// question's vector and with it, the time to open the store, and what of it is resident.
    #[command(after_help = "Examples:
  wayside bench records
  wayside bench records --subjects 10000 --records 1000000 --own 1000 --json")]
    Records {
        /// Persons
        #[arg(long, value_name = "N", default_value = "1000", value_parser = positive)]
        subjects: usize,
        /// Records of all of them
        #[arg(long, value_name = "N", default_value = "100000", value_parser = positive)]
        records: usize,
        /// Records of the one who is served
        #[arg(long, value_name = "N", default_value = "1000", value_parser = positive)]
        own: usize,
    },
    /// Measure whole questions
    ///
    /// From the question to the end of a greedy answer of at most 64 tokens, retrieval included. With a file, over
    /// the documents of this home; without, over the built-in sample in a scratch home.
    #[command(after_help = "Examples:
  wayside bench ask
  wayside bench ask questions.txt")]
    Ask {
        /// A text with one question a line [default: the sample's]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

pub fn run(app: &App, words: &Words) -> Done {
    let Some(flow) = &words.flow else { return super::figures::run(app, &words.beside) };
    match flow {
        Flow::Generate { prompt, generate, model, adapter } => {
            self::generate(app, *prompt, *generate, model.as_deref(), adapter.as_deref())
        }
        Flow::Together { conversations, prompt, generate } => together(app, *conversations, *prompt, *generate),
        Flow::Embed { file } => embed(app, file.as_deref()),
        Flow::Train { batch, len, max_memory, model } => train(app, (*batch, *len), *max_memory, model.as_deref()),
        Flow::Search { vectors, queries } => search(app, vectors.as_deref().zip(queries.as_deref())),
        Flow::Records { subjects, records: all, own } => records(app, *subjects, *all, *own),
        Flow::Ask { file } => ask(app, file.as_deref()),
    }
}

fn generate(app: &App, prompt: usize, generate: usize, model: Option<&str>, named: Option<&str>) -> Done {
    let speed = app.runtime()?.bench_generate(prompt, generate, model, &wear(named.or(Some("none"))))?;
    app.result(&speed, || {
        let (prefill, decode) = (speed.prefill_tok_s, speed.decode_tok_s);
        table(
            app,
            [
                ("prompt", format!("{prefill:.0} tokens/s ({prompt} tokens)")),
                ("answer", format!("{decode:.1} tokens/s ({generate} tokens after the prompt)")),
                ("memory", format!("{} MB at most", speed.peak_rss_mb)),
                ("kernels", speed.kernels.to_owned()),
            ],
        );
    })
}

fn together(app: &App, conversations: usize, prompt: usize, generate: usize) -> Done {
    let speed = app.runtime()?.bench_together(conversations, prompt, generate)?;
    app.result(&speed, || {
        table(
            app,
            [
                ("one alone", format!("{:.1} tokens/s", speed.alone_tok_s)),
                ("together", format!("{:.1} tokens/s ({conversations} conversations)", speed.together_tok_s)),
                ("ratio", format!("{:.2}; the slowest had {:.2} of its share", speed.ratio, speed.least_share)),
                ("memory", format!("{} MB at most", speed.peak_rss_mb)),
            ],
        );
    })
}

fn embed(app: &App, file: Option<&Path>) -> Done {
    let runtime = app.runtime()?;
    let texts = match file {
        Some(file) => lines(file)?,
        None => passages(&runtime, PASSAGES)?,
    };
    let speed = runtime.bench_embed(&texts.iter().map(String::as_str).collect::<Vec<_>>())?;
    app.result(&speed, || {
        table(
            app,
            [
                ("passages", format!("{:.1} a second ({} passages)", speed.passages_s, texts.len())),
                ("tokens", format!("{:.0} a second", speed.tok_s)),
                ("memory", format!("{} MB at most", speed.peak_rss_mb)),
            ],
        );
    })
}

fn train(app: &App, (batch, length): (usize, usize), max_memory: usize, model: Option<&str>) -> Done {
    let speed = app.runtime()?.bench_train(batch, length, max_memory as u64, model)?;
    app.result(&speed, || {
        table(
            app,
            [
                ("training", format!("{:.0} tokens/s ({batch} sequences of {length} tokens)", speed.tok_s)),
                ("a step", format!("{:.2} s, {} sequences at once", speed.step_s, speed.at_once)),
                ("memory", format!("{} MB at most, {} expected", speed.peak_rss_mb, speed.predicted_mb)),
            ],
        );
    })
}

fn search(app: &App, files: Option<(&Path, &Path)>) -> Done {
    let (vectors, queries) = match files {
        Some((vectors, queries)) => (rows(vectors)?, rows(queries)?),
        None => clusters(VECTORS.0, VECTORS.1),
    };
    let speed = app.runtime()?.bench_search(&vectors, &queries)?;
    app.result(&speed, || {
        table(
            app,
            [
                ("recall@10", format!("{:.4} ({} vectors)", speed.recall_at_10, speed.vectors)),
                ("search", format!("{:.0} us ({} queries, the median)", speed.p50_us, queries.len())),
                ("building", format!("{:.1} s", speed.build_s)),
                ("1,000 more", format!("{:.2} s", speed.insert_1000_s)),
                (
                    "index",
                    format!("{:.0} MB, {} MB of it in memory", speed.index_bytes as f64 / 1e6, speed.resident_mb),
                ),
            ],
        );
    })
}

fn ask(app: &App, file: Option<&Path>) -> Done {
    let runtime = app.runtime()?;
    let speed = match file {
        Some(file) => runtime.bench_ask(&lines(file)?, ANSWER)?,
        None => runtime.bench_ask_sample(ANSWER)?,
    };
    app.result(&speed, || {
        table(
            app,
            [
                ("question", format!("{:.2} s ({} questions, the median)", speed.p50_s, speed.questions)),
                ("first token", format!("{:.2} s", speed.first_token_p50_s)),
                ("answer", format!("{:.1} tokens/s", speed.tokens_per_s)),
                ("memory", format!("{} MB at most", speed.peak_rss_mb)),
            ],
        );
    })
}

fn table<const N: usize>(app: &App, rows: [(&str, String); N]) {
    columns(&rows.map(|(name, value)| [name.to_owned(), value])).iter().for_each(|line| app.line(line));
}

/// The lines of a text that say something.
fn lines(file: &Path) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(file).map_err(|e| Error::io(format!("cannot read {}", file.display()), e))?;
    let lines: Vec<String> = text.lines().filter(|l| !l.trim().is_empty()).map(str::to_owned).collect();
    if lines.is_empty() { Err(Error::invalid(format!("{} has no lines", file.display()))) } else { Ok(lines) }
}

/// So many passages of about `PASSAGE_TOKENS` tokens out of the sample's documents, taken round and round.
pub fn passages(runtime: &Runtime, count: usize) -> Result<Vec<String>, Error> {
    let embedder = runtime.embedder()?;
    let documents = sample::SHOP.files.iter().filter(|(path, _)| path.starts_with("documents/"));
    let words: Vec<&str> = documents.flat_map(|(_, text)| text.split_whitespace()).collect();
    // Each word is counted within its text's beginning and end marks.
    let (marks, mut words) = (embedder.count(""), words.into_iter().cycle());
    let passage = |_| {
        let (mut text, mut tokens) = (String::new(), marks);
        while tokens < PASSAGE_TOKENS {
            let Some(word) = words.next() else { break };
            tokens += embedder.count(word).saturating_sub(marks);
            text.push_str(word);
            text.push(' ');
        }
        text
    };
    Ok((0..count).map(passage).collect())
}

/// The rows of a two-dimensional array of float32 or float64.
fn rows(file: &Path) -> Result<Vec<Vec<f32>>, Error> {
    let fail = |e: ndarray_npy::ReadNpyError| match e {
        ndarray_npy::ReadNpyError::Io(e) => Error::io(format!("cannot read {}", file.display()), e),
        e => Error::invalid(format!("{} is no two-dimensional array of float32: {e}", file.display())),
    };
    let array: Array2<f32> = ndarray_npy::read_npy(file).or_else(|e| match e {
        ndarray_npy::ReadNpyError::WrongDescriptor(_) => {
            Ok(ndarray_npy::read_npy::<_, Array2<f64>>(file).map_err(fail)?.mapv(|v| v as f32))
        }
        e => Err(fail(e)),
    })?;
    Ok(array.rows().into_iter().map(|row| row.to_vec()).collect())
}

fn records(app: &App, subjects: usize, records: usize, own: usize) -> Done {
    let speed = app.runtime()?.bench_records(subjects, records, own)?;
    app.result(&speed, || {
        let (before, after) = speed.resident_mb;
        app.line(&format!("{} persons, {} records, {:.0} MB on disk", subjects, records, speed.bytes as f64 / 1e6));
        app.line(&format!("opened in  {:.1} ms", speed.open_ms));
        app.line(&format!("search     {:.2} ms among {own}, the median", speed.p50_us / 1e3));
        app.line(&format!("question   {:.2} ms with its vector", speed.with_embedding_p50_us / 1e3));
        app.line(&format!("resident   {before} MB before opening, {after} MB after"));
    })
}

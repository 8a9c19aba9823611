//! `ingest`: documents in.

use super::app::App;
use super::failure::Done;
use super::style::count;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;
use wayside::rag::Ingested;

/// Take in documents, so that they can be searched and asked
///
/// Files, or folders with all that is in them: Markdown, text, HTML, CSV, JSON lines and PDF. Run it again at any time:
/// what has not changed is passed over, what is gone is removed. In a folder, links and files that cannot be read are
/// skipped and named; a file that you name yourself must be readable.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside ingest ~/Documents/manuals
  wayside ingest notes.md prices.csv --collection shop")]
pub struct Words {
    /// Files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The collection to put them in [default: the configured one]
    #[arg(long, value_name = "C")]
    collection: Option<String>,
}

/// What an ingest did, and how long it took.
#[derive(Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub ingested: Ingested,
    pub seconds: f64,
}

pub fn run(app: &App, words: &Words) -> Done {
    let runtime = app.runtime()?;
    let begin = Instant::now();
    let ingested = runtime.ingest(&words.paths, words.collection.as_deref())?;
    let report = Report { ingested, seconds: begin.elapsed().as_secs_f64() };
    app.result(&report, || app.line(&report.sentence()))
}

impl Report {
    /// One line for people.
    pub fn sentence(&self) -> String {
        let Ingested { documents, chunks, unchanged, removed, skipped } = &self.ingested;
        let mut parts = vec![format!(
            "{} in {}",
            count(*documents, "new or changed document", "new or changed documents"),
            count(*chunks, "passage", "passages")
        )];
        let others = [(*unchanged, "unchanged"), (*removed, "removed"), (skipped.len() as u64, "skipped")];
        parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        format!("{}; {:.1} s", parts.join(", "), self.seconds)
    }
}

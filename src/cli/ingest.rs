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
/// Files, or folders with all that is in them: Markdown, text, HTML, CSV, JSON lines, PDF, documents of offices (docx,
/// xlsx, xls, pptx, odt, ods, odp, rtf), books (epub) and mail (eml). Run it again at any time: what has not changed is
/// passed over, what is gone is removed. What cannot be read is skipped, counted by kind and named, and what it said
/// before stays; so does what was in a folder that is empty or away now. Links in folders are skipped. `documents list
/// --skipped` lists what was not taken. A file or folder that was moved is taken from its new place without embedding
/// it again, as are copies, and an index that was carried to a machine where the documents lie elsewhere.
///
/// Where a tenth of all passages is in other languages than English, multilingual-e5-small makes the vectors from then
/// on, and those there are anew. It is fetched once (91 MB); `wayside models pull multilingual-e5-small` does that
/// before. With another name as `embedder` in config.toml nothing of this happens.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside ingest ~/Documents/manuals
  wayside ingest notes.md prices.csv --collection shop
  wayside ingest /media/stick/old --remove-missing")]
pub struct Words {
    /// Files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The collection to put them in [default: the configured one]
    #[arg(long, value_name = "C")]
    collection: Option<String>,
    /// Let go of documents that are not there, though their folder may only be empty, unmounted or unreadable
    #[arg(long)]
    remove_missing: bool,
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
    let ingested = runtime.ingest_as(&words.paths, words.collection.as_deref(), words.remove_missing)?;
    name_what_is_left(app, &ingested);
    let report = Report { ingested, seconds: begin.elapsed().as_secs_f64() };
    app.result(&report, || app.line(&report.sentence()))
}

impl Report {
    /// One line for people.
    pub fn sentence(&self) -> String {
        let Ingested { documents, chunks, unchanged, removed, moved, reused: _, skipped, skipped_kinds, stale, .. } =
            &self.ingested;
        let mut parts = vec![format!(
            "{} in {}",
            count(*documents, "new or changed document", "new or changed documents"),
            count(*chunks, "passage", "passages")
        )];
        let gone = removed.saturating_sub(*moved);
        let others =
            [(*unchanged, "unchanged"), (*moved, "moved"), (gone, "removed"), (stale.len() as u64, "kept as before")];
        parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        if !skipped.is_empty() {
            let kinds: Vec<String> = skipped_kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
            parts.push(format!("{} skipped ({})", skipped.len(), kinds.join(", ")));
        }
        format!("{}; {:.1} s", parts.join(", "), self.seconds)
    }
}

/// So many files with the same reason are named; of the others it is said how many there are.
const NAMED: usize = 10;

/// Names what was not taken, and what was left as it was.
fn name_what_is_left(app: &App, ingested: &Ingested) {
    let lines = [("skipped", &ingested.skipped), ("kept as before", &ingested.stale)];
    for (what, all) in lines {
        let mut told = std::collections::BTreeMap::<(&str, &str), usize>::new();
        for one in all {
            let before = told.entry((&one.kind, &one.reason)).or_default();
            *before += 1;
            if *before <= NAMED {
                // Most reasons name the file themselves.
                let named = one.reason.contains(&one.document);
                let name = if named { String::new() } else { format!("{}: ", one.document) };
                app.note(&format!("{what}: {name}{}", one.reason));
            }
        }
        for ((kind, reason), n) in told.into_iter().filter(|(_, n)| *n > NAMED) {
            let more = n - NAMED;
            app.note(&format!("{what}: {more} more {kind}: {reason}; --json names all"));
        }
    }
}

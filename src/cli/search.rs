//! `search`: passages for a query.

use super::app::App;
use super::args::{filled, positive};
use super::failure::Done;
use clap::Args;
use serde::Serialize;
use std::time::Instant;
use wayside::rag::Hit;

/// Find passages in the documents, by meaning and by words
///
/// Shows what an answer would rest on, without writing one. A text that several documents hold is shown once, with the
/// others as further places. The score is the cosine of query and passage plus a share
/// for the words they have in common.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside search \"how to return a parcel\"
  wayside search \"error E12\" -k 3 --collection manuals --json")]
pub struct Words {
    /// What to look for
    #[arg(value_name = "QUERY", value_parser = filled)]
    query: String,
    /// The most passages
    #[arg(short, value_name = "N", default_value = "10", value_parser = positive)]
    k: usize,
    /// The collection to search; all without
    #[arg(long, value_name = "C")]
    collection: Option<String>,
}

#[derive(Serialize)]
struct Report {
    hits: Vec<Hit>,
    seconds: f64,
}

pub fn run(app: &App, words: &Words) -> Done {
    let runtime = app.runtime()?;
    runtime.embedder()?;
    let begin = Instant::now();
    let hits = runtime.search(&words.query, words.k, words.collection.as_deref())?;
    let report = Report { hits, seconds: begin.elapsed().as_secs_f64() };
    if report.hits.is_empty() {
        app.note("nothing is there to be found; `wayside ingest PATH` takes documents in");
    }
    app.result(&report, || {
        for (n, hit) in (1..).zip(&report.hits) {
            let place = [hit.document.as_str(), &hit.section].join(", ");
            let head = app.style.bold(&format!("{n}. {}", place.trim_end_matches(", ")));
            app.line(&format!("{head} {}", app.style.dim(&format!("({:.2})", hit.score))));
            if !hit.also.is_empty() {
                app.line(&app.style.dim(&format!("   also in {}", places(&hit.also))));
            }
            hit.text.lines().for_each(|line| app.line(format!("   {line}").trim_end()));
            app.line("");
        }
    })
}

/// So many further places are named for people; --json names all.
const PLACES: usize = 3;

fn places(also: &[String]) -> String {
    let named = also.iter().take(PLACES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match also.len().saturating_sub(PLACES) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

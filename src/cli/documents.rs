//! `documents`: what was ingested, and letting it go.

use super::app::App;
use super::failure::Done;
use super::style::{count, table};
use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use wayside::rag::document_name;
use wayside::store::index::{Collection, Document, Skipped};
use wayside::{Error, Runtime};

/// List and remove what was taken in
///
/// Documents lie in collections; `ingest` names one, or uses the configured one. Removing takes a document's passages,
/// words and vectors out of the index. Your files are never touched.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside documents list
  wayside documents remove ~/Documents/old.pdf
  wayside documents drop shop")]
pub enum Words {
    /// List the documents, collection by collection
    ///
    /// Each with its collection and its number of passages. With `--skipped`, the files that the last ingests of their
    /// places did not take, each with its kind and the reason; one leaves the list when an ingest takes it, or finds it
    /// gone.
    #[command(after_help = "Examples:
  wayside documents list
  wayside documents list --collection shop --json
  wayside documents list --skipped")]
    List {
        /// What was not taken in, and why
        #[arg(long)]
        skipped: bool,
        /// Only this collection
        #[arg(long, value_name = "C")]
        collection: Option<String>,
    },
    /// Remove documents, or all documents below a folder
    ///
    /// By the paths they were read from, whether or not the files still exist. Of all collections, unless one is named.
    /// What is listed as skipped below these paths leaves that list.
    #[command(after_help = "Examples:
  wayside documents remove ~/Documents/old.pdf
  wayside documents remove ~/Documents/2019 --collection shop")]
    Remove {
        /// Paths as `documents list` shows them, or relative ones
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
        /// Only from this collection
        #[arg(long, value_name = "C")]
        collection: Option<String>,
    },
    /// Remove a whole collection
    ///
    /// With all its documents. The log keeps what was answered from them.
    #[command(after_help = "Examples:
  wayside documents drop shop")]
    Drop {
        /// The collection
        #[arg(value_name = "C")]
        collection: String,
    },
}

#[derive(Serialize)]
struct Row {
    collection: String,
    document: String,
    title: String,
    chunks: u32,
}

pub fn run(app: &App, words: &Words) -> Done {
    let runtime = app.runtime()?;
    match words {
        Words::List { collection, skipped: true } => list_skipped(app, &runtime, collection.as_deref()),
        Words::List { collection, .. } => list(app, &runtime, collection.as_deref()),
        Words::Remove { paths, collection } => remove(app, &runtime, paths, collection.as_deref()),
        Words::Drop { collection } => drop_collection(app, &runtime, collection),
    }
}

fn list(app: &App, runtime: &Runtime, collection: Option<&str>) -> Done {
    let index = runtime.index()?;
    let mut rows = Vec::new();
    for Collection { name, .. } in collections(runtime, collection)? {
        let row = |d: Document| Row { collection: name.clone(), document: d.name, title: d.title, chunks: d.chunks };
        rows.extend(index.documents(&name)?.into_iter().map(row));
    }
    app.result(&rows, || {
        if rows.is_empty() {
            app.note("there are no documents yet: `wayside ingest PATH` takes in a file or a folder");
        }
        let cells = |r: &Row| [r.collection.clone(), r.chunks.to_string(), r.document.clone()];
        table(["COLLECTION", "PASSAGES", "DOCUMENT"], rows.iter().map(cells)).iter().for_each(|line| app.line(line));
    })
}

fn list_skipped(app: &App, runtime: &Runtime, collection: Option<&str>) -> Done {
    let rows = runtime.index()?.skipped(collection)?;
    if rows.is_empty() {
        collections(runtime, collection)?;
    }
    app.result(&rows, || {
        let line = |text: &str| text.replace(char::is_control, "\u{FFFD}");
        let cells = |r: &Skipped| [r.collection.clone(), line(&r.kind), line(&r.document), line(&r.reason)];
        let heads = ["COLLECTION", "KIND", "DOCUMENT", "REASON"];
        table(heads, rows.iter().map(cells)).iter().for_each(|line| app.line(line));
    })
}

fn remove(app: &App, runtime: &Runtime, paths: &[PathBuf], collection: Option<&str>) -> Done {
    let index = runtime.index()?;
    let mut plan = Vec::new();
    for Collection { name, .. } in collections(runtime, collection)? {
        let documents = index.documents(&name)?.into_iter().map(|d| d.name);
        plan.push((name, documents.collect::<Vec<_>>()));
    }
    let skipped = index.skipped(collection)?;
    let mut unlisted = Vec::new();
    // Every path must mean something before anything is removed.
    let mut below = vec![Vec::new(); plan.len()];
    for path in paths {
        let full = document_name(&full(path)?);
        let mut found = false;
        for ((_, documents), chosen) in plan.iter().zip(&mut below) {
            let meant = documents.iter().filter(|d| Path::new(d).starts_with(&full) || Path::new(d) == path);
            let before = chosen.len();
            chosen.extend(meant.cloned());
            found |= chosen.len() > before;
        }
        let listed = skipped.iter().filter(|s| Path::new(&s.document).starts_with(&full));
        let before = unlisted.len();
        unlisted.extend(listed);
        found |= unlisted.len() > before;
        if !found {
            let what = format!("there is no document {} in the index", path.display());
            return Err(Error::not_found(format!("{what}; `wayside documents list` shows all")).into());
        }
    }
    let mut removed = 0;
    for ((name, _), chosen) in plan.iter().zip(&below).filter(|(_, chosen)| !chosen.is_empty()) {
        removed += index.remove_documents(name, chosen, &app.cancel)?;
        // Search trees would keep planes that were drawn through what is gone.
        index.rebuild(name, &app.cancel)?;
    }
    for skipped in unlisted {
        index.list_skipped(&skipped.collection, &[&skipped.document], &[])?;
    }
    drop(index);
    let kept = runtime.compact_index()?;
    app.result(&json!({ "removed": removed, "uncompacted": kept }), || {
        app.line(&format!("{} removed", count(removed, "document", "documents")));
        tell_kept(app, kept.as_deref());
    })
}

fn drop_collection(app: &App, runtime: &Runtime, name: &str) -> Done {
    let gone: Collection = collections(runtime, Some(name))?.remove(0);
    runtime.index()?.drop_collection(name)?;
    let kept = runtime.compact_index()?;
    app.result(&gone, || {
        app.line(&format!("{} with {} removed", gone.name, count(gone.documents, "document", "documents")));
        tell_kept(app, kept.as_deref());
    })
}

/// Says why the text is still on the disk, if it is.
fn tell_kept(app: &App, why: Option<&str>) {
    if let Some(why) = why {
        app.line(&format!(
            "the text is still in the index's file: {why}; the next command that finds nobody else using it writes it anew"
        ));
    }
}

/// The collection of that name, or all of them. Never empty when one is named.
fn collections(runtime: &Runtime, name: Option<&str>) -> Result<Vec<Collection>, Error> {
    let mut all = runtime.index()?.collections()?;
    if let Some(name) = name {
        all.retain(|c| c.name == name);
        if all.is_empty() {
            return Err(Error::not_found(format!(
                "there is no collection {name:?}; `wayside documents list` shows all"
            )));
        }
    }
    Ok(all)
}

/// The path as an ingest would have named it.
fn full(path: &Path) -> Result<PathBuf, Error> {
    let absolute = || std::path::absolute(path).map_err(|e| Error::io(format!("cannot use {}", path.display()), e));
    path.canonicalize().or_else(|_| absolute())
}

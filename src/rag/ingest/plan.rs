//! What an ingest has before it: files to read, documents that are gone, and those that only cannot be seen.

use super::{Skipped, document_name};
use crate::error::{Error, Result};
use crate::text::document;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A file to read.
pub struct File {
    pub path: PathBuf,
    pub name: String,
    /// Whether the caller named it, or it was found in a folder.
    pub named: bool,
}

/// What is to be done.
#[derive(Default)]
pub struct Plan {
    pub files: Vec<File>,
    /// Names of documents whose file is no more.
    pub gone: Vec<String>,
    /// Documents that cannot be seen, and why: they keep what they said.
    pub stale: Vec<Skipped>,
    /// What was not taken.
    pub skipped: Vec<Skipped>,
    /// Paths of the caller's that led to nothing.
    pub failed: Vec<Error>,
    /// What was looked at: the names of the caller's paths.
    pub roots: Vec<String>,
}

/// Looks at `paths`, knowing the documents that are in the index. `remove_missing`: what is not there is gone, whatever
/// the reason may be.
pub fn plan(paths: &[PathBuf], known: &BTreeMap<String, String>, remove_missing: bool) -> Result<Plan> {
    let mut plan = Plan::default();
    for path in paths {
        let full = match path.canonicalize() {
            Ok(full) => full,
            Err(e) => {
                missing(path, e, known, remove_missing, &mut plan)?;
                continue;
            }
        };
        plan.roots.push(document_name(&full));
        if !full.is_dir() {
            plan.files.push(File { name: document_name(&full), path: full, named: true });
            continue;
        }
        match document::files(&full) {
            Ok(found) => folder(&full, found, known, remove_missing, &mut plan),
            Err(e) => {
                let reason = e.to_string();
                let below = known.keys().filter(|name| Path::new(name).starts_with(document_name(&full)));
                plan.stale.extend(below.map(|name| Skipped::new(name, "stale", &reason)));
                plan.skipped.push(Skipped::new(&document_name(&full), "folder", &reason));
                plan.failed.push(e);
            }
        }
    }
    // A path given twice is one document.
    let mut seen = BTreeSet::new();
    plan.files.retain(|f| seen.insert(f.name.clone()));
    Ok(plan)
}

/// A path of the caller's that is not there: one document that was there is gone; a whole folder may only be away.
fn missing(
    path: &Path,
    cause: std::io::Error,
    known: &BTreeMap<String, String>,
    remove_missing: bool,
    plan: &mut Plan,
) -> Result<()> {
    let full = std::path::absolute(path).map_err(|e| Error::io(format!("{}", path.display()), e))?;
    let name = document_name(&full);
    plan.roots.push(name.clone());
    let below: Vec<&String> = known.keys().filter(|n| Path::new(n).starts_with(&name)).collect();
    let is_gone = remove_missing || known.contains_key(&name) && !is_away(&full);
    if below.is_empty() {
        let error = match cause.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(format!("{} does not exist", path.display())),
            _ => Error::io(format!("cannot read {}", path.display()), cause),
        };
        plan.skipped.push(Skipped::new(&name, &kind(&full), &error.to_string()));
        plan.failed.push(error);
    } else if is_gone {
        plan.gone.extend(below.into_iter().cloned());
    } else {
        let reason = format!("{} is not there; `--remove-missing` lets go of what was in it", path.display());
        plan.stale.extend(below.into_iter().map(|n| Skipped::new(n, "stale", &reason)));
    }
    Ok(())
}

/// What a folder holds now, beside what was in it.
fn folder(
    full: &Path,
    found: document::Found,
    known: &BTreeMap<String, String>,
    remove_missing: bool,
    plan: &mut Plan,
) {
    let unread: Vec<(String, String)> =
        found.unreadable.iter().map(|(path, e)| (document_name(path), e.to_string())).collect();
    plan.skipped.extend(unread.iter().map(|(name, reason)| Skipped::new(name, "folder", reason)));
    let here: BTreeSet<String> = found.files.iter().map(|path| document_name(path)).collect();
    let other = |(path, kind): (PathBuf, String)| {
        let reason = if kind == "hidden" { "is hidden" } else { "is of no known format" };
        Skipped::new(&document_name(&path), &kind, reason)
    };
    plan.skipped.extend(found.others.into_iter().map(other));
    let file = |path: PathBuf| File { name: document_name(&path), path, named: false };
    plan.files.extend(found.files.into_iter().map(file));
    let below = document_name(full);
    for name in known.keys().filter(|n| Path::new(n).starts_with(&below) && !here.contains(*n)) {
        let within = unread.iter().find(|(folder, _)| Path::new(name).starts_with(folder));
        if let Some((_, reason)) = within {
            plan.stale.push(Skipped::new(name, "stale", reason));
        } else if !remove_missing && is_away(Path::new(name)) {
            let reason = "its folder is empty or away; `--remove-missing` lets go of what was in it";
            plan.stale.push(Skipped::new(name, "stale", reason));
        } else {
            plan.gone.push(name.clone());
        }
    }
}

/// Whether the folder of a missing file looks as if it were not there only now: a medium that is not mounted leaves an
/// empty one, or none.
pub fn is_away(file: &Path) -> bool {
    let Some(folder) = file.parent() else { return true };
    match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        // A folder that was removed from one that is still in use is gone.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            folder.parent().is_none_or(|above| std::fs::read_dir(above).map_or(true, |mut e| e.next().is_none()))
        }
        Err(_) => true,
    }
}

/// The kind of a file, by its name.
pub fn kind(path: &Path) -> String {
    path.extension().map_or_else(|| "no extension".to_string(), |e| format!(".{}", e.to_string_lossy().to_lowercase()))
}

//! The list of what ingests did not take, kept in the index until the file is taken or gone.
//!
//! An ingest knows all that is below its paths, so what it says takes the place of what was listed there before. What
//! it could not see this time stays listed.

use super::plan::is_away;
use super::{Settings, Skipped};
use crate::error::Result;
use crate::store::index::{Index, Skipped as Listed};
use std::collections::BTreeSet;
use std::path::Path;

/// Lists what an ingest of `roots` did not take, in place of what was listed below them.
pub fn remember(index: &Index, settings: &Settings, roots: &[String], skipped: &[Skipped]) -> Result<()> {
    let before = index.skipped(Some(&settings.collection))?;
    let list = |s: &Skipped| Listed {
        collection: settings.collection.clone(),
        document: s.document.clone(),
        kind: s.kind.clone(),
        reason: s.reason.clone(),
    };
    // A path that leads nowhere is told, but is nothing that could be taken later.
    let is_there = |s: &&Skipped| Path::new(&s.document).symlink_metadata().is_ok() || s.document.contains("\\x");
    let now: Vec<Listed> = skipped.iter().filter(is_there).map(list).collect();
    let named: BTreeSet<&str> = now.iter().map(|s| s.document.as_str()).collect();
    let is_seen = |name: &str| {
        let path = Path::new(name);
        let below = |folder: &str| path.starts_with(folder);
        let hidden = now.iter().any(|s| s.kind == "folder" && s.document != name && below(&s.document));
        let away = !settings.remove_missing && path.symlink_metadata().is_err() && is_away(path);
        roots.iter().any(|root| below(root)) && !hidden && !away
    };
    let gone: Vec<&str> =
        before.iter().map(|s| s.document.as_str()).filter(|n| !named.contains(n) && is_seen(n)).collect();
    let new: Vec<Listed> = now.iter().filter(|s| !before.contains(s)).cloned().collect();
    index.list_skipped(&settings.collection, &gone, &new)
}

//! What an ingest makes of folders that changed, without a model.

use super::plan::plan;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn known(folder: &Path, names: &[&str]) -> BTreeMap<String, String> {
    names.iter().map(|n| (folder.join(n).display().to_string(), String::new())).collect()
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    (dir, path)
}

#[test]
fn what_is_gone_from_a_folder_in_use_is_removed() {
    let (_dir, path) = folder();
    std::fs::write(path.join("a.md"), "a").unwrap();
    let plan = plan(std::slice::from_ref(&path), &known(&path, &["a.md", "b.md", "old/c.md"]), false).unwrap();
    assert_eq!((plan.files.len(), plan.gone.len(), plan.stale.len()), (1, 2, 0));
}

#[test]
fn an_empty_folder_and_one_that_is_away_remove_nothing_unless_told() {
    let (_dir, path) = folder();
    let before = known(&path, &["a.md", "b.md"]);
    for place in [path.clone(), path.join("stick")] {
        let before = if place == path { before.clone() } else { known(&place, &["a.md", "b.md"]) };
        let kept = plan(std::slice::from_ref(&place), &before, false).unwrap();
        assert_eq!((kept.gone.len(), kept.stale.len()), (0, 2), "{}", place.display());
        let told = plan(&[place], &before, true).unwrap();
        assert_eq!((told.gone.len(), told.stale.len()), (2, 0));
    }
}

#[test]
fn a_document_that_was_named_and_is_gone_is_removed() {
    let (_dir, path) = folder();
    std::fs::write(path.join("b.md"), "b").unwrap();
    let plan = plan(&[path.join("a.md")], &known(&path, &["a.md"]), false).unwrap();
    assert_eq!((plan.gone.len(), plan.stale.len()), (1, 0));
}

#[test]
fn what_is_no_document_is_named_with_its_kind() {
    let (_dir, path) = folder();
    for name in ["a.md", "b.JPG", "README", ".hidden"] {
        std::fs::write(path.join(name), "x").unwrap();
    }
    let plan = plan(&[path.clone(), path.join("none.md")], &BTreeMap::new(), false).unwrap();
    let mut kinds: Vec<&str> = plan.skipped.iter().map(|s| s.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [".jpg", ".md", "hidden", "no extension"]);
    assert_eq!((plan.files.len(), plan.failed.len()), (1, 1));
}

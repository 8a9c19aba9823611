//! `backup.json`: what a backup holds, and whether it still does.

use super::objects;
use super::place::Place;
use crate::durable;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::versioned;
use crate::watch::{Cancel, Progress};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

/// The version of the layout this code writes and the newest it reads.
const FORMAT: u32 = 1;
/// The file's name.
pub(super) const FILE: &str = "backup.json";

/// A file of the home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, which is the name of its copy.
    pub sha256: String,
}

/// What `backup.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    /// The version of Wayside that wrote it.
    wayside: String,
    /// What was acknowledged by then is in it.
    pub began: Timestamp,
    pub finished: Timestamp,
    /// Whether models and parts are in it.
    pub models: bool,
    pub left_out: Vec<String>,
    /// By their paths in the home.
    pub files: BTreeMap<String, Entry>,
    /// Of all this as compact JSON with this field empty.
    sha256: String,
}

/// Whether a name is that of a file of a backup.
pub(super) fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Manifest {
    pub fn new(began: Timestamp, models: bool, left_out: Vec<String>, files: BTreeMap<String, Entry>) -> Self {
        let (wayside, finished, sha256) = (env!("CARGO_PKG_VERSION").to_owned(), Timestamp::now(), String::new());
        let manifest = Self { format: FORMAT, wayside, began, finished, models, left_out, files, sha256 };
        Self { sha256: manifest.digest(), ..manifest }
    }

    /// Makes this the backup in `dir`; it is on the disk when this returns.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::invalid("a backup's list").because(e))?;
        durable::write(&dir.join(FILE), &text)
    }

    /// The backup in `dir`. Errors: `NotFound` where there is none, `Corrupt`, `Incompatible`.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Err(Error::not_found(format!("there is no backup in {}: it has no {FILE}", dir.display())));
        }
        let remedy = "nobody can tell what this backup held; take another one";
        let manifest: Self = versioned::read(&path, FORMAT, remedy)?;
        let damaged = |why: &str| Error::corrupt(format!("{} is damaged: {why}; {remedy}", path.display()));
        if manifest.sha256 != manifest.digest() {
            return Err(damaged("it is not what was written"));
        }
        let is_within = |path: &str| Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
        match manifest.files.iter().find(|(path, entry)| !is_within(path) || !is_hash(&entry.sha256)) {
            Some((path, _)) => Err(damaged(&format!("{path:?} is no file of a home"))),
            None => Ok(manifest),
        }
    }

    /// The names of all copies.
    pub fn hashes(&self) -> BTreeSet<&str> {
        self.files.values().map(|entry| entry.sha256.as_str()).collect()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|entry| entry.bytes).sum()
    }

    fn digest(&self) -> String {
        let bare = Self { sha256: String::new(), ..self.clone() };
        // Nothing in it can fail to be written; if it could, no backup would be whole.
        hex(&Sha256::digest(serde_json::to_vec(&bare).unwrap_or_default()))
    }
}

/// What a look at a backup found.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Its folder.
    pub path: PathBuf,
    /// What was acknowledged by then is in it.
    pub time: Timestamp,
    /// Whether models and parts are in it.
    pub models: bool,
    /// Files in it.
    pub files: usize,
    /// Bytes of those.
    pub bytes: u64,
    /// Those that are not what was backed up.
    pub damaged: Vec<Damaged>,
    /// How long it took.
    pub seconds: f64,
}

/// A file of a backup that is not what it was.
#[derive(Clone, Debug, Serialize)]
pub struct Damaged {
    /// Its path in the home.
    pub file: String,
    /// Its copy.
    pub copy: PathBuf,
    /// What is wrong.
    pub why: String,
}

/// Reads the whole backup in `dir` and holds each file against its hash.
///
/// Errors: `NotFound` where there is none; `Corrupt` and `Incompatible` where nobody can tell what it held; `Busy`
/// while it is being replaced; `Cancelled`. Files that are damaged are no error, they are named.
pub fn verify(dir: &Path, progress: &dyn Progress, cancel: &Cancel) -> Result<Verified> {
    let begin = Instant::now();
    let place = Place::to_read(dir)?;
    let manifest = Manifest::read(place.dir())?;
    let mut damaged = Vec::new();
    let mut done = 0;
    progress.start("checking the backup", manifest.bytes());
    for (file, entry) in &manifest.files {
        if let Some(why) = objects::fault(&place.files(), entry, &mut |n| progress.at(done + n), cancel)? {
            damaged.push(Damaged { file: file.clone(), copy: place.files().join(&entry.sha256), why });
        }
        done += entry.bytes;
    }
    progress.finish();
    Ok(Verified {
        path: place.dir().to_owned(),
        time: manifest.began,
        models: manifest.models,
        files: manifest.files.len(),
        bytes: manifest.bytes(),
        damaged,
        seconds: begin.elapsed().as_secs_f64(),
    })
}

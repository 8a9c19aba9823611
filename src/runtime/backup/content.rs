//! What of a home belongs into a backup: all but what is made anew, and what says who is at work.
//!
//! What is left out is named here; anything else comes along, so that nothing is lost because nobody thought of it.

use crate::durable;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// What is made anew, whole folders and files; it is said to be left out.
const DERIVED: [&str; 4] = ["learn", "prefixes", "kiosk.html", "staff.html"];
/// What is taken only where somebody wishes it: it is large, and can be fetched or imported again.
const MODELS: [&str; 2] = ["models", "parts"];
/// What says who is at work, or what was looked at: nothing that anybody would miss.
const MOMENTARY: [&str; 6] = ["turn", "serve.sock", ".doctor", "lost+found", "learn.lock", "library.lock"];

/// A store of the home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    Log,
    Index,
    Records,
}

impl Store {
    pub const ALL: [Self; 3] = [Self::Log, Self::Index, Self::Records];

    /// Its folder in the home.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Index => "index",
            Self::Records => "records",
        }
    }

    /// Its file in the home: the only one of its folder that matters.
    pub fn path(self) -> &'static str {
        match self {
            Self::Log => "log/data.mdb",
            Self::Index => "index/data.mdb",
            Self::Records => "records/data.mdb",
        }
    }
}

/// Whether the home has such a store.
pub(super) fn has_store(home: &Path, store: Store) -> bool {
    home.join(store.path()).exists()
}

/// What is to be copied.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// In the order in which they are copied: the log first.
    pub stores: Vec<Store>,
    /// Paths in the home, with slashes, and where they lie.
    pub files: BTreeMap<String, PathBuf>,
    pub left_out: Vec<String>,
    /// What nobody can take: broken links, pipes, names that are no text.
    pub strange: Vec<String>,
    bytes: u64,
}

impl Content {
    /// What there is in `home` now, whose models lie in `models`.
    pub fn of(home: &Path, models: &Path, with_models: bool) -> Self {
        let mut content = Self::default();
        for store in Store::ALL.into_iter().filter(|store| has_store(home, *store)) {
            content.bytes += home.join(store.path()).metadata().map_or(0, |m| m.len());
            content.stores.push(store);
        }
        let Ok(entries) = std::fs::read_dir(home) else { return content };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_store = Store::ALL.iter().any(|store| store.folder() == name);
            if is_store || is_momentary(&name) {
                continue;
            }
            if DERIVED.contains(&name.as_str()) || MODELS.contains(&name.as_str()) && !with_models {
                content.left_out.push(name);
                continue;
            }
            let root = if name == "models" { models.to_owned() } else { entry.path() };
            content.take(&name, &root);
        }
        content
    }

    /// About how many bytes there are: stores shrink when they are copied.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A file, or all that is below a folder.
    fn take(&mut self, name: &str, root: &Path) {
        let named = |entry: &DirEntry| entry.file_name().to_string_lossy().into_owned();
        let kept = |entry: &DirEntry| entry.depth() == 0 || !is_half_made(&named(entry));
        for entry in WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_entry(kept) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => {
                    self.strange(&e.to_string());
                    continue;
                }
            };
            if entry.file_type().is_dir() {
                continue;
            }
            let below = entry.path().strip_prefix(root).unwrap_or(Path::new(""));
            let path = if below.as_os_str().is_empty() { PathBuf::from(name) } else { Path::new(name).join(below) };
            match (entry.file_type().is_file(), path.to_str()) {
                (true, Some(path)) => {
                    self.bytes += entry.metadata().map_or(0, |m| m.len());
                    // Elsewhere a backslash is a letter like any other.
                    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
                    self.files.insert(path, entry.path().to_owned());
                }
                (true, None) => self.strange(&format!("{path:?} (its name is no text)")),
                (false, _) => self.strange(&format!("{} (it is no file)", path.display())),
            }
        }
    }

    fn strange(&mut self, what: &str) {
        self.strange.push(what.to_owned());
        self.left_out.push(what.to_owned());
    }
}

/// Whether a name is that of something half made, going, or held by somebody at work.
pub(super) fn is_momentary(name: &str) -> bool {
    durable::is_hidden(name) || MOMENTARY.contains(&name)
}

/// Whether a name below a folder of the home is that of something half made, or of a lock.
fn is_half_made(name: &str) -> bool {
    durable::is_hidden(name) || name.starts_with('.') && name.ends_with(".lock")
}

/// Whether a home holds more than what a new one has when models were fetched for it.
pub(super) fn holds_data(home: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(home) else { return false };
    let nothing = |name: &str| is_momentary(name) || DERIVED.contains(&name) || MODELS.contains(&name);
    entries.flatten().any(|entry| !nothing(&entry.file_name().to_string_lossy()))
}

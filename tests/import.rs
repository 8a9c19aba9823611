//! What people give to `import`: models that came ready run as they are, and what is no model changes nothing.

mod bundle;
mod files;
mod folders;
mod ready;

use crate::support::golden;
use std::path::{Path, PathBuf};
use wayside::bundle::Bundle;
use wayside::import::{Options, import};
use wayside::watch::{Cancel, Quiet};
use wayside::{Error, Result};

/// A folder of models with one in it.
struct Home {
    folder: tempfile::TempDir,
    fingerprint: String,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut home = Self { folder, fingerprint: String::new() };
        home.fingerprint = home.import(&golden("tiny/qwen2")).unwrap().fingerprint();
        home
    }

    fn model(&self) -> PathBuf {
        self.folder.path().join("model")
    }

    /// Imports over the model that is there.
    fn import(&self, source: &Path) -> Result<Bundle> {
        import(source, &self.model(), Options::default(), &Quiet, &Cancel::new())
    }

    /// `source` is refused in a sentence with all these words, and nothing has changed.
    fn refuses(&self, source: &Path, words: &[&str]) -> Error {
        let error = self.import(source).err().unwrap_or_else(|| panic!("{} was taken", source.display()));
        let text = error.to_string();
        for word in words {
            assert!(text.contains(word), "{word:?} is missing in: {text}");
        }
        self.is_unchanged();
        error
    }

    fn is_unchanged(&self) {
        let bundle = Bundle::open(&self.model()).unwrap();
        bundle.verify().unwrap();
        assert_eq!(bundle.fingerprint(), self.fingerprint);
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["model"], "something is left behind");
    }
}

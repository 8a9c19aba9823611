//! The receipt of an erasure: what was removed, so written that it names nobody and can be checked.
//!
//! ```text
//! receipts/<time>.json
//!   subject, lineage, interactions     SHA-256 of the receipt's salt, a zero byte and the name
//!   sha256                             of the receipt as compact JSON with this field empty
//! ```
//!
//! Whoever knows a name can see whether a receipt is about it; nobody can read a name from it. The hash over it all
//! shows a receipt that was altered by accident, not one that was forged.

use crate::durable;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::store::log::{Erasure, salted};
use crate::versioned;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The version of the layout this code writes and the newest it reads.
const FORMAT: u32 = 1;
/// The folder in the home.
const FOLDER: &str = "receipts";

/// What an erasure removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Version of this layout.
    pub format: u32,
    /// When the erasure began.
    pub time: Timestamp,
    /// When all but the compaction was done.
    pub finished: Timestamp,
    /// What the hashes are salted with.
    pub salt: String,
    /// The hash of the subject.
    pub subject: String,
    /// The hash of what the lineage of an adapter says of the subject.
    pub lineage: String,
    /// How much was removed.
    pub removed: Removed,
    /// The hash of each removed interaction's id.
    pub interactions: Vec<String>,
    /// The ids of the adapters that were dropped.
    pub adapters: Vec<String>,
    /// The names of the models that were removed, because such an adapter was merged into them.
    pub models: Vec<String>,
    /// Whether the log's file was written anew without what was removed.
    pub compacted: bool,
    /// Why not; it is then done by the next that opens the log while nobody else has it open.
    pub uncompacted: Option<String>,
    /// Interactions that are so damaged that nobody can tell whose they are: they are still in the log.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    /// The hash of this receipt.
    pub sha256: String,
}

/// How much an erasure removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Interactions.
    pub interactions: usize,
    /// Adapters.
    pub adapters: usize,
    /// Models.
    pub models: usize,
    /// Records of persons, and kept answers about them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub records: u64,
}

/// Receipts from before there were such counts keep their hash.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Receipt {
    /// The receipt of an erasure that was just done, but for the reason why the log is not compacted, if it is not.
    pub(super) fn new(erasure: Erasure, uncompacted: Option<String>) -> Self {
        let Erasure { time, salt, subject, lineage, interactions, adapters, models, records, unreadable } = erasure;
        let removed =
            Removed { interactions: interactions.len(), adapters: adapters.len(), models: models.len(), records };
        let receipt = Self {
            format: FORMAT,
            time,
            finished: Timestamp::now(),
            salt,
            subject,
            lineage,
            removed,
            interactions,
            adapters,
            models,
            compacted: uncompacted.is_none(),
            uncompacted,
            unreadable,
            sha256: String::new(),
        };
        Self { sha256: receipt.digest(), ..receipt }
    }

    /// Writes the receipt into `home`; it is on the disk when this returns. The same erasure has the same file.
    pub(super) fn write(&self, home: &Path) -> Result<PathBuf> {
        let folder = home.join(FOLDER);
        durable::sweep(&folder)?;
        let path = folder.join(format!("{}.json", self.time.strftime("%Y%m%dT%H%M%S.%6fZ")));
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::invalid("the receipt").because(e))?;
        durable::write(&path, &text)?;
        durable::sync_dir(home)?;
        Ok(path)
    }

    /// Reads a receipt. Errors: `NotFound`, `Corrupt`, or `Incompatible` when a newer Wayside wrote it.
    pub fn read(path: &Path) -> Result<Self> {
        versioned::read(path, FORMAT, "it is no receipt that anybody can check")
    }

    /// Whether this is the receipt that was written.
    pub fn is_whole(&self) -> bool {
        self.sha256 == self.digest()
    }

    /// What the receipt has in place of a name.
    pub fn hash(&self, name: &str) -> String {
        salted(&self.salt, name)
    }

    fn digest(&self) -> String {
        let bare = Self { sha256: String::new(), ..self.clone() };
        // Nothing in it can fail to be written; if it could, no receipt would be whole.
        hex(&Sha256::digest(serde_json::to_vec(&bare).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn receipt() -> Receipt {
        let hash = |name: &str| salted("5a17", name);
        let erasure = Erasure {
            time: Timestamp::from_second(1_700_000_000).unwrap(),
            salt: "5a17".into(),
            subject: hash("ann"),
            lineage: hash("ab12"),
            interactions: vec![hash("1"), hash("2")],
            adapters: vec!["a".into()],
            models: vec![],
            records: 0,
            unreadable: 0,
        };
        Receipt::new(erasure, Some("another process has it open".into()))
    }

    #[test]
    fn a_receipt_comes_back_and_names_nobody() {
        let home = tempfile::tempdir().unwrap();
        let receipt = receipt();
        let path = receipt.write(home.path()).unwrap();
        assert!(path.ends_with("receipts/20231114T221320.000000Z.json"), "{path:?}");
        assert_eq!(Receipt::read(&path).unwrap(), receipt);
        assert!(receipt.is_whole() && !receipt.compacted);
        assert_eq!((receipt.removed.interactions, receipt.hash("ann") == receipt.subject), (2, true));
        assert!(!std::fs::read_to_string(&path).unwrap().contains("ann"));
    }

    #[test]
    fn an_altered_receipt_is_noticed() {
        let home = tempfile::tempdir().unwrap();
        let path = receipt().write(home.path()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let read = |text: String| {
            std::fs::write(&path, text).unwrap();
            Receipt::read(&path)
        };
        assert!(read(text.replace("\n", "\n ")).unwrap().is_whole(), "spaces say nothing");
        for (from, to) in [("\"compacted\": false", "\"compacted\": true"), ("5a17", "5a18"), ("\"a\"", "\"b\"")] {
            assert!(!read(text.replace(from, to)).unwrap().is_whole(), "{from}");
        }
        for (from, to, kind) in [
            ("\"format\": 1", "\"format\": 2", ErrorKind::Incompatible),
            ("\"salt\"", "\"pepper\"", ErrorKind::Corrupt),
            ("{", "", ErrorKind::Corrupt),
        ] {
            assert_eq!(read(text.replacen(from, to, 1)).unwrap_err().kind(), kind, "{from}");
        }
    }
}

//! What was not taken in, and why: a list beside the documents, which a search never sees.
//!
//! ```text
//! meta    "skipped" | 0 | collection | 0 | SHA-256 of the name      name, kind, reason
//! ```
//!
//! A name may be too long for a key, which is a reason not to be taken in.

use super::Index;
use crate::error::Result;
use crate::store::fault::Attempt;
use heed::RwTxn;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const LIST: &[u8] = b"skipped\0";

/// A file that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The collection that it would be in.
    pub collection: String,
    /// Its path.
    pub document: String,
    /// What it is: its extension, `hidden`, `folder`.
    pub kind: String,
    /// Why it was not taken.
    pub reason: String,
}

impl Index {
    /// What was not taken into a collection, or into any, in the order of collections, kinds and names.
    pub fn skipped(&self, collection: Option<&str>) -> Result<Vec<Skipped>> {
        let mut all = self.env.read(|txn| {
            let mut all: Vec<Skipped> = Vec::new();
            for entry in self.catalog.meta.raw().prefix_iter(txn, &list(collection))? {
                let (key, value) = entry?;
                all.push(self.catalog.meta.decode(key, value)?);
            }
            Ok(all)
        })?;
        let order = |s: &Skipped| (s.collection.clone(), s.kind.clone(), s.document.clone());
        all.sort_by_cached_key(order);
        Ok(all)
    }

    /// Takes `gone` off the list of a collection and puts `new` on it. Nothing is written where nothing changes.
    pub fn list_skipped(&self, collection: &str, gone: &[&str], new: &[Skipped]) -> Result<()> {
        if gone.is_empty() && new.is_empty() {
            return Ok(());
        }
        self.env.write(|txn| {
            for name in gone {
                self.catalog.meta.delete(txn, &key(collection, name))?;
            }
            for skipped in new {
                self.catalog.meta.put(txn, &key(collection, &skipped.document), skipped)?;
            }
            Ok(())
        })
    }

    /// Clears the list of a collection.
    pub(super) fn clear_skipped(&self, txn: &mut RwTxn, collection: &str) -> Attempt<()> {
        let entries = self.catalog.meta.raw().prefix_iter(txn, &list(Some(collection)))?;
        let keys = entries.map(|entry| Ok(entry?.0.to_vec())).collect::<Attempt<Vec<_>>>()?;
        for key in keys {
            self.catalog.meta.delete(txn, &key)?;
        }
        Ok(())
    }
}

/// What all keys of a collection's list begin with, or of all lists.
fn list(collection: Option<&str>) -> Vec<u8> {
    collection.map_or_else(|| LIST.to_vec(), |name| [LIST, name.as_bytes(), &[0]].concat())
}

fn key(collection: &str, name: &str) -> Vec<u8> {
    [&list(Some(collection))[..], &Sha256::digest(name.as_bytes())[..]].concat()
}

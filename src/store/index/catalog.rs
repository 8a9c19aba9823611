//! What the index holds: the embedder it was made with, its collections, their documents and chunks.
//!
//! ```text
//! meta          "embedder"              id and dimensions
//!               "next"                  the next chunk's id: ids are never given twice
//!               "skipped" ...           what was not taken in, see `skipped.rs`
//! collections   name                    number, counts, trees
//! documents     collection, u16 | name  digest, title, its chunks
//! chunks        chunk, u32              section, text
//! ```

use super::trees::Forest;
use crate::error::{Error, Result};
use crate::store::fault::Attempt;
use crate::store::keys;
use crate::store::table::Table;
use heed::{RoTxn, RwTxn};
use serde::{Deserialize, Serialize};

/// Bytes of a collection's name, and of a document's: they are keys, which LMDB limits to 511 bytes.
const LONGEST_COLLECTION: usize = 200;
const LONGEST_DOCUMENT: usize = 500;

/// Where all vectors of an index come from. Vectors of two embedders have nothing to do with each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedder {
    /// The embedder's name and version.
    pub id: String,
    /// Numbers in each vector.
    pub dims: usize,
}

/// A collection of documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// Its documents.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
}

/// A document in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Unique in its collection: a path, usually.
    pub name: String,
    /// SHA-256 of the source in hexadecimal: whether it has changed.
    pub digest: String,
    /// What people call it.
    pub title: String,
    /// The id of its first chunk; the others follow.
    pub first_chunk: u32,
    /// How many chunks it has.
    pub chunks: u32,
}

impl Document {
    /// The ids of its chunks.
    pub fn chunk_ids(&self) -> std::ops::Range<u32> {
        self.first_chunk..self.first_chunk.saturating_add(self.chunks)
    }
}

/// A piece of a document, as a search finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Unique in the index, and never given to another chunk.
    pub id: u32,
    /// The name of its collection.
    pub collection: String,
    /// The name of its document.
    pub document: String,
    /// The headings above it.
    pub section: String,
    /// The text.
    pub text: String,
    /// Its place in the document, from 0.
    pub ordinal: u32,
    /// Tokens of the text, as the caller counted them.
    pub tokens: u32,
}

/// What is kept about a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub number: u16,
    pub documents: u64,
    pub chunks: u64,
    /// Terms of all chunks together.
    pub terms: u64,
    /// `None` while a scan is faster.
    pub forest: Option<Forest>,
}

/// The tables, with the types of their records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Catalog {
    pub meta: Table,
    pub collections: Table,
    pub documents: Table,
    pub chunks: Table,
}

const EMBEDDER: &[u8] = b"embedder";
const NEXT: &[u8] = b"next";

impl Catalog {
    pub fn embedder(&self, txn: &RoTxn) -> Attempt<Option<Embedder>> {
        self.meta.get(txn, EMBEDDER)
    }

    pub fn set_embedder(&self, txn: &mut RwTxn, embedder: &Embedder) -> Attempt<()> {
        self.meta.put(txn, EMBEDDER, embedder)
    }

    /// Takes `count` chunk ids that nothing ever had, and returns the first.
    pub fn take_ids(&self, txn: &mut RwTxn, count: u32) -> Attempt<u32> {
        let first: u32 = self.meta.get(txn, NEXT)?.unwrap_or(0);
        let next = first.checked_add(count).filter(|n| *n < u32::MAX);
        let next =
            next.ok_or_else(|| Error::full("the index has given out all its chunk ids; remove and ingest again"))?;
        self.meta.put(txn, NEXT, &next)?;
        Ok(first)
    }

    pub fn collection(&self, txn: &RoTxn, name: &str) -> Attempt<Option<Record>> {
        if valid_name("collection", name, LONGEST_COLLECTION).is_err() {
            return Ok(None);
        }
        self.collections.get(txn, name.as_bytes())
    }

    /// All collections in the order of their names.
    pub fn all(&self, txn: &RoTxn) -> Attempt<Vec<(String, Record)>> {
        let mut all = Vec::new();
        for entry in self.collections.raw().iter(txn)? {
            let (key, value) = entry?;
            let name = std::str::from_utf8(key).map_err(|e| self.collections.damaged(key, e))?;
            all.push((name.to_owned(), self.collections.decode(key, value)?));
        }
        Ok(all)
    }

    /// The collection called `name`, or a new one under the smallest free number.
    pub fn collection_or_new(&self, txn: &RoTxn, name: &str) -> Attempt<Record> {
        valid_name("collection", name, LONGEST_COLLECTION)?;
        if let Some(found) = self.collection(txn, name)? {
            return Ok(found);
        }
        let taken: std::collections::BTreeSet<u16> = self.all(txn)?.iter().map(|(_, r)| r.number).collect();
        let number = (0..=u16::MAX).find(|n| !taken.contains(n));
        let number =
            number.ok_or_else(|| Error::full("the index has 65536 collections; drop one that is not needed"))?;
        Ok(Record { number, documents: 0, chunks: 0, terms: 0, forest: None })
    }

    pub fn document(&self, txn: &RoTxn, collection: u16, name: &str) -> Attempt<Option<Document>> {
        if valid_document(name).is_err() {
            return Ok(None);
        }
        self.documents.get(txn, &keys::document(collection, name))
    }

    /// A collection's documents in the order of their names.
    pub fn documents(&self, txn: &RoTxn, collection: u16) -> Attempt<Vec<Document>> {
        let mut all = Vec::new();
        for entry in self.documents.raw().prefix_iter(txn, &collection.to_be_bytes())? {
            let (key, value) = entry?;
            all.push(self.documents.decode(key, value)?);
        }
        Ok(all)
    }

    pub fn chunk(&self, txn: &RoTxn, id: u32) -> Attempt<Chunk> {
        let found = self.chunks.get(txn, &keys::chunk(id))?;
        Ok(found.ok_or_else(|| Error::not_found(format!("chunk {id} is not in the index any more")))?)
    }
}

/// Invalid when `name` cannot be a document's.
pub(super) fn valid_document(name: &str) -> Result<()> {
    valid_name("document", name, LONGEST_DOCUMENT)
}

fn valid_name(what: &str, name: &str, longest: usize) -> Result<()> {
    let shown = || name.chars().take(60).collect::<String>().escape_debug().to_string();
    match name.len() {
        0 => Err(Error::invalid(format!("a {what} needs a name"))),
        n if n > longest => {
            Err(Error::invalid(format!("the name of a {what} has at most {longest} bytes: '{}...'", shown())))
        }
        _ if name.chars().any(char::is_control) => {
            Err(Error::invalid(format!("the name of a {what} holds control characters: '{}'", shown())))
        }
        _ => Ok(()),
    }
}

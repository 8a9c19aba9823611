//! The index: what the documents say, findable by meaning and by words. Derived, so it can be made again.
//!
//! `catalog` knows documents and chunks, `vectors`, `codes` and `trees` find by meaning, `terms` and `words` by words.
//! One call, [`Index::apply`], changes them all in one transaction; the caller embeds before it. [`Index::read`] shows
//! them all in one state.
//!
//! Vectors can be turned back into text, roughly, and so can their codes: they are as confidential as the documents.
//! What is removed leaves both at once, and the trees when they are next built; [`Index::rebuild`] builds them now.

mod apply;
mod block;
mod catalog;
mod code;
mod codes;
mod dot;
mod rotation;
mod shortlist;
mod skipped;
mod terms;
mod top;
mod trees;
mod upgrade;
mod vectors;
mod view;
mod words;

pub use apply::{Applied, NewChunk, NewDocument};
pub(super) use block::check as check_block;
pub use catalog::{Chunk, Collection, Document, Embedder};
pub use skipped::Skipped;
pub use top::Scored;
pub(super) use upgrade::UPGRADES;
pub use view::View;

use super::env::{Env, INDEX, mark_for_compaction};
use super::fault::Attempt;
use crate::error::{Error, Result};
use crate::watch::Cancel;
use catalog::{Catalog, Record};
use codes::Codes;
use heed::RoTxn;
use serde::Serialize;
use std::fs::File;
use std::path::Path;
use terms::Terms;
use trees::Trees;
use vectors::Vectors;
use words::Words;

/// Chunks from which a collection is searched by its codes. Below, a scan of the exact vectors takes at most some
/// two milliseconds and misses nothing.
const CODES_FROM: u64 = 20_000;
/// Chunks from which a collection gets search trees: where the signs alone are some 400 MB, which a small machine does
/// not keep in memory, and reading a part of the vectors beats reading the codes of all.
///
/// Where memory holds the codes they win by far. Measured with 384 numbers to a vector, one thread, on x86-64: 100,000
/// chunks by codes 0.2 ms, by trees 2 to 5 ms, by the exact vectors 7 ms.
const TREES_FROM: u64 = 8_000_000;

/// The tables; the first holds the format.
const TABLES: [&str; 8] = ["meta", "collections", "documents", "chunks", "vectors", "trees", "words", "codes"];

/// An open index. One per folder and process; share it by reference.
#[derive(Debug)]
pub struct Index {
    env: Env,
    catalog: Catalog,
    vectors: Vectors,
    codes: Codes,
    trees: Trees,
    words: Words,
    terms: Terms,
    codes_from: u64,
    trees_from: u64,
}

/// How much an index holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Collections.
    pub collections: u64,
    /// Documents of all collections.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// How many of those the search trees know.
    pub in_trees: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Where the vectors come from, once that is known.
    pub embedder: Option<Embedder>,
}

impl Index {
    /// Opens the index in `dir`, making it if there is none.
    ///
    /// Busy when this process has it open already; Corrupt when the file is damaged; Incompatible when a newer
    /// version wrote it.
    pub fn open(dir: &Path) -> Result<Self> {
        let (env, tables) = Env::open(dir, &INDEX, TABLES)?;
        let [meta, collections, documents, chunks, vectors, trees, words, codes] = tables;
        Ok(Self {
            env,
            catalog: Catalog { meta, collections, documents, chunks },
            vectors: Vectors::new(vectors),
            codes: Codes::new(codes),
            trees: Trees::new(trees),
            words: Words::new(words),
            terms: Terms::new(),
            codes_from: CODES_FROM,
            trees_from: TREES_FROM,
        })
    }

    /// Says where the vectors of this index come from: its id, and how many numbers each has.
    ///
    /// The first embedder stays while there are chunks; another one is Incompatible.
    pub fn set_embedder(&self, id: &str, dims: usize) -> Result<()> {
        let new = Embedder { id: id.to_owned(), dims };
        if dims == 0 || dims > 1 << 16 {
            return Err(Error::invalid(format!("an embedder has 1 to 65536 dimensions, not {dims}")));
        }
        if self.embedder()?.as_ref() == Some(&new) {
            return Ok(());
        }
        self.env.write(|txn| match self.catalog.embedder(txn)? {
            Some(old) if old != new && !self.catalog.chunks.raw().is_empty(txn)? => Err(old.differs(id, dims).into()),
            _ => self.catalog.set_embedder(txn, &new),
        })
    }

    /// Where the vectors come from, once [`Index::set_embedder`] said so.
    pub fn embedder(&self) -> Result<Option<Embedder>> {
        self.env.read(|txn| self.catalog.embedder(txn))
    }

    /// The collections in the order of their names.
    pub fn collections(&self) -> Result<Vec<Collection>> {
        let all = self.env.read(|txn| self.catalog.all(txn))?;
        Ok(all.into_iter().map(|(name, r)| Collection { name, documents: r.documents, chunks: r.chunks }).collect())
    }

    /// The documents of a collection in the order of their names; none when there is no such collection.
    pub fn documents(&self, collection: &str) -> Result<Vec<Document>> {
        self.env.read(|txn| match self.catalog.collection(txn, collection)? {
            Some(record) => self.catalog.documents(txn, record.number),
            None => Ok(Vec::new()),
        })
    }

    /// A document, if it is there.
    pub fn document(&self, collection: &str, name: &str) -> Result<Option<Document>> {
        self.read(|view| view.document(collection, name))
    }

    /// A document's chunks with their vectors; none when it is not there.
    pub fn passages(&self, collection: &str, name: &str) -> Result<Vec<(Chunk, Vec<f32>)>> {
        self.read(|view| view.passages(collection, name))
    }

    /// The chunk with this id; NotFound when it was removed meanwhile.
    pub fn chunk(&self, id: u32) -> Result<Chunk> {
        self.read(|view| view.chunk(id))
    }

    /// Reads the whole file. Errors: Corrupt when a page of it is damaged.
    pub fn verify(&self) -> Result<()> {
        self.env.verify()
    }

    /// How much there is.
    pub fn stats(&self) -> Result<Stats> {
        let bytes = self.env.bytes()?;
        self.env.read(|txn| {
            let all = self.catalog.all(txn)?;
            let sum = |count: fn(&Record) -> u64| all.iter().map(|(_, r)| count(r)).sum();
            Ok(Stats {
                collections: all.len() as u64,
                documents: sum(|r| r.documents),
                chunks: sum(|r| r.chunks),
                in_trees: sum(|r| r.forest.map_or(0, |f| f.chunks)),
                bytes,
                embedder: self.catalog.embedder(txn)?,
            })
        })
    }

    /// One consistent state of the index, for as long as `work` looks at it. Another call of this index in the midst of
    /// `work` may wait for ever: ask the view. `work` may run again from the start.
    pub fn read<T>(&self, mut work: impl FnMut(&View) -> Result<T>) -> Result<T> {
        self.env.read(|txn| Ok(work(&View::new(self, txn))?))
    }

    /// As [`View::nearest`], in a state of its own.
    pub fn nearest(&self, collection: Option<&str>, query: &[f32], k: usize) -> Result<Vec<Scored>> {
        self.read(|view| view.nearest(collection, query, k))
    }

    /// As [`View::similarities`], in a state of its own.
    pub fn similarities(&self, chunks: &[u32], query: &[f32]) -> Result<Vec<Scored>> {
        self.read(|view| view.similarities(chunks, query))
    }

    /// As [`View::words`], in a state of its own.
    pub fn words(&self, collection: Option<&str>, query: &str, k: usize) -> Result<Vec<Scored>> {
        self.read(|view| view.words(collection, query, k))
    }

    /// Whether any document holds `word`, or a form of it; words that everybody uses count as held.
    pub fn knows(&self, word: &str) -> Result<bool> {
        let is_common = self.terms.count(&[word]).each.is_empty();
        Ok(is_common || !self.words(None, word, 1)?.is_empty())
    }

    fn existing(&self, txn: &RoTxn, name: &str) -> Attempt<Record> {
        let found = self.catalog.collection(txn, name)?;
        Ok(found.ok_or_else(|| {
            Error::not_found(format!("there is no collection '{name}'; ingest documents into it first"))
        })?)
    }

    fn check_dimensions(&self, txn: &RoTxn, dims: usize) -> Attempt<()> {
        match self.catalog.embedder(txn)? {
            Some(embedder) if embedder.dims != dims => Err(Error::incompatible(format!(
                "the index holds vectors of {} numbers (from {}), not {dims}; use that embedder",
                embedder.dims, embedder.id
            ))
            .into()),
            _ => Ok(()),
        }
    }

    /// Has the index's file written anew, without what was removed from it, by whoever opens it next and finds that
    /// nobody else has it open.
    pub fn compact(&self) -> Result<()> {
        self.env.write(|txn| mark_for_compaction(txn, &self.catalog.meta))
    }

    /// Writes a copy of all that is in it now into `file`, which is empty and can be read, too. Others read and write
    /// meanwhile.
    ///
    /// Errors: Full and Io where the file cannot take it; Corrupt where this is damaged.
    pub fn copy_to(&self, file: &mut File) -> Result<()> {
        self.env.copy_to(file)
    }

    /// Why the index's file may still hold what was removed, where [`Index::compact`] was called; none once it was
    /// written anew.
    pub fn uncompacted(&self) -> Result<Option<String>> {
        self.env.uncompacted(&self.catalog.meta)
    }

    /// Builds the search trees of a collection anew, so that nothing of what was removed stays in them.
    pub fn rebuild(&self, collection: &str, cancel: &Cancel) -> Result<()> {
        self.env.write(|txn| {
            let mut record = self.existing(txn, collection)?;
            self.plant(txn, &mut record, cancel)?;
            self.catalog.collections.put(txn, collection.as_bytes(), &record)
        })
    }
}

#[cfg(test)]
mod tests;

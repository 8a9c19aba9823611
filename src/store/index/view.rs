//! One state of the index: everything that a retrieval reads, in one transaction.

use super::top::Top;
use super::words::Size;
use super::{Chunk, Document, Embedder, Index, Record, Scored, dot};
use crate::error::{Error, Result};
use crate::store::fault::Attempt;
use heed::RoTxn;

/// An index as it is at one moment, whatever is ingested meanwhile. See [`Index::read`].
pub struct View<'t> {
    index: &'t Index,
    txn: &'t RoTxn<'t>,
}

impl<'t> View<'t> {
    pub(super) fn new(index: &'t Index, txn: &'t RoTxn<'t>) -> Self {
        Self { index, txn }
    }

    /// Whether there is nothing to find.
    pub fn is_empty(&self) -> Result<bool> {
        self.told(self.index.catalog.chunks.raw().is_empty(self.txn).map_err(Into::into))
    }

    /// Where the vectors come from, once that is known.
    pub fn embedder(&self) -> Result<Option<Embedder>> {
        self.told(self.index.catalog.embedder(self.txn))
    }

    /// A document, if it is there.
    pub fn document(&self, collection: &str, name: &str) -> Result<Option<Document>> {
        let (catalog, txn) = (&self.index.catalog, self.txn);
        self.told(catalog.collection(txn, collection).and_then(|found| match found {
            Some(record) => catalog.document(txn, record.number, name),
            None => Ok(None),
        }))
    }

    /// A document's chunks with their vectors; none when it is not there.
    pub fn passages(&self, collection: &str, name: &str) -> Result<Vec<(Chunk, Vec<f32>)>> {
        let (Index { catalog, vectors, .. }, txn) = (self.index, self.txn);
        self.told((|| {
            let Some(record) = catalog.collection(txn, collection)? else { return Ok(Vec::new()) };
            let Some(document) = catalog.document(txn, record.number, name)? else { return Ok(Vec::new()) };
            let rows = vectors.copy(txn, record.number, document.chunk_ids())?;
            rows.into_iter().map(|(id, vector)| Ok((catalog.chunk(txn, id)?, vector))).collect()
        })())
    }

    /// The chunk with this id; NotFound when there is none.
    pub fn chunk(&self, id: u32) -> Result<Chunk> {
        self.told(self.index.catalog.chunk(self.txn, id))
    }

    /// The `k` chunks whose vectors point most nearly where `query` does, of one collection or of all.
    ///
    /// The scores are cosines. NotFound when there is no such collection.
    pub fn nearest(&self, collection: Option<&str>, query: &[f32], k: usize) -> Result<Vec<Scored>> {
        let mut query = query.to_vec();
        dot::normalize(&mut query).map_err(|e| e.context("cannot search"))?;
        self.told((|| {
            self.index.check_dimensions(self.txn, query.len())?;
            let mut top = Top::new(k);
            for record in self.targets(collection)? {
                self.nearest_in(&record, &query, k, &mut top)?;
            }
            Ok(top.into_vec())
        })())
    }

    /// The nearest of one collection: the exact vectors decide, trees or codes say which of them to look at.
    fn nearest_in(&self, record: &Record, query: &[f32], k: usize, top: &mut Top) -> Attempt<()> {
        let (Index { vectors, codes, trees, codes_from, .. }, txn) = (self.index, self.txn);
        let number = record.number;
        if let Some(forest) = record.forest.filter(|f| f.chunks > 0) {
            let candidates = trees.candidates(txn, number, forest, query, k)?;
            vectors.rerank(txn, number, &candidates, query, top)?;
            // What is newer than the trees.
            vectors.scan(txn, number, forest.through.saturating_add(1), query, top)
        } else if record.chunks >= *codes_from {
            let candidates = codes.candidates(txn, number, record.chunks, query, k)?;
            vectors.rerank(txn, number, &candidates, query, top)
        } else {
            vectors.scan(txn, number, 0, query, top)
        }
    }

    /// How nearly the vectors of `chunks` point where `query` does; chunks that are gone are left out.
    pub fn similarities(&self, chunks: &[u32], query: &[f32]) -> Result<Vec<Scored>> {
        let mut query = query.to_vec();
        dot::normalize(&mut query).map_err(|e| e.context("cannot compare"))?;
        let mut chunks = chunks.to_vec();
        chunks.sort_unstable();
        self.told((|| {
            self.index.check_dimensions(self.txn, query.len())?;
            let mut top = Top::new(chunks.len());
            for record in self.targets(None)? {
                self.index.vectors.rerank(self.txn, record.number, &chunks, &query, &mut top)?;
            }
            Ok(top.into_vec())
        })())
    }

    /// The `k` chunks that best answer the words of `query` by BM25, of one collection or of all.
    ///
    /// Chunks without any of the words are no answers. NotFound when there is no such collection.
    pub fn words(&self, collection: Option<&str>, query: &str, k: usize) -> Result<Vec<Scored>> {
        let terms = self.index.terms.asked(query);
        self.told((|| {
            let targets = self.targets(collection)?;
            let size = targets
                .iter()
                .fold(Size::default(), |s, r| Size { chunks: s.chunks + r.chunks, terms: s.terms + r.terms });
            let numbers: Vec<u16> = targets.iter().map(|r| r.number).collect();
            let mut top = Top::new(k);
            self.index.words.search(self.txn, &numbers, size, &terms, &mut top)?;
            Ok(top.into_vec())
        })())
    }

    /// Refuses vectors of another embedder than those here. Errors: Incompatible.
    pub fn check_embedder(&self, id: &str, dims: usize) -> Result<()> {
        match self.embedder()? {
            Some(held) if (held.id.as_str(), held.dims) != (id, dims) && !self.is_empty()? => {
                Err(held.differs(id, dims))
            }
            _ => Ok(()),
        }
    }

    fn targets(&self, collection: Option<&str>) -> Attempt<Vec<Record>> {
        match collection {
            None => Ok(self.index.catalog.all(self.txn)?.into_iter().map(|(_, record)| record).collect()),
            Some(name) => Ok(vec![self.index.existing(self.txn, name)?]),
        }
    }

    fn told<T>(&self, found: Attempt<T>) -> Result<T> {
        found.map_err(|fault| self.index.env.explained(fault))
    }
}

impl Embedder {
    /// Why vectors of another embedder cannot be sought here.
    pub(super) fn differs(&self, id: &str, dims: usize) -> Error {
        Error::incompatible(format!(
            "the index holds vectors of {} ({} dimensions), not of {id} ({dims}): use that embedder, or ingest \
             again, which makes all vectors anew",
            self.id, self.dims
        ))
    }
}

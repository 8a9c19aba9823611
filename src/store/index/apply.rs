//! Changes to the index: one transaction for documents, chunks, vectors, codes, words and trees.

use super::catalog::{self, Chunk, Document, Embedder, Record};
use super::{Index, dot, vectors, words};
use crate::error::{Error, Result};
use crate::store::fault::Attempt;
use crate::store::keys;
use crate::watch::Cancel;
use heed::RwTxn;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A document to index.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Unique in its collection; the document of that name is replaced.
    pub name: String,
    /// SHA-256 of the source in hexadecimal.
    pub digest: String,
    /// What people call it; its words find every chunk of the document.
    pub title: String,
    /// Its pieces in order.
    pub chunks: Vec<NewChunk>,
}

/// A piece of a document to index.
#[derive(Clone, Debug)]
pub struct NewChunk {
    /// The headings above it; its words find the chunk too.
    pub section: String,
    /// The text.
    pub text: String,
    /// Tokens of the text.
    pub tokens: u32,
    /// Its embedding, of any length but zero.
    pub vector: Vec<f32>,
}

/// What a change did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Documents that are new or replaced.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// Documents that were asked to go and were there.
    pub removed: u64,
}

/// All that one transaction changes, gathered before it is written table by table in the order of the keys.
#[derive(Default)]
struct Plan<'a> {
    vectors: vectors::Changes<'a>,
    words: words::Changes,
}

impl Index {
    /// Puts and removes documents of a collection, which is made if need be. All or nothing.
    ///
    /// [`Index::set_embedder`] comes before. Vectors are scaled to length one. In a collection of millions of chunks
    /// this may build its search trees anew, which takes minutes.
    pub fn apply(
        &self,
        collection: &str,
        upserts: Vec<NewDocument>,
        remove: &[String],
        cancel: &Cancel,
    ) -> Result<Applied> {
        self.change(None, collection, upserts, remove, cancel)
    }

    /// As [`Index::apply`], with vectors of the embedder `id`. Errors: Incompatible where another has taken over
    /// meanwhile; see [`Index::replace_vectors`].
    pub fn apply_of(&self, id: &str, collection: &str, upserts: Vec<NewDocument>, cancel: &Cancel) -> Result<Applied> {
        self.change(Some(id), collection, upserts, &[], cancel)
    }

    fn change(
        &self,
        id: Option<&str>,
        collection: &str,
        mut upserts: Vec<NewDocument>,
        remove: &[String],
        cancel: &Cancel,
    ) -> Result<Applied> {
        let dims = self.prepare(&mut upserts)?;
        self.env.write(|txn| {
            self.check_dimensions(txn, dims)?;
            if let (Some(id), Some(held)) = (id, self.catalog.embedder(txn)?)
                && held.id != id
            {
                return Err(Error::incompatible(format!(
                    "another ingest has made the vectors anew with {} meanwhile; ingest again",
                    held.id
                ))
                .into());
            }
            let mut record = self.catalog.collection_or_new(txn, collection)?;
            let mut plan = Plan::default();
            let mut applied = Applied::default();
            for name in remove.iter().collect::<BTreeSet<_>>() {
                applied.removed += u64::from(self.take_out(txn, &mut record, name, &mut plan)?);
            }
            for document in &upserts {
                cancel.check()?;
                self.take_out(txn, &mut record, &document.name, &mut plan)?;
                self.put_in(txn, collection, &mut record, document, &mut plan)?;
                applied.documents += 1;
                applied.chunks += document.chunks.len() as u64;
            }
            self.vectors.apply(txn, record.number, dims, &plan.vectors)?;
            self.codes.apply(txn, record.number, dims, &plan.vectors)?;
            self.words.apply(txn, record.number, &plan.words)?;
            self.tend(txn, &mut record, cancel)?;
            self.catalog.collections.put(txn, collection.as_bytes(), &record)?;
            Ok(applied)
        })
    }

    /// Puts vectors of another embedder in the place of all, in one step; says whether `vectors` has one for each
    /// passage that there is now: else nothing changes. They are scaled to length one; those of passages that are gone
    /// are left out.
    pub fn replace_vectors(
        &self,
        id: &str,
        dims: usize,
        vectors: &mut BTreeMap<u32, Vec<f32>>,
        cancel: &Cancel,
    ) -> Result<bool> {
        for vector in vectors.values_mut() {
            if vector.len() != dims {
                return Err(Error::incompatible(format!("a vector has {} numbers, not {dims}", vector.len())));
            }
            dot::normalize(vector)?;
        }
        let new = Embedder { id: id.to_owned(), dims };
        self.env.write(|txn| {
            let mut all = Vec::new();
            for (name, record) in self.catalog.all(txn)? {
                let documents = self.catalog.documents(txn, record.number)?;
                let ids: Vec<u32> = documents.iter().flat_map(catalog::Document::chunk_ids).collect();
                if !ids.iter().all(|id| vectors.contains_key(id)) {
                    return Ok(false);
                }
                all.push((name, record, ids));
            }
            self.catalog.set_embedder(txn, &new)?;
            for (name, mut record, ids) in all {
                cancel.check()?;
                let changes: vectors::Changes =
                    ids.iter().filter_map(|id| Some((*id, Some(vectors.get(id)?.as_slice())))).collect();
                self.vectors.clear(txn, record.number)?;
                self.codes.clear(txn, record.number)?;
                self.trees.clear(txn, record.number)?;
                self.vectors.apply(txn, record.number, dims, &changes)?;
                self.codes.apply(txn, record.number, dims, &changes)?;
                record.forest = None;
                self.tend(txn, &mut record, cancel)?;
                self.catalog.collections.put(txn, name.as_bytes(), &record)?;
            }
            Ok(true)
        })
    }

    /// Removes documents by name; says how many were there. NotFound when there is no such collection.
    pub fn remove_documents(&self, collection: &str, names: &[String], cancel: &Cancel) -> Result<u64> {
        self.env.read(|txn| self.existing(txn, collection).map(|_| ()))?;
        Ok(self.apply(collection, Vec::new(), names, cancel)?.removed)
    }

    /// Removes a collection with all it holds, and the list of what it does not; says whether it was there.
    pub fn drop_collection(&self, name: &str) -> Result<bool> {
        self.env.write(|txn| {
            self.clear_skipped(txn, name)?;
            self.drop_documents(txn, name)
        })
    }

    fn drop_documents(&self, txn: &mut RwTxn, name: &str) -> Attempt<bool> {
        match self.catalog.collection(txn, name)? {
            Some(record) => {
                for document in self.catalog.documents(txn, record.number)? {
                    for id in document.chunk_ids() {
                        self.catalog.chunks.delete(txn, &keys::chunk(id))?;
                    }
                }
                self.catalog.documents.clear_collection(txn, record.number)?;
                self.vectors.clear(txn, record.number)?;
                self.codes.clear(txn, record.number)?;
                self.words.clear(txn, record.number)?;
                self.trees.clear(txn, record.number)?;
                self.catalog.collections.delete(txn, name.as_bytes())
            }
            None => Ok(false),
        }
    }

    /// Removes all collections, after which another embedder may be set.
    pub fn clear(&self) -> Result<()> {
        for collection in self.collections()? {
            self.drop_collection(&collection.name)?;
        }
        Ok(())
    }

    /// Errors: `Invalid` when no document can have that name.
    pub fn check_name(name: &str) -> Result<()> {
        catalog::valid_document(name)
    }

    /// Checks what is to be written and scales its vectors, before the transaction. Returns their dimensions.
    fn prepare(&self, upserts: &mut [NewDocument]) -> Result<usize> {
        let embedder = self.embedder()?;
        let dims = embedder.as_ref().map_or(0, |e| e.dims);
        let mut names = BTreeSet::new();
        for document in upserts {
            catalog::valid_document(&document.name)?;
            if !names.insert(document.name.clone()) {
                return Err(Error::invalid(format!("the document '{}' comes twice in one change", document.name)));
            }
            for (chunk, ordinal) in document.chunks.iter_mut().zip(0..) {
                let within = |e: Error| e.context(format!("chunk {ordinal} of '{}'", document.name));
                if embedder.is_none() {
                    return Err(within(Error::invalid("the index does not know its embedder yet; set it first")));
                }
                let found = chunk.vector.len();
                if found != dims {
                    return Err(within(Error::incompatible(format!(
                        "its vector has {found} numbers, those of the index have {dims}; use the embedder of the index"
                    ))));
                }
                dot::normalize(&mut chunk.vector).map_err(within)?;
            }
        }
        Ok(dims)
    }

    /// Takes a document out of the catalog, and its chunks into the plan as gone.
    fn take_out<'a>(&self, txn: &mut RwTxn, record: &mut Record, name: &str, plan: &mut Plan<'a>) -> Attempt<bool> {
        let Some(document) = self.catalog.document(txn, record.number, name)? else { return Ok(false) };
        for id in document.chunk_ids() {
            let chunk = self.catalog.chunk(txn, id)?;
            let counts = self.terms.count(&[&document.title, &chunk.section, &chunk.text]);
            record.terms = record.terms.saturating_sub(counts.total.into());
            plan.words.remove(id, &counts);
            plan.vectors.insert(id, None);
            self.catalog.chunks.delete(txn, &keys::chunk(id))?;
            if let Some(forest) = &mut record.forest {
                forest.changed += 1;
            }
        }
        record.documents = record.documents.saturating_sub(1);
        record.chunks = record.chunks.saturating_sub(document.chunks.into());
        self.catalog.documents.delete(txn, &keys::document(record.number, name))
    }

    fn put_in<'a>(
        &self,
        txn: &mut RwTxn,
        collection: &str,
        record: &mut Record,
        new: &'a NewDocument,
        plan: &mut Plan<'a>,
    ) -> Attempt<()> {
        let too_many = |_| Error::invalid(format!("'{}' has more chunks than there are ids", new.name));
        let chunks = u32::try_from(new.chunks.len()).map_err(too_many)?;
        let first_chunk = self.catalog.take_ids(txn, chunks)?;
        let (name, digest, title) = (new.name.clone(), new.digest.clone(), new.title.clone());
        let document = Document { name, digest, title, first_chunk, chunks };
        for ((id, ordinal), chunk) in document.chunk_ids().zip(0..).zip(&new.chunks) {
            let counts = self.terms.count(&[&new.title, &chunk.section, &chunk.text]);
            record.terms += u64::from(counts.total);
            plan.words.add(id, &counts);
            plan.vectors.insert(id, Some(&chunk.vector));
            let (section, text, tokens) = (chunk.section.clone(), chunk.text.clone(), chunk.tokens);
            let (collection, document) = (collection.to_owned(), new.name.clone());
            let chunk = Chunk { id, collection, document, section, text, ordinal, tokens };
            self.catalog.chunks.put(txn, &keys::chunk(id), &chunk)?;
            if let Some(forest) = &mut record.forest {
                forest.changed += 1;
            }
        }
        record.documents += 1;
        record.chunks += u64::from(chunks);
        self.catalog.documents.put(txn, &keys::document(record.number, &new.name), &document)
    }

    /// Builds the trees where a collection has become large or has changed much, and fells them where it has shrunk.
    fn tend(&self, txn: &mut RwTxn, record: &mut Record, cancel: &Cancel) -> Attempt<()> {
        match record.forest {
            Some(forest) if forest.is_stale() => self.plant(txn, record, cancel),
            None if record.chunks >= self.trees_from => self.plant(txn, record, cancel),
            _ => Ok(()),
        }
    }

    pub(super) fn plant(&self, txn: &mut RwTxn, record: &mut Record, cancel: &Cancel) -> Attempt<()> {
        record.forest = None;
        if record.chunks < self.trees_from {
            return self.trees.clear(txn, record.number);
        }
        let dims = self.catalog.embedder(txn)?.map_or(0, |e| e.dims);
        let folder = self.env.dir();
        record.forest = Some(self.trees.build(txn, record.number, dims, &self.vectors, folder, cancel)?);
        Ok(())
    }
}

//! Documents: taking them in, finding passages, letting them go.

use super::{Runtime, Wear};
use crate::error::Result;
use crate::eval::{Perplexity, perplexity};
use crate::rag::{self, Hit, Ingested, Settings};
use std::path::PathBuf;

impl Runtime {
    /// Brings a collection (the configured one without) up to date with files and folders. See [`rag::ingest`].
    pub fn ingest(&self, paths: &[PathBuf], collection: Option<&str>) -> Result<Ingested> {
        self.ingest_as(paths, collection, false)
    }

    /// As [`Runtime::ingest`]. `remove_missing`: documents go that are not there, though their folder may only be away.
    pub fn ingest_as(&self, paths: &[PathBuf], collection: Option<&str>, remove_missing: bool) -> Result<Ingested> {
        let ingest = &self.config.ingest;
        let settings = Settings {
            collection: collection.unwrap_or(&ingest.collection).to_owned(),
            chunk_tokens: ingest.chunk_tokens,
            overlap_tokens: ingest.overlap_tokens,
            max_bytes: ingest.max_document_mb << 20,
            remove_missing,
            reader: self.reader.clone(),
        };
        let index = self.index()?;
        self.with_embedders(|embedders| rag::ingest(&index, embedders, paths, &settings, &*self.progress, &self.cancel))
    }

    /// The best passages for `query`, of one collection or of all.
    pub fn search(&self, query: &str, k: usize, collection: Option<&str>) -> Result<Vec<Hit>> {
        Ok(rag::retrieve(&*self.index()?, &*self.embedder()?, query, collection, k)?.hits)
    }

    /// How well a model (the configured one without), wearing an adapter, predicts `text`, over its first `tokens`
    /// tokens.
    pub fn perplexity(&self, text: &str, tokens: usize, model: Option<&str>, wear: &Wear) -> Result<Perplexity> {
        let mut context = self.context(model, wear)?;
        perplexity(&mut context, text, tokens, &*self.progress, &self.cancel)
    }
}

//! Search trees over a large collection, so that a question need not look at every vector.
//!
//! The trees (arroy's) propose candidates by the signs of the vectors' numbers; the exact vectors decide. They are
//! always built anew from the exact vectors, never patched: an arroy build looks at every item even for one more,
//! and patched trees keep the split planes of what is gone. Chunks newer than the trees are scanned beside them, and
//! candidates whose chunk is gone are passed over, until a tenth of the collection has changed.

use super::vectors::Vectors;
use crate::store::fault::{Attempt, Fault};
use crate::store::table::Table;
use crate::watch::Cancel;
use arroy::distances::BinaryQuantizedCosine as Signs;
use heed::{RoTxn, RwTxn};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::Path;

/// Trees in a forest.
const TREES: usize = 12;
/// Vectors whose signs are compared for a question, and how many of those are then compared exactly.
const INSPECTED: usize = 6_000;
const RERANKED: usize = 600;
/// One part in so many may change before the trees are built anew.
const CHANGED: u64 = 10;

/// What the trees of a collection know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Forest {
    /// The newest chunk in them.
    pub through: u32,
    /// How many chunks they were built from.
    pub chunks: u64,
    /// How many chunks came or went since.
    pub changed: u64,
}

impl Forest {
    /// Whether so much has changed that the trees should be built anew.
    pub fn is_stale(&self) -> bool {
        self.changed > self.chunks / CHANGED
    }
}

/// The trees of all collections.
#[derive(Debug)]
pub(super) struct Trees {
    table: Table,
}

impl Trees {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    fn database(&self) -> arroy::Database<'static, Signs> {
        self.table.raw().remap_types()
    }

    /// Builds the trees of a collection from its vectors. Temporary files go to `folder`.
    pub fn build(
        &self,
        txn: &mut RwTxn,
        collection: u16,
        dimensions: usize,
        vectors: &Vectors,
        folder: &Path,
        cancel: &Cancel,
    ) -> Attempt<Forest> {
        let mut writer = arroy::Writer::new(self.database(), collection, dimensions);
        writer.set_tmpdir(folder);
        writer.clear(txn)?;
        let mut forest = Forest { through: 0, chunks: 0, changed: 0 };
        let mut from = 0;
        while let Some((next, rows)) = vectors.copy_block(txn, collection, from)? {
            for (chunk, vector) in rows {
                writer.add_item(txn, chunk, &vector)?;
                forest.through = chunk;
                forest.chunks += 1;
            }
            from = next;
        }
        // A fixed seed: the same vectors give the same trees.
        let mut rng = SmallRng::seed_from_u64(1);
        writer.builder(&mut rng).n_trees(TREES).cancel(|| cancel.is_cancelled()).build(txn)?;
        Ok(forest)
    }

    /// Chunks that may be the nearest, sorted by id.
    pub fn candidates(&self, txn: &RoTxn, collection: u16, query: &[f32], k: usize) -> Attempt<Vec<u32>> {
        let reader = arroy::Reader::open(txn, collection, self.database())?;
        let mut search = reader.nns(RERANKED.max(k.saturating_mul(20)));
        // Arroy multiplies by three for this distance.
        search.search_k(NonZeroUsize::new(INSPECTED.max(k.saturating_mul(200)) / 3).unwrap_or(NonZeroUsize::MIN));
        let mut chunks: Vec<u32> = search.by_vector(txn, query)?.into_iter().map(|(chunk, _)| chunk).collect();
        chunks.sort_unstable();
        Ok(chunks)
    }

    /// Removes the trees of a collection.
    pub fn clear(&self, txn: &mut RwTxn, collection: u16) -> Attempt<()> {
        // The number of dimensions does not matter for removing.
        arroy::Writer::new(self.database(), collection, 0).clear(txn).map_err(Fault::from)
    }
}

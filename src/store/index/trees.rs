//! Search trees over a large collection, so that a question need not look at every vector.
//!
//! The trees (arroy's) propose candidates; the exact vectors decide. The trees are always built anew from the exact
//! vectors, never patched: an arroy build looks at every item even for one more, and patched trees keep the split
//! planes of what is gone. Chunks newer than the trees are scanned beside them, and candidates whose chunk is gone are
//! passed over, until a tenth of the collection has changed.

use super::vectors::Vectors;
use crate::store::fault::{Attempt, Fault};
use crate::store::table::Table;
use crate::watch::Cancel;
use arroy::distances::Cosine;
use heed::{RoTxn, RwTxn};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::Path;

/// Trees in a forest, and the part of a collection that a question is compared with: one in `SHARE`, but no fewer than
/// `LEAST`.
///
/// Measured on clustered unit vectors of 384 numbers (recall@10 and time of a question; 2-core x86-64): 20,000 at
/// 2,000 inspected 1.000 in 1.5 ms; 100,000 at 2,000 0.991 in 2.6 ms, at 4,000 0.9985 in 5.3 ms. Eight trees miss
/// four times as many. With twelve, 500,000 at 16,000 inspected 0.977 in 21 ms. Trees over sign codes
/// (`BinaryQuantizedCosine`) take a tenth of the space, but 100,000 at 24,000 inspected give 0.981 in 8.7 ms.
const TREES: usize = 16;
const SHARE: u64 = 32;
const LEAST: u64 = 2_000;
/// Candidates that the exact vectors are asked about: enough that removed chunks among them do no harm.
const CANDIDATES: usize = 200;
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

    fn database(&self) -> arroy::Database<'static, Cosine> {
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

    /// Chunks that may be the `k` nearest, sorted by id.
    pub fn candidates(&self, txn: &RoTxn, number: u16, forest: Forest, query: &[f32], k: usize) -> Attempt<Vec<u32>> {
        let reader = arroy::Reader::open(txn, number, self.database())?;
        let wanted = CANDIDATES.max(k.saturating_mul(4));
        let inspected = usize::try_from(LEAST.max(forest.chunks / SHARE)).unwrap_or(usize::MAX).max(wanted);
        let mut search = reader.nns(wanted);
        search.search_k(NonZeroUsize::new(inspected).unwrap_or(NonZeroUsize::MIN));
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

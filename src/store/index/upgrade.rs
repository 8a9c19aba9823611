//! What an index of an older layout needs to become one of today's.

use super::catalog::Catalog;
use super::codes::Codes;
use super::trees::Trees;
use super::vectors::{Changes, Rows, Vectors};
use super::{TABLES, TREES_FROM};
use crate::error::Error;
use crate::store::fault::Attempt;
use crate::store::format::Upgrade;
use crate::store::table::Table;
use heed::RwTxn;

/// Vectors in memory at once.
const AT_ONCE: usize = 4096;

/// To version 2.
pub(in crate::store) static UPGRADES: [Upgrade; 1] = [encode];

/// Codes for all vectors, which version 1 did not have; trees go where codes have taken their place.
fn encode(txn: &mut RwTxn, tables: &[Table]) -> Attempt<()> {
    let Ok([meta, collections, documents, chunks, vectors, trees, _, codes]) =
        <[Table; TABLES.len()]>::try_from(tables)
    else {
        return Err(Error::corrupt("the index lacks tables; remove its folder and ingest the documents again").into());
    };
    let catalog = Catalog { meta, collections, documents, chunks };
    let (vectors, trees, codes) = (Vectors::new(vectors), Trees::new(trees), Codes::new(codes));
    let dimensions = catalog.embedder(txn)?.map_or(0, |e| e.dims);
    for (name, mut record) in catalog.all(txn)? {
        codes.clear(txn, record.number)?;
        let mut from = Some(0);
        while from.is_some() {
            let mut rows = Rows::new();
            while let Some(at) = from.filter(|_| rows.len() < AT_ONCE) {
                from = vectors.copy_block(txn, record.number, at)?.map(|(next, block)| {
                    rows.extend(block);
                    next
                });
            }
            let changes: Changes = rows.iter().map(|(chunk, vector)| (*chunk, Some(&vector[..]))).collect();
            codes.apply(txn, record.number, dimensions, &changes)?;
        }
        if record.forest.is_some() && record.chunks < TREES_FROM {
            trees.clear(txn, record.number)?;
            record.forest = None;
            catalog.collections.put(txn, name.as_bytes(), &record)?;
        }
    }
    Ok(())
}

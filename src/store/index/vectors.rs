//! The exact vectors, thirty-two to a value, so that a scan reads memory from end to end.
//!
//! ```text
//! key     collection, u16 | block, u32 = chunk / 32
//! value   layout u8 | 0 0 0 | crc32 u32 | present u32 | dimensions u32 | vector | vector | ...
//! ```
//!
//! Bit i of `present` says that chunk 32 x block + i has a vector here; the vectors stand in that order, without gaps,
//! as little-endian float32 of length one. Numbers are little-endian. The checksum covers the key and all that
//! follows it. A block is checked when this process first meets it, and again when it has changed: checking at every
//! scan would double its time.

use super::dot::{self, FLOAT};
use super::top::Top;
use crate::store::codec::checksum;
use crate::store::fault::Attempt;
use crate::store::keys;
use crate::store::table::Table;
use heed::{RoTxn, RwTxn};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::Included;
use std::sync::{PoisonError, RwLock};

const LAYOUT: u8 = 1;
const HEADER: usize = 16;
/// Vectors in a block: large enough to scan fast, small enough to rewrite for one change.
const BLOCK: u32 = 32;

/// The vectors of all collections.
#[derive(Debug)]
pub(super) struct Vectors {
    pub(super) table: Table,
    /// The checksum that each block had when it was found whole.
    checked: RwLock<HashMap<[u8; 6], u32>>,
}

/// Vectors to put (or with `None` to remove) in one collection, by chunk.
pub(super) type Changes<'a> = BTreeMap<u32, Option<&'a [f32]>>;

/// Chunks with copies of their vectors.
pub(super) type Rows = Vec<(u32, Vec<f32>)>;

/// A block as it lies in the map.
#[derive(Clone, Copy)]
struct Block<'t> {
    first: u32,
    present: u32,
    size: usize,
    rows: &'t [u8],
}

impl<'t> Block<'t> {
    /// The chunks of the block with their vectors' bytes.
    fn rows(self) -> impl Iterator<Item = (u32, &'t [u8])> {
        let chunks =
            (0..BLOCK).filter(move |i| self.present & (1 << i) != 0).map(move |i| self.first.saturating_add(i));
        chunks.zip(self.rows.chunks_exact(self.size.max(1)))
    }

    fn row(self, chunk: u32) -> Option<&'t [u8]> {
        let bit = 1 << (chunk % BLOCK);
        let at = (self.present & (bit - 1)).count_ones() as usize * self.size;
        (self.present & bit != 0).then(|| self.rows.get(at..at + self.size))?
    }
}

impl Vectors {
    pub fn new(table: Table) -> Self {
        Self { table, checked: RwLock::default() }
    }

    /// Applies all changes, block by block.
    pub fn apply(&self, txn: &mut RwTxn, collection: u16, dimensions: usize, changes: &Changes) -> Attempt<()> {
        let mut changes = changes.iter().peekable();
        while let Some((chunk, _)) = changes.peek() {
            let number = *chunk / BLOCK;
            let key = keys::vectors(collection, number);
            let mut rows: BTreeMap<u32, Vec<u8>> = match self.table.raw().get(txn, &key)? {
                Some(value) => self.block(&key, value)?.rows().map(|(c, row)| (c, row.to_vec())).collect(),
                None => BTreeMap::new(),
            };
            while let Some((chunk, vector)) = changes.next_if(|(c, _)| **c / BLOCK == number) {
                match vector {
                    Some(vector) => {
                        let mut row = Vec::with_capacity(dimensions * FLOAT);
                        dot::push(&mut row, vector);
                        rows.insert(*chunk, row);
                    }
                    None => drop(rows.remove(chunk)),
                }
            }
            if rows.is_empty() {
                self.table.delete(txn, &key)?;
            } else {
                self.table.raw().put(txn, &key, &encode(&key, dimensions, &rows))?;
            }
        }
        Ok(())
    }

    /// Scores the vectors of all chunks from `from` on.
    pub fn scan(&self, txn: &RoTxn, collection: u16, from: u32, query: &[f32], top: &mut Top) -> Attempt<()> {
        let (first, last) = (keys::vectors(collection, from / BLOCK), keys::vectors(collection, u32::MAX));
        for entry in self.table.raw().range(txn, &(Included(&first[..]), Included(&last[..])))? {
            let (key, value) = entry?;
            for (chunk, row) in self.block(key, value)?.rows().skip_while(|(chunk, _)| *chunk < from) {
                top.push(chunk, dot::dot(query, row));
            }
        }
        Ok(())
    }

    /// Scores the vectors of some chunks; those that are gone are passed over. Sorted chunks are fastest.
    pub fn rerank(&self, txn: &RoTxn, collection: u16, chunks: &[u32], query: &[f32], top: &mut Top) -> Attempt<()> {
        let mut open: Option<(u32, Option<Block>)> = None;
        for chunk in chunks {
            let number = chunk / BLOCK;
            let block = match open {
                Some((at, block)) if at == number => block,
                _ => {
                    let key = keys::vectors(collection, number);
                    let value = self.table.raw().get(txn, &key)?;
                    value.map(|value| self.block(&key, value)).transpose()?
                }
            };
            open = Some((number, block));
            if let Some(row) = block.and_then(|b| b.row(*chunk)) {
                top.push(*chunk, dot::dot(query, row));
            }
        }
        Ok(())
    }

    /// Copies the first block from number `from` on, and says where to go on; `None` at the end.
    pub fn copy_block(&self, txn: &RoTxn, collection: u16, from: u32) -> Attempt<Option<(u32, Rows)>> {
        let (first, last) = (keys::vectors(collection, from), keys::vectors(collection, u32::MAX));
        let mut range = self.table.raw().range(txn, &(Included(&first[..]), Included(&last[..])))?;
        let Some(entry) = range.next() else { return Ok(None) };
        let (key, value) = entry?;
        let rows = self.block(key, value)?.rows().map(|(chunk, row)| (chunk, dot::read(row))).collect();
        Ok(Some((keys::block(key).unwrap_or_default().saturating_add(1), rows)))
    }

    /// Removes all vectors of a collection.
    pub fn clear(&self, txn: &mut RwTxn, collection: u16) -> Attempt<()> {
        self.table.clear_collection(txn, collection)
    }

    fn block<'t>(&self, key: &[u8], value: &'t [u8]) -> Attempt<Block<'t>> {
        let damaged = |why| self.table.damaged(key, why);
        let key: [u8; 6] = key.try_into().map_err(|_| damaged("its key has another length"))?;
        let (header, rows) = value.split_first_chunk::<HEADER>().ok_or_else(|| damaged("it is cut short"))?;
        let (&[[layout, ..], crc, present, dimensions], _) = header.as_chunks::<4>() else {
            return Err(damaged("it is cut short").into());
        };
        let [crc, present, dimensions] = [crc, present, dimensions].map(u32::from_le_bytes);
        let block = Block {
            first: keys::block(&key).unwrap_or_default().saturating_mul(BLOCK),
            present,
            size: (dimensions as usize).saturating_mul(FLOAT),
            rows,
        };
        if layout != LAYOUT || block.size.checked_mul(present.count_ones() as usize) != Some(rows.len()) {
            return Err(damaged("its header does not fit its length").into());
        }
        let known = self.checked.read().unwrap_or_else(PoisonError::into_inner).get(&key) == Some(&crc);
        if !known {
            if checksum(LAYOUT, &key, value.get(8..).unwrap_or_default()) != crc {
                return Err(damaged("its checksum does not match").into());
            }
            self.checked.write().unwrap_or_else(PoisonError::into_inner).insert(key, crc);
        }
        Ok(block)
    }
}

fn encode(key: &[u8; 6], dimensions: usize, rows: &BTreeMap<u32, Vec<u8>>) -> Vec<u8> {
    let present = rows.keys().fold(0u32, |bits, chunk| bits | 1 << (chunk % BLOCK));
    let mut value = vec![0; 8];
    value.extend_from_slice(&present.to_le_bytes());
    value.extend_from_slice(&(dimensions as u32).to_le_bytes());
    rows.values().for_each(|row| value.extend_from_slice(row));
    let crc = checksum(LAYOUT, key, value.get(8..).unwrap_or_default());
    if let Some(start) = value.first_chunk_mut::<8>() {
        let [a, b, c, d] = crc.to_le_bytes();
        *start = [LAYOUT, 0, 0, 0, a, b, c, d];
    }
    value
}

//! The exact vectors, thirty-two to a value, so that a scan reads memory from end to end.
//!
//! ```text
//! key     collection, u16 | block, u32 = chunk / 32
//! body    present u32 | dimensions u32 | vector | vector | ...                                      (see block.rs)
//! ```
//!
//! Bit i of `present` says that chunk 32 x block + i has a vector here; the vectors stand in that order, without gaps,
//! as little-endian float32 of length one. Numbers are little-endian.

use super::block::Blocks;
use super::dot::{self, FLOAT};
use super::top::Top;
use crate::store::fault::Attempt;
use crate::store::table::Table;
use heed::{RoTxn, RwTxn};
use std::collections::BTreeMap;

const LAYOUT: u8 = 1;
/// Vectors in a block: large enough to scan fast, small enough to rewrite for one change.
const BLOCK: u32 = 32;

/// The vectors of all collections.
#[derive(Debug)]
pub(super) struct Vectors {
    pub(super) blocks: Blocks,
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
    /// `None` when the vectors do not fill the body.
    fn parse(number: u32, body: &'t [u8]) -> Option<Self> {
        let (present, rest) = body.split_first_chunk::<4>()?;
        let (dimensions, rows) = rest.split_first_chunk::<4>()?;
        let [present, dimensions] = [present, dimensions].map(|b| u32::from_le_bytes(*b));
        let size = (dimensions as usize).saturating_mul(FLOAT);
        let whole = size.checked_mul(present.count_ones() as usize) == Some(rows.len());
        whole.then_some(Self { first: number.saturating_mul(BLOCK), present, size, rows })
    }

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
        Self { blocks: Blocks::new(table, LAYOUT) }
    }

    /// Applies all changes, block by block.
    pub fn apply(&self, txn: &mut RwTxn, collection: u16, dimensions: usize, changes: &Changes) -> Attempt<()> {
        let mut changes = changes.iter().peekable();
        while let Some((chunk, _)) = changes.peek() {
            let number = *chunk / BLOCK;
            let mut rows: BTreeMap<u32, Vec<u8>> = match self.blocks.get(txn, collection, number)? {
                Some(body) => self.block(collection, number, body)?.rows().map(|(c, row)| (c, row.to_vec())).collect(),
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
                self.blocks.delete(txn, collection, number)?;
            } else {
                self.blocks.put(txn, collection, number, &encode(dimensions, &rows))?;
            }
        }
        Ok(())
    }

    /// Scores the vectors of all chunks from `from` on.
    pub fn scan(&self, txn: &RoTxn, collection: u16, from: u32, query: &[f32], top: &mut Top) -> Attempt<()> {
        for entry in self.blocks.from(txn, collection, from / BLOCK)? {
            let (number, body) = entry?;
            for (chunk, row) in self.block(collection, number, body)?.rows().skip_while(|(chunk, _)| *chunk < from) {
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
                    let body = self.blocks.get(txn, collection, number)?;
                    body.map(|body| self.block(collection, number, body)).transpose()?
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
        let Some(entry) = self.blocks.from(txn, collection, from)?.next() else { return Ok(None) };
        let (number, body) = entry?;
        let rows = self.block(collection, number, body)?.rows().map(|(chunk, row)| (chunk, dot::read(row))).collect();
        Ok(Some((number.saturating_add(1), rows)))
    }

    /// Copies the vectors of some chunks; those that are gone are passed over.
    pub fn copy(&self, txn: &RoTxn, collection: u16, chunks: std::ops::Range<u32>) -> Attempt<Rows> {
        let mut rows = Rows::new();
        for number in chunks.start / BLOCK..chunks.end.div_ceil(BLOCK) {
            let Some(body) = self.blocks.get(txn, collection, number)? else { continue };
            let block = self.block(collection, number, body)?;
            rows.extend(block.rows().filter(|(c, _)| chunks.contains(c)).map(|(c, row)| (c, dot::read(row))));
        }
        Ok(rows)
    }

    /// Removes all vectors of a collection.
    pub fn clear(&self, txn: &mut RwTxn, collection: u16) -> Attempt<()> {
        self.blocks.table.clear_collection(txn, collection)
    }

    fn block<'t>(&self, collection: u16, number: u32, body: &'t [u8]) -> Attempt<Block<'t>> {
        Ok(Block::parse(number, body)
            .ok_or_else(|| self.blocks.damaged(collection, number, "its header does not fit its length"))?)
    }
}

fn encode(dimensions: usize, rows: &BTreeMap<u32, Vec<u8>>) -> Vec<u8> {
    let present = rows.keys().fold(0u32, |bits, chunk| bits | 1 << (chunk % BLOCK));
    let mut body = Vec::with_capacity(8 + rows.len() * dimensions * FLOAT);
    body.extend_from_slice(&present.to_le_bytes());
    body.extend_from_slice(&(dimensions as u32).to_le_bytes());
    rows.values().for_each(|row| body.extend_from_slice(row));
    body
}

//! Which chunks hold which terms, and how well they answer a question by BM25.
//!
//! ```text
//! key     collection, u16 | term | 0 | block, u32 = chunk / 256
//! value   record of postings:  slot u8 = chunk % 256 | count u8 | length u16, little-endian | ...
//! ```
//!
//! Postings are sorted by slot. `count` is how often the chunk holds the term, `length` how many terms it has in
//! all: with them a question needs no other table.

use super::terms::Counts;
use super::top::Top;
use crate::store::codec;
use crate::store::fault::Attempt;
use crate::store::keys;
use crate::store::table::Table;
use heed::{RoTxn, RwTxn};
use std::collections::{BTreeMap, HashMap};

const BLOCK: u32 = 256;
const POSTING: usize = 4;

/// How soon further occurrences of a term stop counting.
const K1: f32 = 1.2;
/// How much the length of a chunk counts.
const B: f32 = 0.75;

/// What a chunk says about a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Posting {
    count: u8,
    length: u16,
}

/// The postings of all collections.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) table: Table,
}

/// Postings to put or to remove, gathered so that each value is written once and in the order of the keys.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<(String, u32), BTreeMap<u8, Option<Posting>>>);

impl Changes {
    /// The chunk holds these terms.
    pub fn add(&mut self, chunk: u32, counts: &Counts) {
        for (term, count) in &counts.each {
            self.set(chunk, term, Some(Posting { count: *count, length: counts.total }));
        }
    }

    /// The chunk that held these terms is gone.
    pub fn remove(&mut self, chunk: u32, counts: &Counts) {
        for term in counts.each.keys() {
            self.set(chunk, term, None);
        }
    }

    fn set(&mut self, chunk: u32, term: &str, posting: Option<Posting>) {
        let block = self.0.entry((term.to_owned(), chunk / BLOCK)).or_default();
        block.insert((chunk % BLOCK) as u8, posting);
    }
}

/// How many chunks the searched collections have, and how many terms those have together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub chunks: u64,
    pub terms: u64,
}

impl Words {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Applies all changes, value by value.
    pub fn apply(&self, txn: &mut RwTxn, collection: u16, changes: &Changes) -> Attempt<()> {
        for ((term, block), slots) in &changes.0 {
            let key = keys::words(collection, term, *block);
            let mut postings = match self.table.raw().get(txn, &key)? {
                Some(value) => self.decode(&key, value)?.collect(),
                None => BTreeMap::new(),
            };
            for (slot, posting) in slots {
                match posting {
                    Some(posting) => drop(postings.insert(*slot, *posting)),
                    None => drop(postings.remove(slot)),
                }
            }
            if postings.is_empty() {
                self.table.delete(txn, &key)?;
            } else {
                self.table.raw().put(txn, &key, &codec::seal(&key, &encode(&postings)))?;
            }
        }
        Ok(())
    }

    /// Scores every chunk of `collections` that holds one of `terms`.
    pub fn search(&self, txn: &RoTxn, collections: &[u16], size: Size, terms: &Counts, top: &mut Top) -> Attempt<()> {
        let average = (size.terms as f32 / size.chunks.max(1) as f32).max(1.0);
        let mut scores: HashMap<u32, f32> = HashMap::new();
        for term in terms.each.keys() {
            let mut postings = Vec::new();
            for collection in collections {
                self.gather(txn, *collection, term, &mut postings)?;
            }
            let holding = postings.len() as f32;
            // The form that never goes below zero, as Lucene has it.
            let rarity = (1.0 + (size.chunks as f32 - holding + 0.5).max(0.5) / (holding + 0.5)).ln();
            for (chunk, Posting { count, length }) in postings {
                let count = f32::from(count);
                let norm = K1 * (1.0 - B + B * f32::from(length) / average);
                *scores.entry(chunk).or_default() += rarity * count * (K1 + 1.0) / (count + norm);
            }
        }
        scores.into_iter().for_each(|(chunk, score)| top.push(chunk, score));
        Ok(())
    }

    /// Removes all postings of a collection.
    pub fn clear(&self, txn: &mut RwTxn, collection: u16) -> Attempt<()> {
        self.table.clear_collection(txn, collection)
    }

    fn gather(&self, txn: &RoTxn, collection: u16, term: &str, into: &mut Vec<(u32, Posting)>) -> Attempt<()> {
        for entry in self.table.raw().prefix_iter(txn, &keys::term(collection, term))? {
            let (key, value) = entry?;
            let first = keys::block(key).unwrap_or_default().saturating_mul(BLOCK);
            into.extend(self.decode(key, value)?.map(|(slot, posting)| (first.saturating_add(slot.into()), posting)));
        }
        Ok(())
    }

    fn decode<'t>(&self, key: &[u8], value: &'t [u8]) -> Attempt<impl Iterator<Item = (u8, Posting)> + use<'t>> {
        let payload = codec::unseal(key, value).map_err(|d| self.table.damaged(key, d))?;
        Ok(payload.as_chunks::<POSTING>().0.iter().map(|[slot, count, low, high]| {
            (*slot, Posting { count: *count, length: u16::from_le_bytes([*low, *high]) })
        }))
    }
}

fn encode(postings: &BTreeMap<u8, Posting>) -> Vec<u8> {
    let bytes = postings.iter().map(|(slot, Posting { count, length })| {
        let [low, high] = length.to_le_bytes();
        [*slot, *count, low, high]
    });
    bytes.flatten().collect()
}

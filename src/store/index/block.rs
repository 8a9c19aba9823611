//! Values that hold many rows each, so that a scan reads memory from end to end.
//!
//! ```text
//! key     collection, u16 | block, u32
//! value   layout u8 | 0 0 0 | crc32 u32, little-endian | body ...
//! ```
//!
//! The checksum covers layout, key and body. A value is checked when this process first meets it, and again when it has
//! changed: checking at every scan would double its time.

use crate::error::Error;
use crate::store::codec::checksum;
use crate::store::fault::Attempt;
use crate::store::keys;
use crate::store::table::Table;
use heed::{RoTxn, RwTxn};
use std::collections::HashMap;
use std::ops::Bound::Included;
use std::sync::{PoisonError, RwLock};

const HEADER: usize = 8;

/// A table of such values.
#[derive(Debug)]
pub(super) struct Blocks {
    pub table: Table,
    layout: u8,
    /// The checksum that each value had when it was found whole.
    checked: RwLock<HashMap<[u8; 6], u32>>,
}

impl Blocks {
    /// The layout is that of the bodies; another layout takes another number, and none is ever given twice.
    pub fn new(table: Table, layout: u8) -> Self {
        Self { table, layout, checked: RwLock::default() }
    }

    /// The body of a block, if there is one.
    pub fn get<'t>(&self, txn: &'t RoTxn, collection: u16, block: u32) -> Attempt<Option<&'t [u8]>> {
        let key = keys::vectors(collection, block);
        self.table.raw().get(txn, &key)?.map(|value| self.open(&key, value)).transpose()
    }

    /// The blocks of a collection from number `from` on, each with its body.
    pub fn from<'t>(
        &self,
        txn: &'t RoTxn,
        collection: u16,
        from: u32,
    ) -> Attempt<impl Iterator<Item = Attempt<(u32, &'t [u8])>>> {
        let (first, last) = (keys::vectors(collection, from), keys::vectors(collection, u32::MAX));
        let range = self.table.raw().range(txn, &(Included(&first[..]), Included(&last[..])))?;
        Ok(range.map(|entry| {
            let (key, value) = entry?;
            Ok((keys::block(key).unwrap_or_default(), self.open(key, value)?))
        }))
    }

    /// Keeps a block, in place of the one that was there.
    pub fn put(&self, txn: &mut RwTxn, collection: u16, block: u32, body: &[u8]) -> Attempt<()> {
        let key = keys::vectors(collection, block);
        let [a, b, c, d] = checksum(self.layout, &key, body).to_le_bytes();
        let value = [&[self.layout, 0, 0, 0, a, b, c, d], body].concat();
        Ok(self.table.raw().put(txn, &key, &value)?)
    }

    /// Removes a block.
    pub fn delete(&self, txn: &mut RwTxn, collection: u16, block: u32) -> Attempt<()> {
        self.table.delete(txn, &keys::vectors(collection, block))?;
        Ok(())
    }

    /// The error for a block that cannot be trusted.
    pub fn damaged(&self, collection: u16, block: u32, why: &str) -> Error {
        self.table.damaged(&keys::vectors(collection, block), why)
    }

    fn open<'t>(&self, key: &[u8], value: &'t [u8]) -> Attempt<&'t [u8]> {
        let damaged = |why| self.table.damaged(key, why);
        let (layout, crc, body) = parts(value).ok_or_else(|| damaged("it is cut short"))?;
        if layout != self.layout {
            return Err(damaged("its layout is unknown").into());
        }
        let known: [u8; 6] = key.try_into().map_err(|_| damaged("its key has another length"))?;
        let is_known = self.checked.read().unwrap_or_else(PoisonError::into_inner).get(&known) == Some(&crc);
        if !is_known {
            check(key, value).map_err(damaged)?;
            self.checked.write().unwrap_or_else(PoisonError::into_inner).insert(known, crc);
        }
        Ok(body)
    }
}

/// Whether a value is a block that belongs under its key. Errors: why not.
pub(in crate::store) fn check(key: &[u8], value: &[u8]) -> Result<(), &'static str> {
    let (layout, crc, body) = parts(value).ok_or("it is cut short")?;
    if checksum(layout, key, body) == crc { Ok(()) } else { Err("its checksum does not match") }
}

fn parts(value: &[u8]) -> Option<(u8, u32, &[u8])> {
    let ([layout, _, _, _, crc @ ..], body) = value.split_first_chunk::<HEADER>()?;
    Some((*layout, u32::from_le_bytes(*crc), body))
}

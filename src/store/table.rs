//! A named LMDB database whose values are checked records, see [`codec`].

use super::codec;
use super::env::Kind;
use super::fault::Attempt;
use crate::error::{Error, Result};
use heed::types::Bytes;
use heed::{Database, RoTxn, RwTxn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Bound;

/// Untyped keys and values.
pub(super) type Raw = Database<'static, Bytes, Bytes>;

/// One database of an environment.
#[derive(Clone, Copy)]
pub(super) struct Table {
    raw: Raw,
    name: &'static str,
    kind: &'static Kind,
}

impl Table {
    pub fn new(raw: Raw, name: &'static str, kind: &'static Kind) -> Self {
        Self { raw, name, kind }
    }

    /// The database beneath, for ranges and for values that are no records.
    pub fn raw(&self) -> Raw {
        self.raw
    }

    /// The record under `key`, if there is one.
    pub fn get<T: DeserializeOwned>(&self, txn: &RoTxn, key: &[u8]) -> Attempt<Option<T>> {
        match self.raw.get(txn, key)? {
            Some(record) => Ok(Some(self.decode(key, record)?)),
            None => Ok(None),
        }
    }

    /// Keeps `value` under `key`, in place of whatever was there.
    pub fn put<T: Serialize>(&self, txn: &mut RwTxn, key: &[u8], value: &T) -> Attempt<()> {
        let payload = serde_json::to_vec(value)
            .map_err(|e| Error::invalid(format!("{} cannot be written as JSON", self.describe(key))).because(e))?;
        Ok(self.raw.put(txn, key, &codec::seal(key, &payload))?)
    }

    /// Removes the record under `key`; says whether there was one.
    pub fn delete(&self, txn: &mut RwTxn, key: &[u8]) -> Attempt<bool> {
        Ok(self.raw.delete(txn, key)?)
    }

    /// Removes everything whose key begins with `collection`.
    pub fn clear_collection(&self, txn: &mut RwTxn, collection: u16) -> Attempt<()> {
        let (first, next) = (collection.to_be_bytes(), collection.checked_add(1).map(u16::to_be_bytes));
        let end = next.as_ref().map_or(Bound::Unbounded, |next| Bound::Excluded(&next[..]));
        self.raw.delete_range(txn, &(Bound::Included(&first[..]), end))?;
        Ok(())
    }

    /// The value of a record found under `key`.
    pub fn decode<T: DeserializeOwned>(&self, key: &[u8], record: &[u8]) -> Result<T> {
        let payload = codec::unseal(key, record).map_err(|d| self.damaged(key, d))?;
        serde_json::from_slice(payload).map_err(|e| self.damaged(key, &e).because(e))
    }

    /// The error for a record that cannot be trusted.
    pub fn damaged(&self, key: &[u8], why: impl std::fmt::Display) -> Error {
        Error::corrupt(format!("{} is damaged: {why}; {}", self.describe(key), self.kind.remedy))
    }

    fn describe(&self, key: &[u8]) -> String {
        format!("the record '{}' in '{}' of the {} store", key.escape_ascii(), self.name, self.kind.name)
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({}/{})", self.kind.name, self.name)
    }
}

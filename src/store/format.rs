//! The version of a store's layout, written when it is made and checked whenever it is opened.

use super::env::Kind;
use super::fault::Attempt;
use super::table::Table;
use crate::error::Error;
use heed::{RoTxn, RwTxn};
use serde::{Deserialize, Serialize};

const KEY: &[u8] = b"format";

/// One step from a version to the next, within the transaction that opens the store and with all of its tables.
pub(super) type Upgrade = fn(&mut RwTxn, &[Table]) -> Attempt<()>;

#[derive(Serialize, Deserialize)]
struct Format {
    store: String,
    version: usize,
}

/// The version that `kind` has after all its upgrades.
fn current(kind: &Kind) -> usize {
    1 + kind.upgrades.len()
}

/// Marks a new store.
pub(super) fn create(txn: &mut RwTxn, meta: &Table, kind: &Kind) -> Attempt<()> {
    meta.put(txn, KEY, &Format { store: kind.name.to_owned(), version: current(kind) })
}

/// The upgrades that the store still needs, oldest first.
pub(super) fn check(txn: &RoTxn, meta: &Table, kind: &Kind) -> Attempt<&'static [Upgrade]> {
    let found: Format = meta.get(txn, KEY)?.ok_or_else(|| meta.damaged(KEY, "it is missing"))?;
    if found.store != kind.name {
        return Err(
            Error::incompatible(format!("this is the {} store, not the {} store", found.store, kind.name)).into()
        );
    }
    match found.version.checked_sub(1) {
        Some(done) if done <= kind.upgrades.len() => Ok(&kind.upgrades[done..]),
        Some(_) => Err(Error::incompatible(format!(
            "the {} store was written by a newer Wayside (format {}, this version knows {}); use that version",
            kind.name,
            found.version,
            current(kind)
        ))
        .into()),
        None => Err(meta.damaged(KEY, "there is no format 0").into()),
    }
}

/// Runs the upgrades that [`check`] found, and marks the store as current.
pub(super) fn upgrade(txn: &mut RwTxn, meta: &Table, tables: &[Table], kind: &Kind) -> Attempt<()> {
    for step in check(txn, meta, kind)? {
        step(txn, tables)?;
    }
    create(txn, meta, kind)
}

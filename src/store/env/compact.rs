//! Compaction: a store's file written anew, so that what was removed is not in it any more.
//!
//! LMDB removes a record by forgetting where it is: its bytes stay in free pages, in the holes of pages, and in the
//! last page of whatever large value was put together in the same piece of memory. LMDB's own compacting copy leaves
//! out the free pages and takes the last pages along: of 14,842 removed phrases it kept 1,082. So every record is put
//! into a new environment, which has never seen anything else, and that takes the place of the old one by one rename.
//!
//! ```text
//! mark            in the transaction that removes: a record "compact" beside the format
//! alone           the next that opens the store, and finds that nobody else has it open:
//!                   .tmp-*/data.mdb    every record but the mark, flushed
//!                   data.mdb           renamed over the old one, which takes the mark with it
//! ```
//!
//! A power cut leaves the old file, mark and all, or the new one. A folder that was being made is cleared away when it
//! is made again.

use super::create::{STAGED, staged};
use super::lock::Lock;
use super::{DATA, Env, Kind};
use crate::durable;
use crate::error::{Error, Result};
use crate::store::fault::Attempt;
use crate::store::table::Table;
use heed::{PutFlags, RoTxn, RwTxn};
use jiff::Timestamp;
use std::ops::Bound;
use std::path::Path;

/// The mark's key in the table that holds the format.
const MARK: &[u8] = b"compact";
/// Bytes that are copied in one transaction.
const BATCH: usize = 8 << 20;

/// Asks for compaction, in the transaction that makes it necessary.
pub(in crate::store) fn mark(txn: &mut RwTxn, meta: &Table) -> Attempt<()> {
    meta.put(txn, MARK, &Timestamp::now())
}

/// Whether compaction was asked for and has not happened yet.
pub(in crate::store) fn is_due(txn: &RoTxn, meta: &Table) -> Attempt<bool> {
    Ok(meta.raw().get(txn, MARK)?.is_some())
}

/// Compacts the store in `dir`, which this process has closed. False when another process has it open.
pub(super) fn compact<const N: usize>(dir: &Path, kind: &'static Kind, names: [&'static str; N]) -> Result<bool> {
    let Some(_alone) = Lock::alone(dir)? else { return Ok(false) };
    clear(dir)?;
    let staged = stage(dir, kind, names)?;
    take_place(staged.path(), dir)?;
    Ok(true)
}

/// Removes what an interrupted compaction left, and what an interrupted making of the store did: whoever has the store
/// alone knows that nobody is writing there.
fn clear(dir: &Path) -> Result<()> {
    let entries = std::fs::read_dir(dir).map_err(|e| Error::io(format!("cannot list {}", dir.display()), e))?;
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(STAGED)) {
        durable::remove(&entry.path())?;
    }
    Ok(())
}

/// A new environment beside the old one, with every record but the mark.
fn stage<const N: usize>(dir: &Path, kind: &'static Kind, names: [&'static str; N]) -> Result<tempfile::TempDir> {
    let folder = staged(dir)?;
    let (old, new) = (Env::map(dir, kind, N as u32)?, Env::map(folder.path(), kind, N as u32)?);
    new.make(&names)?;
    for (n, (from, to)) in old.tables(names)?.iter().zip(new.tables(names)?).enumerate() {
        copy((&old, from), (&new, &to))?;
        if n == 0 {
            new.write(|txn| to.delete(txn, MARK))?;
        }
    }
    Ok(folder)
}

/// Copies records as they lie there, damaged ones too. In batches, since one transaction would have them all in memory.
fn copy((old, from): (&Env, &Table), (new, to): (&Env, &Table)) -> Result<()> {
    let mut done = Vec::new();
    loop {
        let after = if done.is_empty() { Bound::Unbounded } else { Bound::Excluded(&done[..]) };
        let batch = old.read(|txn| {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            for entry in from.raw().range(txn, &(after, Bound::Unbounded))? {
                let (key, value) = entry?;
                bytes += key.len() + value.len();
                batch.push((key.to_vec(), value.to_vec()));
                if bytes >= BATCH {
                    break;
                }
            }
            Ok(batch)
        })?;
        let Some((last, _)) = batch.last() else { return Ok(()) };
        done = last.clone();
        new.write(|txn| {
            let put = |(key, value): &(Vec<u8>, Vec<u8>)| to.raw().put_with_flags(txn, PutFlags::APPEND, key, value);
            Ok(batch.iter().try_for_each(put)?)
        })?;
    }
}

/// Puts the staged file in the place of the old one.
fn take_place(staged: &Path, dir: &Path) -> Result<()> {
    let (new, old) = (staged.join(DATA), dir.join(DATA));
    durable::sync_dir(&new)?;
    std::fs::rename(&new, &old).map_err(|e| Error::io(format!("cannot replace {}", old.display()), e))?;
    durable::sync_dir(dir)
}

#[cfg(test)]
mod tests;

//! An LMDB environment that grows by itself and cannot be misused: transactions are closures.
//!
//! A closure may run more than once: when the map is too small, the environment grows it and runs the closure
//! again in a new transaction. The map may only change while this process has no transaction open, so every
//! transaction holds `gate` shared and growing holds it alone. Closures must not open further transactions.
//!
//! A store becomes visible whole: a new environment is made beside its place and linked there when it is
//! complete. An empty `data.mdb` is therefore always a damaged one. Once it is there, it is replaced only by `compact`,
//! while nobody has it open.

mod compact;
mod create;
mod kind;
mod lock;
mod seal;
mod snapshot;
mod space;

pub(super) use compact::mark as mark_for_compaction;
pub(super) use kind::{INDEX, Kind, LOG, RECORDS};
pub(super) use lock::Lock;

use super::fault::{Attempt, Fault, explain, is_full};
use super::format;
use super::pages::{self, Broken};
use super::table::{Raw, Table};
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use heed::types::Bytes;
use heed::{CommitOrAbort, EnvOpenOptions, RoTxn, RwTxn, WithoutTls};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{RwLock, RwLockReadGuard};

/// The file that LMDB maps.
const DATA: &str = "data.mdb";
/// ARM kernels have pages of 4, 16 or 64 KiB; a multiple of the largest suits all.
const GRAIN: usize = 64 << 10;
/// Below this a refused map is an error.
const SMALLEST_MAP: usize = 64 << 20;

/// How far the handle can still be trusted.
mod health {
    pub const GOOD: u8 = 0;
    /// A commit failed: what the disk holds is known again only after reopening.
    pub const NO_WRITES: u8 = 1;
    /// The map is gone.
    pub const NOTHING: u8 = 2;
}

/// An open environment.
#[derive(Debug)]
pub(super) struct Env {
    heed: heed::Env<WithoutTls>,
    gate: RwLock<()>,
    health: AtomicU8,
    kind: &'static Kind,
    dir: PathBuf,
    /// Why a compaction that was due did not happen when this was opened.
    put_off: Option<String>,
    /// Whether all that LMDB believes of the file was shown to be so.
    checked: bool,
    /// Let go of last.
    _lock: Option<Lock>,
}

impl Env {
    /// Opens the store in `dir`, making it if there is none, and compacts it if that is due and possible. The first of
    /// `tables` holds the format.
    pub fn open<const N: usize>(
        dir: &Path,
        kind: &'static Kind,
        tables: [&'static str; N],
    ) -> Result<(Self, [Table; N])> {
        durable::create_dir(dir)?;
        let (env, opened) = Self::open_as_it_is(dir, kind, tables)?;
        match opened.first() {
            Some(meta) if env.read(|txn| compact::is_due(txn, meta))? => {}
            _ => return Ok((env, opened)),
        }
        drop(env);
        let put_off = match compact::compact(dir, kind, tables) {
            Ok(true) => None,
            Ok(false) => Some("another process has it open".to_owned()),
            // The store is whole without it; the next to open it tries again.
            Err(e) => Some(e.to_string()),
        };
        if let Some(why) = &put_off {
            log::warn!("the {} store in {} keeps what was removed for now: {why}", kind.name, dir.display());
        }
        let (mut env, opened) = Self::open_as_it_is(dir, kind, tables)?;
        env.put_off = put_off;
        Ok((env, opened))
    }

    /// Why what was removed may still be in the file's free pages; none when compaction has been done since.
    pub fn uncompacted(&self, meta: &Table) -> Result<Option<String>> {
        let due = self.read(|txn| compact::is_due(txn, meta))?;
        let why = || self.put_off.clone().unwrap_or_else(|| "it has to be closed and opened again".into());
        Ok(due.then(why))
    }

    fn open_as_it_is<const N: usize>(
        dir: &Path,
        kind: &'static Kind,
        tables: [&'static str; N],
    ) -> Result<(Self, [Table; N])> {
        let lock = Lock::shared(dir)?;
        let file = dir.join(DATA);
        if !file.exists() {
            create::create(dir, &file, kind, tables)?;
        }
        let mut data = open_data(&file)?;
        pages::metas(&mut data).map_err(|b| broken(kind, &file, b))?;
        let mut env = Self::map(dir, kind, N as u32)?;
        env._lock = Some(lock);
        env.heed.clear_stale_readers().map_err(|e| explain(kind, dir, e))?;
        if !seal::holds(dir, &data) {
            env.check(&mut data)?;
            seal::put(dir, &data);
        }
        env.checked = true;
        if let Some(first) = tables.first() {
            let [meta] = env.tables([*first])?;
            if !env.read(|txn| format::check(txn, &meta, kind))?.is_empty() {
                env.make(&tables)?;
                let all = env.tables(tables)?;
                env.write(|txn| format::upgrade(txn, &meta, &all, kind))?;
            }
        }
        let tables = env.tables(tables)?;
        Ok((env, tables))
    }

    /// Runs `work` on one consistent state of the store. `work` may run again from the start.
    pub fn read<T>(&self, mut work: impl FnMut(&RoTxn) -> Attempt<T>) -> Result<T> {
        self.retry(|| {
            let txn = self.heed.read_txn()?;
            work(&txn)
        })
    }

    /// Runs `work` and commits it whole, durably; an error changes nothing. `work` may run again from the start.
    pub fn write<T>(&self, mut work: impl FnMut(&mut RwTxn) -> Attempt<T>) -> Result<T> {
        self.retry(|| {
            if self.health.load(Ordering::Acquire) != health::GOOD {
                return Err(self.unusable().into());
            }
            let mut txn = self.heed.write_txn()?;
            let value = work(&mut txn)?;
            txn.commit().map_err(|e| self.failed(e))?;
            Ok(value)
        })
    }

    /// The error that callers see for what stopped a reader in the midst of its transaction.
    pub fn explained(&self, fault: Fault) -> Error {
        match fault {
            Fault::Failed(e) => e,
            Fault::Lmdb(e) => explain(self.kind, &self.dir, e),
            // Only what begins or writes is told of the map's size.
            Fault::MapFull | Fault::MapResized => {
                Error::busy(format!("the {} store in {} is growing; try again", self.kind.name, self.dir.display()))
            }
        }
    }

    /// Bytes of the data file.
    pub fn bytes(&self) -> Result<u64> {
        self.heed.real_disk_size().map_err(|e| explain(self.kind, &self.dir, e))
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn retry<T>(&self, mut attempt: impl FnMut() -> Attempt<T>) -> Result<T> {
        loop {
            let shared = self.enter()?;
            let size = self.heed.info().map_size;
            let result = attempt();
            drop(shared);
            match result {
                Ok(value) => return Ok(value),
                Err(Fault::MapFull) => self.resize(size, size.saturating_mul(2))?,
                // Zero: the size that the other process wrote down.
                Err(Fault::MapResized) => self.resize(size, 0)?,
                Err(fault) => return Err(self.explained(fault)),
            }
        }
    }

    fn enter(&self) -> Result<RwLockReadGuard<'_, ()>> {
        let shared = self.gate.read().unwrap_or_else(|e| e.into_inner());
        if self.health.load(Ordering::Acquire) == health::NOTHING { Err(self.unusable()) } else { Ok(shared) }
    }

    /// Changes the map's size from `old`, unless another thread was faster.
    #[allow(unsafe_code, reason = "the gate keeps transactions out; see the call")]
    fn resize(&self, old: usize, new: usize) -> Result<()> {
        let _alone = self.gate.write().unwrap_or_else(|e| e.into_inner());
        if self.health.load(Ordering::Acquire) == health::NOTHING {
            return Err(self.unusable());
        }
        if self.heed.info().map_size != old {
            return Ok(());
        }
        // SAFETY: LMDB wants no transaction to be open in this process. Each one holds `gate` shared for as long as
        // it lives, and `_alone` excludes them.
        unsafe { self.heed.resize(new.next_multiple_of(GRAIN)) }.map_err(|e| {
            // LMDB has let go of the old map by now.
            self.health.store(health::NOTHING, Ordering::Release);
            Error::full(format!(
                "the {} store in {} has outgrown the address space; close it and open it again",
                self.kind.name,
                self.dir.display()
            ))
            .because(e)
        })
    }

    fn unusable(&self) -> Error {
        Error::new(
            ErrorKind::Io,
            format!("the {} store in {} failed before; close it and open it again", self.kind.name, self.dir.display()),
        )
    }

    /// A commit that failed. A full map or disk leaves everything as it was; after anything else the handle
    /// refuses to write, since nobody knows what reached the disk.
    fn failed(&self, error: heed::Error) -> Fault {
        let error = match error {
            heed::Error::Io(e) => heed::Error::Io(self.full_or(e)),
            other => other,
        };
        match Fault::from(error) {
            Fault::Lmdb(heed::Error::Io(e)) if is_full(&e) => Fault::Lmdb(heed::Error::Io(e)),
            Fault::Lmdb(e) => {
                self.health.fetch_max(health::NO_WRITES, Ordering::AcqRel);
                let told = explain(self.kind, &self.dir, e);
                Fault::Failed(told.context("the last change was not saved; close the store and open it again"))
            }
            other => other,
        }
    }

    /// LMDB reports a write that was cut short by a full disk as a plain I/O error: try whether there is room.
    fn full_or(&self, error: std::io::Error) -> std::io::Error {
        let probe = || {
            let mut file = tempfile::tempfile_in(&self.dir)?;
            file.seek(SeekFrom::Start(self.heed.real_disk_size().unwrap_or(0)))?;
            file.write_all(&vec![0; 1 << 20])
        };
        match probe() {
            Err(e) if is_full(&e) => e,
            _ => error,
        }
    }

    #[allow(unsafe_code, reason = "a memory map; what makes it sound is said at the call")]
    fn map(dir: &Path, kind: &'static Kind, tables: u32) -> Result<Self> {
        space::reserve(dir)?;
        let mut size = kind.map_size;
        loop {
            let mut options = EnvOpenOptions::new().read_txn_without_tls();
            options.map_size(size).max_dbs(tables);
            // SAFETY: the file is changed only through LMDB, whose lock file keeps processes apart; the store is
            // documented as unfit for network file systems; heed refuses to open it twice in one process; no flag
            // weakens LMDB's own locking or durability.
            match unsafe { options.open(dir) } {
                Ok(heed) => {
                    let (gate, health) = (RwLock::new(()), AtomicU8::new(health::GOOD));
                    let (dir, put_off, checked) = (dir.to_owned(), None, false);
                    return Ok(Self { heed, gate, health, kind, dir, put_off, checked, _lock: None });
                }
                // The address space or its limit is small: a smaller reservation grows when needed.
                Err(heed::Error::Io(e)) if e.kind() == std::io::ErrorKind::OutOfMemory && size > SMALLEST_MAP => {
                    size /= 2;
                }
                Err(e) => return Err(explain(kind, dir, e)),
            }
        }
    }

    /// Shows that every page of the newest state is in its place and holds what it says. Reads the whole file.
    pub fn verify(&self) -> Result<()> {
        self.check(&mut open_data(&self.dir.join(DATA))?)
    }

    /// Shows of the newest state all that LMDB would believe, and the checksums that the store's kind wants at once.
    fn check(&self, data: &mut File) -> Result<()> {
        let file = self.dir.join(DATA);
        let broken = |b| Fault::Failed(broken(self.kind, &file, b));
        let (mut each, mut done) = (self.kind.check, false);
        while !done {
            done = self.read(|txn| {
                let metas = pages::metas(data).map_err(broken)?;
                match metas.iter().find(|m| m.transaction == txn.id() as u64) {
                    Some(meta) => pages::whole(data, meta, &mut each).map_err(broken).map(|()| true),
                    // Another process committed between the two reads: there is a newer state to look at.
                    None => Ok(false),
                }
            })?;
        }
        Ok(())
    }

    /// Makes those tables that are not there yet, empty.
    fn make(&self, names: &[&'static str]) -> Result<()> {
        self.retry(|| {
            let txn = self.heed.write_txn()?;
            let made = self.heed.create_databases_and_commit(txn, |opener, txn| {
                for name in names {
                    opener.create_database::<Bytes, Bytes>(txn, Some(name))?;
                }
                Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(()))
            });
            Ok(made.map(|_| ())?)
        })
    }

    fn tables<const N: usize>(&self, names: [&'static str; N]) -> Result<[Table; N]> {
        let opened: Attempt<_> = (|| {
            let txn = self.heed.read_txn()?;
            let opened = self.heed.open_databases_and_commit(txn, |opener, txn| {
                let mut raws = [None; N];
                for (raw, name) in raws.iter_mut().zip(names) {
                    *raw = opener.open_database(txn, Some(name))?;
                }
                Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(raws))
            })?;
            Ok(opened.commit())
        })();
        let raws: Option<[Option<Raw>; N]> = match opened {
            Ok(raws) => raws,
            Err(Fault::Lmdb(e)) => return Err(explain(self.kind, &self.dir, e)),
            Err(_) => None,
        };
        let missing = || {
            let (name, dir, remedy) = (self.kind.name, self.dir.display(), self.kind.remedy);
            Error::corrupt(format!("the {name} store in {dir} lacks its tables; {remedy}"))
        };
        let mut tables = Vec::with_capacity(N);
        for (raw, name) in raws.ok_or_else(missing)?.into_iter().zip(names) {
            tables.push(Table::new(raw.ok_or_else(missing)?, name, self.kind));
        }
        tables.try_into().map_err(|_| missing())
    }
}

/// What can still be read of a table of the store in `dir`, see [`pages::salvage`]. Errors: Io when it cannot be.
pub(super) fn salvage(dir: &Path, table: &str, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<Vec<String>> {
    let file = dir.join(DATA);
    let _lock = Lock::shared(dir)?;
    pages::salvage(&mut open_data(&file)?, table, each).map_err(|b| match b {
        Broken::Io(e) => Error::io(format!("cannot read {}", file.display()), e),
        Broken::Damaged(why) => Error::corrupt(format!("{} is damaged: {why}", file.display())),
    })
}

impl Drop for Env {
    fn drop(&mut self) {
        if self.checked && *self.health.get_mut() == health::GOOD {
            // Whatever was written since was written by LMDB.
            let _ = open_data(&self.dir.join(DATA)).map(|data| seal::put(&self.dir, &data));
        }
    }
}

/// The data file, to be read as plain bytes.
fn open_data(file: &Path) -> Result<File> {
    File::open(file).map_err(|e| Error::io(format!("cannot open {}", file.display()), e))
}

fn broken(kind: &Kind, file: &Path, why: Broken) -> Error {
    match why {
        Broken::Damaged(why) => Error::corrupt(format!("{} is damaged: {why}; {}", file.display(), kind.remedy)),
        Broken::Io(e) => Error::io(format!("cannot read {}", file.display()), e),
    }
}

#[cfg(test)]
mod tests;

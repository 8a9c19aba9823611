//! What can stop a transaction, before it becomes the error that callers see.
//!
//! Two of the reasons are no errors at all: the map is too small, or another process made it larger. The
//! environment then adapts and runs the transaction again.

use super::env::Kind;
use crate::error::{Error, Result};
use heed::MdbError;
use std::io::ErrorKind as Io;
use std::path::Path;

/// Why a transaction stopped.
#[derive(Debug)]
pub(super) enum Fault {
    /// The map is full: grow it and run again.
    MapFull,
    /// Another process grew the map: follow it and run again.
    MapResized,
    /// LMDB refused, see [`explain`].
    Lmdb(heed::Error),
    /// A finished error.
    Failed(Error),
}

/// Results within a transaction.
pub(super) type Attempt<T> = Result<T, Fault>;

impl From<heed::Error> for Fault {
    fn from(error: heed::Error) -> Self {
        match error {
            heed::Error::Mdb(MdbError::MapFull) => Fault::MapFull,
            heed::Error::Mdb(MdbError::MapResized) => Fault::MapResized,
            other => Fault::Lmdb(other),
        }
    }
}

impl From<arroy::Error> for Fault {
    fn from(error: arroy::Error) -> Self {
        match error {
            arroy::Error::Heed(e) => e.into(),
            arroy::Error::Io(e) => Fault::Failed(Error::io("cannot write the index's temporary files", e)),
            arroy::Error::BuildCancelled => Fault::Failed(Error::cancelled("stopped on request")),
            other => Fault::Failed(
                Error::corrupt("the search trees of the index are damaged; ingest the documents again").because(other),
            ),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Failed(error)
    }
}

/// The error that callers see: which store, where, and what to do.
pub(super) fn explain(kind: &Kind, dir: &Path, error: heed::Error) -> Error {
    let store = format!("the {} store in {}", kind.name, dir.display());
    let told = match &error {
        heed::Error::Io(_) => return refused(&store, error),
        heed::Error::EnvAlreadyOpened => {
            Error::busy(format!("{store} is already open in this process; share the open handle"))
        }
        heed::Error::Mdb(MdbError::ReadersFull) => {
            Error::busy(format!("{store} is being read by too many threads and processes; try again"))
        }
        heed::Error::Mdb(MdbError::Panic) => {
            Error::new(crate::ErrorKind::Io, format!("{store} failed to write before; close it and open it again"))
        }
        heed::Error::Mdb(MdbError::TxnFull) => {
            Error::full(format!("one change to {store} is too large; make it in smaller parts"))
        }
        heed::Error::Mdb(MdbError::VersionMismatch) => {
            Error::incompatible(format!("{store} has another format of LMDB; {}", kind.remedy))
        }
        heed::Error::Mdb(e) => Error::corrupt(format!("{store} is damaged ({e}); {}", kind.remedy)),
        heed::Error::Encoding(e) | heed::Error::Decoding(e) => {
            Error::corrupt(format!("{store} is damaged ({e}); {}", kind.remedy))
        }
    };
    told.because(error)
}

fn refused(store: &str, error: heed::Error) -> Error {
    match error {
        heed::Error::Io(e) if is_full(&e) => {
            Error::full(format!("no space left for {store}; free some space and try again")).because(e)
        }
        heed::Error::Io(e) => Error::io(format!("cannot use {store}"), e),
        other => Error::new(crate::ErrorKind::Io, format!("cannot use {store}: {other}")),
    }
}

/// Whether a device, a quota or a size limit is exhausted.
pub(super) fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge)
}

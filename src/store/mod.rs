//! What Wayside remembers: three LMDB environments, and the only code that names `heed` and `arroy`.
//!
//! [`Log`] is the truth: interactions, each durable when the call that made it returns. [`Index`] is derived from
//! the documents and can be made again: an index build holds its environment's only write lock for long, so it is
//! not the log's. [`Records`] holds copies of what belongs to one person each, apart from what is anybody's. None of
//! them belongs on a network file system: LMDB shares memory and locks between processes.
//!
//! | file | what it knows |
//! |---|---|
//! | `env/` | opening, growing, failing; transactions as closures |
//! | `pages` | whether a file is an environment and whole |
//! | `format` | the version of a store, upgrades |
//! | `table`, `codec` | records with a checksum |
//! | `keys` | keys whose order is the order that is wanted |
//! | `log/` | interactions |
//! | `index/` | documents, chunks, vectors, words |
//! | `records/` | what is known of each person |

mod codec;
mod env;
mod fault;
mod format;
pub mod index;
mod keys;
pub mod log;
mod pages;
pub mod records;
mod table;

pub use index::Index;
pub use log::Log;
pub use records::Records;

use crate::error::Result;
use std::path::Path;

/// Held by who alone may use a store: whoever opens it meanwhile waits.
#[derive(Debug)]
pub struct Alone {
    _lock: env::Lock,
}

/// Keeps others from opening the store in `dir`; none while somebody has it open.
pub fn alone(dir: &Path) -> Result<Option<Alone>> {
    Ok(env::Lock::alone(dir)?.map(|_lock| Alone { _lock }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn handles_are_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<super::Log>();
        shared::<super::Index>();
        shared::<super::Records>();
    }
}

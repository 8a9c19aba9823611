//! Is this file an LMDB environment, and whole? Asked before LMDB is shown any of it.
//!
//! LMDB trusts its file: a page size of zero is a division by zero, a node that points outside its page a segmentation
//! fault, a page past the end of a truncated file a SIGBUS, and a page that is free and in use the end of what it
//! holds. So the file is read here as plain bytes first, and everything that LMDB would believe is shown to be so.
//!
//! ```text
//! page    0          8     10      12      14      16
//!         | number   | pad | flags | lower | upper | content ...      (overflow: u32 pages instead of lower, upper)
//! meta    content: | magic u32 | version u32 | address u64 | map size u64 | free tree 48 | main tree 48
//!                  | last page u64 | transaction u64 |
//! tree    | pad u32 | flags u16 | depth u16 | branch u64 | leaf u64 | overflow u64 | entries u64 | root u64 |
//! branch  content: u16 offsets of nodes | child u48 | key size u16 | key |
//! leaf    content: u16 offsets of nodes | data size u32 | flags u16 | key size u16 | key | data |
//! ```
//!
//! Integers are those of the machine, 64 bits wide. The page size is the `pad` of the free tree.
//!
//! | file | what it knows |
//! |---|---|
//! | `meta` | the two headers, and which decides |
//! | `page` | one page of a tree |
//! | `walk` | all pages of all trees, each once |
//! | `free` | the pages that may be used again |
//! | `salvage` | what can still be read of a damaged file |

mod bytes;
mod free;
mod meta;
mod page;
mod salvage;
mod walk;

pub(super) use meta::{Meta, metas};
pub(super) use salvage::salvage;
pub(super) use walk::Each;

use std::fs::File;
use std::io;
use walk::Walk;

/// Bytes of a page before its content.
const HEADER: usize = 16;

const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const OVERFLOW: u16 = 0x04;
const META: u16 = 0x08;

/// What is wrong with the file, or that it could not be read.
#[derive(Debug)]
pub(super) enum Broken {
    Damaged(String),
    Io(io::Error),
}

impl Broken {
    /// The same, of a named part of the file.
    fn within(self, part: &str) -> Self {
        match self {
            Broken::Damaged(why) => Broken::Damaged(format!("{part}: {why}")),
            io => io,
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { damaged("it ends too early") } else { Broken::Io(error) }
    }
}

fn damaged(why: impl Into<String>) -> Broken {
    Broken::Damaged(why.into())
}

/// Whether everything that LMDB would believe of a transaction is so. Reads all of its pages, and tells `each` of every
/// entry of every table.
///
/// The caller holds a read transaction of that number, so that the pages stay as they are.
pub(super) fn whole(file: &mut File, meta: &Meta, each: Each) -> Result<(), Broken> {
    Walk::new(file, meta)?.run(meta, each)
}

#[cfg(test)]
mod tests;

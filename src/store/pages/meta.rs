//! The two headers of a file, and what one says of a tree.
//!
//! A transaction writes the older header, last of all it writes; the number of the transaction says which is newer.
//! When that write fails, LMDB puts the older header's number and last page back and leaves the new roots in it. So a
//! header that is not the newest may point anywhere, and nobody looks at it: the next transaction writes it anew.

use super::bytes::{u16_at, u32_at, u64_at};
use super::{Broken, HEADER, META, damaged};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
const NO_PAGE: u64 = u64::MAX;
/// Where the two trees stand in a header's content, and the length of each.
const FREE: usize = 24;
const MAIN: usize = 72;
/// The bytes of a tree's description.
pub(super) const TREE: usize = 48;
/// Keys that are whole numbers: what LMDB says of the tree of free pages, and of no other that is ours.
const NUMBERS: u16 = 0x08;
/// LMDB's cursors go no deeper.
const DEEPEST: u16 = 32;

/// A header of the file.
#[derive(Clone, Debug)]
pub(in crate::store) struct Meta {
    /// Bytes of a page.
    pub(super) page_size: u64,
    /// The pages that may be used again.
    pub(super) free: Tree,
    /// The names of the tables.
    pub(super) main: Tree,
    pub(super) last_page: u64,
    /// The transaction that wrote it.
    pub transaction: u64,
}

/// What is said of a tree where its root is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tree {
    pub flags: u16,
    pub depth: u16,
    pub branches: u64,
    pub leaves: u64,
    pub overflows: u64,
    pub entries: u64,
    pub root: Option<u64>,
}

/// Reads both headers; the newer one, which decides, comes first and was checked.
///
/// Another process may write them meanwhile, so what does not fit together is read again.
pub(in crate::store) fn metas(file: &mut File) -> Result<[Meta; 2], Broken> {
    let tries = 5;
    for _ in 1..tries {
        match both(file) {
            Err(Broken::Damaged(_)) => std::thread::yield_now(),
            read => return read,
        }
    }
    both(file)
}

fn both(file: &mut File) -> Result<[Meta; 2], Broken> {
    let first = Meta::read(file, 0)?;
    let second = Meta::read(file, first.page_size)?;
    if second.page_size != first.page_size {
        return Err(damaged("its two headers disagree"));
    }
    // Transactions write them in turn, the even ones the first. Both have number 0 before the first transaction.
    let (even, odd) = (first.transaction, second.transaction);
    if (even, odd) != (0, 0) && (even % 2 != 0 || even.abs_diff(odd) != 1) {
        return Err(damaged(format!("its two headers disagree: they are of transactions {even} and {odd}")));
    }
    let [newest, other] = if odd > even { [second, first] } else { [first, second] };
    newest.check()?;
    Ok([newest, other])
}

impl Meta {
    pub(super) fn read(file: &mut File, at: u64) -> Result<Self, Broken> {
        let mut bytes = [0; HEADER + 136];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        let content = &bytes[HEADER..];
        if u16_at(&bytes, 10)? & META == 0 || u32_at(content, 0)? != MAGIC {
            return Err(damaged("it is no LMDB file"));
        }
        if u32_at(content, 4)? != VERSION {
            return Err(damaged("it has another version of LMDB's format"));
        }
        let page_size = u64::from(u32_at(content, FREE)?);
        if !page_size.is_power_of_two() || !(512..=0x8000).contains(&page_size) {
            return Err(damaged(format!("it claims pages of {page_size} bytes")));
        }
        Ok(Self {
            page_size,
            free: Tree::read(&content[FREE..])?,
            main: Tree::read(&content[MAIN..])?,
            last_page: u64_at(content, 120)?,
            transaction: u64_at(content, 128)?,
        })
    }

    fn check(&self) -> Result<(), Broken> {
        let roots = [&self.free, &self.main].map(|tree| tree.root.unwrap_or_default());
        if self.last_page == 0 || self.last_page >= 1 << 32 || roots.iter().any(|root| *root > self.last_page) {
            return Err(damaged("its header points outside the file"));
        }
        if self.free.flags != NUMBERS {
            return Err(damaged("its header names flags that no store has"));
        }
        self.main.check()
    }
}

impl Tree {
    /// The description at the beginning of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, Broken> {
        Ok(Self {
            flags: u16_at(bytes, 4)?,
            depth: u16_at(bytes, 6)?,
            branches: u64_at(bytes, 8)?,
            leaves: u64_at(bytes, 16)?,
            overflows: u64_at(bytes, 24)?,
            entries: u64_at(bytes, 32)?,
            root: Some(u64_at(bytes, 40)?).filter(|root| *root != NO_PAGE),
        })
    }

    /// A tree of plain keys, which all but the free pages' are.
    pub fn check(&self) -> Result<(), Broken> {
        if self.flags == 0 { Ok(()) } else { Err(damaged("a tree has flags that no store has")) }
    }

    /// Whether the depth can be that of a tree at all.
    pub fn is_plausible(&self) -> bool {
        match self.root {
            None => (self.depth, self.entries) == (0, 0),
            Some(_) => (1..=DEEPEST).contains(&self.depth),
        }
    }
}

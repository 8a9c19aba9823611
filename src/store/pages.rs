//! Is this file an LMDB environment, and whole? Asked before LMDB maps it.
//!
//! LMDB trusts its file: a page size of zero is a division by zero, and a page past the end of a truncated file
//! is a SIGBUS. So the first pages are read here as plain bytes, and every page that is reachable is shown to lie
//! inside the file where the file looks short. (Short is not wrong in itself: LMDB does not write the last
//! pages of a transaction that freed them again.) Whoever asks whether a store is whole has all of them shown.
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

use roaring::RoaringBitmap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

const HEADER: usize = 16;
const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
const NO_PAGE: u64 = u64::MAX;

const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const OVERFLOW: u16 = 0x04;
const META: u16 = 0x08;
const FIXED: u16 = 0x20;

const NODE_OVERFLOW: u16 = 0x01;
const NODE_TREE: u16 = 0x02;

/// What is wrong with the file, or that it could not be read.
#[derive(Debug)]
pub(super) enum Broken {
    Damaged(String),
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { damaged("it ends too early") } else { Broken::Io(error) }
    }
}

fn damaged(why: impl Into<String>) -> Broken {
    Broken::Damaged(why.into())
}

/// One of the two meta pages.
#[derive(Clone, Debug)]
pub(super) struct Meta {
    page_size: u64,
    roots: [u64; 2],
    last_page: u64,
    /// The transaction that wrote it.
    pub transaction: u64,
}

/// Reads and checks both meta pages; the newer one comes first.
pub(super) fn metas(file: &mut File) -> Result<[Meta; 2], Broken> {
    let first = Meta::read(file, 0)?;
    let second = Meta::read(file, first.page_size)?;
    if second.page_size != first.page_size {
        return Err(damaged("its two headers disagree"));
    }
    Ok(if second.transaction > first.transaction { [second, first] } else { [first, second] })
}

/// Whether every page of a transaction lies inside the file. Cheap unless the file is short.
///
/// The caller holds a read transaction of that number, so that the pages stay as they are.
pub(super) fn complete(file: &mut File, meta: &Meta) -> Result<(), Broken> {
    // The length is read after the meta page: a file only grows.
    let pages = file.seek(SeekFrom::End(0))? / meta.page_size;
    if meta.last_page < pages { Ok(()) } else { Walk::new(file, meta, pages).run() }
}

/// Whether every page of a transaction is in the file, in its place, and holds what it says: reads all of them.
///
/// The caller holds a read transaction of that number.
pub(super) fn whole(file: &mut File, meta: &Meta) -> Result<(), Broken> {
    let pages = file.seek(SeekFrom::End(0))? / meta.page_size;
    Walk::new(file, meta, pages).run()
}

impl Meta {
    fn read(file: &mut File, at: u64) -> Result<Self, Broken> {
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
        let page_size = u64::from(u32_at(content, 24)?);
        if !page_size.is_power_of_two() || !(256..=0x10000).contains(&page_size) {
            return Err(damaged(format!("it claims pages of {page_size} bytes")));
        }
        let meta = Self {
            page_size,
            roots: [u64_at(content, 24 + 40)?, u64_at(content, 72 + 40)?],
            last_page: u64_at(content, 120)?,
            transaction: u64_at(content, 128)?,
        };
        if meta.last_page >= 1 << 40 || meta.roots.iter().any(|r| *r != NO_PAGE && *r > meta.last_page) {
            return Err(damaged("its header points outside the file"));
        }
        Ok(meta)
    }
}

/// A walk over all pages that a transaction can reach.
struct Walk<'a> {
    file: &'a mut File,
    page_size: u64,
    pages: u64,
    todo: Vec<u64>,
    seen: RoaringBitmap,
}

impl<'a> Walk<'a> {
    fn new(file: &'a mut File, meta: &Meta, pages: u64) -> Self {
        let todo = meta.roots.iter().copied().filter(|r| *r != NO_PAGE).collect();
        Self { file, page_size: meta.page_size, pages, todo, seen: RoaringBitmap::new() }
    }

    fn run(mut self) -> Result<(), Broken> {
        let mut page = vec![0; self.page_size as usize];
        while let Some(number) = self.todo.pop() {
            self.enter(number, 1)?;
            self.file.seek(SeekFrom::Start(number * self.page_size))?;
            self.file.read_exact(&mut page)?;
            self.visit(number, &page)?;
        }
        Ok(())
    }

    /// Every page belongs to one tree, so nothing is entered twice and the walk ends.
    fn enter(&mut self, number: u64, count: u64) -> Result<(), Broken> {
        let end = number.checked_add(count).filter(|end| *end <= self.pages);
        let (Some(_), Ok(small)) = (end, u32::try_from(number)) else {
            return Err(damaged(format!("page {number} is missing: it was cut off after {} pages", self.pages)));
        };
        if self.seen.insert(small) { Ok(()) } else { Err(damaged(format!("page {number} belongs to two places"))) }
    }

    fn visit(&mut self, number: u64, page: &[u8]) -> Result<(), Broken> {
        let flags = u16_at(page, 10)?;
        if u64_at(page, 0)? != number || flags & (BRANCH | LEAF) == 0 {
            return Err(damaged(format!("page {number} holds something else")));
        }
        if flags & FIXED != 0 {
            return Ok(());
        }
        let nodes = usize::from(u16_at(page, 12)?).saturating_sub(HEADER) / 2;
        for i in 0..nodes {
            let node = page.get(usize::from(u16_at(page, HEADER + 2 * i)?)..).unwrap_or_default();
            let key = 8 + usize::from(u16_at(node, 6)?);
            let data = node.get(key..).ok_or_else(|| damaged(format!("a key of page {number} is cut off")))?;
            if flags & BRANCH != 0 {
                self.todo.push(u64_at(node, 0)? & 0xFFFF_FFFF_FFFF);
                continue;
            }
            let kind = u16_at(node, 4)?;
            if kind & NODE_OVERFLOW != 0 {
                self.overflow(u64_at(data, 0)?)?;
                continue;
            }
            if u32_at(node, 0)? as usize > data.len() {
                return Err(damaged(format!("a value of page {number} is cut off")));
            }
            if kind & NODE_TREE != 0 {
                self.todo.extend(Some(u64_at(data, 40)?).filter(|r| *r != NO_PAGE));
            }
        }
        Ok(())
    }

    fn overflow(&mut self, number: u64) -> Result<(), Broken> {
        self.enter(number, 1)?;
        let mut head = [0; HEADER];
        self.file.seek(SeekFrom::Start(number * self.page_size))?;
        self.file.read_exact(&mut head)?;
        if u64_at(&head, 0)? != number || u16_at(&head, 10)? & OVERFLOW == 0 {
            return Err(damaged(format!("page {number} holds something else")));
        }
        let count = u64::from(u32_at(&head, 12)?);
        if number + count > self.pages {
            return Err(damaged(format!("page {number} and what follows it were cut off")));
        }
        Ok(())
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Broken> {
    word(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Broken> {
    word(bytes, at).map(u32::from_ne_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Broken> {
    word(bytes, at).map(u64::from_ne_bytes)
}

fn word<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Broken> {
    bytes.get(at..).and_then(|b| b.first_chunk()).copied().ok_or_else(|| damaged("a page ends too early"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn check(bytes: &[u8]) -> Result<(), Broken> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let [newest, _] = metas(&mut file)?;
        complete(&mut file, &newest)
    }

    /// A real environment with a tree of several levels, large values and a second database.
    fn environment() -> Vec<u8> {
        let home = tempfile::tempdir().unwrap();
        let (env, [a, b]) = super::super::env::Env::open(home.path(), &super::super::env::LOG, ["meta", "b"]).unwrap();
        env.write(|txn| {
            for i in 0..2_000u32 {
                a.put(txn, &i.to_be_bytes(), &format!("value {i}"))?;
            }
            b.put(txn, b"large", &"x".repeat(100_000))
        })
        .unwrap();
        drop(env);
        std::fs::read(home.path().join("data.mdb")).unwrap()
    }

    #[test]
    fn a_whole_file_passes_and_every_truncation_is_noticed() {
        let bytes = environment();
        check(&bytes).unwrap();
        // Also when the walk has to prove it.
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let [newest, _] = metas(&mut file).unwrap();
        Walk::new(&mut file, &newest, bytes.len() as u64 / newest.page_size).run().unwrap();
        for share in [0, 1, 3, 10, 30, 60, 90] {
            assert!(check(&bytes[..bytes.len() * share / 100]).is_err(), "{share} %");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..20_000)) {
            prop_assert!(check(&bytes).is_err());
        }
    }

    #[test]
    fn altered_bytes_never_panic() {
        let bytes = environment();
        let mut altered = bytes.clone();
        // A short file, so that the walk runs over the altered pages.
        altered.truncate(bytes.len() - 4096);
        for at in (0..altered.len()).step_by(97) {
            let before = std::mem::replace(&mut altered[at], 0xFF);
            let _ = check(&altered);
            altered[at] = before;
        }
    }
}

//! What can still be read of a table in a file that is damaged.
//!
//! The walk goes where the newest header leads, as far as pages can be read, and passes over the rest. Nothing that it
//! finds is believed: whoever asks holds each record against its checksum. Pages that no tree leads to are left alone,
//! since what was removed may still lie there.

use super::meta::{Meta, Tree};
use super::page::{Held, Page};
use super::{Broken, HEADER};
use roaring::RoaringBitmap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// No tree is deeper.
const DEEPEST: usize = 32;

/// Tells `each` of what is found under the keys of a table. Returns what could not be read, one sentence each.
///
/// Errors: `Io` only; a file of which nothing can be read has nothing.
pub(in crate::store) fn salvage(
    file: &mut File,
    table: &str,
    each: &mut dyn FnMut(&[u8], &[u8]),
) -> Result<Vec<String>, Broken> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut headers = headers(file, length);
    headers.sort_by_key(|meta| std::cmp::Reverse(meta.transaction));
    let mut damage = Vec::new();
    for meta in headers {
        let mut salvage = Salvage { file: &mut *file, length, meta: &meta, seen: RoaringBitmap::new(), damage };
        let mut root = None;
        salvage.descend(meta.main.root, 0, &mut |_, key, held| {
            if let Held::Tree(bytes) = held
                && key == table.as_bytes()
            {
                root = Tree::read(bytes).ok().and_then(|tree| tree.root);
            }
        });
        if root.is_some() {
            salvage.descend(root, 0, &mut |salvage, key, held| {
                if let Some(value) = salvage.value(held) {
                    each(key, &value);
                }
            });
            return Ok(salvage.damage);
        }
        damage = salvage.damage;
    }
    damage.push(format!("nothing leads to '{table}' any more"));
    Ok(damage)
}

/// The headers that can be read. The second stands behind a page of any size.
fn headers(file: &mut File, length: u64) -> Vec<Meta> {
    let sizes = (9..=15).map(|bits| 1u64 << bits).filter(|size| *size < length);
    std::iter::once(0).chain(sizes).filter_map(|at| Meta::read(file, at).ok()).collect()
}

struct Salvage<'a> {
    file: &'a mut File,
    length: u64,
    meta: &'a Meta,
    seen: RoaringBitmap,
    damage: Vec<String>,
}

type Visit<'v, 'a> = &'v mut dyn FnMut(&mut Salvage<'a>, &[u8], &Held);

impl<'a> Salvage<'a> {
    fn descend(&mut self, number: Option<u64>, depth: usize, visit: Visit<'_, 'a>) {
        let Some(number) = number else { return };
        let Some(bytes) = self.page(number, depth) else {
            return self.damage.push(format!("page {number} cannot be read, nor what it leads to"));
        };
        let page = Page::unchecked(&bytes, number);
        let mut lost = 0;
        for i in 0..page.count() {
            match (page.is_leaf(), page.key(i), page.held(i)) {
                (true, Ok(key), Ok(held)) => visit(self, key, &held),
                (true, ..) => lost += 1,
                (false, ..) => match page.child(i) {
                    Ok(child) => self.descend(Some(child), depth + 1, visit),
                    Err(_) => lost += 1,
                },
            }
        }
        if lost > 0 {
            self.damage.push(format!("{lost} entries of page {number} cannot be read"));
        }
    }

    fn page(&mut self, number: u64, depth: usize) -> Option<Vec<u8>> {
        let (small, at) = (u32::try_from(number).ok()?, number.checked_mul(self.meta.page_size)?);
        if depth > DEEPEST || at.checked_add(self.meta.page_size)? > self.length || !self.seen.insert(small) {
            return None;
        }
        let mut bytes = vec![0; self.meta.page_size as usize];
        self.read(at, &mut bytes)?;
        Some(bytes)
    }

    fn value(&mut self, held: &Held) -> Option<Vec<u8>> {
        match held {
            Held::Here(bytes) => Some(bytes.to_vec()),
            Held::Tree(_) => None,
            Held::Apart(first, size) => {
                let at = first.checked_mul(self.meta.page_size)?.checked_add(HEADER as u64)?;
                if at.checked_add(*size as u64)? > self.length {
                    return None;
                }
                let mut value = vec![0; *size];
                self.read(at, &mut value)?;
                Some(value)
            }
        }
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Option<()> {
        self.file.seek(SeekFrom::Start(at)).ok()?;
        self.file.read_exact(bytes).ok()
    }
}

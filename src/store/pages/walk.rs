//! The walk over everything that a transaction can reach.
//!
//! Every page belongs to one place of one tree, or is free, once. Keys ascend within a page and stay between the keys
//! above it. Each tree has the depth, the pages and the entries that are said of it.

use super::bytes::{u16_at, u32_at, u64_at};
use super::meta::{Meta, TREE, Tree};
use super::page::{Held, Page};
use super::{Broken, HEADER, OVERFLOW, damaged};
use roaring::RoaringBitmap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// What is told of each entry of each table: the table's name, key, and value.
pub(in crate::store) type Each<'e> = &'e mut dyn FnMut(&str, &[u8], &[u8]) -> Result<(), String>;

/// How keys are ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Bytes,
    Numbers,
}

/// A walk in progress.
pub(super) struct Walk<'a> {
    file: &'a mut File,
    page_size: usize,
    /// Pages that are in the file whole.
    pages: u64,
    last_page: u64,
    used: RoaringBitmap,
    value: Vec<u8>,
}

/// What a tree was found to have.
#[derive(Default)]
struct Found {
    branches: u64,
    leaves: u64,
    overflows: u64,
    entries: u64,
}

/// What a page is looked at for.
struct Frame<'k> {
    number: u64,
    level: u16,
    /// Its keys lie in here.
    low: Option<&'k [u8]>,
    high: Option<&'k [u8]>,
}

/// What an entry of a tree is told to: the walk, the key, what is held.
type Visit<'v, 'a> = &'v mut dyn FnMut(&mut Walk<'a>, &[u8], &Held) -> Result<(), Broken>;

impl<'a> Walk<'a> {
    pub fn new(file: &'a mut File, meta: &Meta) -> Result<Self, Broken> {
        // The length is read after the header: a file only grows.
        let pages = file.seek(SeekFrom::End(0))? / meta.page_size;
        let (page_size, last_page) = (meta.page_size as usize, meta.last_page);
        Ok(Self { file, page_size, pages, last_page, used: RoaringBitmap::new(), value: Vec::new() })
    }

    /// Walks over all tables, and over the free pages.
    pub fn run(mut self, meta: &Meta, each: Each) -> Result<(), Broken> {
        for (name, tree) in self.tables(&meta.main)? {
            tree.check().map_err(|b| b.within(&name))?;
            let mut visit = |walk: &mut Self, key: &[u8], held: &Held| {
                let (Held::Here(_) | Held::Apart(..)) = held else { return Err(damaged("a tree stands within it")) };
                let value = walk.value(held)?;
                let told = each(&name, key, &value).map_err(|why| damaged(format!("{}: {why}", key.escape_ascii())));
                walk.take_back(value);
                told
            };
            self.tree(&tree, Order::Bytes, &mut visit).map_err(|b| b.within(&name))?;
        }
        super::free::check(&mut self, meta)
    }

    /// The trees that the main one names.
    pub fn tables(&mut self, main: &Tree) -> Result<Vec<(String, Tree)>, Broken> {
        let mut tables = Vec::new();
        self.tree(main, Order::Bytes, &mut |_, key, held| match (held, std::str::from_utf8(key)) {
            (Held::Tree(bytes), Ok(name)) if bytes.len() == TREE => {
                tables.push((name.to_owned(), Tree::read(bytes)?));
                Ok(())
            }
            _ => Err(damaged("what should name its tables names something else")),
        })?;
        Ok(tables)
    }

    /// Walks over a tree in the order of its keys.
    pub fn tree(&mut self, tree: &Tree, order: Order, visit: Visit<'_, 'a>) -> Result<(), Broken> {
        if !tree.is_plausible() {
            return Err(damaged(format!("a tree claims a depth of {}", tree.depth)));
        }
        let mut found = Found::default();
        if let Some(number) = tree.root {
            let frame = Frame { number, level: tree.depth, low: None, high: None };
            self.descend(&frame, order, &mut found, visit)?;
        }
        let said = [tree.branches, tree.leaves, tree.overflows, tree.entries];
        if said != [found.branches, found.leaves, found.overflows, found.entries] {
            return Err(damaged("a tree has not what is said of it"));
        }
        Ok(())
    }

    /// A page and all below it. No deeper than a tree says it is, which is 32 at most.
    fn descend(&mut self, at: &Frame, order: Order, found: &mut Found, visit: Visit<'_, 'a>) -> Result<(), Broken> {
        self.enter(at.number, 1)?;
        let mut bytes = vec![0; self.page_size];
        self.read(at.number, &mut bytes)?;
        let is_leaf = at.level == 1;
        let page = Page::new(&bytes, at.number, is_leaf)?;
        // The tree of free pages may have a branch with one child for a while.
        if page.count() < if is_leaf || order == Order::Numbers { 1 } else { 2 } {
            return Err(damaged(format!("page {} is empty", at.number)));
        }
        check_order(&page, at, order)?;
        if is_leaf {
            found.leaves += 1;
            found.entries += page.count() as u64;
            for i in 0..page.count() {
                let held = page.held(i)?;
                if let Held::Apart(first, size) = held {
                    found.overflows += self.claim(first, size)?;
                }
                visit(self, page.key(i)?, &held)?;
            }
            return Ok(());
        }
        found.branches += 1;
        for i in 0..page.count() {
            let low = if i == 0 { at.low } else { Some(page.key(i)?) };
            let high = if i + 1 == page.count() { at.high } else { Some(page.key(i + 1)?) };
            let below = Frame { number: page.child(i)?, level: at.level - 1, low, high };
            self.descend(&below, order, found, visit)?;
        }
        Ok(())
    }

    /// Takes pages for one place. None is taken twice.
    pub fn enter(&mut self, number: u64, count: u64) -> Result<(), Broken> {
        let pages = self.within(number, count)?;
        if u64::from(pages.end) > self.pages {
            return Err(damaged(format!("page {number} is missing: it was cut off after {} pages", self.pages)));
        }
        self.take(number, pages)
    }

    /// As [`Walk::enter`], for pages that nobody reads: LMDB does not write those that it freed at once.
    pub fn enter_free(&mut self, number: u64) -> Result<(), Broken> {
        let pages = self.within(number, 1)?;
        self.take(number, pages)
    }

    /// Whether the pages that the file is short of are all free. Once everything was entered.
    pub fn check_end(&self) -> Result<(), Broken> {
        let missing = (self.last_page + 1).saturating_sub(self.pages);
        let first = u32::try_from(self.pages).unwrap_or(u32::MAX);
        if missing == 0 || self.used.range_cardinality(first..) >= missing {
            return Ok(());
        }
        Err(damaged(format!("it was cut off after {} of {} pages", self.pages, self.last_page + 1)))
    }

    /// The value of an entry.
    pub fn value(&mut self, held: &Held) -> Result<Vec<u8>, Broken> {
        let mut value = std::mem::take(&mut self.value);
        value.clear();
        match held {
            Held::Here(bytes) | Held::Tree(bytes) => value.extend_from_slice(bytes),
            Held::Apart(first, size) => {
                value.resize(*size, 0);
                self.file.seek(SeekFrom::Start(first * self.page_size as u64 + HEADER as u64))?;
                self.file.read_exact(&mut value)?;
            }
        }
        Ok(value)
    }

    /// Gives memory back for the next value.
    pub fn take_back(&mut self, value: Vec<u8>) {
        self.value = value;
    }

    /// Takes the pages of a value that has its own, and says how many there are.
    fn claim(&mut self, first: u64, size: usize) -> Result<u64, Broken> {
        self.within(first, 1)?;
        let mut head = [0; HEADER];
        self.read(first, &mut head)?;
        if u64_at(&head, 0)? != first || u16_at(&head, 10)? != OVERFLOW {
            return Err(damaged(format!("page {first} holds something else")));
        }
        let count = u64::from(u32_at(&head, 12)?);
        if (HEADER as u64).saturating_add(size as u64) > count.saturating_mul(self.page_size as u64) {
            return Err(damaged(format!("page {first} and what follows it hold less than is said")));
        }
        self.enter(first, count)?;
        Ok(count)
    }

    fn within(&self, number: u64, count: u64) -> Result<Range<u32>, Broken> {
        let end = number.checked_add(count).filter(|end| *end <= self.last_page + 1);
        match (u32::try_from(number), end.map(u32::try_from)) {
            (Ok(first), Some(Ok(end))) if first >= 2 => Ok(first..end),
            _ => Err(damaged(format!("page {number} is outside the file"))),
        }
    }

    fn take(&mut self, number: u64, pages: Range<u32>) -> Result<(), Broken> {
        let count = u64::from(pages.end - pages.start);
        if self.used.insert_range(pages) == count {
            return Ok(());
        }
        Err(damaged(format!("page {number} belongs to two places")))
    }

    fn read(&mut self, number: u64, bytes: &mut [u8]) -> Result<(), Broken> {
        self.file.seek(SeekFrom::Start(number * self.page_size as u64))?;
        Ok(self.file.read_exact(bytes)?)
    }
}

/// Whether keys ascend, and stay within what is said above the page.
fn check_order(page: &Page, at: &Frame, order: Order) -> Result<(), Broken> {
    let wrong = || damaged(format!("page {}: its keys are not in order", at.number));
    let from = if at.level == 1 { 0 } else { 1 };
    let mut before: Option<&[u8]> = None;
    for i in from..page.count() {
        let key = page.key(i)?;
        if order == Order::Numbers && key.len() != 8 {
            return Err(damaged(format!("page {}: a key is no number", at.number)));
        }
        let ascends = match before {
            Some(before) => is_less(before, key, order)?,
            None => at.low.is_none_or(|low| matches!(is_less(key, low, order), Ok(false))),
        };
        if !ascends {
            return Err(wrong());
        }
        before = Some(key);
    }
    match (before, at.high) {
        (Some(last), Some(high)) if !is_less(last, high, order)? => Err(wrong()),
        _ => Ok(()),
    }
}

fn is_less(a: &[u8], b: &[u8], order: Order) -> Result<bool, Broken> {
    match order {
        Order::Bytes => Ok(a < b),
        Order::Numbers => Ok(u64_at(a, 0)? < u64_at(b, 0)?),
    }
}

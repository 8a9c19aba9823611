//! One page of a tree, held against everything that LMDB would take for granted.

use super::bytes::{u16_at, u32_at, u64_at};
use super::{BRANCH, Broken, HEADER, LEAF, damaged};

/// Bytes of a node before its key.
const NODE: usize = 8;
const OVERFLOW: u16 = 0x01;
const SUBTREE: u16 = 0x02;
/// LMDB's longest key.
const LONGEST_KEY: usize = 511;

/// A page whose nodes lie within it, one behind another and without a gap, as LMDB leaves them.
pub(super) struct Page<'b> {
    bytes: &'b [u8],
    number: u64,
    is_leaf: bool,
    count: usize,
}

/// What a node of a leaf holds.
pub(super) enum Held<'b> {
    /// A value that stands in the page.
    Here(&'b [u8]),
    /// A value of so many bytes, on pages of its own from this one on.
    Apart(u64, usize),
    /// The description of a tree.
    Tree(&'b [u8]),
}

impl<'b> Page<'b> {
    /// The page with this number, of a tree whose leaves begin at this level.
    pub fn new(bytes: &'b [u8], number: u64, is_leaf: bool) -> Result<Self, Broken> {
        let kind = if is_leaf { LEAF } else { BRANCH };
        if u64_at(bytes, 0)? != number || u16_at(bytes, 10)? != kind {
            return Err(damaged(format!("page {number} holds something else")));
        }
        let (lower, upper) = (usize::from(u16_at(bytes, 12)?), usize::from(u16_at(bytes, 14)?));
        if lower < HEADER || lower % 2 != 0 || lower > upper || upper > bytes.len() {
            return Err(damaged(format!("page {number} has no room for what it says it holds")));
        }
        let page = Self { bytes, number, is_leaf, count: (lower - HEADER) / 2 };
        page.check_nodes(upper)?;
        Ok(page)
    }

    /// A page of a damaged file, whatever it is: a node that cannot be read is an error when it is asked for.
    pub fn unchecked(bytes: &'b [u8], number: u64) -> Self {
        let flags = u16_at(bytes, 10).unwrap_or_default();
        let lower = u16_at(bytes, 12).map_or(0, usize::from).min(bytes.len());
        let count = if flags & (LEAF | BRANCH) == 0 { 0 } else { lower.saturating_sub(HEADER) / 2 };
        Self { bytes, number, is_leaf: flags & LEAF != 0, count }
    }

    /// Whether it holds entries, and not pages below it.
    pub fn is_leaf(&self) -> bool {
        self.is_leaf
    }

    /// How many nodes there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The key of a node. That of a branch's first node is never looked at, and means nothing.
    pub fn key(&self, i: usize) -> Result<&'b [u8], Broken> {
        let node = self.node(i)?;
        let key = node.get(NODE..NODE + usize::from(u16_at(node, 6)?)).ok_or_else(|| self.bad("a key is cut off"))?;
        if self.is_leaf && key.is_empty() || key.len() > LONGEST_KEY {
            return Err(self.bad("a key has an impossible length"));
        }
        Ok(key)
    }

    /// The page below a node of a branch.
    pub fn child(&self, i: usize) -> Result<u64, Broken> {
        let node = self.node(i)?;
        Ok(u64::from(u32_at(node, 0)?) | u64::from(u16_at(node, 4)?) << 32)
    }

    /// What a node of a leaf holds.
    pub fn held(&self, i: usize) -> Result<Held<'b>, Broken> {
        let node = self.node(i)?;
        let (size, flags) = (u32_at(node, 0)? as usize, u16_at(node, 4)?);
        let data = node.get(NODE + usize::from(u16_at(node, 6)?)..).unwrap_or_default();
        let here = || data.get(..size).ok_or_else(|| self.bad("a value is cut off"));
        match flags {
            0 => Ok(Held::Here(here()?)),
            OVERFLOW => Ok(Held::Apart(u64_at(data, 0)?, size)),
            SUBTREE => Ok(Held::Tree(here()?)),
            _ => Err(self.bad("a value has flags that no store has")),
        }
    }

    /// Nodes fill the page from its end: together they take what lies behind `upper`, and none overlaps another.
    fn check_nodes(&self, upper: usize) -> Result<(), Broken> {
        let mut spans = Vec::with_capacity(self.count);
        for i in 0..self.count {
            let start = usize::from(u16_at(self.bytes, HEADER + 2 * i)?);
            if start < upper || start % 2 != 0 {
                return Err(self.bad("a node lies outside its part of the page"));
            }
            spans.push((start, self.extent(i)?));
        }
        spans.sort_unstable();
        let mut at = upper;
        for (start, length) in spans {
            if start != at {
                return Err(self.bad("its nodes overlap or leave a gap"));
            }
            at += length;
        }
        if at == self.bytes.len() { Ok(()) } else { Err(self.bad("its nodes do not fill it")) }
    }

    /// Bytes of a node, with what keeps the next one even.
    fn extent(&self, i: usize) -> Result<usize, Broken> {
        let node = self.node(i)?;
        let key = NODE + self.key(i)?.len();
        let data = match () {
            () if !self.is_leaf => 0,
            () if u16_at(node, 4)? & OVERFLOW != 0 => 8,
            () => u32_at(node, 0)? as usize,
        };
        // What is larger LMDB puts on pages of its own, and it relies on two nodes fitting a page.
        let most = (((self.bytes.len() - HEADER) / 2) & !1) - 2;
        let size = key.saturating_add(data);
        if size > most { Err(self.bad("a node is too large")) } else { Ok(size.next_multiple_of(2)) }
    }

    fn node(&self, i: usize) -> Result<&'b [u8], Broken> {
        let start = usize::from(u16_at(self.bytes, HEADER + 2 * i)?);
        self.bytes.get(start..).ok_or_else(|| self.bad("a node lies outside it"))
    }

    fn bad(&self, why: &str) -> Broken {
        damaged(format!("page {}: {why}", self.number))
    }
}

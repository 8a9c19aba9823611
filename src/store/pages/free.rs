//! The pages that may be used again: what LMDB writes over next.
//!
//! ```text
//! key      transaction, u64
//! value    count u64 | page u64 ...      the greatest first
//! ```
//!
//! A page that is in use and also in here would be written over while somebody reads it: that is how a damaged list
//! loses what it does not hold.

use super::bytes::u64_at;
use super::meta::Meta;
use super::walk::{Order, Walk};
use super::{Broken, damaged};

/// Shows that every free page is free, named once, and by a transaction that has been. Everything else was walked over.
pub(super) fn check(walk: &mut Walk, meta: &Meta) -> Result<(), Broken> {
    walk.tree(&meta.free, Order::Numbers, &mut |walk, key, held| {
        let transaction = u64_at(key, 0)?;
        if transaction == 0 || transaction > meta.transaction {
            return Err(damaged("pages were freed by a transaction that never was"));
        }
        let list = walk.value(held)?;
        let count = u64_at(&list, 0)? as usize;
        let pages = list.get(8..).unwrap_or_default();
        let (pages, _) = pages.as_chunks::<8>();
        let pages = pages.get(..count).ok_or_else(|| damaged("a list of free pages is cut off"))?;
        let mut before = u64::MAX;
        for page in pages {
            let page = u64::from_ne_bytes(*page);
            if page >= before {
                return Err(damaged("a list of free pages is not in order"));
            }
            walk.enter_free(page)?;
            before = page;
        }
        walk.take_back(list);
        Ok(())
    })
    .map_err(|b| b.within("free pages"))?;
    walk.check_end()
}

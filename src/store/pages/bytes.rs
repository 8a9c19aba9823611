//! Numbers out of plain bytes, in the machine's order, as LMDB writes them.

use super::{Broken, damaged};

/// The `u16` at a place.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Broken> {
    word(bytes, at).map(u16::from_ne_bytes)
}

/// The `u32` at a place.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Broken> {
    word(bytes, at).map(u32::from_ne_bytes)
}

/// The `u64` at a place.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Broken> {
    word(bytes, at).map(u64::from_ne_bytes)
}

fn word<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Broken> {
    bytes.get(at..).and_then(|b| b.first_chunk()).copied().ok_or_else(|| damaged("a page ends too early"))
}

//! ```text
//! Q5_0, 22 bytes for 32 numbers:  d: f16 | high: u32 | q: u4 x 32        w = d (q - 16)
//! q as in Q4_0, with the fifth bit of number j in bit j of high
//! ```

use super::{float::half_at, q4_0::nibbles};

pub const BYTES: usize = 22;

/// Adds the fifth bits of `high`, 4 bytes, to 32 numbers in 0..16.
pub fn fifths(high: &[u8], q: &mut [u8; 32]) {
    for (j, q) in q.iter_mut().enumerate() {
        *q |= ((high[j / 8] >> (j % 8)) & 1) << 4;
    }
}

pub fn decode(block: &[u8], out: &mut [f32]) {
    let mut q = [0; 32];
    let d = carry(block, &mut q);
    for (w, q) in out.iter_mut().zip(q) {
        *w = d * (f32::from(q) - 16.0);
    }
}

/// Scale and 32 numbers around 16.
pub fn carry(block: &[u8], q: &mut [u8; 32]) -> f32 {
    nibbles(&block[6..], q);
    fifths(&block[2..6], q);
    half_at(block, 0)
}

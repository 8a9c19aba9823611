//! ```text
//! Q5_1, 24 bytes for 32 numbers:  d: f16 | m: f16 | high: u32 | q: u4 x 32        w = d q + m
//! ```

use super::{float::half_at, q4_0::nibbles, q5_0::fifths};

pub const BYTES: usize = 24;

pub fn decode(block: &[u8], out: &mut [f32]) {
    let mut q = [0; 32];
    let (d, m) = carry(block, &mut q);
    for (w, q) in out.iter_mut().zip(q) {
        *w = d * f32::from(q) + m;
    }
}

/// Scale, minimum and 32 numbers from 0.
pub fn carry(block: &[u8], q: &mut [u8; 32]) -> (f32, f32) {
    nibbles(&block[8..], q);
    fifths(&block[4..8], q);
    (half_at(block, 0), half_at(block, 2))
}

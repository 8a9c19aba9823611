//! ```text
//! IQ4_NL, 18 bytes for 32 numbers:  d: f16 | q: u4 x 32        w = d level_q
//! q as in Q4_0; the levels lie closer together where weights are more frequent
//! ```

use super::{float::half_at, q4_0::nibbles};

pub const BYTES: usize = 18;

/// What the sixteen numbers mean.
pub const LEVELS: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// The levels of 16 bytes of numbers, around 128.
pub fn levels(bytes: &[u8], q: &mut [u8; 32]) {
    nibbles(bytes, q);
    for q in q {
        *q = (LEVELS[usize::from(*q)] as u8).wrapping_add(128);
    }
}

pub fn decode(block: &[u8], out: &mut [f32]) {
    let mut q = [0; 32];
    let d = carry(block, &mut q);
    for (w, q) in out.iter_mut().zip(q) {
        *w = d * (f32::from(q) - 128.0);
    }
}

/// Scale and 32 numbers around 128.
pub fn carry(block: &[u8], q: &mut [u8; 32]) -> f32 {
    levels(&block[2..], q);
    half_at(block, 0)
}

//! ```text
//! IQ4_XS, 136 bytes for 256 numbers:  d: f16 | high: u16 | low: u4 x 8 | q: u4 x 256
//! w = d (scale_(j / 32) - 32) level_q, levels as in IQ4_NL; q in 8 blocks of 16 bytes, each as in Q4_0
//! scale b has its low 4 bits in half b mod 2 of byte b / 2 of low, its upper 2 at bit 2 b of high
//! ```

use super::{float::half_at, iq4_nl::levels};

pub const BYTES: usize = 136;

pub fn decode(block: &[u8], out: &mut [f32]) {
    let mut q = [0; 32];
    for (b, out) in out.chunks_exact_mut(32).enumerate() {
        let d = carry(block, b, &mut q);
        for (w, q) in out.iter_mut().zip(q) {
            *w = d * (f32::from(q) - 128.0);
        }
    }
}

/// Scale and the 32 numbers of block `b`, around 128.
pub fn carry(block: &[u8], b: usize, q: &mut [u8; 32]) -> f32 {
    let high = u16::from_le_bytes([block[2], block[3]]);
    let scale = (block[4 + b / 2] >> (4 * (b % 2))) & 15 | ((((high >> (2 * b)) & 3) as u8) << 4);
    levels(&block[8 + 16 * b..], q);
    half_at(block, 0) * (f32::from(scale) - 32.0)
}

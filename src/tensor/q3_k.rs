//! ```text
//! Q3_K, 110 bytes for 256 numbers:  high: u1 x 256 (32 bytes) | low: u2 x 256 (64 bytes) | scales: 12 bytes | d: f16
//! w = d (scale_(j / 16) - 32) (q - 4)
//! low as in Q2_K; the third bit of number 32 k + j (k = 0..8) is in bit k of high[j]
//! scale s has its low 4 bits in half s / 8 of byte s mod 8, its upper 2 at bit 2 (s / 4) of byte 8 + s mod 4
//! ```

use super::float::half_at;

pub const BYTES: usize = 110;

pub fn decode(block: &[u8], out: &mut [f32]) {
    let (high, low, scales) = (&block[..32], &block[32..96], &block[96..108]);
    let d = half_at(block, 108);
    for (i, w) in out.iter_mut().enumerate() {
        let q = (low[32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32))) & 3 | (((high[i % 32] >> (i / 32)) & 1) << 2);
        let s = i / 16;
        let scale = (scales[s % 8] >> (4 * (s / 8))) & 15 | (((scales[8 + s % 4] >> (2 * (s / 4))) & 3) << 4);
        *w = d * (f32::from(scale) - 32.0) * (f32::from(q) - 4.0);
    }
}

//! ```text
//! Q6_K, 210 bytes for 256 numbers:  low: u4 x 256 (128 bytes) | high: u2 x 256 (64 bytes) | scale: i8 x 16 | d: f16
//! w = d scale_(j / 16) (q - 32)
//! within each half of 128 numbers, number 32 k + j (k = 0..4) has its low bits in byte j + 32 (k mod 2) of low
//! (low half for k < 2, high half after) and its high bits at bit 2 k of byte j of high
//! ```

use super::float::half_at;

pub const BYTES: usize = 210;

pub fn decode(block: &[u8], out: &mut [f32]) {
    let d = half_at(block, 208);
    for (h, out) in out.chunks_exact_mut(128).enumerate() {
        let (low, high, scales) = (&block[64 * h..], &block[128 + 32 * h..], &block[192 + 8 * h..]);
        for (i, w) in out.iter_mut().enumerate() {
            let (k, j) = (i / 32, i % 32);
            let byte = low[j + 32 * (k % 2)];
            let q = (if k < 2 { byte & 15 } else { byte >> 4 }) | (((high[j] >> (2 * k)) & 3) << 4);
            *w = d * f32::from(scales[i / 16] as i8) * (f32::from(q) - 32.0);
        }
    }
}

//! ```text
//! Q2_K, 84 bytes for 256 numbers:  scales: (u4, u4) x 16 | q: u2 x 256 (64 bytes) | d: f16 | dmin: f16
//! w = d low_(j / 16) q - dmin high_(j / 16), low and high the halves of a byte of scales
//! within each half of 128 numbers, number 32 k + j is at bit 2 k of byte j of its 32 bytes of q
//! ```

use super::float::half_at;

pub const BYTES: usize = 84;

pub fn decode(block: &[u8], out: &mut [f32]) {
    let (d, dmin) = (half_at(block, 80), half_at(block, 82));
    for (i, w) in out.iter_mut().enumerate() {
        let q = (block[16 + 32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32))) & 3;
        let scales = block[i / 16];
        *w = d * f32::from(scales & 15) * f32::from(q) - dmin * f32::from(scales >> 4);
    }
}

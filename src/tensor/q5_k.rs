//! ```text
//! Q5_K, 176 bytes for 256 numbers:  d: f16 | dmin: f16 | scales: 12 bytes | high: 32 bytes | q: u4 x 256
//! as Q4_K, with the fifth bit of number j of block b in bit b of high[j]
//! ```

use super::q4_k::scale_offset;

pub const BYTES: usize = 176;

pub fn decode(block: &[u8], out: &mut [f32]) {
    let (high, low) = (&block[16..48], &block[48..]);
    for (b, out) in out.chunks_exact_mut(32).enumerate() {
        let (d, m) = scale_offset(block, b);
        for (j, w) in out.iter_mut().enumerate() {
            let byte = low[32 * (b / 2) + j];
            let q = if b % 2 == 0 { byte & 15 } else { byte >> 4 };
            *w = d * f32::from(q | (((high[j] >> b) & 1) << 4)) + m;
        }
    }
}

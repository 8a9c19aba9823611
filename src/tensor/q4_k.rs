//! ```text
//! Q4_K, 144 bytes for 256 numbers:  d: f16 | dmin: f16 | scales: 12 bytes | q: u4 x 256
//! block b of 32:  w = (d scale_b) q - dmin min_b
//! q: 32 bytes serve blocks 2i (low halves) and 2i + 1 (high halves)
//! scales: 6 bits each for 8 scales and 8 minima:
//!   byte 0..4   scale_b low 6 bits, b = 0..4;  their top 2 bits are the top 2 bits of scale_(b+4)
//!   byte 4..8   min_b   low 6 bits, b = 0..4;  their top 2 bits are the top 2 bits of min_(b+4)
//!   byte 8..12  low half: low 4 bits of scale_(b+4);  high half: low 4 bits of min_(b+4)
//! ```

use super::float::half_at;

pub const BYTES: usize = 144;

/// Scale and minimum of block `b`, still as integers.
fn scale_min(scales: &[u8], b: usize) -> (u8, u8) {
    if b < 4 {
        (scales[b] & 63, scales[b + 4] & 63)
    } else {
        ((scales[b + 4] & 15) | ((scales[b - 4] >> 6) << 4), (scales[b + 4] >> 4) | ((scales[b] >> 6) << 4))
    }
}

/// `(d scale_b, -dmin min_b)`: what multiplies and what is added. Q5_K shares this head.
pub fn scale_offset(block: &[u8], b: usize) -> (f32, f32) {
    let (scale, min) = scale_min(&block[4..16], b);
    (half_at(block, 0) * f32::from(scale), -half_at(block, 2) * f32::from(min))
}

pub fn decode(block: &[u8], out: &mut [f32]) {
    let mut q = [0; 32];
    for (b, out) in out.chunks_exact_mut(32).enumerate() {
        let (d, m) = carry(block, b, &mut q);
        for (w, q) in out.iter_mut().zip(q) {
            *w = d * f32::from(q) + m;
        }
    }
}

/// Block `b` of the eight: scale, minimum and 32 numbers from 0.
pub fn carry(block: &[u8], b: usize, q: &mut [u8; 32]) -> (f32, f32) {
    let bytes = &block[16 + 32 * (b / 2)..];
    for (q, &byte) in q.iter_mut().zip(bytes) {
        *q = if b.is_multiple_of(2) { byte & 15 } else { byte >> 4 };
    }
    scale_offset(block, b)
}

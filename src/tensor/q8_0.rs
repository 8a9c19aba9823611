//! ```text
//! Q8_0, 34 bytes for 32 numbers:  d: f16 | q: i8 x 32        w = d q
//! ```

use super::float::half_at;

pub const BYTES: usize = 34;

pub fn decode(block: &[u8], out: &mut [f32]) {
    let d = half_at(block, 0);
    for (w, &q) in out.iter_mut().zip(&block[2..]) {
        *w = d * f32::from(q as i8);
    }
}

/// Scale and 32 numbers around 128.
pub fn carry(block: &[u8], q: &mut [u8; 32]) -> f32 {
    for (to, &from) in q.iter_mut().zip(&block[2..]) {
        *to = from.wrapping_add(128);
    }
    half_at(block, 0)
}

//! ```text
//! Q4_0, 18 bytes for 32 numbers:  d: f16 | q: u4 x 32        w = d (q - 8)
//! byte j of q holds number j in its low half and number j + 16 in its high half
//! ```

use super::float::half_at;

pub const BYTES: usize = 18;

/// Spreads 16 bytes over 32 numbers in 0..16.
pub fn nibbles(bytes: &[u8], q: &mut [u8; 32]) {
    for (j, &b) in bytes.iter().take(16).enumerate() {
        q[j] = b & 15;
        q[j + 16] = b >> 4;
    }
}

pub fn decode(block: &[u8], out: &mut [f32]) {
    let mut q = [0; 32];
    let d = carry(block, &mut q);
    for (w, q) in out.iter_mut().zip(q) {
        *w = d * (f32::from(q) - 8.0);
    }
}

/// Scale and 32 numbers around 8.
pub fn carry(block: &[u8], q: &mut [u8; 32]) -> f32 {
    nibbles(&block[2..], q);
    half_at(block, 0)
}

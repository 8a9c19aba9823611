//! ```text
//! MXFP4, 17 bytes for 32 numbers:  e: u8 | q: u4 x 32        w = 2^(e - 128) level_q
//! q as in Q4_0; the levels are twice those of the four-bit float E2M1, the scale half of E8M0's (OCP MX 1.0)
//! ```

use super::q4_0::nibbles;

pub const BYTES: usize = 17;

/// Twice what the sixteen numbers mean.
pub const LEVELS: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

pub fn decode(block: &[u8], out: &mut [f32]) {
    let mut q = [0; 32];
    let d = carry(block, &mut q);
    for (w, q) in out.iter_mut().zip(q) {
        *w = d * (f32::from(q) - 128.0);
    }
}

/// Scale and 32 numbers around 128.
pub fn carry(block: &[u8], q: &mut [u8; 32]) -> f32 {
    nibbles(&block[1..], q);
    for q in q {
        *q = (LEVELS[usize::from(*q)] as u8).wrapping_add(128);
    }
    // The two smallest are subnormal.
    f32::from_bits(match u32::from(block[0]) {
        e @ 0..=1 => 0x0020_0000 << e,
        e => (e - 1) << 23,
    })
}

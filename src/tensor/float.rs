//! Plain floats, one number a block.

use half::{bf16, f16 as Half};

/// A little-endian half at byte `at`; the block layouts keep their scales so.
pub fn half_at(block: &[u8], at: usize) -> f32 {
    Half::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

pub fn f32(block: &[u8], out: &mut [f32]) {
    out[0] = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
}

pub fn f16(block: &[u8], out: &mut [f32]) {
    out[0] = half_at(block, 0);
}

pub fn bf16(block: &[u8], out: &mut [f32]) {
    out[0] = bf16::from_le_bytes([block[0], block[1]]).to_f32();
}

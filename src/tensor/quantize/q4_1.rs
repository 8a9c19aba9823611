//! Q4_1: a scale and a minimum for 32 weights.

use super::affine::Affine;
use super::{affine, halved};

pub fn write(block: &[f32], out: &mut Vec<u8>) {
    let found = affine(block);
    let ((d, scale), (m, minimum)) = (halved(found.scale), halved(found.minimum));
    let kept = Affine { scale, minimum };
    out.extend(d.to_le_bytes());
    out.extend(m.to_le_bytes());
    let (low, high) = block.split_at(16);
    out.extend(low.iter().zip(high).map(|(a, b)| kept.round(*a, 15.0) as u8 | (kept.round(*b, 15.0) as u8) << 4));
}

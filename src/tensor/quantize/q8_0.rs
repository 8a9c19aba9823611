//! Q8_0: the largest weight is 127 steps.

use super::{halved, nearest};
use half::f16;

pub fn write(block: &[f32], out: &mut Vec<u8>) {
    let (half, steps) = round(block);
    out.extend(half.to_le_bytes());
    out.extend(steps.map(|steps| (steps as i8).cast_unsigned()));
}

/// The scale, and the steps that each weight is.
pub fn round(block: &[f32]) -> (f16, impl Iterator<Item = f32>) {
    let largest = block.iter().fold(0.0f32, |a, w| a.max(w.abs()));
    let (half, scale) = halved(largest / 127.0);
    let step = if scale > 0.0 { scale } else { f32::INFINITY };
    (half, block.iter().map(move |w| nearest((w / step).clamp(-127.0, 127.0))))
}

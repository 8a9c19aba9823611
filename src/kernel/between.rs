//! What rows go through between products, as plain arithmetic that the compiler makes into vectors.

use super::exp::exp;
use crate::tensor::BLOCK;

/// Strands that a sum of squares runs in.
const STRANDS: usize = 16;

/// `x` over its root mean square, times `gain`.
pub fn rms_norm(x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32]) {
    let mut strands = [0.0_f32; STRANDS];
    let (whole, rest) = x.as_chunks::<STRANDS>();
    for sixteen in whole {
        strands.iter_mut().zip(sixteen).for_each(|(sum, x)| *sum += x * x);
    }
    strands.iter_mut().zip(rest).for_each(|(sum, x)| *sum += x * x);
    let mean = strands.iter().sum::<f32>() / x.len().max(1) as f32;
    let scale = 1.0 / (mean + epsilon).sqrt();
    for ((out, x), gain) in out.iter_mut().zip(x).zip(gain) {
        *out = x * scale * gain;
    }
}

/// `a` plus `b`; a shorter `b` is added to each piece of its length.
pub fn add(a: &[f32], b: &[f32], out: &mut [f32]) {
    let width = b.len().max(1);
    for (out, a) in out.chunks_mut(width).zip(a.chunks(width)) {
        out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = a + b);
    }
}

/// `silu(gate) * value`. Nothing happens where [`super::available`] says no.
#[allow(unsafe_code, reason = "a kernel for an instruction set; what makes it sound is said at the call")]
pub fn gate(gates: &[f32], values: &[f32], out: &mut [f32]) {
    if super::available() {
        // SAFETY: the machine has the instructions, as was just asked.
        unsafe { gated(gates, values, out) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn gated(gates: &[f32], values: &[f32], out: &mut [f32]) {
    for ((out, gate), value) in out.iter_mut().zip(gates).zip(values) {
        *out = gate / (1.0 + exp(-gate)) * value;
    }
}

/// The sum of each block of [`BLOCK`] numbers.
pub fn sums(x: &[f32], out: &mut [f32]) {
    x.chunks_exact(BLOCK).zip(out).for_each(|(block, out)| *out = block.iter().sum());
}

//! What rows go through between products, as plain arithmetic that the compiler makes into vectors.

use super::exp::exp;
use crate::bundle::Activation;

/// Strands that a sum of squares runs in.
const STRANDS: usize = 16;

/// `x` over its root mean square, times `gain`.
#[inline(always)]
pub(super) fn rms_norm(x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32]) {
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

/// `activation(gate) * value`.
#[inline(always)]
pub(super) fn gate(activation: Activation, gates: &[f32], values: &[f32], out: &mut [f32]) {
    match activation {
        Activation::Silu => silu(gates, values, out),
        Activation::GeluTanh => gelu(gates, values, out),
    }
}

#[inline(always)]
fn silu(gates: &[f32], values: &[f32], out: &mut [f32]) {
    for ((out, gate), value) in out.iter_mut().zip(gates).zip(values) {
        *out = gate / (1.0 + exp(-gate)) * value;
    }
}

#[inline(always)]
fn gelu(gates: &[f32], values: &[f32], out: &mut [f32]) {
    /// 2 sqrt(2 / pi)
    const SLOPE: f32 = 1.595_769;
    for ((out, gate), value) in out.iter_mut().zip(gates).zip(values) {
        *out = gate / (1.0 + exp(-SLOPE * (gate + 0.044_715 * gate * gate * gate))) * value;
    }
}

/// `x` times a number.
pub fn scale(x: &[f32], by: f32, out: &mut [f32]) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out = x * by);
}

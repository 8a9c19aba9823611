//! Q6_K: sixteen blocks of 16 weights with scales of 8 bits, which share a scale.

use super::{halved, importance, nearest};

/// Steps below nothing; above it is one less.
const CENTRE: f32 = 32.0;

/// How much of a step the largest weight may be off the last one.
const CUTS: [f32; 9] = [0.0, -0.9, -0.6, -0.3, 0.3, 0.6, 0.9, 1.3, 1.7];

pub fn write(numbers: &[f32], out: &mut Vec<u8>) {
    let scales: Vec<f32> = numbers.chunks_exact(16).map(|block| fit(block, &importance(block))).collect();
    let largest = scales.iter().copied().fold(0.0f32, |a, s| if s.abs() > a.abs() { s } else { a });
    // The largest scale is -128 of them, for there is one more below nothing than above.
    let (d, unit) = halved(largest / -128.0);
    let whole = |s: &f32| if unit == 0.0 { 0.0 } else { nearest((s / unit).clamp(-128.0, 127.0)) };
    let whole: Vec<i8> = scales.iter().map(|s| whole(s) as i8).collect();
    let q = |i: usize| round(numbers[i], unit * f32::from(whole[i / 16])) as u8;
    for half in [0, 128] {
        // Low halves of the bytes are the first 64 numbers, high ones the others.
        out.extend((0..64).map(|j| (q(half + j) & 15) | (q(half + 64 + j) & 15) << 4));
    }
    for half in [0, 128] {
        out.extend((0..32).map(|j| (0..4).fold(0, |byte, k| byte | (q(half + 32 * k + j) >> 4) << (2 * k))));
    }
    out.extend(whole.iter().map(|s| s.cast_unsigned()));
    out.extend(d.to_le_bytes());
}

/// The whole number, from 0, that a weight becomes.
fn round(w: f32, scale: f32) -> f32 {
    if scale == 0.0 { CENTRE } else { nearest((w / scale).clamp(-CENTRE, CENTRE - 1.0)) + CENTRE }
}

/// The scale, which may be negative, that costs least.
fn fit(block: &[f32], importance: &[f32]) -> f32 {
    let largest = block.iter().copied().fold(0.0f32, |a, w| if w.abs() > a.abs() { w } else { a });
    let mut best = (f32::INFINITY, 0.0);
    for cut in CUTS {
        let scale = -largest / (CENTRE + cut);
        let (mut qw, mut qq) = (0.0f32, 0.0f32);
        for (w, much) in block.iter().zip(importance) {
            let q = round(*w, scale) - CENTRE;
            qw += much * q * w;
            qq += much * q * q;
        }
        let settled = if qq > 0.0 { qw / qq } else { 0.0 };
        let settled = if settled.is_finite() { settled } else { scale };
        let each = |(w, much): (&f32, &f32)| much * (settled * (round(*w, settled) - CENTRE) - w).powi(2);
        let error: f32 = block.iter().zip(importance).map(each).sum();
        if error < best.0 {
            best = (error, settled);
        }
    }
    best.1
}

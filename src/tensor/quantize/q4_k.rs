//! Q4_K: eight blocks of 32 weights with scales and minima of 6 bits, which share a scale of each.

use super::affine::Affine;
use super::{halved, importance, nearest};

/// The largest of the numbers that scales and minima are.
const TOP: f32 = 63.0;

pub fn write(numbers: &[f32], out: &mut Vec<u8>) {
    let importances: Vec<Vec<f32>> = numbers.chunks_exact(32).map(importance).collect();
    let fits: Vec<Affine> = numbers
        .chunks_exact(32)
        .zip(&importances)
        .map(|(block, importance)| Affine::fit(block, importance, 15.0, true))
        .collect();
    let largest = |of: fn(&Affine) -> f32| fits.iter().map(of).fold(0.0, f32::max);
    let (d, scale) = halved(largest(|a| a.scale) / TOP);
    let (dmin, minimum) = halved(largest(|a| -a.minimum) / TOP);
    let mut parts = [(0u8, 0u8); 8];
    let mut q = [[0u8; 32]; 8];
    for (b, block) in numbers.chunks_exact(32).enumerate() {
        let kept = |(s, m): (u8, u8)| Affine { scale: scale * f32::from(s), minimum: -minimum * f32::from(m) };
        parts[b] = near(fits[b], scale, minimum, |part| kept(part).cost(block, &importances[b], 15.0));
        let kept = kept(parts[b]);
        q[b] = std::array::from_fn(|i| kept.round(block[i], 15.0) as u8);
    }
    out.extend(d.to_le_bytes());
    out.extend(dmin.to_le_bytes());
    out.extend(packed(&parts));
    for pair in q.chunks_exact(2) {
        out.extend(pair[0].iter().zip(&pair[1]).map(|(low, high)| low | high << 4));
    }
}

/// The scale and the minimum, in whole numbers, that cost least of those around what was found: rounding one of them
/// is often made good by the other.
fn near(found: Affine, scale: f32, minimum: f32, cost: impl Fn((u8, u8)) -> f32) -> (u8, u8) {
    let whole = |number: f32, unit: f32| if unit > 0.0 { nearest((number / unit).min(TOP)) } else { 0.0 };
    let around = |at: f32| (-1..=1).map(move |step| (at + step as f32).clamp(0.0, TOP) as u8);
    let (s, m) = (whole(found.scale, scale), whole(-found.minimum, minimum));
    let tried = around(s).flat_map(|s| around(m).map(move |m| (s, m)));
    let best = tried.map(|part| (cost(part), part)).min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or((0, 0), |(_, part)| part)
}

/// Scales and minima where [`super::super::q4_k`] says they are.
fn packed(parts: &[(u8, u8); 8]) -> [u8; 12] {
    std::array::from_fn(|at| match at {
        0..4 => parts[at].0 | (parts[at + 4].0 >> 4) << 6,
        4..8 => parts[at - 4].1 | (parts[at].1 >> 4) << 6,
        _ => (parts[at - 4].0 & 15) | (parts[at - 4].1 & 15) << 4,
    })
}

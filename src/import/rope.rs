//! Tables of rotary positions.

use crate::bundle::{Rope, Scaling};
use std::f64::consts::TAU;

/// Cosines and sines, each `[positions, width / 2]`.
pub(super) fn tables(rope: &Rope, positions: usize) -> (Vec<f32>, Vec<f32>) {
    let frequencies: Vec<f64> = (0..rope.width / 2).map(|pair| frequency(rope, pair)).collect();
    let angles = || (0..positions).flat_map(|p| frequencies.iter().map(move |f| p as f64 * f));
    let stretch = match rope.scaling {
        Scaling::Yarn { stretch, .. } | Scaling::Divisors { stretch, .. } => stretch,
        _ => 1.0,
    };
    (angles().map(|a| (stretch * a.cos()) as f32).collect(), angles().map(|a| (stretch * a.sin()) as f32).collect())
}

/// How much longer YaRN makes heads whose frequencies it divides by `factor`; `by` is 1 unless a model says otherwise.
pub(super) fn stretch(factor: f64, by: f64) -> f64 {
    if factor > 1.0 { 0.1 * by * factor.ln() + 1.0 } else { 1.0 }
}

/// The angle from one position to the next.
fn frequency(rope: &Rope, pair: usize) -> f64 {
    let (width, theta) = (rope.width as f64, rope.theta);
    let frequency = theta.powf(-((2 * pair) as f64) / width);
    match &rope.scaling {
        Scaling::None => frequency,
        Scaling::Linear { factor } => frequency / factor,
        Scaling::Divisors { divisors, .. } => frequency / f64::from(divisors.get(pair).copied().unwrap_or(1.0)),
        Scaling::Llama3 { factor, low, high, original } => {
            let turns = original * frequency / TAU;
            let keep = ((turns - low) / (high - low)).clamp(0.0, 1.0);
            frequency * (keep + (1.0 - keep) / factor)
        }
        Scaling::Yarn { factor, fast, slow, original, whole, .. } => {
            // The pair that turns so often within the original context.
            let pair_of = |turns: f64| width * (original / (turns * TAU)).ln() / (2.0 * theta.ln());
            let (begin, end) = (pair_of(*fast), pair_of(*slow));
            let (begin, end) = if *whole { (begin.floor(), end.ceil()) } else { (begin, end) };
            let (begin, end) = (begin.max(0.0), end.min(width - 1.0));
            let end = if begin == end { end + 0.001 } else { end };
            let divided = ((pair as f64 - begin) / (end - begin)).clamp(0.0, 1.0);
            frequency * (1.0 - divided + divided / factor)
        }
    }
}

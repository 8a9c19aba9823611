//! An adapter as one vector for each layer, as the graphs take it, and back.

use super::block::places;
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::lora::{Adapter, LoraConfig, Module, Pair};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use std::collections::BTreeMap;

/// The vectors of an adapter that has learnt nothing: A uniform within ± 1 / sqrt(inputs), as PEFT begins, and B zero,
/// so that it changes nothing.
pub fn fresh(shape: &Shape, lora: &LoraConfig, seed: u64) -> Vec<Vec<f32>> {
    let (count, places) = places(shape, lora);
    let layer = |layer: u64| {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        random.set_stream(layer);
        let mut flat = vec![0.0; count];
        for (target, a, _) in &places {
            let bound = 1.0 / (shape.matrix(*target).1 as f32).sqrt();
            flat[a.clone()].fill_with(|| random.random_range(-bound..bound));
        }
        flat
    };
    (0..shape.layers as u64).map(layer).collect()
}

/// The vectors of an adapter. Errors: `Incompatible` when it lacks a matrix or has another shape.
pub fn flatten(shape: &Shape, adapter: &Adapter) -> Result<Vec<Vec<f32>>> {
    let (count, places) = places(shape, &adapter.config);
    let rank = adapter.config.rank;
    let layer = |layer| -> Result<Vec<f32>> {
        let mut flat = vec![0.0; count];
        for (target, a, b) in &places {
            let module = Module { layer, target: *target };
            let pair = adapter.pairs.get(&module).filter(|p| (p.outputs, p.inputs) == shape.matrix(*target));
            let pair = pair.ok_or_else(|| Error::incompatible(format!("the adapter has no {module} of this model")))?;
            flat[a.clone()].copy_from_slice(&pair.a);
            transpose(&pair.b, rank, &mut flat[b.clone()]);
        }
        Ok(flat)
    };
    (0..shape.layers).map(layer).collect()
}

/// The adapter of some vectors.
pub fn unflatten(shape: &Shape, lora: &LoraConfig, layers: &[&[f32]]) -> Adapter {
    let (_, places) = places(shape, lora);
    let mut pairs = BTreeMap::new();
    for (layer, flat) in layers.iter().enumerate() {
        for (target, a, b) in &places {
            let (outputs, inputs) = shape.matrix(*target);
            let mut back = vec![0.0; b.len()];
            transpose(&flat[b.clone()], outputs, &mut back);
            let pair = Pair { a: flat[a.clone()].to_vec(), b: back, inputs, outputs };
            pairs.insert(Module { layer, target: *target }, pair);
        }
    }
    Adapter { config: lora.clone(), pairs }
}

/// Rows of `width` to columns.
fn transpose(from: &[f32], width: usize, to: &mut [f32]) {
    let columns = (0..width).flat_map(|c| from.iter().skip(c).step_by(width));
    to.iter_mut().zip(columns).for_each(|(to, from)| *to = *from);
}

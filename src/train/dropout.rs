//! What adapters do not see of their inputs, where there is dropout.
//!
//! The masks are drawn again for the backward instead of being kept: they depend on seed, step, batch and layer alone.

use super::shape::Shape;
use crate::engine::Tensor;
use crate::error::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws the masks of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Masks {
    pub seed: u64,
    pub step: u64,
    pub batch: u64,
    pub rate: f32,
}

impl Masks {
    /// The masks of a layer: 0 where an input is left out, else what keeps the mean as it was.
    pub fn layer(&self, layer: usize, shape: &Shape, rows: usize) -> Result<Vec<(&'static str, Tensor)>> {
        if self.rate == 0.0 {
            return Ok(vec![]);
        }
        let mut key = [0; 32];
        for (part, number) in key.chunks_exact_mut(8).zip([self.seed, self.step, self.batch, layer as u64]) {
            part.copy_from_slice(&number.to_le_bytes());
        }
        let mut random = ChaCha8Rng::from_seed(key);
        let kept = 1.0 / (1.0 - self.rate);
        let widths = [
            ("dropout.attention", shape.hidden),
            ("dropout.output", shape.heads * shape.head_dim),
            ("dropout.mlp", shape.hidden),
            ("dropout.down", shape.inner),
        ];
        let mut mask = |width: usize| {
            let draw = |_| if random.random::<f32>() < self.rate { 0.0 } else { kept };
            Tensor::f32(&[rows, width], (0..rows * width).map(draw).collect())
        };
        widths.into_iter().map(|(name, width)| Ok((name, mask(width)?))).collect()
    }
}

//! A matrix of a model, as [`crate::kernel`] takes it.

use super::constant::Constant;
use super::wrong;
use crate::bundle::Activation;
use crate::kernel::{Activations, Backend, Matrix, Output, ThreadPool, parts};
use crate::tensor::Packed;

/// What the units of a product's work are for threads: enough to even out, few enough to hand out.
const UNITS: usize = 16;

/// The matrix of a step, in the encodings of its file.
pub struct Layer<'a> {
    packed: Packed,
    bytes: Constant<'a, u8>,
}

impl<'a> Layer<'a> {
    /// A matrix of these parts, whose bytes must all be there.
    pub fn open(packed: Packed, bytes: Constant<'a, u8>) -> ort::Result<Self> {
        let layer = Self { packed, bytes };
        let parts = layer.parts()?;
        let whole = !parts.is_empty() && parts.iter().all(Matrix::is_whole);
        if whole { Ok(layer) } else { Err(wrong("a matrix has not the sizes it says")) }
    }

    /// Views of its parts.
    pub fn parts(&self) -> ort::Result<Vec<Matrix<'_>>> {
        Ok(parts(&self.packed, self.bytes.view()?))
    }
}

/// `y` is the product of `x` with a matrix, gated or not; `activations` is where `x` is rounded.
pub fn times(
    parts: &[Matrix<'_>],
    gated: Option<Activation>,
    x: &[f32],
    activations: &mut Activations,
    (backend, pool): (Backend, &ThreadPool),
    y: &mut [f32],
) {
    match gated {
        Some(activation) => activations.fill_gated(backend, activation, x, parts),
        None => activations.fill(backend, x, parts),
    }
    let (rows, y) = (&*activations, Output::new(y));
    let panels: usize = parts.iter().map(Matrix::panels).sum();
    let each = panels.div_ceil(UNITS).max(1);
    pool.parallel_for(panels.div_ceil(each), |unit| {
        (unit * each..panels.min((unit + 1) * each)).for_each(|panel| backend.product(parts, rows, panel, &y));
    });
}

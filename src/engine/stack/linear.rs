//! A matrix of a model, as [`crate::kernel`] takes it.

use super::constant::Constant;
use super::wrong;
use crate::bundle::Activation;
use crate::kernel::{Grain, HalfGrain, Matrix, Output, PANEL, Rows, Team, halve, product};
use crate::tensor::{BLOCK, Bits};

/// What the units of a product's work are for threads: enough to even out, few enough to hand out.
const UNITS: usize = 16;

pub struct Layer<'a> {
    bits: Bits,
    outputs: usize,
    inputs: usize,
    quants: Constant<'a, u8>,
    grain: Kept<'a>,
}

/// What [`Grain`] views.
enum Kept<'a> {
    Single { scales: Constant<'a, f32>, offsets: Vec<f32> },
    Half(Vec<HalfGrain>),
}

impl<'a> Layer<'a> {
    /// A matrix of these bits, outputs and inputs, of its quants, scales and offsets.
    pub fn open(
        quants: Constant<'a, u8>,
        scales: Constant<'a, f32>,
        offsets: Option<Constant<'a, f32>>,
        (bits, outputs, inputs): (usize, usize, usize),
    ) -> ort::Result<Self> {
        let bits = if bits == 8 { Bits::Int8 } else { Bits::Int4 };
        let offsets = match offsets {
            Some(offsets) => by_output(offsets.view()?, outputs),
            None => vec![],
        };
        let halves = match bits {
            Bits::Int4 => halve(scales.view()?, &offsets, inputs / BLOCK),
            Bits::Int8 => None,
        };
        let grain = match halves {
            Some(halves) => Kept::Half(halves),
            None => Kept::Single { scales, offsets },
        };
        let layer = Self { bits, outputs, inputs, quants, grain };
        if layer.matrix()?.is_whole() { Ok(layer) } else { Err(wrong("a matrix has not the sizes it says")) }
    }

    /// A view of it.
    pub fn matrix(&self) -> ort::Result<Matrix<'_>> {
        let grain = match &self.grain {
            Kept::Single { scales, offsets } => Grain::Single { scales: scales.view()?, offsets },
            Kept::Half(halves) => Grain::Half(halves),
        };
        Ok(Matrix { bits: self.bits, outputs: self.outputs, inputs: self.inputs, quants: self.quants.view()?, grain })
    }
}

/// `y` is the product of `x` with a matrix, gated or not; `rows` is where activations are rounded.
pub fn times(matrix: &Matrix<'_>, gated: Option<Activation>, x: &[f32], rows: &mut Rows, team: &Team, y: &mut [f32]) {
    match gated {
        Some(activation) => rows.fill_gated(activation, x, matrix),
        None => rows.fill(x, matrix),
    }
    let (rows, y) = (&*rows, Output::new(y));
    let panels = matrix.outputs.div_ceil(PANEL);
    let each = panels.div_ceil(UNITS);
    team.share(panels.div_ceil(each), |unit| {
        for panel in unit * each..panels.min((unit + 1) * each) {
            product(matrix, rows, panel, &y);
        }
    });
}

/// `[K / 32, N]` as `[N, K / 32]`: beside one another what is added together.
fn by_output(offsets: &[f32], outputs: usize) -> Vec<f32> {
    (0..outputs).flat_map(|n| offsets.iter().skip(n).step_by(outputs).copied()).collect()
}

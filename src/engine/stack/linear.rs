//! A matrix of a model, as [`crate::kernel`] takes it.

use super::constant::Constant;
use super::wrong;
use crate::bundle::Activation;
use crate::kernel::{Grain, HalfGrain, Matrix, Output, PANEL, Rows, Team, halve, packed, product};
use crate::tensor::{BLOCK, Bits, Packed};

/// What the units of a product's work are for threads: enough to even out, few enough to hand out.
const UNITS: usize = 16;

/// The matrix of a step.
pub enum Layer<'a> {
    /// In blocks of ours.
    Blocks { bits: Bits, outputs: usize, inputs: usize, quants: Constant<'a, u8>, grain: Kept<'a> },
    /// In the encodings of its file.
    Packed { packed: Packed, bytes: Constant<'a, u8> },
}

/// What [`Grain`] views.
pub enum Kept<'a> {
    Single { scales: Constant<'a, f32>, offsets: Vec<f32> },
    Half(Vec<HalfGrain>),
}

/// A view of it.
pub enum Weights<'a> {
    Blocks(Matrix<'a>),
    Packed(Vec<packed::Matrix<'a>>),
}

/// Where activations are rounded.
#[derive(Default)]
pub struct Rounded {
    blocks: Rows,
    packed: packed::Rows,
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
        Self::Blocks { bits, outputs, inputs, quants, grain }.checked()
    }

    /// A matrix in the encodings of its file.
    pub fn packed(packed: Packed, bytes: Constant<'a, u8>) -> ort::Result<Self> {
        Self::Packed { packed, bytes }.checked()
    }

    fn checked(self) -> ort::Result<Self> {
        let whole = match self.weights()? {
            Weights::Blocks(matrix) => matrix.is_whole(),
            Weights::Packed(parts) => !parts.is_empty() && parts.iter().all(packed::Matrix::is_whole),
        };
        if whole { Ok(self) } else { Err(wrong("a matrix has not the sizes it says")) }
    }

    /// A view of it.
    pub fn weights(&self) -> ort::Result<Weights<'_>> {
        Ok(match self {
            Self::Blocks { bits, outputs, inputs, quants, grain } => {
                let grain = match grain {
                    Kept::Single { scales, offsets } => Grain::Single { scales: scales.view()?, offsets },
                    Kept::Half(halves) => Grain::Half(halves),
                };
                Weights::Blocks(Matrix {
                    bits: *bits,
                    outputs: *outputs,
                    inputs: *inputs,
                    quants: quants.view()?,
                    grain,
                })
            }
            Self::Packed { packed, bytes } => Weights::Packed(packed::parts(packed, bytes.view()?)),
        })
    }
}

/// `y` is the product of `x` with a matrix, gated or not; `rounded` is where activations are rounded.
pub fn times(
    weights: &Weights<'_>,
    gated: Option<Activation>,
    x: &[f32],
    rounded: &mut Rounded,
    team: &Team,
    y: &mut [f32],
) {
    match weights {
        Weights::Blocks(matrix) => {
            match gated {
                Some(activation) => rounded.blocks.fill_gated(activation, x, matrix),
                None => rounded.blocks.fill(x, matrix),
            }
            let (rows, y) = (&rounded.blocks, Output::new(y));
            share(matrix.outputs.div_ceil(PANEL), team, |panel| product(matrix, rows, panel, &y));
        }
        Weights::Packed(parts) => {
            match gated {
                Some(activation) => rounded.packed.fill_gated(activation, x, parts),
                None => rounded.packed.fill(x, parts),
            }
            let (rows, y) = (&rounded.packed, Output::new(y));
            let panels: usize = parts.iter().map(packed::Matrix::panels).sum();
            share(panels, team, |panel| packed::product(parts, rows, panel, &y));
        }
    }
}

fn share(panels: usize, team: &Team, product: impl Fn(usize) + Sync) {
    let each = panels.div_ceil(UNITS).max(1);
    team.share(panels.div_ceil(each), |unit| {
        (unit * each..panels.min((unit + 1) * each)).for_each(&product);
    });
}

/// `[K / 32, N]` as `[N, K / 32]`: beside one another what is added together.
fn by_output(offsets: &[f32], outputs: usize) -> Vec<f32> {
    (0..outputs).flat_map(|n| offsets.iter().skip(n).step_by(outputs).copied()).collect()
}

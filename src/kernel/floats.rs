//! Weights that are floats of 16 bits: products in float32 with activations as they are.
//!
//! A sum runs in sixteen strands, the inputs modulo 16, whatever rows stand beside it.

use super::activations::Activations;
use super::isa::{LANES, Vectors};
use super::matrix::{Matrix, PANEL, To};
use half::{bf16, f16};

/// How sixteen weights become float32.
pub trait Float {
    /// Their bytes.
    type Raw: bytemuck::Pod;

    /// Sixteen of them.
    fn widen<V: Vectors>(isa: V, raw: &[Self::Raw; LANES]) -> V::Floats;
}

impl Float for f16 {
    type Raw = [u8; 2];

    #[inline(always)]
    fn widen<V: Vectors>(isa: V, raw: &[[u8; 2]; LANES]) -> V::Floats {
        isa.load_f16(&raw.map(f16::from_le_bytes))
    }
}

impl Float for bf16 {
    type Raw = [u8; 2];

    #[inline(always)]
    fn widen<V: Vectors>(isa: V, raw: &[[u8; 2]; LANES]) -> V::Floats {
        isa.load_bf16(&raw.map(bf16::from_le_bytes))
    }
}

/// One panel of outputs for all rows.
#[inline(always)]
pub fn product<V: Vectors, F: Float>(isa: V, matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
    let outputs = panel * PANEL..matrix.outputs.min((panel + 1) * PANEL);
    for first in outputs.clone().step_by(4) {
        let mut weights: [&[[F::Raw; LANES]]; 4] = [&[]; 4];
        for (o, weights) in weights.iter_mut().enumerate() {
            // Outputs that do not exist repeat the last.
            let row = matrix.row((first + o).min(matrix.outputs - 1));
            *weights = bytemuck::try_cast_slice::<u8, F::Raw>(row).unwrap_or_default().as_chunks().0;
        }
        for row in 0..rows.count() {
            let x = rows.floats(row).as_chunks::<LANES>().0;
            let mut sums = [isa.splat(0.0); 4];
            let there = x.len().min(weights[0].len());
            let weights = weights.map(|weights| &weights[..there]);
            for (k, x) in x[..there].iter().enumerate() {
                let x = isa.load(x);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = isa.fma(F::widen(isa, &weights[k]), x, *sum);
                }
            }
            to.put(row, first, &isa.sums(sums)[..(outputs.end - first).min(4)]);
        }
    }
}

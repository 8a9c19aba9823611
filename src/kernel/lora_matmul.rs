//! Products of float32 rows with a small matrix, as adapters have them: each row by itself, so that it has the same
//! bits alone and among others. An output's sum runs over the inputs in their order.

use super::Output;
use super::isa::{LANES, Vectors};

/// Vectors that are computed side by side, to hide how long each sum takes.
const BESIDE: usize = 4;

/// Outputs of one unit of work.
pub const STRIP: usize = BESIDE * LANES;

/// Outputs `first ..`, at most [`STRIP`] of them, of `x` times `matrix`, `[K, N]`, for one row `x` of K numbers, put at
/// `at` and after. Nothing happens where sizes do not fit.
#[inline(always)]
pub(super) fn strip<V: Vectors>(
    isa: V,
    x: &[f32],
    matrix: &[f32],
    outputs: usize,
    first: usize,
    y: &Output<'_>,
    at: usize,
) {
    if outputs == 0 || matrix.len() != x.len() * outputs || first >= outputs {
        return;
    }
    let valid = (outputs - first).min(STRIP);
    let whole = valid / LANES;
    let mut sums = [isa.splat(0.0); BESIDE];
    let mut rest = [0.0_f32; LANES];
    for (x, row) in x.iter().zip(matrix.chunks_exact(outputs)) {
        let (vectors, numbers) = row[first..first + valid].as_chunks::<LANES>();
        let by = isa.splat(*x);
        for (sum, weights) in sums.iter_mut().zip(vectors) {
            *sum = isa.fma(by, isa.load(weights), *sum);
        }
        for (sum, weight) in rest.iter_mut().zip(numbers) {
            *sum = x.mul_add(*weight, *sum);
        }
    }
    for (i, sum) in sums.iter().enumerate().take(whole) {
        y.put(at + LANES * i, &isa.store(*sum));
    }
    y.put(at + LANES * whole, &rest[..valid % LANES]);
}

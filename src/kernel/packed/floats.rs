//! Weights that are floats of 16 bits: products in float32 with activations as they are.
//!
//! A sum runs in sixteen strands, the inputs modulo 16, whatever rows stand beside it.

use super::rows::Rows;
use super::{Matrix, PANEL, To};
use std::arch::x86_64::*;

/// Numbers that are taken at a time.
const STRANDS: usize = 16;

/// How sixteen weights become float32.
#[allow(unsafe_code, reason = "unchecked loads")]
pub trait Float {
    /// Sixteen at `at`.
    ///
    /// # Safety
    /// They are there.
    unsafe fn sixteen(at: *const u8) -> __m512;
}

/// IEEE 754 binary16.
pub struct F16;

impl Float for F16 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    #[allow(unsafe_code, reason = "unchecked loads")]
    unsafe fn sixteen(at: *const u8) -> __m512 {
        // SAFETY: as the caller says.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(at.cast()) })
    }
}

/// The upper half of a binary32.
pub struct BF16;

impl Float for BF16 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    #[allow(unsafe_code, reason = "unchecked loads")]
    unsafe fn sixteen(at: *const u8) -> __m512 {
        // SAFETY: as the caller says.
        let upper = _mm512_cvtepu16_epi32(unsafe { _mm256_loadu_si256(at.cast()) });
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(upper))
    }
}

/// One panel of outputs for all rows.
///
/// # Safety
/// The matrix is whole, and rows are as long.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
pub unsafe fn product<F: Float>(matrix: &Matrix<'_>, rows: &Rows, panel: usize, to: To<'_>) {
    let outputs = panel * PANEL..matrix.outputs.min((panel + 1) * PANEL);
    for first in outputs.clone().step_by(4) {
        let valid = (outputs.end - first).min(4);
        let mut row = 0;
        while row < rows.count() {
            // SAFETY: as the caller says.
            unsafe {
                match rows.count() - row {
                    1 => tile::<F, 1>(matrix, rows, row, (first, valid), to),
                    2 => tile::<F, 2>(matrix, rows, row, (first, valid), to),
                    3 => tile::<F, 3>(matrix, rows, row, (first, valid), to),
                    _ => tile::<F, 4>(matrix, rows, row, (first, valid), to),
                }
            }
            row += 4;
        }
    }
}

/// Outputs from `first`, `valid` of four, for `R` rows from `row`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads: checks in this loop cost more than the loop")]
unsafe fn tile<F: Float, const R: usize>(
    matrix: &Matrix<'_>,
    rows: &Rows,
    row: usize,
    (first, valid): (usize, usize),
    to: To<'_>,
) {
    // Outputs that do not exist repeat the last.
    let weights: [*const u8; 4] = std::array::from_fn(|o| {
        matrix.bytes.as_ptr().wrapping_add((first + o).min(matrix.outputs - 1) * matrix.width())
    });
    let x: [&[f32]; R] = std::array::from_fn(|r| rows.floats(row + r));
    let mut sums = [[_mm512_setzero_ps(); 4]; R];
    for k in (0..matrix.inputs).step_by(STRANDS) {
        // SAFETY: inputs are a multiple of sixteen, and the matrix and the rows have them all.
        unsafe {
            let weights = weights.map(|at| F::sixteen(at.wrapping_add(2 * k)));
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = _mm512_loadu_ps(x.as_ptr().wrapping_add(k));
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = _mm512_fmadd_ps(weights, x, *sum);
                }
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        to.put(row + r, first, &sums.map(|sum| _mm512_reduce_add_ps(sum))[..valid]);
    }
}

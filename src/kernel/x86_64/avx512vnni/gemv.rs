//! A few rows of activations: along the weights as they lie, four outputs at a time.

use super::load::Load;
use crate::kernel::activations::{Activations, TOGETHER};
use crate::kernel::matrix::{Matrix, PANEL, To};
use std::arch::x86_64::*;

/// How far ahead of their use weights are asked for, in bytes, into the second cache.
const AHEAD: usize = 6144;

/// One panel of outputs for all rows.
///
/// # Safety
/// The matrix is whole.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
pub unsafe fn product<L: Load>(matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
    for row in (0..rows.count()).step_by(TOGETHER) {
        // SAFETY: as the caller says.
        unsafe {
            match rows.count() - row {
                1 => tiles::<L, 1>(matrix, rows, row, panel, to),
                2 => tiles::<L, 2>(matrix, rows, row, panel, to),
                3 => tiles::<L, 3>(matrix, rows, row, panel, to),
                _ => tiles::<L, TOGETHER>(matrix, rows, row, panel, to),
            }
        }
    }
}

/// A panel for `R` rows from `row`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
unsafe fn tiles<L: Load, const R: usize>(
    matrix: &Matrix<'_>,
    rows: &Activations,
    row: usize,
    panel: usize,
    to: To<'_>,
) {
    let mut sums = [[[0.0_f32; 4]; PANEL / 4]; R];
    let first = panel * PANEL;
    let valid = (matrix.outputs - first).min(PANEL);
    for (t, first) in (first..first + valid).step_by(4).enumerate() {
        // SAFETY: as the caller says.
        let four = unsafe { tile::<L, R>(matrix, rows, row, first) };
        for (sums, four) in sums.iter_mut().zip(four) {
            sums[t] = bytemuck::cast(four);
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        to.put(row + r, first, &sums.as_flattened()[..valid]);
    }
}

/// Four outputs from `first` for `R` rows from `row`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads: checks in this loop cost more than the loop")]
unsafe fn tile<L: Load, const R: usize>(
    matrix: &Matrix<'_>,
    rows: &Activations,
    row: usize,
    first: usize,
) -> [__m128; R] {
    // Outputs that do not exist repeat the last.
    let begin = |n: usize| matrix.bytes.as_ptr().wrapping_add(n.min(matrix.outputs - 1) * matrix.width());
    let at = [begin(first), begin(first + 1), begin(first + 2), begin(first + 3)];
    let mut strands = [_mm512_setzero_ps(); R];
    for (q, quads) in rows.quads::<R>(row).iter().enumerate() {
        let there = (rows.blocks() - 4 * q).min(4);
        // SAFETY: the matrix is whole, so each output has `there` blocks from here on.
        let weights = unsafe { L::four(at, q, there) };
        // The hardware does not see four short rows side by side as the one stream they are.
        for row in at {
            for line in (0..L::BYTES).step_by(64) {
                _mm_prefetch::<_MM_HINT_T1>(row.wrapping_add(q * L::BYTES + line + AHEAD).cast());
            }
        }
        for (r, strand) in strands.iter_mut().enumerate() {
            let x = &quads[r];
            let step = each(x.steps);
            let (first_sums, last_sums) = (bytemuck::cast(x.first_sums), bytemuck::cast(x.last_sums));
            let mut part;
            if L::GROUPS {
                let dots = [
                    dots(taken::<L>(first_sums), &weights.first, bytemuck::cast(x.first)),
                    dots(taken::<L>(last_sums), &weights.last, bytemuck::cast(x.last)),
                ];
                part = _mm512_mul_ps(_mm512_cvtepi32_ps(summed(dots[0])), weights.scales[0]);
                part = _mm512_fmadd_ps(_mm512_cvtepi32_ps(summed(dots[1])), weights.scales[1], part);
                if L::OFFSETS {
                    part = _mm512_fmadd_ps(weights.offsets[0], each(x.totals[0]), part);
                    part = _mm512_fmadd_ps(weights.offsets[1], each(x.totals[1]), part);
                }
            } else {
                let start = taken::<L>(_mm512_add_epi32(first_sums, last_sums));
                let mut dots = dots(start, &weights.first, bytemuck::cast(x.first));
                for (dot, last) in dots.iter_mut().zip(weights.last) {
                    *dot = _mm512_dpbusd_epi32(*dot, last, bytemuck::cast(x.last));
                }
                part = _mm512_mul_ps(_mm512_cvtepi32_ps(summed(dots)), weights.scales[0]);
                if L::OFFSETS {
                    part = _mm512_fmadd_ps(weights.offsets[0], each(x.totals[2]), part);
                }
            }
            *strand = _mm512_fmadd_ps(part, step, *strand);
        }
    }
    let mut sums = [_mm_setzero_ps(); R];
    for (sum, strand) in sums.iter_mut().zip(strands) {
        let strand: [__m128; 4] = bytemuck::cast(strand);
        *sum = _mm_add_ps(_mm_add_ps(strand[0], strand[1]), _mm_add_ps(strand[2], strand[3]));
    }
    sums
}

/// A number of each block, for each output.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn each(block: [f32; 4]) -> __m512 {
    let spread = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
    _mm512_permutexvar_ps(spread, _mm512_castps128_ps512(bytemuck::cast(block)))
}

/// What the products of sums take because weights are centred.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn taken<L: Load>(sums: __m512i) -> __m512i {
    match L::CENTRE {
        0 => _mm512_setzero_si512(),
        centre => {
            let centred = _mm512_sllv_epi32(sums, _mm512_set1_epi32(centre.cast_signed()));
            _mm512_sub_epi32(_mm512_setzero_si512(), centred)
        }
    }
}

/// One group of each block: sums of each four products.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn dots(start: __m512i, weights: &[__m512i; 4], x: __m512i) -> [__m512i; 4] {
    [
        _mm512_dpbusd_epi32(start, weights[0], x),
        _mm512_dpbusd_epi32(start, weights[1], x),
        _mm512_dpbusd_epi32(start, weights[2], x),
        _mm512_dpbusd_epi32(start, weights[3], x),
    ]
}

/// Four integers of each block and output to their sum: `[block][output]`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn summed([d0, d1, d2, d3]: [__m512i; 4]) -> __m512i {
    let d01 = _mm512_add_epi32(_mm512_unpacklo_epi32(d0, d1), _mm512_unpackhi_epi32(d0, d1));
    let d23 = _mm512_add_epi32(_mm512_unpacklo_epi32(d2, d3), _mm512_unpackhi_epi32(d2, d3));
    _mm512_add_epi32(_mm512_unpacklo_epi64(d01, d23), _mm512_unpackhi_epi64(d01, d23))
}

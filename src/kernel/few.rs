//! A few rows of activations: along the weights as they lie, four outputs at a time.

use super::rows::Rows;
use super::{Grain, HalfGrain, Matrix, Output, PANEL};
use crate::tensor::Bits;
use std::arch::x86_64::*;

/// How far ahead of their use weights are asked for, in bytes. Measured, into the second cache: 2,304 is a tenth
/// slower, and so is 16,384; into the first, where fewer requests wait at a time, any distance is a fifth slower.
const AHEAD: usize = 6144;

/// What a matrix has beside its weights: see [`Grain`].
const SCALES: u8 = 0;
const BOTH: u8 = 1;
const HALF: u8 = 2;

/// One panel of outputs for all rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn product(matrix: &Matrix<'_>, rows: &Rows, panel: usize, y: &Output<'_>) {
    match matrix.bits {
        Bits::Int4 => outputs::<4>(matrix, rows, panel, y),
        Bits::Int8 => outputs::<8>(matrix, rows, panel, y),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn outputs<const BITS: usize>(matrix: &Matrix<'_>, rows: &Rows, panel: usize, y: &Output<'_>) {
    let mut row = 0;
    while row < rows.count() {
        match rows.count() - row {
            1 => tiles::<BITS, 1>(matrix, rows, row, panel, y),
            2 => tiles::<BITS, 2>(matrix, rows, row, panel, y),
            3 => tiles::<BITS, 3>(matrix, rows, row, panel, y),
            _ => tiles::<BITS, 4>(matrix, rows, row, panel, y),
        }
        row += 4;
    }
}

/// A panel for `R` rows from `row`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn tiles<const BITS: usize, const R: usize>(
    matrix: &Matrix<'_>,
    rows: &Rows,
    row: usize,
    panel: usize,
    y: &Output<'_>,
) {
    let mut sums = [[[0.0_f32; 4]; PANEL / 4]; R];
    let first = panel * PANEL;
    let valid = (matrix.outputs - first).min(PANEL);
    for (t, first) in (first..first + valid).step_by(4).enumerate() {
        let four = match matrix.grain {
            Grain::Half(_) => tile::<BITS, R, HALF>(matrix, rows, row, first),
            Grain::Single { offsets: [], .. } => tile::<BITS, R, SCALES>(matrix, rows, row, first),
            Grain::Single { .. } => tile::<BITS, R, BOTH>(matrix, rows, row, first),
        };
        for (sums, four) in sums.iter_mut().zip(four) {
            sums[t] = bytemuck::cast(four);
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        y.put((row + r) * matrix.outputs + first, &sums.as_flattened()[..valid]);
    }
}

/// Four outputs from `first` for `R` rows from `row`.
///
/// Written out where a closure over an array would be shorter: what is not inlined here passes vectors through memory.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads: checks in this loop cost more than the loop")]
fn tile<const BITS: usize, const R: usize, const GRAIN: u8>(
    matrix: &Matrix<'_>,
    rows: &Rows,
    row: usize,
    first: usize,
) -> [__m128; R] {
    let blocks = matrix.blocks();
    let per_row = blocks.div_ceil(4);
    let quads = rows.quads(row, R);
    let (scales, offsets, halves_of) = match matrix.grain {
        Grain::Single { scales, offsets } => (scales, offsets, &[][..]),
        Grain::Half(halves) => (&[][..], &[][..], halves),
    };
    // Outputs that do not exist repeat the last.
    let last = matrix.outputs - 1;
    let (n0, n1, n2, n3) = (first, (first + 1).min(last), (first + 2).min(last), (first + 3).min(last));
    let (b0, b1, b2, b3) = (n0 * blocks, n1 * blocks, n2 * blocks, n3 * blocks);
    let mut strands = [_mm512_setzero_ps(); R];
    for q in 0..per_row {
        let there = (blocks - 4 * q).min(4);
        let at = [b0 + 4 * q, b1 + 4 * q, b2 + 4 * q, b3 + 4 * q];
        // SAFETY: `there` blocks from each place belong to one row of the matrix, whose arrays are whole, as
        // `super::product` found; `GRAIN` is which of them there are.
        let (grain, (l0, h0), (l1, h1), (l2, h2), (l3, h3)) = unsafe {
            let grain = match GRAIN {
                HALF => eights(halves_of, [n0 * per_row + q, n1 * per_row + q, n2 * per_row + q, n3 * per_row + q]),
                BOTH => (fours(scales, at, there), fours(offsets, at, there)),
                _ => (fours(scales, at, there), _mm512_setzero_ps()),
            };
            (
                grain,
                halves::<BITS>(matrix.quants, at[0], there),
                halves::<BITS>(matrix.quants, at[1], there),
                halves::<BITS>(matrix.quants, at[2], there),
                halves::<BITS>(matrix.quants, at[3], there),
            )
        };
        // The hardware does not see four short rows side by side as the one stream they are.
        for b in at {
            for line in (0..16 * BITS).step_by(64) {
                prefetch(matrix.quants, b * 4 * BITS + line + AHEAD);
            }
        }
        match GRAIN {
            HALF => prefetch(halves_of, n0 * per_row + 4 * q + AHEAD / 64),
            BOTH => {
                prefetch(scales, b0 + 16 * q + AHEAD / 16);
                prefetch(offsets, b0 + 16 * q + AHEAD / 16);
            }
            _ => prefetch(scales, b0 + 16 * q + AHEAD / 16),
        }
        let (scales, offsets) = grain;
        for (r, strand) in strands.iter_mut().enumerate() {
            let x = &quads[r * per_row + q];
            let (low, high): (__m512i, __m512i) = (bytemuck::cast(x.low), bytemuck::cast(x.high));
            let start: __m512i = bytemuck::cast(x.start);
            let d0 = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(start, l0, low), h0, high);
            let d1 = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(start, l1, low), h1, high);
            let d2 = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(start, l2, low), h2, high);
            let d3 = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(start, l3, low), h3, high);
            // Four integers of each block and output to their sum: [block][output].
            let d01 = _mm512_add_epi32(_mm512_unpacklo_epi32(d0, d1), _mm512_unpackhi_epi32(d0, d1));
            let d23 = _mm512_add_epi32(_mm512_unpacklo_epi32(d2, d3), _mm512_unpackhi_epi32(d2, d3));
            let sums = _mm512_add_epi32(_mm512_unpacklo_epi64(d01, d23), _mm512_unpackhi_epi64(d01, d23));
            let scale = _mm512_mul_ps(scales, bytemuck::cast(x.step));
            *strand = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scale, *strand);
            if GRAIN != SCALES {
                *strand = _mm512_fmadd_ps(offsets, bytemuck::cast(x.sum), *strand);
            }
        }
    }
    let mut sums = [_mm_setzero_ps(); R];
    for (sum, strand) in sums.iter_mut().zip(strands) {
        let strand: [__m128; 4] = bytemuck::cast(strand);
        *sum = _mm_add_ps(_mm_add_ps(strand[0], strand[1]), _mm_add_ps(strand[2], strand[3]));
    }
    sums
}

/// Asks the second cache for what is at `at`, which may be past the end.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn prefetch<T>(array: &[T], at: usize) {
    _mm_prefetch::<_MM_HINT_T1>(array.as_ptr().wrapping_add(at).cast());
}

/// `there` numbers each from four places, zeros for the others of four: `[block][output]`.
///
/// # Safety
/// The array has `there` numbers from each place on, which is one to four.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
unsafe fn fours(numbers: &[f32], at: [usize; 4], there: usize) -> __m512 {
    let (numbers, mask) = (numbers.as_ptr(), 0xf >> (4 - there));
    // SAFETY: a masked load touches what its mask names.
    let (f0, f1, f2, f3) = unsafe {
        (
            _mm_maskz_loadu_ps(mask, numbers.add(at[0])),
            _mm_maskz_loadu_ps(mask, numbers.add(at[1])),
            _mm_maskz_loadu_ps(mask, numbers.add(at[2])),
            _mm_maskz_loadu_ps(mask, numbers.add(at[3])),
        )
    };
    let by_output = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(f0), f1);
    let by_output = _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(by_output, f2), f3);
    let turn = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    _mm512_permutexvar_ps(turn, by_output)
}

/// Scales and offsets of four blocks each of four outputs, `[block][output]`.
///
/// # Safety
/// The array has a number at each place.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
unsafe fn eights(halves: &[HalfGrain], at: [usize; 4]) -> (__m512, __m512) {
    let halves = halves.as_ptr();
    // SAFETY: eight halves are the 16 bytes that are loaded.
    let (e0, e1, e2, e3) = unsafe {
        (
            _mm_loadu_si128(halves.add(at[0]).cast()),
            _mm_loadu_si128(halves.add(at[1]).cast()),
            _mm_loadu_si128(halves.add(at[2]).cast()),
            _mm_loadu_si128(halves.add(at[3]).cast()),
        )
    };
    let by_output = _mm512_inserti32x4::<1>(_mm512_castsi128_si512(e0), e1);
    let by_output = _mm512_inserti32x4::<3>(_mm512_inserti32x4::<2>(by_output, e2), e3);
    // [output][scales of 4 blocks, minimums of 4 blocks] to [scales, minimums][block][output].
    let turn: [u16; 32] = std::array::from_fn(|i| (i % 4 * 8 + i / 16 * 4 + i % 16 / 4) as u16);
    let turned = _mm512_permutexvar_epi16(bytemuck::cast(turn), by_output);
    let scales = _mm512_cvtph_ps(_mm512_castsi512_si256(turned));
    let minimums = _mm512_cvtph_ps(_mm512_extracti64x4_epi64::<1>(turned));
    (scales, _mm512_fmadd_ps(scales, _mm512_set1_ps(8.0), minimums))
}

/// The weights of `there` blocks from block `at`, as bytes, in halves; zeros for the others of four.
///
/// # Safety
/// The array has `there` blocks from `at` on, which is one to four.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
pub(super) unsafe fn halves<const BITS: usize>(quants: &[u8], at: usize, there: usize) -> (__m512i, __m512i) {
    let begin = quants.as_ptr().wrapping_add(at * BITS * 4);
    if BITS == 4 {
        // SAFETY: a masked load touches what its mask names.
        let bytes = unsafe { _mm512_maskz_loadu_epi8(u64::MAX >> (64 - 16 * there), begin.cast()) };
        let mask = _mm512_set1_epi8(15);
        (_mm512_and_si512(bytes, mask), _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), mask))
    } else {
        let (front, back) = (there.min(2), there.saturating_sub(2));
        let back_mask = if back == 0 { 0 } else { u64::MAX >> (64 - 32 * back) };
        // SAFETY: as above.
        let (front, back) = unsafe {
            (
                _mm512_maskz_loadu_epi8(u64::MAX >> (64 - 32 * front), begin.cast()),
                _mm512_maskz_loadu_epi8(back_mask, begin.wrapping_add(64).cast()),
            )
        };
        (_mm512_shuffle_i32x4::<0x88>(front, back), _mm512_shuffle_i32x4::<0xdd>(front, back))
    }
}

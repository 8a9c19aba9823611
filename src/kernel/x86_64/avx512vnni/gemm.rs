//! Many rows of activations: sixteen outputs at a time, their weights turned into a panel that stays in the cache while
//! all rows go over it.

use super::load::{Four, Load};
use crate::kernel::activations::{Activations, TOGETHER};
use crate::kernel::matrix::{Matrix, PANEL, To};
use std::arch::asm;
use std::arch::x86_64::*;
use std::cell::RefCell;

/// A block of sixteen outputs.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Block {
    /// Eight groups of four inputs, each `[output][input]`, as `vpdpbusd` takes them.
    weights: [[[u8; 4]; PANEL]; 8],
    /// Of its first group and of its last.
    scales: [[f32; PANEL]; 2],
    /// Likewise.
    offsets: [[f32; PANEL]; 2],
}

thread_local! {
    /// Each thread's panel, so that none is allocated for every product.
    static PANELS: RefCell<Vec<Block>> = RefCell::default();
}

/// One panel of outputs, a whole one, for all rows.
///
/// # Safety
/// The matrix is whole, and has all outputs of the panel.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
pub unsafe fn product<L: Load>(matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
    PANELS.with_borrow_mut(|blocks| {
        // Whole quads: what the last has too much is nothing.
        blocks.resize(rows.blocks().next_multiple_of(4), Block::default());
        // SAFETY: as the caller says.
        unsafe { fill::<L>(matrix, rows.blocks(), panel * PANEL, blocks) };
        over::<L>(blocks.as_chunks().0, rows, panel * PANEL, to);
    });
}

/// Turns outputs `first ..`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
unsafe fn fill<L: Load>(matrix: &Matrix<'_>, blocks: usize, first: usize, to: &mut [Block]) {
    for (q, to) in to.chunks_exact_mut(4).enumerate() {
        for o in (0..PANEL).step_by(4) {
            let begin = |i: usize| matrix.bytes.as_ptr().wrapping_add((first + o + i) * matrix.width());
            // SAFETY: sixteen outputs from `first` exist, and the matrix is whole, as the caller says.
            let four = unsafe { L::four([begin(0), begin(1), begin(2), begin(3)], q, (blocks - 4 * q).min(4)) };
            turn(to, 0, o, four.first);
            turn(to, 4, o, four.last);
            put::<L>(to, o, &four);
        }
    }
}

/// Puts scales and offsets of four outputs where they belong.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn put<L: Load>(blocks: &mut [Block], output: usize, four: &Four) {
    for group in 0..if L::GROUPS { 2 } else { 1 } {
        let scales: [[f32; 4]; 4] = bytemuck::cast(four.scales[group]);
        let offsets: [[f32; 4]; 4] = bytemuck::cast(four.offsets[group]);
        for ((block, scales), offsets) in blocks.iter_mut().zip(scales).zip(offsets) {
            block.scales[group][output..output + 4].copy_from_slice(&scales);
            block.offsets[group][output..output + 4].copy_from_slice(&offsets);
        }
    }
}

/// Puts one group of the weights of four outputs, `[block][number]` each, where their fours belong.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn turn(blocks: &mut [Block], group: usize, output: usize, [w0, w1, w2, w3]: [__m512i; 4]) {
    let (a, b) = (_mm512_unpacklo_epi32(w0, w1), _mm512_unpackhi_epi32(w0, w1));
    let (c, d) = (_mm512_unpacklo_epi32(w2, w3), _mm512_unpackhi_epi32(w2, w3));
    let groups = [
        _mm512_unpacklo_epi64(a, c),
        _mm512_unpackhi_epi64(a, c),
        _mm512_unpacklo_epi64(b, d),
        _mm512_unpackhi_epi64(b, d),
    ];
    for (g, lanes) in groups.into_iter().enumerate() {
        let lanes: [[[u8; 4]; 4]; 4] = bytemuck::cast(lanes);
        for (block, lane) in blocks.iter_mut().zip(lanes) {
            block.weights[group + g][output..output + 4].copy_from_slice(&lane);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn over<L: Load>(blocks: &[[Block; 4]], rows: &Activations, first: usize, to: To<'_>) {
    for row in (0..rows.count()).step_by(TOGETHER) {
        match rows.count() - row {
            1 => tile::<L, 1>(blocks, rows, row, first, to),
            2 => tile::<L, 2>(blocks, rows, row, first, to),
            3 => tile::<L, 3>(blocks, rows, row, first, to),
            _ => tile::<L, TOGETHER>(blocks, rows, row, first, to),
        }
    }
}

/// `R` rows from `row`, for the outputs from `output` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn tile<L: Load, const R: usize>(blocks: &[[Block; 4]], rows: &Activations, row: usize, output: usize, to: To<'_>) {
    let quads = rows.quads::<R>(row);
    let mut sums = [[_mm512_setzero_ps(); R]; 4];
    for (strand, sums) in sums.iter_mut().enumerate() {
        let mut acc = [_mm512_setzero_ps(); R];
        for (blocks, quads) in blocks.iter().zip(quads) {
            let block = &blocks[strand];
            let weights: [__m512i; 8] = bytemuck::cast(block.weights);
            let scales: [__m512; 2] = bytemuck::cast(block.scales);
            let offsets: [__m512; 2] = bytemuck::cast(block.offsets);
            for (acc, x) in acc.iter_mut().zip(quads) {
                let (first, last) = (&x.first.as_chunks().0[strand], &x.last.as_chunks().0[strand]);
                let start = |group: usize| match L::CENTRE {
                    0 => _mm512_setzero_si512(),
                    centre => _mm512_sll_epi32(
                        _mm512_set1_epi32(x.less[group][strand]),
                        _mm_cvtsi32_si128(centre.cast_signed()),
                    ),
                };
                let total = |group: usize| _mm512_set1_ps(x.totals[group][strand]);
                let mut part;
                if L::GROUPS {
                    let dots = [dot(start(0), &weights[..4], first), dot(start(1), &weights[4..], last)];
                    part = _mm512_mul_ps(_mm512_cvtepi32_ps(dots[0]), scales[0]);
                    part = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[1]), scales[1], part);
                    if L::OFFSETS {
                        part = _mm512_fmadd_ps(offsets[0], total(0), part);
                        part = _mm512_fmadd_ps(offsets[1], total(1), part);
                    }
                } else {
                    let dot = dot(dot(start(2), &weights[..4], first), &weights[4..], last);
                    part = _mm512_mul_ps(_mm512_cvtepi32_ps(dot), scales[0]);
                    if L::OFFSETS {
                        part = _mm512_fmadd_ps(offsets[0], total(2), part);
                    }
                }
                *acc = _mm512_fmadd_ps(part, _mm512_set1_ps(x.steps[strand]), *acc);
            }
        }
        *sums = acc;
    }
    let [first, second, third, fourth] = sums;
    for (r, (ab, cd)) in first.into_iter().zip(second).zip(third.into_iter().zip(fourth)).enumerate() {
        let sum = _mm512_add_ps(_mm512_add_ps(ab.0, ab.1), _mm512_add_ps(cd.0, cd.1));
        store(&to, row + r, output, sum);
    }
}

/// The products of one group, sixteen inputs, for all sixteen outputs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn dot(start: __m512i, weights: &[__m512i], x: &[i8; 16]) -> __m512i {
    let mut dot = start;
    for (weights, four) in weights.iter().zip(x.as_chunks().0) {
        let four = _mm512_set1_epi32(bytemuck::cast::<[i8; 4], i32>(*four));
        dot = _mm512_dpbusd_epi32(dot, *weights, four);
    }
    dot
}

/// Puts sixteen numbers where they belong, at once: one by one they keep the processor's writes busy.
#[inline]
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code, reason = "a store of many atomics; what makes it sound is said at the call")]
fn store(to: &To<'_>, row: usize, output: usize, numbers: __m512) {
    let Some(there) = to.y.atomics(row * to.stride + to.begin + output, PANEL) else { return };
    // SAFETY: sixteen numbers are there. They may be written through a shared reference, and the processor writes every
    // aligned four bytes of a vector at once, as a relaxed store does.
    unsafe {
        asm!(
            "vmovups zmmword ptr [{there}], {numbers}",
            there = in(reg) there.as_ptr(),
            numbers = in(zmm_reg) numbers,
            options(nostack, preserves_flags),
        );
    }
}

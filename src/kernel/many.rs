//! Many rows of activations: sixteen outputs at a time, their weights turned into a panel that stays in the cache while
//! all rows go over it.

use super::few::halves;
use super::rows::Rows;
use super::{Grain, Matrix, Output, PANEL};
use crate::tensor::Bits;
use std::arch::x86_64::*;
use std::cell::RefCell;

/// A block of sixteen outputs: eight groups of four inputs, each `[output][input]`, as `vpdpbusd` takes them.
#[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Block([[[u8; 4]; PANEL]; 8]);

#[derive(Default)]
struct Panel {
    weights: Vec<Block>,
    /// `[block][output]`.
    scales: Vec<[f32; PANEL]>,
    /// `[block][output]`; zeros for none.
    offsets: Vec<[f32; PANEL]>,
}

thread_local! {
    /// Each thread's panel, so that none is allocated for every product.
    static PANELS: RefCell<Panel> = RefCell::default();
}

/// One panel of outputs, a whole one, for all rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn product(matrix: &Matrix<'_>, rows: &Rows, panel: usize, y: &Output<'_>) {
    PANELS.with_borrow_mut(|turned| {
        match matrix.bits {
            Bits::Int4 => turned.fill::<4>(matrix, panel * PANEL),
            Bits::Int8 => turned.fill::<8>(matrix, panel * PANEL),
        }
        over(matrix, turned, rows, panel, y);
    });
}

impl Panel {
    /// Turns outputs `first ..` of `matrix`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
    #[allow(unsafe_code, reason = "unchecked loads; what makes them sound is said at the call")]
    fn fill<const BITS: usize>(&mut self, matrix: &Matrix<'_>, first: usize) {
        let blocks = matrix.blocks();
        // Whole quads: what the last has too much is never read.
        self.weights.resize(blocks.next_multiple_of(4), Block::default());
        self.scales.clear();
        self.offsets.clear();
        self.scales.resize(blocks, [0.0; PANEL]);
        self.offsets.resize(blocks, [0.0; PANEL]);
        for o in 0..PANEL {
            match matrix.grain {
                Grain::Single { scales, offsets } => {
                    let own = |numbers: &'_ [f32], to: &mut [[f32; PANEL]]| {
                        let row = numbers.get((first + o) * blocks..).unwrap_or_default();
                        to.iter_mut().zip(row).for_each(|(to, from)| to[o] = *from);
                    };
                    own(scales, &mut self.scales);
                    own(offsets, &mut self.offsets);
                }
                Grain::Half(halves) => {
                    let per_row = blocks.div_ceil(4);
                    for (q, eight) in halves.iter().skip((first + o) * per_row).take(per_row).enumerate() {
                        let eight: [f32; 8] = bytemuck::cast(_mm256_cvtph_ps(bytemuck::cast(*eight)));
                        for i in 0..4.min(blocks - 4 * q) {
                            self.scales[4 * q + i][o] = eight[i];
                            self.offsets[4 * q + i][o] = eight[i].mul_add(8.0, eight[4 + i]);
                        }
                    }
                }
            }
        }
        for (q, four) in self.weights.chunks_exact_mut(4).enumerate() {
            let there = (blocks - 4 * q).min(4);
            for o in (0..PANEL).step_by(4) {
                let at = (first + o) * blocks + 4 * q;
                // SAFETY: sixteen outputs from `first` exist, and the arrays are whole, as `super::product` found.
                let [(l0, h0), (l1, h1), (l2, h2), (l3, h3)] = unsafe {
                    [
                        halves::<BITS>(matrix.quants, at, there),
                        halves::<BITS>(matrix.quants, at + blocks, there),
                        halves::<BITS>(matrix.quants, at + 2 * blocks, there),
                        halves::<BITS>(matrix.quants, at + 3 * blocks, there),
                    ]
                };
                turn(four, 0, o, [l0, l1, l2, l3]);
                turn(four, 4, o, [h0, h1, h2, h3]);
            }
        }
    }
}

/// Puts one half of the weights of four outputs, `[block][group]` each, where their groups belong.
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
            block.0[group + g][output..output + 4].copy_from_slice(&lane);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn over(matrix: &Matrix<'_>, panel: &Panel, rows: &Rows, at: usize, y: &Output<'_>) {
    let mut row = 0;
    while row < rows.count() {
        match rows.count() - row {
            1 => tile::<1>(matrix, panel, rows, row, at, y),
            2 => tile::<2>(matrix, panel, rows, row, at, y),
            3 => tile::<3>(matrix, panel, rows, row, at, y),
            _ => tile::<4>(matrix, panel, rows, row, at, y),
        }
        row += 4;
    }
}

/// `R` rows from `row`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn tile<const R: usize>(matrix: &Matrix<'_>, panel: &Panel, rows: &Rows, row: usize, at: usize, y: &Output<'_>) {
    let per_row = matrix.blocks().div_ceil(4);
    let quads = rows.quads(row, R);
    let mut sums = [[_mm512_setzero_ps(); R]; 4];
    for (strand, sums) in sums.iter_mut().enumerate() {
        let own = panel.weights.iter().zip(panel.scales.iter().zip(&panel.offsets)).skip(strand).step_by(4);
        let mut acc = [_mm512_setzero_ps(); R];
        for (q, (weights, (scales, offsets))) in own.enumerate() {
            let weights: [__m512i; 8] = bytemuck::cast(weights.0);
            let (scales, offsets): (__m512, __m512) = (bytemuck::cast(*scales), bytemuck::cast(*offsets));
            let (front, back) = weights.split_at(4);
            for (r, acc) in acc.iter_mut().enumerate() {
                let x = &quads[r * per_row + q];
                let (low, high) = (&x.low[16 * strand..][..16], &x.high[16 * strand..][..16]);
                let mut dot = _mm512_set1_epi32(x.whole[strand]);
                for (g, weights) in front.iter().enumerate() {
                    dot = _mm512_dpbusd_epi32(dot, *weights, group(low, g));
                }
                for (g, weights) in back.iter().enumerate() {
                    dot = _mm512_dpbusd_epi32(dot, *weights, group(high, g));
                }
                let scale = _mm512_mul_ps(scales, _mm512_set1_ps(x.step[4 * strand]));
                *acc = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scale, *acc);
                *acc = _mm512_fmadd_ps(offsets, _mm512_set1_ps(x.sum[4 * strand]), *acc);
            }
        }
        *sums = acc;
    }
    let [first, second, third, fourth] = sums;
    for (r, (ab, cd)) in first.into_iter().zip(second).zip(third.into_iter().zip(fourth)).enumerate() {
        let sum = _mm512_add_ps(_mm512_add_ps(ab.0, ab.1), _mm512_add_ps(cd.0, cd.1));
        y.put((row + r) * matrix.outputs + at * PANEL, &bytemuck::cast::<_, [f32; PANEL]>(sum));
    }
}

/// Four activations, for all sixteen outputs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn group(half: &[i8], g: usize) -> __m512i {
    _mm512_set1_epi32(bytemuck::pod_read_unaligned(bytemuck::cast_slice(&half[4 * g..4 * g + 4])))
}

//! Activations in int8, a block of 32 at a time, laid out as the kernels read them.

use super::{Matrix, gate};
use crate::bundle::Activation;
use crate::tensor::{BLOCK, Bits};
use std::arch::x86_64::*;

/// Four blocks of a row.
///
/// A block's numbers come in two halves, as its weights do: with 4 bits the even ones and the odd ones (the low and the
/// high halves of its bytes), with 8 bits the first 16 and the last 16.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Quad {
    /// The first halves of the four blocks.
    pub low: [i8; 64],
    /// The second halves.
    pub high: [i8; 64],
    /// What each four numbers of both halves take from the products because weights are centred: `-centre` times their
    /// sum.
    pub start: [i32; 16],
    /// Each block's step, four times.
    pub step: [f32; 16],
    /// Each block's sum before it was rounded, four times.
    pub sum: [f32; 16],
    /// Each block's part of `start`, summed.
    pub whole: [i32; 4],
    /// To a multiple of the cache's line.
    _pad: [i32; 12],
}

const EMPTY: Quad =
    Quad { low: [0; 64], high: [0; 64], start: [0; 16], step: [0.0; 16], sum: [0.0; 16], whole: [0; 4], _pad: [0; 12] };

/// Rows of activations, rounded.
#[derive(Default)]
pub struct Rows {
    quads: Vec<Quad>,
    blocks: usize,
    count: usize,
}

impl Rows {
    /// Rounds `x`, `[rows, K]` one after the other, for products with matrices of these bits.
    ///
    /// Nothing is there afterwards on a machine without the instructions.
    pub fn fill(&mut self, x: &[f32], matrix: &Matrix<'_>) {
        self.prepare(x.len() / matrix.inputs.max(1), matrix);
        for (r, row) in x.chunks_exact(matrix.inputs.max(1)).enumerate().take(self.count) {
            self.round(r, row, matrix.bits);
        }
    }

    /// The same for the activation between the two halves of a gated layer: `both` is `[rows, 2 K]`, gates before
    /// values, and a row becomes `activation(gate) * value`.
    pub fn fill_gated(&mut self, activation: Activation, both: &[f32], matrix: &Matrix<'_>) {
        let width = matrix.inputs.max(1);
        self.prepare(both.len() / (2 * width), matrix);
        let mut row = vec![0.0; width];
        for (r, both) in both.chunks_exact(2 * width).enumerate().take(self.count) {
            let (gates, values) = both.split_at(width);
            gate(activation, gates, values, &mut row);
            self.round(r, &row, matrix.bits);
        }
    }

    fn prepare(&mut self, count: usize, matrix: &Matrix<'_>) {
        (self.blocks, self.count) = (matrix.blocks(), if super::available() { count } else { 0 });
        // Blocks that a quad has too many must be empty; the others are overwritten.
        self.quads.clear();
        self.quads.resize(self.count * self.blocks.div_ceil(4), EMPTY);
    }

    #[allow(unsafe_code, reason = "a kernel for an instruction set; what makes it sound is said at the call")]
    fn round(&mut self, r: usize, row: &[f32], bits: Bits) {
        let per_row = self.blocks.div_ceil(4);
        let quads = self.quads.iter_mut().skip(r * per_row);
        // SAFETY: there are rows only where the instructions are, see `prepare`.
        unsafe {
            match bits {
                Bits::Int4 => round::<8>(row, quads),
                Bits::Int8 => round::<128>(row, quads),
            }
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Blocks of each.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// The quads of rows from `row` on.
    pub(super) fn quads(&self, row: usize, rows: usize) -> &[Quad] {
        let per_row = self.blocks.div_ceil(4);
        &self.quads[row * per_row..][..rows * per_row]
    }
}

/// One row. `CENTRE` says how the blocks are halved, too.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn round<'a, const CENTRE: u8>(row: &[f32], quads: impl Iterator<Item = &'a mut Quad>) {
    let evens = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    let odds = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    let centre = _mm_set1_epi8(CENTRE.cast_signed());
    for (four, quad) in row.chunks(4 * BLOCK).zip(quads) {
        for (b, block) in four.chunks_exact(BLOCK).enumerate() {
            let [first, second]: [__m512; 2] = bytemuck::pod_read_unaligned(bytemuck::cast_slice(block));
            let (low, high) = if CENTRE == 8 {
                (_mm512_permutex2var_ps(first, evens, second), _mm512_permutex2var_ps(first, odds, second))
            } else {
                (first, second)
            };
            let most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
            let step = most / 127.0;
            let inverse = _mm512_set1_ps(if most > 0.0 { 127.0 / most } else { 0.0 });
            let int8 = |x| _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(x, inverse)));
            let (low, high) = (int8(low), int8(high));
            let taken = _mm_dpbusd_epi32(_mm_dpbusd_epi32(_mm_setzero_si128(), centre, low), centre, high);
            let start: [i32; 4] = bytemuck::cast(_mm_sub_epi32(_mm_setzero_si128(), taken));
            quad.low[16 * b..][..16].copy_from_slice(&bytemuck::cast::<_, [i8; 16]>(low));
            quad.high[16 * b..][..16].copy_from_slice(&bytemuck::cast::<_, [i8; 16]>(high));
            quad.start[4 * b..][..4].copy_from_slice(&start);
            quad.step[4 * b..][..4].fill(step);
            quad.whole[b] = start.iter().sum();
            quad.sum[4 * b..][..4].fill(_mm512_reduce_add_ps(_mm512_add_ps(first, second)));
        }
    }
}

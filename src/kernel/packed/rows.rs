//! Activations as the kernels read them: in int8, a block of 32 at a time.

use super::super::{available, gate};
use super::{Matrix, QUAD};
use crate::bundle::Activation;
use crate::tensor::BLOCK;
use std::arch::x86_64::*;

/// Rows that go through the kernels together. Their quads lie side by side, then the next of each.
pub(super) const TOGETHER: usize = 4;

/// Four blocks of a row. A block has two groups: its first 16 numbers and its last 16.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Quad {
    /// The first groups of the four blocks.
    pub first: [i8; 64],
    /// The last groups.
    pub last: [i8; 64],
    /// The sums of each four numbers of the first groups.
    pub first_sums: [i32; 16],
    /// Those of the last.
    pub last_sums: [i32; 16],
    /// Each block's step, four times.
    pub step: [f32; 16],
    /// The sums of each block: of its first group, of its last, and of both.
    pub totals: [[f32; 4]; 3],
    /// They again, with the sign turned.
    pub less: [[i32; 4]; 3],
}

const EMPTY: Quad = Quad {
    first: [0; 64],
    last: [0; 64],
    first_sums: [0; 16],
    last_sums: [0; 16],
    step: [0.0; 16],
    totals: [[0.0; 4]; 3],
    less: [[0; 4]; 3],
};

/// Rows of activations, rounded; and as they are, where some of the matrix is floats.
#[derive(Default)]
pub struct Rows {
    quads: Vec<Quad>,
    floats: Vec<f32>,
    blocks: usize,
    count: usize,
}

impl Rows {
    /// Takes `x`, `[rows, width]` one after the other, for a matrix of these parts. Nothing is there afterwards on a
    /// machine without the instructions.
    pub fn fill(&mut self, x: &[f32], parts: &[Matrix<'_>]) {
        let width = self.prepare(x, parts, 1);
        for (r, row) in x.chunks_exact(width).enumerate().take(self.count) {
            self.take(r, row, parts);
        }
    }

    /// The same for the activation between the two halves of a gated layer: `both` is `[rows, 2 width]`, gates before
    /// values, and a row becomes `activation(gate) * value`.
    pub fn fill_gated(&mut self, activation: Activation, both: &[f32], parts: &[Matrix<'_>]) {
        let width = self.prepare(both, parts, 2);
        let mut row = vec![0.0; width];
        for (r, both) in both.chunks_exact(2 * width).enumerate().take(self.count) {
            let (gates, values) = both.split_at(width);
            gate(activation, gates, values, &mut row);
            self.take(r, &row, parts);
        }
    }

    /// Makes room for the rows of `x`, of which each has `times` the width; returns that width.
    fn prepare(&mut self, x: &[f32], parts: &[Matrix<'_>], times: usize) -> usize {
        let width = parts.first().map_or(0, |part| part.inputs).max(1);
        self.blocks = width / BLOCK;
        self.count = if available() { x.len() / (times * width) } else { 0 };
        // Blocks that a quad has too many must be empty; the others are overwritten.
        self.quads.clear();
        if parts.iter().any(|part| !part.encoding.is_float()) {
            self.quads.resize(self.count * self.blocks.div_ceil(4), EMPTY);
        }
        self.floats.clear();
        width
    }

    #[allow(unsafe_code, reason = "a kernel for an instruction set; what makes it sound is said at the call")]
    fn take(&mut self, r: usize, row: &[f32], parts: &[Matrix<'_>]) {
        if parts.iter().any(|part| part.encoding.is_float()) {
            self.floats.extend_from_slice(row);
        }
        let together = (self.count - r / TOGETHER * TOGETHER).min(TOGETHER);
        let begin = self.first(r) + r % TOGETHER;
        let quads = self.quads.iter_mut().skip(begin).step_by(together);
        // SAFETY: there are rows only where the instructions are, see `prepare`.
        unsafe { round(row, quads) }
    }

    /// Whether they are what a matrix is multiplied with.
    pub(super) fn serve(&self, matrix: &Matrix<'_>) -> bool {
        let there = match matrix.encoding.is_float() {
            true => self.floats.len() == self.count * matrix.inputs,
            false => self.quads.len() == self.count * self.blocks.div_ceil(4),
        };
        there && self.blocks * BLOCK == matrix.inputs
    }

    /// A row as it is.
    pub(super) fn floats(&self, row: usize) -> &[f32] {
        &self.floats[row * self.blocks * BLOCK..][..self.blocks * BLOCK]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Blocks of each.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Where the quads of the rows begin that a row is among.
    fn first(&self, row: usize) -> usize {
        row / TOGETHER * TOGETHER * self.blocks.div_ceil(4)
    }

    /// The quads of `R` rows from `row` on, which are those that go together.
    pub(super) fn quads<const R: usize>(&self, row: usize) -> &[[Quad; R]] {
        let quads = self.quads.get(self.first(row)..).unwrap_or_default().as_chunks().0;
        &quads[..quads.len().min(self.blocks.div_ceil(4))]
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn round<'a>(row: &[f32], quads: impl Iterator<Item = &'a mut Quad>) {
    let ones = _mm_set1_epi8(1);
    for (four, quad) in row.chunks(QUAD).zip(quads) {
        for (b, block) in four.chunks_exact(BLOCK).enumerate() {
            let groups: [__m512; 2] = bytemuck::pod_read_unaligned(bytemuck::cast_slice(block));
            let most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(groups[0]), _mm512_abs_ps(groups[1])));
            let inverse = _mm512_set1_ps(if most > 0.0 { 127.0 / most } else { 0.0 });
            let int8 = |x| _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(x, inverse)));
            let (first, last) = (int8(groups[0]), int8(groups[1]));
            let sums = |group| bytemuck::cast::<_, [i32; 4]>(_mm_dpbusd_epi32(_mm_setzero_si128(), ones, group));
            let (first_sums, last_sums) = (sums(first), sums(last));
            quad.first[16 * b..][..16].copy_from_slice(&bytemuck::cast::<_, [i8; 16]>(first));
            quad.last[16 * b..][..16].copy_from_slice(&bytemuck::cast::<_, [i8; 16]>(last));
            quad.first_sums[4 * b..][..4].copy_from_slice(&first_sums);
            quad.last_sums[4 * b..][..4].copy_from_slice(&last_sums);
            quad.step[4 * b..][..4].fill(most / 127.0);
            let [first, last]: [i32; 2] = [first_sums, last_sums].map(|sums| sums.iter().sum());
            for (group, total) in [first, last, first + last].into_iter().enumerate() {
                quad.totals[group][b] = total as f32;
                quad.less[group][b] = -total;
            }
        }
    }
}

//! Activations as the kernels read them: in int8, a block of 32 at a time.

use super::backend::Backend;
use super::matrix::Matrix;
use crate::bundle::Activation;
use crate::tensor::BLOCK;

/// Rows that go through the kernels together. Their quads lie side by side, then the next of each.
pub const TOGETHER: usize = 4;

/// Four blocks of a row. A block has two groups: its first 16 numbers and its last 16.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Quad {
    /// The first groups of the four blocks.
    pub first: [i8; 64],
    /// The last groups.
    pub last: [i8; 64],
    /// The sums of each four numbers of the first groups.
    pub first_sums: [i32; 16],
    /// Those of the last.
    pub last_sums: [i32; 16],
    /// Each block's step.
    pub steps: [f32; 4],
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
    steps: [0.0; 4],
    totals: [[0.0; 4]; 3],
    less: [[0; 4]; 3],
};

impl Quad {
    /// The groups of a block.
    #[inline(always)]
    pub fn numbers(&self, block: usize) -> [&[i8; 16]; 2] {
        let group = |of| {
            let groups: &[[i8; 16]; 4] = bytemuck::cast_ref::<[i8; 64], _>(of);
            &groups[block % 4]
        };
        [group(&self.first), group(&self.last)]
    }
}

/// Rows of activations, rounded; and as they are, where some of the matrix is floats.
#[derive(Default)]
pub struct Activations {
    quads: Vec<Quad>,
    floats: Vec<f32>,
    blocks: usize,
    count: usize,
}

impl Activations {
    /// Takes `x`, `[rows, width]` one after the other, for a matrix of these parts.
    pub fn fill(&mut self, backend: Backend, x: &[f32], parts: &[Matrix<'_>]) {
        let width = self.prepare(x, parts, 1);
        for (r, row) in x.chunks_exact(width).enumerate().take(self.count) {
            self.take(backend, r, row, parts);
        }
    }

    /// The same for the activation between the two halves of a gated layer: `both` is `[rows, 2 width]`, gates before
    /// values, and a row becomes `activation(gate) * value`.
    pub fn fill_gated(&mut self, backend: Backend, activation: Activation, both: &[f32], parts: &[Matrix<'_>]) {
        let width = self.prepare(both, parts, 2);
        let mut row = vec![0.0; width];
        for (r, both) in both.chunks_exact(2 * width).enumerate().take(self.count) {
            let (gates, values) = both.split_at(width);
            backend.gate(activation, gates, values, &mut row);
            self.take(backend, r, &row, parts);
        }
    }

    /// Makes room for the rows of `x`, of which each has `times` the width; returns that width.
    fn prepare(&mut self, x: &[f32], parts: &[Matrix<'_>], times: usize) -> usize {
        let width = parts.first().map_or(0, |part| part.inputs).max(1);
        self.blocks = width / BLOCK;
        self.count = x.len() / (times * width);
        // Blocks that a quad has too many must be empty; the others are overwritten.
        self.quads.clear();
        if parts.iter().any(|part| !part.encoding.is_float()) {
            self.quads.resize(self.count * self.blocks.div_ceil(4), EMPTY);
        }
        self.floats.clear();
        width
    }

    fn take(&mut self, backend: Backend, r: usize, row: &[f32], parts: &[Matrix<'_>]) {
        if parts.iter().any(|part| part.encoding.is_float()) {
            self.floats.extend_from_slice(row);
        }
        let together = (self.count - r / TOGETHER * TOGETHER).min(TOGETHER);
        let begin = self.first(r) + r % TOGETHER;
        backend.quantize(row, self.quads.get_mut(begin..).unwrap_or_default(), together);
    }

    /// Whether they are what a matrix is multiplied with.
    pub fn serve(&self, matrix: &Matrix<'_>) -> bool {
        let there = match matrix.encoding.is_float() {
            true => self.floats.len() == self.count * matrix.inputs,
            false => self.quads.len() == self.count * self.blocks.div_ceil(4),
        };
        there && self.blocks * BLOCK == matrix.inputs
    }

    /// A row as it is.
    #[inline(always)]
    pub fn floats(&self, row: usize) -> &[f32] {
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

    /// The quads of the rows that go together with `row`, which is the first of them: `[quad][row]`, and how many rows.
    #[inline(always)]
    pub fn together(&self, row: usize) -> (&[Quad], usize) {
        let rows = (self.count - row).min(TOGETHER);
        (self.quads.get(self.first(row)..).unwrap_or_default(), rows)
    }

    /// [`Activations::together`], where it is known how many rows there are.
    #[inline(always)]
    pub fn quads<const R: usize>(&self, row: usize) -> &[[Quad; R]] {
        let quads = self.together(row).0.as_chunks().0;
        &quads[..quads.len().min(self.blocks.div_ceil(4))]
    }
}

/// Rounds a row into every `stride`th quad: to the nearest of 255 steps that reach the largest of a block, ties to the
/// even one.
#[inline(always)]
pub fn quantize(row: &[f32], quads: &mut [Quad], stride: usize) {
    /// A float that counts by ones: what is added to it lies in its last byte as an integer, rounded.
    const ONES: f32 = 12_582_912.0;
    for (four, quad) in row.chunks(4 * BLOCK).zip(quads.iter_mut().step_by(stride.max(1))) {
        for (b, block) in four.as_chunks::<BLOCK>().0.iter().enumerate() {
            let mut mosts = [0.0_f32; 16];
            for half in block.as_chunks::<16>().0 {
                mosts.iter_mut().zip(half).for_each(|(most, x)| *most = if x.abs() > *most { x.abs() } else { *most });
            }
            let most = mosts.into_iter().fold(0.0, f32::max);
            let inverse = if most > 0.0 { 127.0 / most } else { 0.0 };
            let mut rounded = [0_i8; BLOCK];
            rounded.iter_mut().zip(block).for_each(|(to, x)| *to = (x * inverse + ONES).to_bits() as i8);
            let (first, last) = rounded.split_at(16);
            quad.first[16 * b..][..16].copy_from_slice(first);
            quad.last[16 * b..][..16].copy_from_slice(last);
            let mut totals = [0; 2];
            for (i, four) in rounded.as_chunks::<4>().0.iter().enumerate() {
                let sum: i32 = four.iter().map(|x| i32::from(*x)).sum();
                let sums = if i < 4 { &mut quad.first_sums } else { &mut quad.last_sums };
                sums[4 * b + i % 4] = sum;
                totals[i / 4] += sum;
            }
            quad.steps[b] = most / 127.0;
            let [first, last] = totals;
            for (group, total) in [first, last, first + last].into_iter().enumerate() {
                quad.totals[group][b] = total as f32;
                quad.less[group][b] = -total;
            }
        }
    }
}

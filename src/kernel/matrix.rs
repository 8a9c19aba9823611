//! Matrices as files hold them: blocks of 32 or 256 numbers, a row after the other.
//!
//! ```text
//! w[n, k] = scale[n, g] (q[n, k] - centre) + offset[n, g]      g a group of 32 numbers, or of 16
//! x[r, k] ~ step[r, b] a[r, k]                                 activations rounded to int8, b a block of 32
//!
//! y[r, n] = sum over b of  step (sum over the groups of b of  scale D + offset S)
//!     D = sum over k of (q - centre) a,  S = sum over k of a   exact integers
//! ```
//!
//! The outer sum runs over the blocks in four strands, `b` modulo 4, which are added `(0 + 1) + (2 + 3)`. Within a
//! block the first group comes first, and a product before what is added to it by fused multiplication; so all ways
//! through the kernels, of every instruction set, give the same bits.
//!
//! Floats of 16 bits, the exception, are multiplied with activations that are not rounded: see `floats.rs`.

use super::Output;
use crate::tensor::{BLOCK, Encoding, Packed};

/// Outputs that are computed together: the unit in which threads share a product.
pub const PANEL: usize = 16;

/// Rows from which turning weights into panels pays.
const MANY: usize = 33;

/// Rows of a matrix in one encoding, where they lie.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// How the bytes spell numbers.
    pub encoding: Encoding,
    /// Outputs, N.
    pub outputs: usize,
    /// Inputs, K; a multiple of the numbers in a block.
    pub inputs: usize,
    /// `[N, K]` in that encoding.
    pub bytes: &'a [u8],
}

/// The parts of a matrix; those whose bytes are not there have none.
pub fn parts<'a>(packed: &Packed, bytes: &'a [u8]) -> Vec<Matrix<'a>> {
    let mut at = 0;
    let part = |(encoding, outputs): &(Encoding, usize)| {
        let begin = at;
        at += outputs * packed.width(*encoding);
        let bytes = bytes.get(begin..at).unwrap_or_default();
        Matrix { encoding: *encoding, outputs: *outputs, inputs: packed.columns, bytes }
    };
    packed.parts.iter().map(part).collect()
}

impl<'a> Matrix<'a> {
    /// Bytes of an output's weights.
    pub(super) fn width(&self) -> usize {
        let (numbers, bytes) = self.encoding.block();
        self.inputs / numbers * bytes
    }

    /// The weights of an output; none where there is no such output.
    pub(super) fn row(&self, output: usize) -> &'a [u8] {
        let width = self.width();
        self.bytes.get(output * width..(output + 1) * width).unwrap_or_default()
    }

    /// Panels of outputs, the last of which may not be whole.
    pub fn panels(&self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    /// Whether a panel for so many rows is to be turned first.
    pub(super) fn turns(&self, panel: usize, rows: usize) -> bool {
        rows >= MANY && (panel + 1) * PANEL <= self.outputs
    }

    /// Whether it has the bytes that belong to the extents.
    pub fn is_whole(&self) -> bool {
        let numbers = self.encoding.block().0;
        self.encoding.is_packed()
            && self.outputs > 0
            && self.inputs > 0
            && self.inputs.is_multiple_of(numbers.max(BLOCK))
            && self.outputs.checked_mul(self.width()) == Some(self.bytes.len())
    }

    /// Some rows as float32, `[indices, K]`; none where there is no such row.
    pub fn look_up(&self, indices: &[i64], out: &mut [f32]) -> Option<()> {
        let width = self.width();
        for (index, out) in indices.iter().zip(out.chunks_exact_mut(self.inputs.max(1))) {
            let row = usize::try_from(*index).ok()?;
            self.encoding.decode(self.bytes.get(row.checked_mul(width)?..)?.get(..width)?, out);
        }
        Some(())
    }

    /// Outputs `first ..`, at most so many, for all rows of `x`, whose numbers are not rounded; put where they belong
    /// in rows of `stride` numbers, of which this matrix's begin at `begin`.
    ///
    /// Training multiplies so: a gradient is that of the weights, not of how activations were rounded.
    pub fn times_floats(
        &self,
        x: &[f32],
        (first, count): (usize, usize),
        y: &Output<'_>,
        (begin, stride): (usize, usize),
    ) {
        /// Strands that a sum runs in.
        const STRANDS: usize = 16;
        let inputs = self.inputs.max(1);
        let mut weights = vec![0.0; inputs];
        for output in first..(first + count).min(self.outputs) {
            self.encoding.decode(self.row(output), &mut weights);
            for (row, x) in x.chunks_exact(inputs).enumerate() {
                let mut strands = [0.0_f32; STRANDS];
                for (a, b) in weights.as_chunks::<STRANDS>().0.iter().zip(x.as_chunks::<STRANDS>().0) {
                    strands.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
                }
                y.put(row * stride + begin + output, &[strands.iter().sum()]);
            }
        }
    }
}

/// Where the outputs of a part go: from `begin` on, in rows of `stride` numbers.
#[derive(Clone, Copy)]
pub struct To<'a> {
    /// All outputs of all rows.
    pub y: &'a Output<'a>,
    /// Where those of the part begin.
    pub begin: usize,
    /// Outputs of all parts.
    pub stride: usize,
}

impl To<'_> {
    /// Puts numbers at a row's `output` and after.
    #[inline(always)]
    pub fn put(&self, row: usize, output: usize, numbers: &[f32]) {
        self.y.put(row * self.stride + self.begin + output, numbers);
    }
}

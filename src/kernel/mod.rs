//! Products with blocks of weights, as decoding wants them: one pass over the bytes of `weights.bin` where they lie.
//!
//! ONNX Runtime's `MatMulNBits` packs the weights anew for each session, has no place for offsets, and rounds one row
//! otherwise than several. These kernels read [`crate::tensor::Blocks`]' own layout from the memory map, add the
//! offsets on the way, and give a row the same bits whatever stands beside it:
//!
//! ```text
//! y[r, n] = sum over blocks b of  scale[n, b] step[r, b] (sum over k of (q[n, k] - centre) a[r, k])  (exact integers)
//!         + sum over blocks b of  offset[n, b] (sum over k of x[r, k])
//! x[r, k] ~ step[r, b] a[r, k]    activations rounded to int8, as `MatMulNBits` rounds them (accuracy level 4)
//! ```
//!
//! The first sum runs over the blocks in four strands, `b` modulo 4, whoever computes it; `few` goes along the
//! weights, which is what one token wants, and `many` turns sixteen outputs at a time into a panel that all rows of
//! a prompt share. There are kernels for x86-64 with AVX-512 VNNI; elsewhere [`available`] says no, and the stock
//! operators serve.

#[cfg(target_arch = "x86_64")]
mod attention;
#[cfg(target_arch = "x86_64")]
mod between;
#[cfg(target_arch = "x86_64")]
mod exp;
#[cfg(target_arch = "x86_64")]
mod few;
#[cfg(target_arch = "x86_64")]
mod many;
mod output;
pub mod packed;
mod program;
#[cfg(target_arch = "x86_64")]
mod rows;
#[cfg(target_arch = "x86_64")]
pub mod small;
#[cfg(target_arch = "x86_64")]
mod team;

#[cfg(target_arch = "x86_64")]
pub use attention::{Attention, Heads, Scores, rotate};
#[cfg(target_arch = "x86_64")]
pub use between::{add, gate, rms_norm, scale, sums};
pub use output::{Number, Output};
pub use program::{MATRICES, Place, Program, Step, Work};
#[cfg(target_arch = "x86_64")]
pub use rows::Rows;
#[cfg(target_arch = "x86_64")]
pub use team::Team;

use crate::tensor::{BLOCK, Bits};
use half::f16;

/// The domain of the operators these kernels are in ONNX Runtime.
pub const DOMAIN: &str = "wayside";

/// The operator that looks rows up in a matrix in the encoding of its file: `(bytes, indices)`.
pub const GATHER_PACKED: &str = "GatherPacked";

/// The operator that multiplies with such a matrix: `(x, bytes)`.
pub const MAT_MUL_PACKED: &str = "MatMulPacked";

/// The operator that makes the tables of a rope: `(total length)` to `(cosines, sines)`.
pub const ROPE_TABLES: &str = "RopeTables";

/// Its attribute: the rope, as JSON.
pub const ROPE: &str = "rope";

/// The attribute of operators on matrices: the matrix, as [`crate::tensor::Packed`] spells it.
pub const PACKED: &str = "packed";

/// Counts changes to the bits of a result, so that what was computed by other kernels is not taken for theirs.
pub const VERSION: u32 = 2;

/// Outputs that are computed together: the unit in which threads share a product.
pub const PANEL: usize = 16;

/// The largest head that attention has a kernel for.
pub const LARGEST_HEAD: usize = 256;

/// Whether attention has a kernel for heads of `dim` numbers: whole vectors, and not too many.
pub fn fits_head(dim: usize) -> bool {
    dim.is_multiple_of(16) && (16..=LARGEST_HEAD).contains(&dim)
}

/// Rows from which turning weights into panels pays.
#[cfg(target_arch = "x86_64")]
const MANY: usize = 33;

/// A matrix in blocks, where it lies. See [`crate::tensor::Blocks`] for the layout.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// Bits of a weight.
    pub bits: Bits,
    /// Outputs, N.
    pub outputs: usize,
    /// Inputs, K; a multiple of [`BLOCK`].
    pub inputs: usize,
    /// `[N, K / 32, 16 or 32]`.
    pub quants: &'a [u8],
    /// What its blocks are scaled with and shifted by.
    pub grain: Grain<'a>,
}

/// Scales and offsets of blocks.
#[derive(Clone, Copy, Debug)]
pub enum Grain<'a> {
    /// As they are.
    Single {
        /// `[N, K / 32]`.
        scales: &'a [f32],
        /// `[N, K / 32]`, which is not the order of the file; empty for none.
        offsets: &'a [f32],
    },
    /// In half the bytes, exactly: see [`halve`].
    Half(&'a [HalfGrain]),
}

/// Scales and minimums of four blocks of one output, in float16; the offset is the minimum plus 8 scales.
pub type HalfGrain = [f16; 8];

/// Scales and offsets of a 4-bit matrix, `[N, K / 32]` each, in float16: the numbers that a GGUF file has had there.
/// None where that would lose a bit.
pub fn halve(scales: &[f32], offsets: &[f32], blocks: usize) -> Option<Vec<HalfGrain>> {
    if blocks == 0 || scales.len() != offsets.len() {
        return None;
    }
    let exact = |number: f32| Some(f16::from_f32(number)).filter(|half| half.to_f32() == number);
    let mut halves = Vec::with_capacity(scales.len().div_ceil(4));
    for (scales, offsets) in scales.chunks(blocks).zip(offsets.chunks(blocks)) {
        for (scales, offsets) in scales.chunks(4).zip(offsets.chunks(4)) {
            let mut half = [f16::ZERO; 8];
            for (i, (scale, offset)) in scales.iter().zip(offsets).enumerate() {
                let minimum = offset - 8.0 * scale;
                (half[i], half[4 + i]) = (exact(*scale)?, exact(minimum)?);
                if scale.mul_add(8.0, minimum) != *offset {
                    return None;
                }
            }
            halves.push(half);
        }
    }
    Some(halves)
}

impl Matrix<'_> {
    /// Blocks of a row.
    pub fn blocks(&self) -> usize {
        self.inputs / BLOCK
    }

    /// Whether the arrays have the sizes that belong to the extents.
    pub fn is_whole(&self) -> bool {
        let blocks = self.outputs * self.blocks();
        self.outputs > 0
            && self.inputs > 0
            && self.inputs.is_multiple_of(BLOCK)
            && self.quants.len() == blocks * self.bits.bytes()
            && match self.grain {
                Grain::Single { scales, offsets } => {
                    scales.len() == blocks && (offsets.is_empty() || offsets.len() == blocks)
                }
                Grain::Half(halves) => {
                    self.bits == Bits::Int4 && halves.len() == self.outputs * self.blocks().div_ceil(4)
                }
            }
    }
}

/// Whether this machine has what the kernels are written for.
pub fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("f16c")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Outputs `panel * PANEL ..` of `matrix` for all `rows`, written into `y`, which is `[rows, N]`. Panels may be
/// computed at once by several threads. Nothing happens where [`available`] says no or sizes do not fit.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "kernels for an instruction set; what makes it sound is said at the call")]
pub fn product(matrix: &Matrix<'_>, rows: &Rows, panel: usize, y: &Output<'_>) {
    if !available() || !matrix.is_whole() || rows.blocks() != matrix.blocks() {
        return;
    }
    // SAFETY: the machine has the instructions, as was just asked.
    unsafe {
        if rows.count() < MANY || (panel + 1) * PANEL > matrix.outputs {
            few::product(matrix, rows, panel, y);
        } else {
            many::product(matrix, rows, panel, y);
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

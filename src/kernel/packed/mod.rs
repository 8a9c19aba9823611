//! Products with weights as files hold them: blocks of 32 or 256 numbers, a row after the other.
//!
//! ```text
//! w[n, k] = scale[n, g] (q[n, k] - centre) + offset[n, g]      g a group of 32 numbers, or of 16
//! x[r, k] ~ step[r, b] a[r, k]                                 activations rounded to int8, b a block of 32
//!
//! y[r, n] = sum over b of  step (sum over the groups of b of  scale D + offset S)
//!     D = sum over k of (q - centre) a,  S = sum over k of a   exact integers
//! ```
//!
//! Floats of 16 bits, the exception, are multiplied with activations that are not rounded: see `floats.rs`.
//!
//! The outer sum runs over the blocks in four strands, `b` modulo 4. Within a block the first group comes first, and a
//! product before what is added to it by fused multiplication; so all ways through the kernels give the same bits.

#[cfg(target_arch = "x86_64")]
mod few;
#[cfg(target_arch = "x86_64")]
mod floats;
#[cfg(target_arch = "x86_64")]
mod load;
#[cfg(target_arch = "x86_64")]
mod many;
mod plain;
#[cfg(target_arch = "x86_64")]
mod rows;

pub use plain::{look_up, plain};
#[cfg(target_arch = "x86_64")]
pub use rows::Rows;

use super::{Output, PANEL};
use crate::tensor::{BLOCK, Encoding, Packed};

/// Numbers of four blocks, which is what the kernels take at a time.
#[cfg(target_arch = "x86_64")]
const QUAD: usize = 4 * BLOCK;

/// Rows from which turning weights into panels pays.
#[cfg(target_arch = "x86_64")]
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

impl Matrix<'_> {
    /// Bytes of an output's weights.
    fn width(&self) -> usize {
        let (numbers, bytes) = self.encoding.block();
        self.inputs / numbers * bytes
    }

    /// Panels of outputs, the last of which may not be whole.
    pub fn panels(&self) -> usize {
        self.outputs.div_ceil(PANEL)
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
}

/// Where the outputs of a part go: from `begin` on, in rows of `stride` numbers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct To<'a> {
    y: &'a Output<'a>,
    begin: usize,
    stride: usize,
}

#[cfg(target_arch = "x86_64")]
impl To<'_> {
    fn put(&self, row: usize, output: usize, numbers: &[f32]) {
        self.y.put(row * self.stride + self.begin + output, numbers);
    }

    #[target_feature(enable = "avx512f")]
    fn put_vector(&self, row: usize, output: usize, numbers: std::arch::x86_64::__m512) {
        self.y.put_vector(row * self.stride + self.begin + output, numbers);
    }
}

/// A panel of the matrix that `parts` are, counted through them, for all `rows`, written into `y`, which is
/// `[rows, N]`. Panels may be computed at once by several threads. Nothing happens where [`super::available`] says no
/// or sizes do not fit.
#[cfg(target_arch = "x86_64")]
pub fn product(parts: &[Matrix<'_>], rows: &Rows, panel: usize, y: &Output<'_>) {
    let stride = parts.iter().map(|part| part.outputs).sum();
    let (mut begin, mut panel) = (0, panel);
    for part in parts {
        if panel < part.panels() {
            return of_part(part, rows, panel, To { y, begin, stride });
        }
        (begin, panel) = (begin + part.outputs, panel - part.panels());
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "kernels for an instruction set; what makes it sound is said at the call")]
fn of_part(matrix: &Matrix<'_>, rows: &Rows, panel: usize, to: To<'_>) {
    if !super::available() || !matrix.is_whole() || !rows.serve(matrix) {
        return;
    }
    let few = rows.count() < MANY || (panel + 1) * PANEL > matrix.outputs;
    macro_rules! by {
        ($($encoding:ident),*) => {
            match matrix.encoding {
                $(Encoding::$encoding => {
                    // SAFETY: the machine has the instructions, and the matrix is whole, as was just asked.
                    unsafe {
                        match few {
                            true => few::product::<load::$encoding>(matrix, rows, panel, to),
                            false => many::product::<load::$encoding>(matrix, rows, panel, to),
                        }
                    }
                })*
                // SAFETY: as above.
                Encoding::F16 => unsafe { floats::product::<floats::F16>(matrix, rows, panel, to) },
                // SAFETY: as above.
                Encoding::BF16 => unsafe { floats::product::<floats::BF16>(matrix, rows, panel, to) },
                Encoding::F32 => (),
            }
        };
    }
    by!(Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, MXFP4);
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

//! Element types and the quantized block layouts, one file each.
//!
//! Two families meet here. *Source* encodings are what model files hold ([`Encoding`]). [`Blocks`] is what
//! Wayside serves: 4- or 8-bit weights in blocks of 32, in the byte layout of ONNX Runtime's `MatMulNBits`.

mod blocks;
mod encoding;
mod float;
mod iq4_nl;
mod iq4_xs;
mod mxfp4;
mod packed;
mod q2_k;
mod q3_k;
mod q4_0;
mod q4_1;
mod q4_k;
mod q5_0;
mod q5_1;
mod q5_k;
mod q6_k;
mod q8_0;
mod quantize;

pub use blocks::{BLOCK, Bits, Blocks};
pub use encoding::Encoding;
pub use iq4_nl::LEVELS as IQ4_LEVELS;
pub use mxfp4::LEVELS as MXFP4_LEVELS;
pub use packed::Packed;
pub use quantize::{quantized, target};

use std::ops::Range;

/// A named array as a file holds it: encoding, shape (outermost first) and bytes, borrowed from a memory map.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// The name in the file it came from.
    pub name: &'a str,
    /// How the bytes spell numbers.
    pub encoding: Encoding,
    /// Outermost dimension first; a linear layer's weight is `[outputs, inputs]`.
    pub shape: Vec<usize>,
    /// Exactly `encoding.bytes(shape)` bytes.
    pub bytes: &'a [u8],
}

impl Tensor<'_> {
    /// How many numbers it holds.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// All numbers as float32, in row-major order.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.elements()];
        self.encoding.decode(self.bytes, &mut out);
        out
    }

    /// `(rows, columns)` of a matrix; a vector is one row.
    pub fn matrix(&self) -> (usize, usize) {
        match self.shape.as_slice() {
            [] => (1, 1),
            [n] => (1, *n),
            [rows @ .., columns] => (rows.iter().product(), *columns),
        }
    }

    /// Some rows of a matrix, as one of their own; none where it has not so many.
    pub fn rows(&self, rows: Range<usize>) -> Option<Self> {
        let (all, columns) = self.matrix();
        let width = self.bytes.len().checked_div(all)?;
        let bytes = self.bytes.get(rows.start.checked_mul(width)?..rows.end.checked_mul(width)?)?;
        Some(Self { shape: vec![rows.len(), columns], bytes, ..self.clone() })
    }

    /// The bytes of one row of a matrix.
    pub fn row(&self, index: usize) -> &[u8] {
        let width = self.bytes.len() / self.matrix().0.max(1);
        self.bytes.get(index * width..(index + 1) * width).unwrap_or_default()
    }
}

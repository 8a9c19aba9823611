//! The encodings that model files use, and how each becomes float32.

use super::{float, iq4_nl, iq4_xs, mxfp4, q2_k, q3_k, q4_0, q4_1, q4_k, q5_0, q5_1, q5_k, q6_k, q8_0};
use serde::{Deserialize, Serialize};

/// How a file spells the numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(non_camel_case_types, reason = "the names by which everyone knows them")]
pub enum Encoding {
    /// IEEE 754 binary32, little endian.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    BF16,
    /// 32 signed bytes and a scale.
    Q8_0,
    /// 32 four-bit numbers around 8, and a scale.
    Q4_0,
    /// 32 four-bit numbers, a scale and a minimum.
    Q4_1,
    /// 32 five-bit numbers around 16, and a scale.
    Q5_0,
    /// 32 five-bit numbers, a scale and a minimum.
    Q5_1,
    /// 256 two-bit numbers in 16 blocks with 4-bit scales and minima.
    Q2_K,
    /// 256 three-bit numbers in 16 blocks with 6-bit scales.
    Q3_K,
    /// 256 four-bit numbers in 8 blocks with 6-bit scales and minima.
    Q4_K,
    /// 256 five-bit numbers in 8 blocks with 6-bit scales and minima.
    Q5_K,
    /// 256 six-bit numbers in 16 blocks with 8-bit scales.
    Q6_K,
    /// 32 four-bit numbers that name unevenly spaced levels, and a scale.
    IQ4_NL,
    /// 256 of them in 8 blocks with 6-bit scales.
    IQ4_XS,
    /// 32 four-bit floats, and a power of two.
    MXFP4,
}

impl Encoding {
    /// All there are.
    pub const ALL: [Self; 16] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q2_K,
        Self::Q3_K,
        Self::Q4_K,
        Self::Q5_K,
        Self::Q6_K,
        Self::IQ4_NL,
        Self::IQ4_XS,
        Self::MXFP4,
    ];

    /// Numbers in one block, and the bytes it takes.
    pub const fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::BF16 => (1, 2),
            Self::Q8_0 => (32, q8_0::BYTES),
            Self::Q4_0 => (32, q4_0::BYTES),
            Self::Q4_1 => (32, q4_1::BYTES),
            Self::Q5_0 => (32, q5_0::BYTES),
            Self::Q5_1 => (32, q5_1::BYTES),
            Self::Q2_K => (256, q2_k::BYTES),
            Self::Q3_K => (256, q3_k::BYTES),
            Self::Q4_K => (256, q4_k::BYTES),
            Self::Q5_K => (256, q5_k::BYTES),
            Self::Q6_K => (256, q6_k::BYTES),
            Self::IQ4_NL => (32, iq4_nl::BYTES),
            Self::IQ4_XS => (256, iq4_xs::BYTES),
            Self::MXFP4 => (32, mxfp4::BYTES),
        }
    }

    /// Whether our kernel multiplies with it as it lies.
    pub const fn is_packed(self) -> bool {
        !matches!(self, Self::F32)
    }

    /// Whether its numbers are floats that stand for themselves, in no block.
    pub const fn is_float(self) -> bool {
        self.block().0 == 1
    }

    /// Bits of a number, without its share of scales.
    pub const fn bits(self) -> u32 {
        match self {
            Self::F32 => 32,
            Self::F16 | Self::BF16 => 16,
            Self::Q8_0 => 8,
            Self::Q6_K => 6,
            Self::Q5_0 | Self::Q5_1 | Self::Q5_K => 5,
            Self::Q4_0 | Self::Q4_1 | Self::Q4_K | Self::IQ4_NL | Self::IQ4_XS | Self::MXFP4 => 4,
            Self::Q3_K => 3,
            Self::Q2_K => 2,
        }
    }

    /// Bytes of a tensor of this shape: `None` when a row is no whole number of blocks, or on overflow.
    pub fn bytes(self, shape: &[usize]) -> Option<usize> {
        let (numbers, bytes) = self.block();
        if shape.last().copied().unwrap_or(1) % numbers != 0 {
            return None;
        }
        let elements = shape.iter().try_fold(1usize, |a, &b| a.checked_mul(b))?;
        (elements / numbers).checked_mul(bytes)
    }

    /// Decodes whole blocks into `out`; what does not fill a block on either side is left alone.
    pub fn decode(self, bytes: &[u8], out: &mut [f32]) {
        let (numbers, width) = self.block();
        let decode: fn(&[u8], &mut [f32]) = match self {
            Self::F32 => float::f32,
            Self::F16 => float::f16,
            Self::BF16 => float::bf16,
            Self::Q8_0 => q8_0::decode,
            Self::Q4_0 => q4_0::decode,
            Self::Q4_1 => q4_1::decode,
            Self::Q5_0 => q5_0::decode,
            Self::Q5_1 => q5_1::decode,
            Self::Q2_K => q2_k::decode,
            Self::Q3_K => q3_k::decode,
            Self::Q4_K => q4_k::decode,
            Self::Q5_K => q5_k::decode,
            Self::Q6_K => q6_k::decode,
            Self::IQ4_NL => iq4_nl::decode,
            Self::IQ4_XS => iq4_xs::decode,
            Self::MXFP4 => mxfp4::decode,
        };
        for (block, out) in bytes.chunks_exact(width).zip(out.chunks_exact_mut(numbers)) {
            decode(block, out);
        }
    }
}

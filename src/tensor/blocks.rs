//! What Wayside serves: weights in blocks of 32 along the inputs, 4 or 8 bits each.
//!
//! ```text
//! w[n, k] = scale[n, k / 32] (q[n, k] - centre) + offset[k / 32, n]         centre = 8 or 128
//! quants   [N, K / 32, 16 or 32] u8     4 bit: number 2j in the low half of byte j, 2j + 1 in the high half
//! scales   [N, K / 32] f32
//! offsets  [K / 32, N] f32, or none      transposed: a small matrix product with the block sums of the input
//! ```
//!
//! `quants` and `scales` are exactly `MatMulNBits`'s `B` and `scales` with its default zero point (and
//! `DequantizeLinear`'s, `GatherBlockQuantized`'s), so one file serves them all. The offset is what lets asymmetric
//! blocks (Q4_1, Q4_K: `w = d q + m`) come over without loss: `offset = m + 8 d`. Centring first keeps the offset
//! small, so that rounding the activations to int8 costs no more than with symmetric blocks.

use super::quantize::{affine, symmetric};
use super::{Encoding, Tensor, iq4_nl, iq4_xs, mxfp4, q4_0, q4_1, q4_k, q5_0, q5_1, q8_0};
use crate::error::{Error, Result};

/// Numbers in a block.
pub const BLOCK: usize = 32;

/// How many bits a weight takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bits {
    /// 4 bits: half the memory traffic, which is what decoding speed is made of.
    Int4,
    /// 8 bits: for the output of the source itself. Where all layers have them, activations keep 16 bits too.
    Int8,
}

impl Bits {
    /// The number.
    pub const fn count(self) -> usize {
        match self {
            Self::Int4 => 4,
            Self::Int8 => 8,
        }
    }

    /// Bytes of one block's quants.
    pub const fn bytes(self) -> usize {
        BLOCK * self.count() / 8
    }
}

/// A matrix in blocks. See the module for the layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocks {
    /// Bits of a weight.
    pub bits: Bits,
    /// Outputs, N.
    pub rows: usize,
    /// Inputs, K; a multiple of [`BLOCK`].
    pub columns: usize,
    /// `[N, K / 32, bytes]`.
    pub quants: Vec<u8>,
    /// `[N, K / 32]`.
    pub scales: Vec<f32>,
    /// `[N, K / 32]` here while rows are appended; [`Blocks::offsets_by_column`] gives the stored order.
    pub offsets: Option<Vec<f32>>,
}

impl Blocks {
    /// A matrix without rows yet.
    pub fn new(bits: Bits, columns: usize, offsets: bool) -> Self {
        Self { bits, rows: 0, columns, quants: Vec::new(), scales: Vec::new(), offsets: offsets.then(Vec::new) }
    }

    /// Whether `encoding` becomes `bits` without loss, and whether that takes offsets.
    pub fn carries(encoding: Encoding, bits: Bits) -> Option<bool> {
        match (encoding, bits) {
            (Encoding::Q4_0, _) => Some(false),
            (Encoding::Q4_1 | Encoding::Q4_K, _) => Some(true),
            (Encoding::Q8_0 | Encoding::Q5_0, Bits::Int8) => Some(false),
            (Encoding::IQ4_NL | Encoding::IQ4_XS | Encoding::MXFP4, Bits::Int8) => Some(false),
            (Encoding::Q5_1, Bits::Int8) => Some(true),
            _ => None,
        }
    }

    /// The bits that keep a tensor's quality: its own where it is in 4-bit blocks, else 8.
    pub fn natural(encoding: Encoding) -> Bits {
        if Self::carries(encoding, Bits::Int4).is_some() { Bits::Int4 } else { Bits::Int8 }
    }

    /// Appends rows of `tensor`, in the order `order` names them: exactly where the encoding allows, else rounded.
    ///
    /// Errors: `Unsupported` when a row is no whole number of blocks.
    pub fn append(&mut self, tensor: &Tensor<'_>, order: impl Iterator<Item = usize>) -> Result<()> {
        let (_, columns) = tensor.matrix();
        if columns != self.columns || columns % BLOCK != 0 {
            let name = tensor.name;
            return Err(Error::unsupported(format!("tensor {name} has {columns} columns, not a multiple of {BLOCK}")));
        }
        let exact = Self::carries(tensor.encoding, self.bits).is_some_and(|o| !o || self.offsets.is_some());
        let mut floats = vec![0.0; columns];
        for row in order {
            let bytes = tensor.row(row);
            if exact {
                self.carry_row(tensor.encoding, bytes);
            } else {
                tensor.encoding.decode(bytes, &mut floats);
                self.round_row(&floats);
            }
            self.rows += 1;
        }
        Ok(())
    }

    fn carry_row(&mut self, encoding: Encoding, bytes: &[u8]) {
        let (numbers, width) = encoding.block();
        let mut q = [0; BLOCK];
        // Numbers around 8 or 16 are 8-bit numbers around 128.
        let shift = match (self.bits, encoding) {
            (Bits::Int8, Encoding::Q4_0 | Encoding::Q4_1 | Encoding::Q4_K) => 128 - 8,
            (Bits::Int8, Encoding::Q5_0 | Encoding::Q5_1) => 128 - 16,
            _ => 0,
        };
        for block in bytes.chunks_exact(width) {
            for b in 0..numbers / BLOCK {
                let (scale, offset) = match encoding {
                    Encoding::Q8_0 => (q8_0::carry(block, &mut q), 0.0),
                    Encoding::Q4_0 => (q4_0::carry(block, &mut q), 0.0),
                    Encoding::Q5_0 => (q5_0::carry(block, &mut q), 0.0),
                    Encoding::IQ4_NL => (iq4_nl::carry(block, &mut q), 0.0),
                    Encoding::IQ4_XS => (iq4_xs::carry(block, b, &mut q), 0.0),
                    Encoding::MXFP4 => (mxfp4::carry(block, &mut q), 0.0),
                    Encoding::Q4_1 => centred(8.0, q4_1::carry(block, &mut q)),
                    Encoding::Q5_1 => centred(16.0, q5_1::carry(block, &mut q)),
                    _ => centred(8.0, q4_k::carry(block, b, &mut q)),
                };
                self.push(&q.map(|q| q.wrapping_add(shift)), scale, offset);
            }
        }
    }

    fn round_row(&mut self, row: &[f32]) {
        for block in row.chunks_exact(BLOCK) {
            let mut q = [0; BLOCK];
            let (scale, offset) = match self.bits {
                // Offsets here are for neighbours whose blocks need them.
                Bits::Int8 => (round_symmetric(block, &mut q), 0.0),
                Bits::Int4 => centred(8.0, round_affine(block, &mut q)),
            };
            self.push(&q, scale, offset);
        }
    }

    fn push(&mut self, q: &[u8; BLOCK], scale: f32, offset: f32) {
        match self.bits {
            Bits::Int8 => self.quants.extend_from_slice(q),
            Bits::Int4 => self.quants.extend(q.chunks_exact(2).map(|p| p[0] | (p[1] << 4))),
        }
        self.scales.push(scale);
        if let Some(offsets) = &mut self.offsets {
            offsets.push(offset);
        }
    }

    /// The offsets as `[K / 32, N]`, ready for a product with `[tokens, K / 32]` block sums.
    pub fn offsets_by_column(&self) -> Option<Vec<f32>> {
        let offsets = self.offsets.as_ref()?;
        let blocks = self.columns / BLOCK;
        Some((0..blocks).flat_map(|b| (0..self.rows).map(move |n| offsets[n * blocks + b])).collect())
    }

    /// The weights as float32 `[N, K]`.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.rows * self.columns);
        for (i, bytes) in self.quants.chunks_exact(self.bits.bytes()).enumerate() {
            let scale = self.scales[i];
            let offset = self.offsets.as_ref().map_or(0.0, |o| o[i]);
            let value = |q: u8, centre: f32| scale * (f32::from(q) - centre) + offset;
            match self.bits {
                Bits::Int8 => out.extend(bytes.iter().map(|&q| value(q, 128.0))),
                Bits::Int4 => out.extend(bytes.iter().flat_map(|&b| [value(b & 15, 8.0), value(b >> 4, 8.0)])),
            }
        }
        out
    }
}

/// `d q + m` as `d (q - centre) + offset`.
fn centred(centre: f32, (d, m): (f32, f32)) -> (f32, f32) {
    (d, m + centre * d)
}

/// As Q8_0 has them.
fn round_symmetric(block: &[f32], q: &mut [u8; BLOCK]) -> f32 {
    let (scale, steps) = symmetric(block);
    q.iter_mut().zip(steps).for_each(|(q, steps)| *q = (steps + 128.0) as u8);
    scale
}

/// `w = d q + m` with q in 0..16.
fn round_affine(block: &[f32], q: &mut [u8; BLOCK]) -> (f32, f32) {
    let found = affine(block);
    q.iter_mut().zip(block).for_each(|(q, w)| *q = found.round(*w, 15.0) as u8);
    (found.scale, found.minimum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A matrix in `encoding` whose half-precision scales are sane and whose other bytes are anything.
    fn matrix(encoding: Encoding, seed: Vec<u8>) -> Vec<u8> {
        let (numbers, width) = encoding.block();
        let mut bytes: Vec<u8> = seed.into_iter().cycle().take(2 * (512 / numbers) * width).collect();
        let halves: &[usize] = match encoding {
            Encoding::Q8_0 | Encoding::Q4_0 | Encoding::Q5_0 | Encoding::IQ4_NL | Encoding::IQ4_XS => &[0],
            Encoding::MXFP4 => &[],
            _ => &[0, 2],
        };
        for block in bytes.chunks_exact_mut(width) {
            if encoding == Encoding::MXFP4 {
                block[0] = 110 + block[0] % 32;
            }
            for &at in halves {
                let scale = half::f16::from_f32(0.01 + f32::from(block[at]) / 3000.0);
                block[at..at + 2].copy_from_slice(&scale.to_le_bytes());
            }
        }
        bytes
    }

    fn append(encoding: Encoding, bytes: &[u8], bits: Bits, offsets: bool) -> (Blocks, Vec<f32>) {
        let tensor = Tensor { name: "t", encoding, shape: vec![2, 512], bytes };
        let mut blocks = Blocks::new(bits, 512, offsets);
        blocks.append(&tensor, 0..2).unwrap();
        (blocks, tensor.to_f32())
    }

    proptest! {
        #[test]
        fn four_and_eight_bit_blocks_come_over_without_loss(seed in prop::collection::vec(any::<u8>(), 64..300)) {
            for (encoding, bits) in [
                (Encoding::Q4_0, Bits::Int4),
                (Encoding::Q4_1, Bits::Int4),
                (Encoding::Q4_K, Bits::Int4),
                (Encoding::Q4_0, Bits::Int8),
                (Encoding::Q4_1, Bits::Int8),
                (Encoding::Q4_K, Bits::Int8),
                (Encoding::Q8_0, Bits::Int8),
                (Encoding::Q5_0, Bits::Int8),
                (Encoding::Q5_1, Bits::Int8),
                (Encoding::IQ4_NL, Bits::Int8),
                (Encoding::IQ4_XS, Bits::Int8),
                (Encoding::MXFP4, Bits::Int8),
            ] {
                let bytes = matrix(encoding, seed.clone());
                let offsets = Blocks::carries(encoding, bits).unwrap();
                let (blocks, exact) = append(encoding, &bytes, bits, offsets);
                let largest = exact.iter().fold(0.0f32, |a, w| a.max(w.abs()));
                for (a, b) in blocks.to_f32().iter().zip(&exact) {
                    // Adding the centre and taking it away again costs a rounding or two of float32.
                    prop_assert!((a - b).abs() <= 4e-7 * largest, "{encoding:?}: {a} {b}");
                }
            }
        }

        #[test]
        fn rounding_to_eight_bits_stays_within_half_a_step(row in prop::collection::vec(-3f32..3.0, 512)) {
            let bytes: Vec<u8> = row.iter().chain(&row).flat_map(|w| w.to_le_bytes()).collect();
            let (blocks, exact) = append(Encoding::F32, &bytes, Bits::Int8, false);
            for ((a, b), i) in blocks.to_f32().iter().zip(&exact).zip(0..) {
                // The scale is a float16: the largest may be a little more than 127 steps of it.
                prop_assert!((a - b).abs() <= 0.56 * blocks.scales[i / BLOCK]);
            }
        }

        #[test]
        fn four_bit_rounding_never_does_worse_than_the_range(row in prop::collection::vec(-3f32..3.0, 32)) {
            let mut q = [0; BLOCK];
            let (d, m) = round_affine(&row, &mut q);
            let error: f32 = row.iter().zip(q).map(|(w, q)| (d * f32::from(q) + m - w).powi(2)).sum();
            let low = row.iter().copied().fold(f32::INFINITY, f32::min);
            let high = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let step = (high - low) / 15.0;
            prop_assert!(error <= 32.0 * (step / 2.0).powi(2) + 1e-6);
        }
    }

    #[test]
    fn a_block_of_one_value_is_kept() {
        let mut q = [0; BLOCK];
        let (d, m) = round_affine(&[0.25; BLOCK], &mut q);
        assert_eq!(d * f32::from(q[0]) + m, 0.25);
        assert_eq!(round_symmetric(&[0.0; BLOCK], &mut q), 0.0);
        assert!(q.iter().all(|&q| q == 128));
    }
}

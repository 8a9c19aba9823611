//! How kernels take weights from blocks as files hold them: a file for each kind, for every instruction set.
#![allow(non_camel_case_types, reason = "the names by which everyone knows them")]

mod fifths;
mod iq4_xs;
mod mxfp4;
mod nibbles;
mod q4_k;
mod q6_k;
mod q8_0;

pub use fifths::{Q5_0, Q5_1};
pub use iq4_xs::IQ4_XS;
pub use mxfp4::{LEVELS as MXFP4_LEVELS, MXFP4, power};
pub use nibbles::{IQ4_NL, LEVELS as IQ4_LEVELS, Q4_0, Q4_1};
pub use q4_k::{Q4_K, Q5_K};
pub use q6_k::{Q2_K, Q3_K, Q6_K};
pub use q8_0::Q8_0;

use super::isa::Isa;
use crate::tensor::Encoding;

/// What the numbers of four outputs are multiplied by and shifted by, over a block of the file: `[block][output]`, or
/// `[block, group][output]` of a format whose groups have scales of their own.
#[derive(Clone, Copy)]
pub struct Heads {
    /// Scales.
    pub scales: [[f32; 4]; 16],
    /// What is added; nothing is written here by a format without.
    pub offsets: [[f32; 4]; 16],
}

impl Heads {
    /// None yet.
    pub const EMPTY: Self = Self { scales: [[0.0; 4]; 16], offsets: [[0.0; 4]; 16] };
}

/// A format. Its bytes come in blocks of 32 numbers, or of 256, which are eight of 32.
pub trait Format {
    /// A block's bytes.
    type Raw: bytemuck::Pod;
    /// Which it is.
    const ENCODING: Encoding;
    /// Blocks of 32 numbers in one of the file: 1 or 8.
    const BLOCKS: usize;
    /// The largest number, counted from 0.
    const LARGEST: u32;
    /// What is taken from every number, as a power of two; 0 for nothing.
    const CENTRE: u32;
    /// Whether the two groups of sixteen have scales of their own.
    const GROUPS: bool;
    /// Whether something is added.
    const OFFSETS: bool;

    /// The scales of four outputs, and what is added.
    fn heads<I: Isa>(isa: I, rows: [&Self::Raw; 4], heads: &mut Heads);

    /// The numbers of one of the blocks of 32, counted from 0.
    fn numbers<I: Isa>(isa: I, raw: &Self::Raw, block: usize) -> I::Bytes;
}

/// A float16 as bits.
type Half = [u8; 2];

#[inline(always)]
fn bits(half: Half) -> u16 {
    u16::from_le_bytes(half)
}

/// The first scales of four outputs.
#[inline(always)]
fn scale<I: Isa>(isa: I, halves: [Half; 4], to: &mut [[f32; 4]; 16]) {
    to[0] = isa.four_halves([bits(halves[0]), bits(halves[1]), bits(halves[2]), bits(halves[3])]);
}

//! Blocks of 32 numbers of 4 bits that name levels, behind an exponent: see `tensor/mxfp4.rs`.

use super::nibbles::around;
use super::{Format, Heads};
use crate::kernel::isa::Isa;
use crate::tensor::{Encoding, MXFP4_LEVELS};

/// Those of MXFP4 around 128.
pub const LEVELS: [u8; 16] = around(MXFP4_LEVELS);

/// An exponent and the numbers.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Raw {
    e: u8,
    q: [u8; 16],
}

/// 2^(e - 128), of which the two smallest are subnormal.
#[inline(always)]
pub fn power(exponent: u8) -> f32 {
    f32::from_bits(match u32::from(exponent) {
        e @ 0..=1 => 0x0020_0000 << e,
        e => (e - 1) << 23,
    })
}

pub struct MXFP4;

impl Format for MXFP4 {
    type Raw = Raw;
    const ENCODING: Encoding = Encoding::MXFP4;
    const BLOCKS: usize = 1;
    const LARGEST: u32 = 255;
    const CENTRE: u32 = 7;
    const GROUPS: bool = false;
    const OFFSETS: bool = false;

    #[inline(always)]
    fn heads<I: Isa>(_: I, rows: [&Raw; 4], heads: &mut Heads) {
        heads.scales[0] = rows.map(|row| power(row.e));
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Raw, _: usize) -> I::Bytes {
        isa.look_up(&LEVELS, isa.nibbles(&raw.q))
    }
}

//! Blocks of 32 numbers of 4 bits, of which byte j holds the j-th and the 16 + j-th.

use super::{Format, Half, Heads, scale};
use crate::kernel::isa::Isa;
use crate::tensor::{Encoding, IQ4_LEVELS};

/// Levels around 128.
pub const fn around(levels: [i8; 16]) -> [u8; 16] {
    let mut around = [0; 16];
    let mut i = 0;
    while i < 16 {
        around[i] = levels[i].cast_unsigned() ^ 128;
        i += 1;
    }
    around
}

/// Those of IQ4 around 128.
pub const LEVELS: [u8; 16] = around(IQ4_LEVELS);

/// A scale and the numbers.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Scaled {
    d: Half,
    q: [u8; 16],
}

/// A scale, a minimum and the numbers.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Shifted {
    d: Half,
    m: Half,
    q: [u8; 16],
}

pub struct Q4_0;

impl Format for Q4_0 {
    type Raw = Scaled;
    const ENCODING: Encoding = Encoding::Q4_0;
    const BLOCKS: usize = 1;
    const LARGEST: u32 = 15;
    const CENTRE: u32 = 3;
    const GROUPS: bool = false;
    const OFFSETS: bool = false;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Scaled; 4], heads: &mut Heads) {
        scale(isa, rows.map(|row| row.d), &mut heads.scales);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Scaled, _: usize) -> I::Bytes {
        isa.nibbles(&raw.q)
    }
}

pub struct Q4_1;

impl Format for Q4_1 {
    type Raw = Shifted;
    const ENCODING: Encoding = Encoding::Q4_1;
    const BLOCKS: usize = 1;
    const LARGEST: u32 = 15;
    const CENTRE: u32 = 0;
    const GROUPS: bool = false;
    const OFFSETS: bool = true;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Shifted; 4], heads: &mut Heads) {
        scale(isa, rows.map(|row| row.d), &mut heads.scales);
        scale(isa, rows.map(|row| row.m), &mut heads.offsets);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Shifted, _: usize) -> I::Bytes {
        isa.nibbles(&raw.q)
    }
}

pub struct IQ4_NL;

impl Format for IQ4_NL {
    type Raw = Scaled;
    const ENCODING: Encoding = Encoding::IQ4_NL;
    const BLOCKS: usize = 1;
    const LARGEST: u32 = 255;
    const CENTRE: u32 = 7;
    const GROUPS: bool = false;
    const OFFSETS: bool = false;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Scaled; 4], heads: &mut Heads) {
        scale(isa, rows.map(|row| row.d), &mut heads.scales);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Scaled, _: usize) -> I::Bytes {
        isa.look_up(&LEVELS, isa.nibbles(&raw.q))
    }
}

//! Blocks of 32 numbers of 5 bits: four as in `nibbles.rs`, the fifths of all in four bytes before them.

use super::{Format, Half, Heads, scale};
use crate::kernel::isa::Isa;
use crate::tensor::Encoding;

/// A scale, the fifth bits and the numbers.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Scaled {
    d: Half,
    high: [u8; 4],
    q: [u8; 16],
}

/// A scale, a minimum, the fifth bits and the numbers.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Shifted {
    d: Half,
    m: Half,
    high: [u8; 4],
    q: [u8; 16],
}

#[inline(always)]
fn numbers<I: Isa>(isa: I, q: &[u8; 16], high: [u8; 4]) -> I::Bytes {
    isa.join(isa.nibbles(q), isa.sixteens(u32::from_le_bytes(high)), 0)
}

pub struct Q5_0;

impl Format for Q5_0 {
    type Raw = Scaled;
    const ENCODING: Encoding = Encoding::Q5_0;
    const BLOCKS: usize = 1;
    const LARGEST: u32 = 31;
    const CENTRE: u32 = 4;
    const GROUPS: bool = false;
    const OFFSETS: bool = false;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Scaled; 4], heads: &mut Heads) {
        scale(isa, rows.map(|row| row.d), &mut heads.scales);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Scaled, _: usize) -> I::Bytes {
        numbers(isa, &raw.q, raw.high)
    }
}

pub struct Q5_1;

impl Format for Q5_1 {
    type Raw = Shifted;
    const ENCODING: Encoding = Encoding::Q5_1;
    const BLOCKS: usize = 1;
    const LARGEST: u32 = 31;
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
        numbers(isa, &raw.q, raw.high)
    }
}

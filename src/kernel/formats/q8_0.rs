//! Blocks of 32 signed bytes.

use super::{Format, Half, Heads, scale};
use crate::kernel::isa::Isa;
use crate::tensor::Encoding;

/// A scale and the numbers.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Raw {
    d: Half,
    q: [u8; 32],
}

pub struct Q8_0;

impl Format for Q8_0 {
    type Raw = Raw;
    const ENCODING: Encoding = Encoding::Q8_0;
    const BLOCKS: usize = 1;
    const LARGEST: u32 = 255;
    const CENTRE: u32 = 7;
    const GROUPS: bool = false;
    const OFFSETS: bool = false;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Raw; 4], heads: &mut Heads) {
        scale(isa, rows.map(|row| row.d), &mut heads.scales);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Raw, _: usize) -> I::Bytes {
        isa.turned(isa.block(&raw.q), 128)
    }
}

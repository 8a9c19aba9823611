//! 256 numbers of 4 bits that name levels, in eight blocks with scales of 6 bits: see `tensor/iq4_xs.rs`.

use super::nibbles::LEVELS;
use super::{Format, Half, Heads, bits};
use crate::kernel::isa::Isa;
use crate::tensor::Encoding;

/// A scale, those of the blocks, and the numbers.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Raw {
    d: Half,
    high: [u8; 2],
    low: [u8; 4],
    q: [[u8; 16]; 8],
}

pub struct IQ4_XS;

impl Format for IQ4_XS {
    type Raw = Raw;
    const ENCODING: Encoding = Encoding::IQ4_XS;
    const BLOCKS: usize = 8;
    const LARGEST: u32 = 255;
    const CENTRE: u32 = 7;
    const GROUPS: bool = false;
    const OFFSETS: bool = false;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Raw; 4], heads: &mut Heads) {
        let d = isa.four_halves(rows.map(|row| bits(row.d)));
        for (o, row) in rows.into_iter().enumerate() {
            let (low, high) = (u32::from_le_bytes(row.low), u16::from_le_bytes(row.high));
            for (b, scales) in heads.scales.iter_mut().enumerate().take(8) {
                let scale = (low >> (4 * b)) & 15 | (u32::from(high >> (2 * b)) & 3) << 4;
                scales[o] = (scale.cast_signed() - 32) as f32 * d[o];
            }
        }
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Raw, block: usize) -> I::Bytes {
        isa.look_up(&LEVELS, isa.nibbles(&raw.q[block]))
    }
}

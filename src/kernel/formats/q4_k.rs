//! 256 numbers of 4 or 5 bits in eight blocks, with scales and minimums of 6 bits: see `tensor/q4_k.rs`.

use super::{Format, Half, Heads, bits};
use crate::kernel::isa::Isa;
use crate::tensor::Encoding;

/// What both begin with.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Head {
    d: Half,
    least: Half,
    scales: [[u8; 4]; 3],
}

impl Head {
    /// Scales and minimums as integers.
    #[inline(always)]
    fn integers(&self) -> [[u8; 8]; 2] {
        let [a, b, c] = self.scales.map(u32::from_le_bytes);
        let both = |low: u32, high: u32| (u64::from(high) << 32 | u64::from(low)).to_le_bytes();
        [
            both(a & 0x3f3f_3f3f, c & 0x0f0f_0f0f | (a >> 2) & 0x3030_3030),
            both(b & 0x3f3f_3f3f, (c >> 4) & 0x0f0f_0f0f | (b >> 2) & 0x3030_3030),
        ]
    }

    /// Those of four outputs as floats.
    #[inline(always)]
    fn floats<I: Isa>(isa: I, rows: [&Self; 4], heads: &mut Heads) {
        let d = isa.load_four(&isa.four_halves(rows.map(|row| bits(row.d))));
        let least = isa.load_four(&isa.four_halves(rows.map(|row| bits(row.least))).map(|least| -least));
        let integers = rows.map(Self::integers);
        for b in 0..8 {
            let four = |which: usize| isa.load_four(&integers.map(|row| f32::from(row[which][b])));
            heads.scales[b] = isa.store_four(isa.mul_four(four(0), d));
            heads.offsets[b] = isa.store_four(isa.mul_four(four(1), least));
        }
    }
}

/// The block of Q4_K.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Four {
    head: Head,
    q: [[u8; 32]; 4],
}

pub struct Q4_K;

impl Format for Q4_K {
    type Raw = Four;
    const ENCODING: Encoding = Encoding::Q4_K;
    const BLOCKS: usize = 8;
    const LARGEST: u32 = 15;
    const CENTRE: u32 = 0;
    const GROUPS: bool = false;
    const OFFSETS: bool = true;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Four; 4], heads: &mut Heads) {
        Head::floats(isa, rows.map(|row| &row.head), heads);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Four, block: usize) -> I::Bytes {
        isa.bits(isa.block(&raw.q[block / 2]), 4 * (block % 2) as u32, 15)
    }
}

/// The block of Q5_K.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Five {
    head: Head,
    high: [u8; 32],
    q: [[u8; 32]; 4],
}

pub struct Q5_K;

impl Format for Q5_K {
    type Raw = Five;
    const ENCODING: Encoding = Encoding::Q5_K;
    const BLOCKS: usize = 8;
    const LARGEST: u32 = 31;
    const CENTRE: u32 = 0;
    const GROUPS: bool = false;
    const OFFSETS: bool = true;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Five; 4], heads: &mut Heads) {
        Head::floats(isa, rows.map(|row| &row.head), heads);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Five, block: usize) -> I::Bytes {
        let low = isa.bits(isa.block(&raw.q[block / 2]), 4 * (block % 2) as u32, 15);
        isa.join(low, isa.bits(isa.block(&raw.high), block as u32, 1), 4)
    }
}

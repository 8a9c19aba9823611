//! 256 numbers of 2, 3 or 6 bits in sixteen groups: see `tensor/q6_k.rs`, `tensor/q3_k.rs` and `tensor/q2_k.rs`.

use super::{Format, Half, Heads, bits};
use crate::kernel::isa::Isa;
use crate::tensor::Encoding;

/// Integers of sixteen groups of four outputs, times a number of each output.
#[inline(always)]
fn times<I: Isa>(isa: I, integers: [[i8; 16]; 4], by: [f32; 4], to: &mut [[f32; 4]; 16]) {
    let by = isa.load_four(&by);
    for (g, to) in to.iter_mut().enumerate() {
        *to = isa.store_four(isa.mul_four(isa.load_four(&integers.map(|row| f32::from(row[g]))), by));
    }
}

/// The block of Q6_K.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Six {
    low: [[[u8; 32]; 2]; 2],
    high: [[u8; 32]; 2],
    scales: [i8; 16],
    d: Half,
}

pub struct Q6_K;

impl Format for Q6_K {
    type Raw = Six;
    const ENCODING: Encoding = Encoding::Q6_K;
    const BLOCKS: usize = 8;
    const LARGEST: u32 = 63;
    const CENTRE: u32 = 5;
    const GROUPS: bool = true;
    const OFFSETS: bool = false;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Six; 4], heads: &mut Heads) {
        let d = isa.four_halves(rows.map(|row| bits(row.d)));
        times(isa, rows.map(|row| row.scales), d, &mut heads.scales);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Six, block: usize) -> I::Bytes {
        let (half, k) = (block / 4, block % 4);
        let low = isa.bits(isa.block(&raw.low[half][k % 2]), 4 * (k / 2) as u32, 15);
        isa.join(low, isa.bits(isa.block(&raw.high[half]), 2 * k as u32, 3), 4)
    }
}

/// The block of Q3_K.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Three {
    high: [u8; 32],
    low: [[u8; 32]; 2],
    scales: [[u8; 4]; 3],
    d: Half,
}

impl Three {
    /// Its scales, around 0.
    #[inline(always)]
    fn integers(&self) -> [i8; 16] {
        let [a, b, c] = self.scales.map(u32::from_le_bytes);
        let four = |low: u32, at: u32| (low & 0x0f0f_0f0f | ((c >> at) & 0x0303_0303) << 4).to_le_bytes();
        let fours = [four(a, 0), four(b, 2), four(a >> 4, 4), four(b >> 4, 6)];
        bytemuck::cast::<[[u8; 4]; 4], [u8; 16]>(fours).map(|scale| scale.cast_signed() - 32)
    }
}

pub struct Q3_K;

impl Format for Q3_K {
    type Raw = Three;
    const ENCODING: Encoding = Encoding::Q3_K;
    const BLOCKS: usize = 8;
    const LARGEST: u32 = 7;
    const CENTRE: u32 = 2;
    const GROUPS: bool = true;
    const OFFSETS: bool = false;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Three; 4], heads: &mut Heads) {
        let d = isa.four_halves(rows.map(|row| bits(row.d)));
        times(isa, rows.map(Three::integers), d, &mut heads.scales);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Three, block: usize) -> I::Bytes {
        let low = isa.bits(isa.block(&raw.low[block / 4]), 2 * (block % 4) as u32, 3);
        isa.join(low, isa.bits(isa.block(&raw.high), block as u32, 1), 2)
    }
}

/// The block of Q2_K.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Two {
    scales: [u8; 16],
    q: [[u8; 32]; 2],
    d: Half,
    least: Half,
}

pub struct Q2_K;

impl Format for Q2_K {
    type Raw = Two;
    const ENCODING: Encoding = Encoding::Q2_K;
    const BLOCKS: usize = 8;
    const LARGEST: u32 = 3;
    const CENTRE: u32 = 0;
    const GROUPS: bool = true;
    const OFFSETS: bool = true;

    #[inline(always)]
    fn heads<I: Isa>(isa: I, rows: [&Two; 4], heads: &mut Heads) {
        let d = isa.four_halves(rows.map(|row| bits(row.d)));
        let least = isa.four_halves(rows.map(|row| bits(row.least))).map(|least| -least);
        times(isa, rows.map(|row| row.scales.map(|s| (s & 15).cast_signed())), d, &mut heads.scales);
        times(isa, rows.map(|row| row.scales.map(|s| (s >> 4).cast_signed())), least, &mut heads.offsets);
    }

    #[inline(always)]
    fn numbers<I: Isa>(isa: I, raw: &Two, block: usize) -> I::Bytes {
        isa.bits(isa.block(&raw.q[block / 4]), 2 * (block % 4) as u32, 3)
    }
}

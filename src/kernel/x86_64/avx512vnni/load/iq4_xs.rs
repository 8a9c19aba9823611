//! 256 numbers of 4 bits that name levels, in eight blocks with scales of 6 bits: see `tensor/iq4_xs.rs`.

use super::nibbles::levels;
use super::{Four, Load, by_block, each, halves, read};
use crate::kernel::formats::{IQ4_LEVELS, IQ4_XS};
use std::arch::x86_64::*;

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for IQ4_XS {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, _: usize) -> Four {
        let (rows, half) = (rows.map(|row| row.wrapping_add(quad / 2 * 136)), quad % 2);
        let numbers = rows.map(|row| {
            // SAFETY: as the caller says: 136 bytes are there.
            let (first, last) = halves(unsafe { _mm512_loadu_si512(row.wrapping_add(8 + 64 * half).cast()) });
            (levels(&IQ4_LEVELS, first), levels(&IQ4_LEVELS, last))
        });
        // SAFETY: as above.
        let (heads, lows) =
            unsafe { (rows.map(|row| read::<[u16; 2]>(row, 0)), rows.map(|row| read::<u16>(row, 4 + 2 * half))) };
        let mut scales = [0; 4];
        for ((scales, [_, high]), low) in scales.iter_mut().zip(heads).zip(lows) {
            let high = u32::from(high) >> (8 * half);
            for i in 0..4 {
                let scale = (u32::from(low) >> (4 * i)) & 15 | ((high >> (2 * i)) & 3) << 4;
                *scales |= scale << (8 * i);
            }
        }
        let scales = _mm512_cvtepu8_epi32(by_block(bytemuck::cast(scales)));
        let scales = _mm512_cvtepi32_ps(_mm512_sub_epi32(scales, _mm512_set1_epi32(32)));
        Four::scaled(numbers, _mm512_mul_ps(scales, each(heads.map(|[d, _]| d))))
    }
}

//! Blocks of 32 numbers of 4 bits that name levels, behind an exponent: see `tensor/mxfp4.rs`.

use super::nibbles::levels;
use super::{Four, Load, halves, read};
use crate::kernel::formats::{MXFP4, MXFP4_LEVELS, power};
use std::arch::x86_64::*;

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for MXFP4 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, there: usize) -> Four {
        const { assert!(Self::BYTES == 68) }
        let mut scales = [[0.0; 4]; 4];
        let mut numbers = [(_mm512_setzero_si512(), _mm512_setzero_si512()); 4];
        for (o, (row, numbers)) in rows.iter().zip(&mut numbers).enumerate() {
            let mut blocks = [_mm_setzero_si128(); 4];
            for (b, block) in blocks.iter_mut().enumerate().take(there) {
                let at = (4 * quad + b) * 17;
                // SAFETY: so many blocks are there, as the caller says.
                let (exponent, bytes) = unsafe { (read::<u8>(*row, at), read::<[u64; 2]>(*row, at + 1)) };
                (scales[b][o], *block) = (power(exponent), bytemuck::cast(bytes));
            }
            *numbers = halves(bytemuck::cast(blocks));
        }
        Four::scaled(
            numbers.map(|(first, last)| (levels(&MXFP4_LEVELS, first), levels(&MXFP4_LEVELS, last))),
            bytemuck::cast(scales),
        )
    }
}

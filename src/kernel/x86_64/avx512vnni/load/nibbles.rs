//! Blocks of 32 numbers of 4 bits, of which byte j holds the j-th and the 16 + j-th.

use super::{Four, Load, Words, firsts, halves, halves_of, pairs_of, places};
use crate::kernel::formats::{IQ4_LEVELS, IQ4_NL, Q4_0, Q4_1};
use std::arch::x86_64::*;

/// The levels, around 128, that numbers of 4 bits name.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub fn levels(of: &[u8; 16], numbers: __m512i) -> __m512i {
    _mm512_shuffle_epi8(_mm512_broadcast_i32x4(bytemuck::cast(*of)), numbers)
}

/// Numbers of blocks whose 16 bytes stand behind a float16, as first groups and last, and the scales.
///
/// # Safety
/// As [`Load::four`] says, of blocks of 18 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
unsafe fn behind_scales(rows: [*const u8; 4], quad: usize, there: usize) -> ([(__m512i, __m512i); 4], __m512) {
    // SAFETY: as the caller says.
    let words = rows.map(|row| unsafe { Words::load(row.wrapping_add(72 * quad), 9 * there) });
    let numbers = words.map(|words| halves(words.pick(const { &places(9, 1, 8) })));
    (numbers, halves_of(words.map(|words| words.pick(const { &firsts(9, 1) }))))
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q4_0 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, there: usize) -> Four {
        const { assert!(Self::BYTES == 72) }
        // SAFETY: as the caller says.
        let (numbers, scales) = unsafe { behind_scales(rows, quad, there) };
        Four::scaled(numbers, scales)
    }
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q4_1 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, there: usize) -> Four {
        const { assert!(Self::BYTES == 80) }
        // SAFETY: as the caller says.
        let words = rows.map(|row| unsafe { Words::load(row.wrapping_add(80 * quad), 10 * there) });
        // A block is five words of twice the size, which are cheaper to move.
        let numbers = _mm512_set_epi32(19, 18, 17, 16, 14, 13, 12, 11, 9, 8, 7, 6, 4, 3, 2, 1);
        let heads = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 10, 5, 0);
        let numbers = words.map(|Words(a, b)| halves(_mm512_permutex2var_epi32(a, numbers, b)));
        Four::offset(numbers, pairs_of(words.map(|Words(a, _)| _mm512_permutexvar_epi32(heads, a))))
    }
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for IQ4_NL {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, there: usize) -> Four {
        const { assert!(Self::BYTES == 72) }
        // SAFETY: as the caller says.
        let (numbers, scales) = unsafe { behind_scales(rows, quad, there) };
        Four::scaled(numbers.map(|(first, last)| (levels(&IQ4_LEVELS, first), levels(&IQ4_LEVELS, last))), scales)
    }
}

//! Blocks of 32 numbers of 5 bits: four as in `nibbles.rs`, the fifths of all in four bytes before them.

use super::{Four, Load, Words, firsts, halves, halves_of, pairs_of, places};
use crate::kernel::formats::{Q5_0, Q5_1};
use std::arch::x86_64::*;

/// Numbers of 4 bits with their fifths: bit j of each block's four bytes, which stand four times side by side.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn with_fifths((first, last): (__m512i, __m512i), fifths: __m512i) -> (__m512i, __m512i) {
    let bytes = |low: i8| {
        let (a, b) = (low, low + 1);
        let each = _mm_set_epi8(b, b, b, b, b, b, b, b, a, a, a, a, a, a, a, a);
        _mm512_shuffle_epi8(fifths, _mm512_broadcast_i32x4(each))
    };
    let bits = _mm512_set1_epi64(0x8040_2010_0804_0201_u64.cast_signed());
    let fifth = _mm512_set1_epi8(16);
    let add = |numbers, low| {
        let set = _mm512_test_epi8_mask(bytes(low), bits);
        _mm512_mask_add_epi8(numbers, set, numbers, fifth)
    };
    (add(first, 0), add(last, 2))
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q5_0 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, there: usize) -> Four {
        const { assert!(Self::BYTES == 88) }
        // SAFETY: as the caller says.
        let words = rows.map(|row| unsafe { Words::load(row.wrapping_add(88 * quad), 11 * there) });
        let numbers = words.map(|words| {
            let (numbers, fifths) = (const { &places(11, 3, 8) }, const { &places(11, 1, 2) });
            with_fifths(halves(words.pick(numbers)), words.pick(fifths))
        });
        let scales = halves_of(words.map(|words| words.pick(const { &firsts(11, 1) })));
        Four::scaled(numbers, scales)
    }
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q5_1 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, there: usize) -> Four {
        const { assert!(Self::BYTES == 96) }
        // SAFETY: as the caller says.
        let words = rows.map(|row| unsafe { Words::load(row.wrapping_add(96 * quad), 12 * there) });
        let numbers = words.map(|words| {
            let (numbers, fifths) = (const { &places(12, 4, 8) }, const { &places(12, 2, 2) });
            with_fifths(halves(words.pick(numbers)), words.pick(fifths))
        });
        Four::offset(numbers, pairs_of(words.map(|words| words.pick(const { &firsts(12, 2) }))))
    }
}

//! Blocks of 32 signed bytes.

use super::{Four, Load, Words, firsts, halves_of, places};
use crate::kernel::formats::Q8_0;
use std::arch::x86_64::*;

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q8_0 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, there: usize) -> Four {
        const { assert!(Self::BYTES == 136) }
        let around = _mm512_set1_epi8(-128);
        // Each group of the last block ends less than 64 words behind where that of the first begins.
        let group = |row: *const u8, at: usize| {
            // SAFETY: as the caller says.
            let words = unsafe { Words::load(row.wrapping_add(136 * quad + at), 17 * (there - 1) + 8) };
            _mm512_xor_si512(words.pick(const { &places(17, 0, 8) }), around)
        };
        let (first, last) = (rows.map(|row| group(row, 2)), rows.map(|row| group(row, 18)));
        let scales = halves_of(rows.map(|row| {
            // SAFETY: as the caller says.
            let words = unsafe { Words::load(row.wrapping_add(136 * quad), 17 * (there - 1) + 1) };
            words.pick(const { &firsts(17, 1) })
        }));
        Four { first, last, scales: [scales; 2], offsets: [_mm512_setzero_ps(); 2] }
    }
}

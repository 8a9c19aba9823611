//! 256 numbers of 4 or 5 bits in eight blocks, with scales and minimums of 6 bits: see `tensor/q4_k.rs`.

use super::{Four, Load, by_block, halves};
use crate::kernel::formats::{Q4_K, Q5_K};
use std::arch::x86_64::*;

/// Scales and offsets of four blocks of the outputs whose 256 numbers begin at `rows`: the first four, or the last.
///
/// # Safety
/// Sixteen bytes are at each place.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(unsafe_code, reason = "unchecked loads")]
unsafe fn scales(rows: [*const u8; 4], half: usize) -> (__m512, __m512) {
    // SAFETY: as the caller says.
    let heads = rows.map(|row| unsafe { _mm_loadu_si128(row.cast()) });
    // Words of the four outputs side by side: d and the least, and the twelve bytes of scales.
    let (ab, cd) = (_mm_unpacklo_epi32(heads[0], heads[1]), _mm_unpacklo_epi32(heads[2], heads[3]));
    let (ef, gh) = (_mm_unpackhi_epi32(heads[0], heads[1]), _mm_unpackhi_epi32(heads[2], heads[3]));
    let (d, a) = (_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
    let (b, c) = (_mm_unpacklo_epi64(ef, gh), _mm_unpackhi_epi64(ef, gh));
    let (six, four, top) = (_mm_set1_epi8(0x3f), _mm_set1_epi8(0x0f), _mm_set1_epi8(0x30));
    let (scale, least) = if half == 0 {
        (_mm_and_si128(a, six), _mm_and_si128(b, six))
    } else {
        let upper = |word| _mm_and_si128(_mm_srli_epi32::<2>(word), top);
        let low = _mm_and_si128(c, four);
        let high = _mm_and_si128(_mm_srli_epi32::<4>(c), four);
        (_mm_or_si128(low, upper(a)), _mm_or_si128(high, upper(b)))
    };
    let floats = |bytes| _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(by_block(bytes)));
    let each = |words| _mm512_broadcast_f32x4(_mm_cvtph_ps(_mm_cvtepi32_epi16(words)));
    let scales = _mm512_mul_ps(floats(scale), each(d));
    let minimums = _mm512_mul_ps(floats(least), each(_mm_srli_epi32::<16>(d)));
    (scales, _mm512_sub_ps(_mm512_setzero_ps(), minimums))
}

/// Blocks 2 i in the lower halves of 32 bytes and 2 i + 1 in the upper, as first groups and last.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn groups(even: __m512i, odd: __m512i) -> (__m512i, __m512i) {
    let first = _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0);
    let last = _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2);
    (_mm512_permutex2var_epi64(even, first, odd), _mm512_permutex2var_epi64(even, last, odd))
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q4_K {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, _: usize) -> Four {
        let (rows, half) = (rows.map(|row| row.wrapping_add(quad / 2 * 144)), quad % 2);
        let numbers = rows.map(|row| {
            // SAFETY: as the caller says: 144 bytes are there.
            let (even, odd) = halves(unsafe { _mm512_loadu_si512(row.wrapping_add(16 + 64 * half).cast()) });
            groups(even, odd)
        });
        // SAFETY: as above.
        Four::offset(numbers, unsafe { scales(rows, half) })
    }
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q5_K {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, _: usize) -> Four {
        let (rows, half) = (rows.map(|row| row.wrapping_add(quad / 2 * 176)), quad % 2);
        // The fifth bit of number j of block b is bit b of byte j.
        let bit = 4 * half as i16;
        let even_bits = _mm512_inserti64x4::<1>(_mm512_set1_epi16(bit), _mm256_set1_epi16(bit + 2));
        let odd_bits = _mm512_add_epi16(even_bits, _mm512_set1_epi16(1));
        let one = _mm512_set1_epi8(1);
        let numbers = rows.map(|row| {
            // SAFETY: as the caller says: 176 bytes are there.
            let (low, high) = unsafe {
                (
                    _mm512_loadu_si512(row.wrapping_add(48 + 64 * half).cast()),
                    _mm512_broadcast_i64x4(_mm256_loadu_si256(row.wrapping_add(16).cast())),
                )
            };
            let fifth = |bits| _mm512_slli_epi16::<4>(_mm512_and_si512(_mm512_srlv_epi16(high, bits), one));
            let (even, odd) = halves(low);
            groups(_mm512_or_si512(even, fifth(even_bits)), _mm512_or_si512(odd, fifth(odd_bits)))
        });
        // SAFETY: as above.
        Four::offset(numbers, unsafe { scales(rows, half) })
    }
}

//! 256 numbers of 2, 3 or 6 bits in sixteen groups: see `tensor/q6_k.rs`, `tensor/q3_k.rs` and `tensor/q2_k.rs`.

use super::{Four, Load, by_block, each, halves, read};
use crate::kernel::formats::{Q2_K, Q3_K, Q6_K};
use std::arch::x86_64::*;

/// Blocks 0 and 1 side by side, then 2 and 3, as first groups and last.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn groups(front: __m512i, back: __m512i) -> (__m512i, __m512i) {
    let first = _mm512_set_epi64(13, 12, 9, 8, 5, 4, 1, 0);
    let last = _mm512_set_epi64(15, 14, 11, 10, 7, 6, 3, 2);
    (_mm512_permutex2var_epi64(front, first, back), _mm512_permutex2var_epi64(front, last, back))
}

/// One byte for each group of four blocks, `[output][block][group]`, as those of the first groups and of the last,
/// `[block][output]`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn apart(bytes: [u64; 4]) -> [__m128i; 2] {
    let sorted = |pair: [u64; 2]| {
        let order = _mm_set_epi8(15, 13, 11, 9, 7, 5, 3, 1, 14, 12, 10, 8, 6, 4, 2, 0);
        _mm_shuffle_epi8(bytemuck::cast(pair), order)
    };
    let (a, b) = (sorted([bytes[0], bytes[1]]), sorted([bytes[2], bytes[3]]));
    [by_block(_mm_unpacklo_epi64(a, b)), by_block(_mm_unpackhi_epi64(a, b))]
}

/// Bits `from ..` of 32 bytes for two blocks, and of as many bits further on for the next two.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn bits<const WIDTH: i16>(bytes: __m256i, from: i16) -> (__m512i, __m512i) {
    let mask = _mm512_set1_epi8((1 << WIDTH) - 1);
    let both = _mm512_broadcast_i64x4(bytes);
    let at = |from: i16| _mm512_inserti64x4::<1>(_mm512_set1_epi16(from), _mm256_set1_epi16(from + WIDTH));
    let taken = |from: i16| _mm512_and_si512(_mm512_srlv_epi16(both, at(from)), mask);
    (taken(from), taken(from + 2 * WIDTH))
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q6_K {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, _: usize) -> Four {
        let (rows, half) = (rows.map(|row| row.wrapping_add(quad / 2 * 210)), quad % 2);
        let numbers = rows.map(|row| {
            // SAFETY: as the caller says: 210 bytes are there.
            let (low, high) = unsafe {
                (
                    _mm512_loadu_si512(row.wrapping_add(64 * half).cast()),
                    _mm256_loadu_si256(row.wrapping_add(128 + 32 * half).cast()),
                )
            };
            let ((front, back), (front_high, back_high)) = (halves(low), bits::<2>(high, 0));
            let with = |low, high| _mm512_or_si512(low, _mm512_slli_epi16::<4>(high));
            groups(with(front, front_high), with(back, back_high))
        });
        // SAFETY: as above.
        let (bytes, d) =
            unsafe { (rows.map(|row| read::<u64>(row, 192 + 8 * half)), each(rows.map(|row| read::<u16>(row, 208)))) };
        let scales = apart(bytes).map(|scales| _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales)), d));
        Four::of(numbers, scales, [_mm512_setzero_ps(); 2])
    }
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q3_K {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, _: usize) -> Four {
        let (rows, half) = (rows.map(|row| row.wrapping_add(quad / 2 * 110)), quad % 2);
        let numbers = rows.map(|row| {
            // SAFETY: as the caller says: 110 bytes are there.
            let (high, low) = unsafe {
                (_mm256_loadu_si256(row.cast()), _mm256_loadu_si256(row.wrapping_add(32 + 32 * half).cast()))
            };
            let ((front, back), (front_high, back_high)) = (bits::<2>(low, 0), bits::<1>(high, 4 * half as i16));
            let with = |low, high| _mm512_or_si512(low, _mm512_slli_epi16::<2>(high));
            groups(with(front, front_high), with(back, back_high))
        });
        let bytes = rows.map(|row| {
            // SAFETY: as above.
            let (low, high) = unsafe { (read::<u64>(row, 96), read::<u32>(row, 104)) };
            let high = u64::from(high) >> (4 * half);
            let upper = (high & 0x0303_0303) | ((high >> 2) & 0x0303_0303) << 32;
            (low >> (4 * half)) & 0x0f0f_0f0f_0f0f_0f0f | upper << 4
        });
        // SAFETY: as above.
        let d = each(rows.map(|row| unsafe { read::<u16>(row, 108) }));
        let scales = apart(bytes).map(|scales| {
            let scales = _mm512_sub_epi32(_mm512_cvtepu8_epi32(scales), _mm512_set1_epi32(32));
            _mm512_mul_ps(_mm512_cvtepi32_ps(scales), d)
        });
        Four::of(numbers, scales, [_mm512_setzero_ps(); 2])
    }
}

#[allow(unsafe_code, reason = "a kernel for an instruction set")]
impl Load for Q2_K {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn four(rows: [*const u8; 4], quad: usize, _: usize) -> Four {
        let (rows, half) = (rows.map(|row| row.wrapping_add(quad / 2 * 84)), quad % 2);
        let numbers = rows.map(|row| {
            // SAFETY: as the caller says: 84 bytes are there.
            let (front, back) = bits::<2>(unsafe { _mm256_loadu_si256(row.wrapping_add(16 + 32 * half).cast()) }, 0);
            groups(front, back)
        });
        // SAFETY: as above.
        let (bytes, heads) =
            unsafe { (rows.map(|row| read::<u64>(row, 8 * half)), rows.map(|row| read::<[u16; 2]>(row, 80))) };
        let floats = |bytes: [u64; 4], d| {
            apart(bytes).map(|bytes| _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)), d))
        };
        let mask = 0x0f0f_0f0f_0f0f_0f0f;
        let scales = floats(bytes.map(|bytes| bytes & mask), each(heads.map(|[d, _]| d)));
        let minimums = floats(bytes.map(|bytes| (bytes >> 4) & mask), each(heads.map(|[_, least]| least)));
        Four::of(numbers, scales, minimums.map(|least| _mm512_sub_ps(_mm512_setzero_ps(), least)))
    }
}

//! How these kernels take weights from blocks as files hold them, four blocks of four outputs at a time.

mod fifths;
mod iq4_xs;
mod mxfp4;
mod nibbles;
mod q4_k;
mod q6_k;
mod q8_0;

use crate::kernel::formats::Format;
use crate::tensor::BLOCK;
use std::arch::x86_64::*;

/// Four blocks of four outputs. A block has two groups, its first 16 numbers and its last 16.
#[derive(Clone, Copy)]
pub(super) struct Four {
    /// The first groups of each output, `[block][number]`, as unsigned bytes.
    pub first: [__m512i; 4],
    /// The last groups.
    pub last: [__m512i; 4],
    /// The scales of the first groups and of the last, `[block][output]`.
    pub scales: [__m512; 2],
    /// What is added, likewise.
    pub offsets: [__m512; 2],
}

impl Four {
    /// Of each output's first and last groups, with a scale for each group, and what is added.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    fn of(groups: [(__m512i, __m512i); 4], scales: [__m512; 2], offsets: [__m512; 2]) -> Self {
        Self { first: groups.map(|(first, _)| first), last: groups.map(|(_, last)| last), scales, offsets }
    }

    /// The same with a scale for both groups of a block, and nothing added.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    fn scaled(groups: [(__m512i, __m512i); 4], scales: __m512) -> Self {
        Self::of(groups, [scales; 2], [_mm512_setzero_ps(); 2])
    }

    /// The same with something added.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    fn offset(groups: [(__m512i, __m512i); 4], (scales, offsets): (__m512, __m512)) -> Self {
        Self::of(groups, [scales; 2], [offsets; 2])
    }
}

/// Numbers of four blocks, which is what is taken at a time.
const QUAD: usize = 4 * BLOCK;

/// A format.
#[allow(unsafe_code, reason = "unchecked loads; every implementation says what makes them sound")]
pub(super) trait Load: Format {
    /// Bytes of four blocks.
    const BYTES: usize = {
        let (numbers, bytes) = Self::ENCODING.block();
        bytes * QUAD / numbers
    };

    /// Blocks `4 quad ..` of the outputs whose weights begin at `rows`; zeros for all but `there` of them.
    ///
    /// # Safety
    /// The machine has AVX-512 with VNNI, and each output has `there` of these blocks, one to four.
    unsafe fn four(rows: [*const u8; 4], quad: usize, there: usize) -> Four;
}

/// Four blocks of one output, as words: at most 64, in two vectors.
#[derive(Clone, Copy)]
struct Words(__m512i, __m512i);

impl Words {
    /// So many at `at`, one to 64; zeros behind them.
    ///
    /// # Safety
    /// They are there.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    #[allow(unsafe_code, reason = "unchecked loads")]
    unsafe fn load(at: *const u8, count: usize) -> Self {
        let all = u64::MAX >> (64 - count);
        // SAFETY: masked loads touch what their masks name.
        unsafe {
            Self(
                _mm512_maskz_loadu_epi16(all as u32, at.cast()),
                _mm512_maskz_loadu_epi16((all >> 32) as u32, at.wrapping_add(64).cast()),
            )
        }
    }

    /// The words at these places.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    fn pick(self, places: &[u16; 32]) -> __m512i {
        _mm512_permutex2var_epi16(self.0, bytemuck::cast(*places), self.1)
    }
}

/// Of each block of `stride` words, those from `at` on, again and again after `count`: eight for each.
const fn places(stride: u16, at: u16, count: u16) -> [u16; 32] {
    let mut places = [0; 32];
    let mut i = 0;
    while i < 32 {
        places[i] = stride * (i as u16 / 8) + at + i as u16 % 8 % count;
        i += 1;
    }
    places
}

/// Of each block of `stride` words the first `count`, one or two, block after block.
const fn firsts(stride: u16, count: u16) -> [u16; 32] {
    let mut places = [0; 32];
    let mut i = 0;
    while i < 4 * count {
        places[i as usize] = stride * (i / count) + i % count;
        i += 1;
    }
    places
}

/// What four outputs have for each of four blocks, a float16, as `[block][output]`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn halves_of([o0, o1, o2, o3]: [__m512i; 4]) -> __m512 {
    let low = _mm512_castsi512_si128;
    let (a, b) = (_mm_unpacklo_epi16(low(o0), low(o1)), _mm_unpacklo_epi16(low(o2), low(o3)));
    let (front, back) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    _mm512_cvtph_ps(_mm256_inserti128_si256::<1>(_mm256_castsi128_si256(front), back))
}

/// The same for two float16 each: the first of them, and the second.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn pairs_of(outputs: [__m512i; 4]) -> (__m512, __m512) {
    let [o0, o1, o2, o3] = outputs.map(|output| _mm512_castsi512_si128(output));
    let (a, b) = (_mm_unpacklo_epi32(o0, o1), _mm_unpacklo_epi32(o2, o3));
    let (c, d) = (_mm_unpackhi_epi32(o0, o1), _mm_unpackhi_epi32(o2, o3));
    let blocks =
        [_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b), _mm_unpacklo_epi64(c, d), _mm_unpackhi_epi64(c, d)];
    let words: __m512i = bytemuck::cast(blocks);
    let lower = |words| _mm512_cvtph_ps(_mm512_cvtepi32_epi16(words));
    (lower(words), lower(_mm512_srli_epi32::<16>(words)))
}

/// The float16 of four outputs, for each block: `[block][output]`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn each(halves: [u16; 4]) -> __m512 {
    let four = halves.iter().rev().fold(0, |all, half| all << 16 | u64::from(*half));
    _mm512_broadcast_f32x4(_mm_cvtph_ps(_mm_cvtsi64_si128(four.cast_signed())))
}

/// Bytes `[output][block]` as `[block][output]`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn by_block(bytes: __m128i) -> __m128i {
    _mm_shuffle_epi8(bytes, _mm_set_epi8(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0))
}

/// The lower and the upper halves of bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn halves(bytes: __m512i) -> (__m512i, __m512i) {
    let mask = _mm512_set1_epi8(15);
    (_mm512_and_si512(bytes, mask), _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), mask))
}

/// A number of a type at a place that need not be aligned.
///
/// # Safety
/// Its bytes are there.
#[inline]
#[allow(unsafe_code, reason = "unchecked loads")]
unsafe fn read<T: bytemuck::Pod>(at: *const u8, offset: usize) -> T {
    // SAFETY: any bytes are such a number, and they are there, as the caller says.
    unsafe { at.wrapping_add(offset).cast::<T>().read_unaligned() }
}

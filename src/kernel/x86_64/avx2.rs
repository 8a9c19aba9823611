//! Vectors of 256 bits: AVX2, fused multiplication and float16.
//!
//! There is no product of bytes into 32 bits here, only pairs into 16, which saturate. Numbers below 64 are small
//! enough for that, and those of 4 bits may be added up over a whole block. Larger ones are taken with their sign,
//! which moves to the activations.

use crate::kernel::backend::{Kernels, over_isa, over_vectors};
use crate::kernel::formats::Format;
use crate::kernel::isa::{Isa, LANES, PanelBlock, Vectors};
use half::{bf16, f16};
use std::arch::x86_64::*;
use std::marker::PhantomData;
use std::ops::Range;

/// How bytes are multiplied: what [`Isa`] says of the functions of these names.
pub trait Products: Copy {
    fn is_centred<E: Format>() -> bool;
    fn dots<E: Format>(weights: __m256i, x: __m256i) -> __m256i;
    fn panel_dots<E: Format, const R: usize>(
        weights: &PanelBlock,
        x: [[&[i8; 16]; 2]; R],
        halves: Range<usize>,
    ) -> [[__m256i; 2]; R];
}

/// A machine with AVX2, FMA and F16C, and what `P` is written for.
#[derive(Clone, Copy)]
pub struct Avx2<P>(PhantomData<P>);

impl<P> Avx2<P> {
    /// Proof that the machine has what the caller is compiled for.
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    pub fn here() -> Self {
        Self(PhantomData)
    }
}

/// What is written so in every function below: the value stands for the instructions.
macro_rules! with {
    ($($body:tt)*) => {
        // SAFETY: there is such a value only where the machine has the instructions.
        unsafe { $($body)* }
    };
}
pub(super) use with;

#[allow(unsafe_code, reason = "an instruction set; what makes it sound is said at `with`")]
impl<P: Copy> Vectors for Avx2<P> {
    type Floats = [__m256; 2];

    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> [__m256; 2] {
        with!([_mm256_set1_ps(x); 2])
    }

    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> [__m256; 2] {
        bytemuck::cast(*x)
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16; LANES]) -> [__m256; 2] {
        let [low, high]: [__m128i; 2] = bytemuck::cast(*x);
        with!([_mm256_cvtph_ps(low), _mm256_cvtph_ps(high)])
    }

    #[inline(always)]
    fn load_bf16(self, x: &[bf16; LANES]) -> [__m256; 2] {
        let [low, high]: [__m128i; 2] = bytemuck::cast(*x);
        with!([
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(low))),
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(high))),
        ])
    }

    #[inline(always)]
    fn store(self, x: [__m256; 2]) -> [f32; LANES] {
        bytemuck::cast(x)
    }

    #[inline(always)]
    fn mul(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        with!([_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])])
    }

    #[inline(always)]
    fn fma(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        with!([_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])])
    }

    #[inline(always)]
    fn sums(self, [a, b, c, d]: [[__m256; 2]; 4]) -> [f32; 4] {
        let mut halves = [[0.0; 4]; 2].map(|zeros| self.load_four(&zeros));
        for (i, half) in halves.iter_mut().enumerate() {
            *half = with!({
                let ab = _mm256_add_ps(_mm256_unpacklo_ps(a[i], b[i]), _mm256_unpackhi_ps(a[i], b[i]));
                let cd = _mm256_add_ps(_mm256_unpacklo_ps(c[i], d[i]), _mm256_unpackhi_ps(c[i], d[i]));
                let (ab, cd) = (_mm256_castps_pd(ab), _mm256_castps_pd(cd));
                let fours = _mm256_add_ps(
                    _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)),
                    _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)),
                );
                _mm_add_ps(_mm256_castps256_ps128(fours), _mm256_extractf128_ps::<1>(fours))
            });
        }
        self.store_four(with!(_mm_add_ps(halves[0], halves[1])))
    }
}

#[allow(unsafe_code, reason = "an instruction set; what makes it sound is said at `with`")]
impl<P: Copy> Avx2<P> {
    #[inline(always)]
    fn load_four(self, x: &[f32; 4]) -> __m128 {
        bytemuck::cast(*x)
    }

    #[inline(always)]
    fn store_four(self, x: __m128) -> [f32; 4] {
        bytemuck::cast(x)
    }
}

#[allow(unsafe_code, reason = "an instruction set; what makes it sound is said at `with`")]
impl<P: Products> Isa for Avx2<P> {
    type Four = __m128;
    type Ints = [__m256i; 2];
    type FourInts = __m128i;
    type Bytes = __m256i;
    type Dots = __m256i;

    const TILES: bool = true;
    const PANEL_ROWS: usize = 2;

    #[inline(always)]
    fn splat_four(self, x: f32) -> __m128 {
        with!(_mm_set1_ps(x))
    }

    #[inline(always)]
    fn load_four(self, x: &[f32; 4]) -> __m128 {
        bytemuck::cast(*x)
    }

    #[inline(always)]
    fn four_halves(self, x: [u16; 4]) -> [f32; 4] {
        let x = x.map(u16::cast_signed).map(i32::from);
        bytemuck::cast(with!({
            let both = _mm_insert_epi16::<1>(_mm_cvtsi32_si128(x[0]), x[1]);
            _mm_cvtph_ps(_mm_insert_epi16::<3>(_mm_insert_epi16::<2>(both, x[2]), x[3]))
        }))
    }

    #[inline(always)]
    fn store_four(self, x: __m128) -> [f32; 4] {
        bytemuck::cast(x)
    }

    #[inline(always)]
    fn add_four(self, a: __m128, b: __m128) -> __m128 {
        with!(_mm_add_ps(a, b))
    }

    #[inline(always)]
    fn mul_four(self, a: __m128, b: __m128) -> __m128 {
        with!(_mm_mul_ps(a, b))
    }

    #[inline(always)]
    fn fma_four(self, a: __m128, b: __m128, c: __m128) -> __m128 {
        with!(_mm_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn bytes(self, first: &[u8; 16], last: &[u8; 16]) -> __m256i {
        with!(_mm256_set_m128i(bytemuck::cast(*last), bytemuck::cast(*first)))
    }

    #[inline(always)]
    fn block(self, bytes: &[u8; 32]) -> __m256i {
        bytemuck::cast(*bytes)
    }

    #[inline(always)]
    fn nibbles(self, bytes: &[u8; 16]) -> __m256i {
        let bytes: __m128i = bytemuck::cast(*bytes);
        with!(_mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16::<4>(bytes), bytes), _mm256_set1_epi8(15)))
    }

    #[inline(always)]
    fn store_bytes(self, x: __m256i) -> [u8; 32] {
        bytemuck::cast(x)
    }

    #[inline(always)]
    fn bits(self, x: __m256i, from: u32, mask: u8) -> __m256i {
        with!({
            let low = _mm256_srl_epi16(x, _mm_cvtsi32_si128(from.cast_signed()));
            _mm256_and_si256(low, _mm256_set1_epi8(mask.cast_signed()))
        })
    }

    #[inline(always)]
    fn join(self, low: __m256i, high: __m256i, at: u32) -> __m256i {
        with!(_mm256_or_si256(low, _mm256_sll_epi16(high, _mm_cvtsi32_si128(at.cast_signed()))))
    }

    #[inline(always)]
    fn turned(self, x: __m256i, bits: u8) -> __m256i {
        with!(_mm256_xor_si256(x, _mm256_set1_epi8(bits.cast_signed())))
    }

    #[inline(always)]
    fn sixteens(self, bits: u32) -> __m256i {
        with!({
            // Each byte gets the byte of its bit, and of that its bit.
            let (a, b, c, d) = (0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303);
            let bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(bits.cast_signed()), _mm256_set_epi64x(d, c, b, a));
            let own = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
            let set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, own), own);
            _mm256_and_si256(set, _mm256_set1_epi8(16))
        })
    }

    #[inline(always)]
    fn look_up(self, levels: &[u8; 16], x: __m256i) -> __m256i {
        with!(_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytemuck::cast(*levels)), x))
    }

    #[inline(always)]
    fn is_centred<E: Format>() -> bool {
        P::is_centred::<E>()
    }

    #[inline(always)]
    fn dots<E: Format>(self, weights: __m256i, x: __m256i) -> __m256i {
        P::dots::<E>(weights, x)
    }

    #[inline(always)]
    fn groups(self, [a, b, c, d]: [__m256i; 4]) -> [__m128i; 2] {
        with!({
            let sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
            [_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums)]
        })
    }

    #[inline(always)]
    fn add_ints(self, a: __m128i, b: __m128i) -> __m128i {
        with!(_mm_add_epi32(a, b))
    }

    #[inline(always)]
    fn plus(self, x: __m128i, add: i32) -> __m128i {
        with!(_mm_add_epi32(x, _mm_set1_epi32(add)))
    }

    #[inline(always)]
    fn four_floats(self, x: __m128i) -> __m128 {
        with!(_mm_cvtepi32_ps(x))
    }

    #[inline(always)]
    fn panel_dots<E: Format, const R: usize>(
        self,
        weights: &PanelBlock,
        x: [[&[i8; 16]; 2]; R],
        halves: Range<usize>,
    ) -> [[__m256i; 2]; R] {
        P::panel_dots::<E, R>(weights, x, halves)
    }

    #[inline(always)]
    fn floats_plus(self, x: [__m256i; 2], add: i32) -> [__m256; 2] {
        with!({
            let add = _mm256_set1_epi32(add);
            [_mm256_cvtepi32_ps(_mm256_add_epi32(x[0], add)), _mm256_cvtepi32_ps(_mm256_add_epi32(x[1], add))]
        })
    }

    #[inline(always)]
    fn prefetch(self, at: *const u8) {
        with!(_mm_prefetch::<_MM_HINT_T0>(at.cast()));
    }
}

/// Four activations of a group, eight times.
#[inline(always)]
#[allow(unsafe_code, reason = "an instruction set; what makes it sound is said at `with`")]
pub(super) fn four(x: [&[i8; 16]; 2], group: usize) -> __m256i {
    let fours: [[[i8; 4]; 4]; 2] = [bytemuck::cast(*x[0]), bytemuck::cast(*x[1])];
    with!(_mm256_set1_epi32(i32::from_le_bytes(bytemuck::cast(fours[group / 4][group % 4]))))
}

/// Products by pairs into 16 bits.
#[derive(Clone, Copy)]
pub struct Pairs;

impl Pairs {
    /// How many sums of pairs fit into 16 bits.
    const fn fit<E: Format>() -> usize {
        (i16::MAX as u32 / (E::LARGEST * 2 * 127)) as usize
    }
}

#[allow(unsafe_code, reason = "an instruction set; what makes it sound is said at `with`")]
impl Products for Pairs {
    #[inline(always)]
    fn is_centred<E: Format>() -> bool {
        Self::fit::<E>() == 0
    }

    #[inline(always)]
    fn dots<E: Format>(weights: __m256i, x: __m256i) -> __m256i {
        with!({
            let pairs = if Self::is_centred::<E>() {
                let signed = _mm256_xor_si256(weights, _mm256_set1_epi8(-128));
                _mm256_maddubs_epi16(_mm256_abs_epi8(signed), _mm256_sign_epi8(x, signed))
            } else {
                _mm256_maddubs_epi16(weights, x)
            };
            _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
        })
    }

    #[inline(always)]
    fn panel_dots<E: Format, const R: usize>(
        weights: &PanelBlock,
        x: [[&[i8; 16]; 2]; R],
        halves: Range<usize>,
    ) -> [[__m256i; 2]; R] {
        with!({
            let ones = _mm256_set1_epi16(1);
            let mut sums = [[_mm256_setzero_si256(); 2]; R];
            let each = Self::fit::<E>().clamp(1, 8);
            let (mut group, end) = (4 * halves.start, 4 * halves.end);
            while group < end {
                let mut pairs = [[_mm256_setzero_si256(); 2]; R];
                let until = (group + each).min(end);
                for (group, weights) in (group..until).zip(&weights[group..until]) {
                    let [low, high]: [__m256i; 2] = bytemuck::cast(*weights);
                    if Self::is_centred::<E>() {
                        let centre = _mm256_set1_epi8(-128);
                        let (low, high) = (_mm256_xor_si256(low, centre), _mm256_xor_si256(high, centre));
                        let sizes = (_mm256_abs_epi8(low), _mm256_abs_epi8(high));
                        for (pairs, x) in pairs.iter_mut().zip(x) {
                            let x = four(x, group);
                            pairs[0] = _mm256_maddubs_epi16(sizes.0, _mm256_sign_epi8(x, low));
                            pairs[1] = _mm256_maddubs_epi16(sizes.1, _mm256_sign_epi8(x, high));
                        }
                    } else {
                        for (pairs, x) in pairs.iter_mut().zip(x) {
                            let x = four(x, group);
                            pairs[0] = _mm256_add_epi16(pairs[0], _mm256_maddubs_epi16(low, x));
                            pairs[1] = _mm256_add_epi16(pairs[1], _mm256_maddubs_epi16(high, x));
                        }
                    }
                }
                for (sums, pairs) in sums.iter_mut().zip(pairs) {
                    sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(pairs[0], ones));
                    sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(pairs[1], ones));
                }
                group += each;
            }
            sums
        })
    }
}

/// AVX2 without products of bytes.
pub struct Avx2Backend;

#[allow(unsafe_code, reason = "kernels for an instruction set; what makes it sound is said at the call")]
impl Kernels for Avx2Backend {
    fn name(&self) -> &'static str {
        "avx2"
    }

    fn is_there(&self) -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
    }

    over_vectors!(Avx2::<Pairs>::here(), target_feature(enable = "avx2,fma,f16c"));
    over_isa!(Avx2::<Pairs>::here(), target_feature(enable = "avx2,fma,f16c"));
}

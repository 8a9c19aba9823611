//! Vectors of 128 bits, with products of bytes by fours. The instructions for those, and for float16, have no stable
//! names in Rust yet, so they are written out.

use crate::kernel::backend::{Kernels, over_isa, over_vectors};
use crate::kernel::formats::Format;
use crate::kernel::isa::{Isa, LANES, PanelBlock, Vectors};
use half::{bf16, f16};
use std::arch::aarch64::*;
use std::arch::asm;
use std::arch::is_aarch64_feature_detected;
use std::marker::PhantomData;
use std::ops::Range;

/// How bytes are multiplied.
pub trait Products: Copy {
    /// Whether weights are taken as signed numbers, around their centre.
    const SIGNED: bool;

    /// Sixteen products added by fours to `sums`.
    fn dot(sums: int32x4_t, weights: uint8x16_t, x: int8x16_t) -> int32x4_t;

    /// The same with one four of `x` for all: 0 to 3.
    fn dot_lane<const LANE: i32>(sums: int32x4_t, weights: uint8x16_t, x: int8x16_t) -> int32x4_t;
}

/// A machine with NEON, and what `P` is written for.
#[derive(Clone, Copy)]
pub struct Neon<P>(PhantomData<P>);

impl<P> Neon<P> {
    /// Proof that the machine has what the caller is compiled for.
    #[inline]
    #[target_feature(enable = "neon")]
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

/// Eight float16 as float32.
#[inline(always)]
#[allow(unsafe_code, reason = "an instruction without a stable name")]
fn widened(x: uint16x8_t) -> [float32x4_t; 2] {
    let (low, high);
    // SAFETY: every 64-bit ARM has these instructions, which read and write registers alone.
    unsafe {
        asm!(
            "fcvtl {low:v}.4s, {x:v}.4h",
            "fcvtl2 {high:v}.4s, {x:v}.8h",
            low = out(vreg) low, high = lateout(vreg) high, x = in(vreg) x,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [low, high]
}

#[allow(unsafe_code, reason = "an instruction set; what makes it sound is said at `with`")]
impl<P: Copy> Vectors for Neon<P> {
    type Floats = [float32x4_t; 4];

    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> [float32x4_t; 4] {
        with!([vdupq_n_f32(x); 4])
    }

    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> [float32x4_t; 4] {
        bytemuck::cast(*x)
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16; LANES]) -> [float32x4_t; 4] {
        let [front, back]: [uint16x8_t; 2] = bytemuck::cast(*x);
        let ([a, b], [c, d]) = (widened(front), widened(back));
        [a, b, c, d]
    }

    #[inline(always)]
    fn load_bf16(self, x: &[bf16; LANES]) -> [float32x4_t; 4] {
        let fours: [uint16x4_t; 4] = bytemuck::cast(*x);
        with!(fours.map(|four| vreinterpretq_f32_u32(vshll_n_u16::<16>(four))))
    }

    #[inline(always)]
    fn store(self, x: [float32x4_t; 4]) -> [f32; LANES] {
        bytemuck::cast(x)
    }

    #[inline(always)]
    fn mul(self, a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
        with!([vmulq_f32(a[0], b[0]), vmulq_f32(a[1], b[1]), vmulq_f32(a[2], b[2]), vmulq_f32(a[3], b[3])])
    }

    #[inline(always)]
    fn fma(self, a: [float32x4_t; 4], b: [float32x4_t; 4], c: [float32x4_t; 4]) -> [float32x4_t; 4] {
        with!([
            vfmaq_f32(c[0], a[0], b[0]),
            vfmaq_f32(c[1], a[1], b[1]),
            vfmaq_f32(c[2], a[2], b[2]),
            vfmaq_f32(c[3], a[3], b[3]),
        ])
    }

    #[inline(always)]
    fn sums(self, [a, b, c, d]: [[float32x4_t; 4]; 4]) -> [f32; 4] {
        with!({
            let mut fours = [vdupq_n_f32(0.0); 4];
            for (i, four) in fours.iter_mut().enumerate() {
                let ab = vaddq_f32(vzip1q_f32(a[i], b[i]), vzip2q_f32(a[i], b[i]));
                let cd = vaddq_f32(vzip1q_f32(c[i], d[i]), vzip2q_f32(c[i], d[i]));
                let (ab, cd) = (vreinterpretq_f64_f32(ab), vreinterpretq_f64_f32(cd));
                let (low, high) = (vzip1q_f64(ab, cd), vzip2q_f64(ab, cd));
                *four = vaddq_f32(vreinterpretq_f32_f64(low), vreinterpretq_f32_f64(high));
            }
            bytemuck::cast(vaddq_f32(vaddq_f32(fours[0], fours[1]), vaddq_f32(fours[2], fours[3])))
        })
    }
}

/// Numbers around their centre, as signed bytes' bits, where they are taken so.
#[inline(always)]
#[allow(unsafe_code, reason = "an instruction set; what makes it sound is said at `with`")]
fn centred<P: Products, E: Format>(weights: uint8x16_t) -> uint8x16_t {
    match E::CENTRE {
        0 => weights,
        centre if P::SIGNED => with!(vsubq_u8(weights, vdupq_n_u8(1 << centre))),
        _ => weights,
    }
}

#[allow(unsafe_code, reason = "an instruction set; what makes it sound is said at `with`")]
impl<P: Products> Isa for Neon<P> {
    type Four = float32x4_t;
    type Ints = [int32x4_t; 4];
    type FourInts = int32x4_t;
    type Bytes = [uint8x16_t; 2];
    type Dots = [int32x4_t; 2];

    const TILES: bool = true;
    const PANEL_ROWS: usize = 4;

    #[inline(always)]
    fn splat_four(self, x: f32) -> float32x4_t {
        with!(vdupq_n_f32(x))
    }

    #[inline(always)]
    fn load_four(self, x: &[f32; 4]) -> float32x4_t {
        bytemuck::cast(*x)
    }

    #[inline(always)]
    fn four_halves(self, x: [u16; 4]) -> [f32; 4] {
        let [low, _] = widened(bytemuck::cast([x, [0; 4]]));
        bytemuck::cast(low)
    }

    #[inline(always)]
    fn store_four(self, x: float32x4_t) -> [f32; 4] {
        bytemuck::cast(x)
    }

    #[inline(always)]
    fn add_four(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        with!(vaddq_f32(a, b))
    }

    #[inline(always)]
    fn mul_four(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        with!(vmulq_f32(a, b))
    }

    #[inline(always)]
    fn fma_four(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        with!(vfmaq_f32(c, a, b))
    }

    #[inline(always)]
    fn bytes(self, first: &[u8; 16], last: &[u8; 16]) -> [uint8x16_t; 2] {
        [bytemuck::cast(*first), bytemuck::cast(*last)]
    }

    #[inline(always)]
    fn block(self, bytes: &[u8; 32]) -> [uint8x16_t; 2] {
        bytemuck::cast(*bytes)
    }

    #[inline(always)]
    fn nibbles(self, bytes: &[u8; 16]) -> [uint8x16_t; 2] {
        let bytes: uint8x16_t = bytemuck::cast(*bytes);
        with!([vandq_u8(bytes, vdupq_n_u8(15)), vshrq_n_u8::<4>(bytes)])
    }

    #[inline(always)]
    fn store_bytes(self, x: [uint8x16_t; 2]) -> [u8; 32] {
        bytemuck::cast(x)
    }

    #[inline(always)]
    fn bits(self, x: [uint8x16_t; 2], from: u32, mask: u8) -> [uint8x16_t; 2] {
        with!({
            let (right, mask) = (vdupq_n_s8(-(from as i8)), vdupq_n_u8(mask));
            [vandq_u8(vshlq_u8(x[0], right), mask), vandq_u8(vshlq_u8(x[1], right), mask)]
        })
    }

    #[inline(always)]
    fn join(self, low: [uint8x16_t; 2], high: [uint8x16_t; 2], at: u32) -> [uint8x16_t; 2] {
        with!({
            let left = vdupq_n_s8(at as i8);
            [vorrq_u8(low[0], vshlq_u8(high[0], left)), vorrq_u8(low[1], vshlq_u8(high[1], left))]
        })
    }

    #[inline(always)]
    fn turned(self, x: [uint8x16_t; 2], bits: u8) -> [uint8x16_t; 2] {
        with!({
            let bits = vdupq_n_u8(bits);
            [veorq_u8(x[0], bits), veorq_u8(x[1], bits)]
        })
    }

    #[inline(always)]
    fn sixteens(self, bits: u32) -> [uint8x16_t; 2] {
        let [a, b, c, d] = bits.to_le_bytes();
        let own: uint8x16_t = bytemuck::cast([0x8040_2010_0804_0201_u64; 2]);
        let bytes = |low: u8, high: u8| -> uint8x16_t { bytemuck::cast([[low; 8], [high; 8]]) };
        with!({
            let sixteen = vdupq_n_u8(16);
            [vandq_u8(vtstq_u8(bytes(a, b), own), sixteen), vandq_u8(vtstq_u8(bytes(c, d), own), sixteen)]
        })
    }

    #[inline(always)]
    fn look_up(self, levels: &[u8; 16], x: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        let levels: uint8x16_t = bytemuck::cast(*levels);
        with!([vqtbl1q_u8(levels, x[0]), vqtbl1q_u8(levels, x[1])])
    }

    #[inline(always)]
    fn is_centred<E: Format>() -> bool {
        P::SIGNED
    }

    #[inline(always)]
    fn dots<E: Format>(self, weights: [uint8x16_t; 2], x: [uint8x16_t; 2]) -> [int32x4_t; 2] {
        with!({
            let zero = vdupq_n_s32(0);
            [
                P::dot(zero, centred::<P, E>(weights[0]), vreinterpretq_s8_u8(x[0])),
                P::dot(zero, centred::<P, E>(weights[1]), vreinterpretq_s8_u8(x[1])),
            ]
        })
    }

    #[inline(always)]
    fn groups(self, [a, b, c, d]: [[int32x4_t; 2]; 4]) -> [int32x4_t; 2] {
        with!([
            vpaddq_s32(vpaddq_s32(a[0], b[0]), vpaddq_s32(c[0], d[0])),
            vpaddq_s32(vpaddq_s32(a[1], b[1]), vpaddq_s32(c[1], d[1])),
        ])
    }

    #[inline(always)]
    fn add_ints(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        with!(vaddq_s32(a, b))
    }

    #[inline(always)]
    fn plus(self, x: int32x4_t, add: i32) -> int32x4_t {
        with!(vaddq_s32(x, vdupq_n_s32(add)))
    }

    #[inline(always)]
    fn four_floats(self, x: int32x4_t) -> float32x4_t {
        with!(vcvtq_f32_s32(x))
    }

    #[inline(always)]
    fn panel_dots<E: Format, const R: usize>(
        self,
        weights: &PanelBlock,
        x: [[&[i8; 16]; 2]; R],
        halves: Range<usize>,
    ) -> [[int32x4_t; 4]; R] {
        let mut sums = [with!([vdupq_n_s32(0); 4]); R];
        for half in halves {
            for (group, weights) in weights[4 * half..4 * half + 4].iter().enumerate() {
                let weights: [uint8x16_t; 4] = bytemuck::cast(*weights);
                for (i, weights) in weights.into_iter().enumerate() {
                    let weights = centred::<P, E>(weights);
                    for (sums, x) in sums.iter_mut().zip(x) {
                        let x: int8x16_t = bytemuck::cast(*x[half]);
                        sums[i] = match group {
                            0 => P::dot_lane::<0>(sums[i], weights, x),
                            1 => P::dot_lane::<1>(sums[i], weights, x),
                            2 => P::dot_lane::<2>(sums[i], weights, x),
                            _ => P::dot_lane::<3>(sums[i], weights, x),
                        };
                    }
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn floats_plus(self, x: [int32x4_t; 4], add: i32) -> [float32x4_t; 4] {
        with!({
            let add = vdupq_n_s32(add);
            x.map(|x| vcvtq_f32_s32(vaddq_s32(x, add)))
        })
    }

    #[inline(always)]
    #[allow(unsafe_code, reason = "a hint, which reads nothing")]
    fn prefetch(self, at: *const u8) {
        // SAFETY: a hint may name any address.
        unsafe { asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(nostack, preserves_flags, readonly)) }
    }
}

/// Products by one instruction, which has two forms.
macro_rules! products {
    ($form:ident, $signed:literal, $dot:literal, $backend:ident, $name:literal, $feature:literal, $needs:tt) => {
        #[derive(Clone, Copy)]
        struct $form;

        #[allow(unsafe_code, reason = "an instruction without a stable name")]
        impl Products for $form {
            const SIGNED: bool = $signed;

            #[inline(always)]
            fn dot(mut sums: int32x4_t, weights: uint8x16_t, x: int8x16_t) -> int32x4_t {
                // SAFETY: this is inlined where the machine has the instruction, which uses registers alone.
                unsafe {
                    asm!(
                        concat!($dot, " {sums:v}.4s, {weights:v}.16b, {x:v}.16b"),
                        sums = inout(vreg) sums, weights = in(vreg) weights, x = in(vreg) x,
                        options(pure, nomem, nostack, preserves_flags),
                    );
                }
                sums
            }

            #[inline(always)]
            fn dot_lane<const LANE: i32>(mut sums: int32x4_t, weights: uint8x16_t, x: int8x16_t) -> int32x4_t {
                // SAFETY: as above.
                unsafe {
                    asm!(
                        concat!($dot, " {sums:v}.4s, {weights:v}.16b, {x:v}.4b[{lane}]"),
                        sums = inout(vreg) sums, weights = in(vreg) weights, x = in(vreg) x, lane = const LANE,
                        options(pure, nomem, nostack, preserves_flags),
                    );
                }
                sums
            }
        }

        /// NEON with these products.
        pub struct $backend;

        #[allow(unsafe_code, reason = "kernels for an instruction set; what makes it sound is said at the call")]
        impl Kernels for $backend {
            fn name(&self) -> &'static str {
                $name
            }

            fn is_there(&self) -> bool {
                is_aarch64_feature_detected!($needs)
            }

            over_vectors!(Neon::<$form>::here(), target_feature(enable = $feature));
            over_isa!(Neon::<$form>::here(), target_feature(enable = $feature));
        }
    };
}

products!(Signed, true, "sdot", DotprodBackend, "dotprod", "neon,dotprod", "dotprod");
products!(Mixed, false, "usdot", I8mmBackend, "i8mm", "neon,i8mm", "i8mm");

//! The definition: an instruction set that has none, in plain loops. They are not forced into their callers, of which
//! there are many: what is slow anyway should be small.

use super::backend::{Kernels, over_isa, over_vectors};
use super::formats::Format;
use super::isa::{Isa, LANES, PanelBlock, Vectors};
use half::{bf16, f16};
use std::ops::Range;

/// What every machine has.
#[derive(Clone, Copy)]
pub struct Scalar;

impl Vectors for Scalar {
    type Floats = [f32; LANES];

    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; LANES] {
        [x; LANES]
    }

    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> [f32; LANES] {
        *x
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16; LANES]) -> [f32; LANES] {
        x.map(f16::to_f32_const)
    }

    #[inline(always)]
    fn load_bf16(self, x: &[bf16; LANES]) -> [f32; LANES] {
        x.map(bf16::to_f32)
    }

    #[inline(always)]
    fn store(self, x: [f32; LANES]) -> [f32; LANES] {
        x
    }

    #[inline(always)]
    fn mul(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn fma(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn sums(self, x: [[f32; LANES]; 4]) -> [f32; 4] {
        x.map(|x| {
            let four = |i: usize| (x[4 * i] + x[4 * i + 2]) + (x[4 * i + 1] + x[4 * i + 3]);
            (four(0) + four(1)) + (four(2) + four(3))
        })
    }
}

impl Isa for Scalar {
    type Four = [f32; 4];
    type Ints = [i32; LANES];
    type FourInts = [i32; 4];
    type Bytes = [u8; 32];
    type Dots = [i32; 8];

    const TILES: bool = false;
    const PANEL_ROWS: usize = 2;

    #[inline]
    fn splat_four(self, x: f32) -> [f32; 4] {
        [x; 4]
    }

    #[inline]
    fn load_four(self, x: &[f32; 4]) -> [f32; 4] {
        *x
    }

    #[inline]
    fn four_halves(self, x: [u16; 4]) -> [f32; 4] {
        x.map(|bits| f16::from_bits(bits).to_f32_const())
    }

    #[inline]
    fn store_four(self, x: [f32; 4]) -> [f32; 4] {
        x
    }

    #[inline]
    fn add_four(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline]
    fn mul_four(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline]
    fn fma_four(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline]
    fn bytes(self, first: &[u8; 16], last: &[u8; 16]) -> [u8; 32] {
        std::array::from_fn(|i| if i < 16 { first[i] } else { last[i - 16] })
    }

    #[inline]
    fn block(self, bytes: &[u8; 32]) -> [u8; 32] {
        *bytes
    }

    #[inline(never)]
    fn nibbles(self, bytes: &[u8; 16]) -> [u8; 32] {
        std::array::from_fn(|i| if i < 16 { bytes[i] & 15 } else { bytes[i - 16] >> 4 })
    }

    #[inline]
    fn store_bytes(self, x: [u8; 32]) -> [u8; 32] {
        x
    }

    #[inline(never)]
    fn bits(self, x: [u8; 32], from: u32, mask: u8) -> [u8; 32] {
        x.map(|x| (x >> from) & mask)
    }

    #[inline(never)]
    fn join(self, low: [u8; 32], high: [u8; 32], at: u32) -> [u8; 32] {
        std::array::from_fn(|i| low[i] | high[i] << at)
    }

    #[inline]
    fn turned(self, x: [u8; 32], bits: u8) -> [u8; 32] {
        x.map(|x| x ^ bits)
    }

    #[inline(never)]
    fn sixteens(self, bits: u32) -> [u8; 32] {
        std::array::from_fn(|i| ((bits >> i) & 1) as u8 * 16)
    }

    #[inline(never)]
    fn look_up(self, levels: &[u8; 16], x: [u8; 32]) -> [u8; 32] {
        x.map(|x| levels[usize::from(x % 16)])
    }

    #[inline]
    fn is_centred<E: Format>() -> bool {
        false
    }

    #[inline(never)]
    fn dots<E: Format>(self, weights: [u8; 32], x: [u8; 32]) -> [i32; 8] {
        let product = |i: usize| i32::from(weights[i]) * i32::from(x[i].cast_signed());
        std::array::from_fn(|i| product(4 * i) + product(4 * i + 1) + product(4 * i + 2) + product(4 * i + 3))
    }

    #[inline(never)]
    fn groups(self, dots: [[i32; 8]; 4]) -> [[i32; 4]; 2] {
        [dots.map(|d| d[0] + d[1] + d[2] + d[3]), dots.map(|d| d[4] + d[5] + d[6] + d[7])]
    }

    #[inline]
    fn add_ints(self, a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline]
    fn plus(self, x: [i32; 4], add: i32) -> [i32; 4] {
        x.map(|x| x + add)
    }

    #[inline]
    fn four_floats(self, x: [i32; 4]) -> [f32; 4] {
        x.map(|x| x as f32)
    }

    #[inline]
    fn panel_dots<E: Format, const R: usize>(
        self,
        weights: &PanelBlock,
        x: [[&[i8; 16]; 2]; R],
        halves: Range<usize>,
    ) -> [[i32; LANES]; R] {
        let mut sums = [[0; LANES]; R];
        for (sums, x) in sums.iter_mut().zip(x) {
            for half in halves.clone() {
                for (weights, x) in weights[4 * half..4 * half + 4].iter().zip(x[half].as_chunks::<4>().0) {
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum += weights.iter().zip(x).map(|(w, x)| i32::from(*w) * i32::from(*x)).sum::<i32>();
                    }
                }
            }
        }
        sums
    }

    #[inline]
    fn floats_plus(self, x: [i32; LANES], add: i32) -> [f32; LANES] {
        x.map(|x| (x + add) as f32)
    }

    #[inline]
    fn prefetch(self, _: *const u8) {}
}

#[allow(unsafe_code, unused_unsafe, reason = "what other sets need is nothing here")]
impl Kernels for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }

    fn is_there(&self) -> bool {
        true
    }

    over_vectors!(Scalar);
    over_isa!(Scalar);
}

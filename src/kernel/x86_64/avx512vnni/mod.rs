//! Vectors of 512 bits with products of bytes. Products have loaders of their own here: four blocks of four outputs
//! fill the registers.

mod gemm;
mod gemv;
mod load;

use crate::kernel::backend::{Kernels, by_encoding, over_vectors};
use crate::kernel::isa::{LANES, Vectors};
use crate::kernel::matrix::{Matrix, To};
use crate::kernel::{Activations, floats};
use half::{bf16, f16};
use load::Load;
use std::arch::x86_64::*;

/// A machine with AVX-512.
#[derive(Clone, Copy)]
struct Avx512(());

impl Avx512 {
    /// Proof that the machine has what the caller is compiled for.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    fn here() -> Self {
        Self(())
    }
}

#[allow(unsafe_code, reason = "an instruction set: there is such a value only where the machine has it")]
impl Vectors for Avx512 {
    type Floats = __m512;

    const ACCUMULATORS: usize = 16;

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: there is such a value only where the machine has the instructions; so below.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> __m512 {
        bytemuck::cast(*x)
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16; LANES]) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_cvtph_ps(bytemuck::cast(*x)) }
    }

    #[inline(always)]
    fn load_bf16(self, x: &[bf16; LANES]) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(bytemuck::cast(*x)))) }
    }

    #[inline(always)]
    fn store(self, x: __m512) -> [f32; LANES] {
        bytemuck::cast(x)
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn sums(self, [a, b, c, d]: [__m512; 4]) -> [f32; 4] {
        // SAFETY: as above.
        unsafe {
            let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
            let fours = _mm512_add_ps(
                _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)),
                _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)),
            );
            let fours: [__m128; 4] = bytemuck::cast(fours);
            bytemuck::cast(_mm_add_ps(_mm_add_ps(fours[0], fours[1]), _mm_add_ps(fours[2], fours[3])))
        }
    }
}

/// AVX-512 with VNNI.
pub struct Avx512Vnni;

#[allow(unsafe_code, reason = "kernels for an instruction set; what makes it sound is said at the call")]
impl Kernels for Avx512Vnni {
    fn name(&self) -> &'static str {
        "avx512vnni"
    }

    fn is_there(&self) -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("f16c")
    }

    over_vectors!(Avx512::here(), target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"));

    fn product(&self, matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
        fn few<L: Load>(matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
            // SAFETY: the matrix is whole, as whoever calls a backend says.
            unsafe { gemv::product::<L>(matrix, rows, panel, to) }
        }
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
        fn many<L: Load>(matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
            // SAFETY: as above, and a panel that is turned is whole.
            unsafe { gemm::product::<L>(matrix, rows, panel, to) }
        }
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
        fn of_floats<F: floats::Float>(matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
            floats::product::<_, F>(Avx512::here(), matrix, rows, panel, to);
        }
        // SAFETY: a backend is handed out where its instructions are.
        unsafe {
            match matrix.turns(panel, rows.count()) {
                true => by_encoding!(matrix, many, of_floats, (matrix, rows, panel, to)),
                false => by_encoding!(matrix, few, of_floats, (matrix, rows, panel, to)),
            }
        }
    }
}

//! Vectors of 256 bits with products of bytes: VNNI as an N100 has it (VEX), and as processors with AVX-512 do (EVEX).

use super::avx2::{Avx2, Products, four, with};
use crate::kernel::backend::{Kernels, over_isa, over_vectors};
use crate::kernel::formats::Format;
use crate::kernel::isa::PanelBlock;
use std::arch::x86_64::*;
use std::ops::Range;

/// Products by one instruction, in one of its two forms.
macro_rules! products {
    ($form:ident, $dot:ident, $backend:ident, $features:literal, $($feature:tt),*) => {
        #[derive(Clone, Copy)]
        struct $form;

        #[allow(unsafe_code, reason = "an instruction set; what makes it sound is said at `with`")]
        impl Products for $form {
            #[inline(always)]
            fn is_centred<E: Format>() -> bool {
                false
            }

            #[inline(always)]
            fn dots<E: Format>(weights: __m256i, x: __m256i) -> __m256i {
                with!($dot(_mm256_setzero_si256(), weights, x))
            }

            #[inline(always)]
            fn panel_dots<E: Format, const R: usize>(
                weights: &PanelBlock,
                x: [[&[i8; 16]; 2]; R],
                halves: Range<usize>,
            ) -> [[__m256i; 2]; R] {
                with!({
                    let mut sums = [[_mm256_setzero_si256(); 2]; R];
                    let groups = 4 * halves.start..4 * halves.end;
                    for (group, weights) in groups.clone().zip(&weights[groups]) {
                        let [low, high]: [__m256i; 2] = bytemuck::cast(*weights);
                        for (sums, x) in sums.iter_mut().zip(x) {
                            let x = four(x, group);
                            sums[0] = $dot(sums[0], low, x);
                            sums[1] = $dot(sums[1], high, x);
                        }
                    }
                    sums
                })
            }
        }

        /// AVX2 with these products.
        pub struct $backend;

        #[allow(unsafe_code, reason = "kernels for an instruction set; what makes it sound is said at the call")]
        impl Kernels for $backend {
            fn name(&self) -> &'static str {
                "avxvnni"
            }

            fn is_there(&self) -> bool {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
                    $(&& is_x86_feature_detected!($feature))*
            }

            over_vectors!(Avx2::<$form>::here(), target_feature(enable = $features));
            over_isa!(Avx2::<$form>::here(), target_feature(enable = $features));
        }
    };
}

products!(Vex, _mm256_dpbusd_avx_epi32, VexBackend, "avx2,fma,f16c,avxvnni", "avxvnni");
products!(Evex, _mm256_dpbusd_epi32, EvexBackend, "avx2,fma,f16c,avx512vnni,avx512vl", "avx512vnni", "avx512vl");

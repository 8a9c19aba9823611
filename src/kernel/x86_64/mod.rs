//! What 64-bit x86 has: AVX2 with fused multiplication (2013 and later), with VNNI (N100 and its like), and AVX-512
//! with VNNI.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512vnni;
#[cfg(target_arch = "x86_64")]
mod avxvnni;

use super::backend::Kernels;

/// Best first.
#[cfg(target_arch = "x86_64")]
pub const BACKENDS: &[&dyn Kernels] =
    &[&avx512vnni::Avx512Vnni, &avxvnni::VexBackend, &avxvnni::EvexBackend, &avx2::Avx2Backend];

/// On another machine.
#[cfg(not(target_arch = "x86_64"))]
pub const BACKENDS: &[&dyn Kernels] = &[];

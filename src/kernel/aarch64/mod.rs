//! What 64-bit ARM has: products of signed bytes (`dotprod`: Raspberry Pi 5, Jetson Orin, RK3588), and of unsigned with
//! signed ones (`i8mm`: Jetson Thor and its like). Machines without either take the scalar kernels.

#[cfg(target_arch = "aarch64")]
mod neon;

use super::backend::Kernels;

/// Best first.
#[cfg(target_arch = "aarch64")]
pub const BACKENDS: &[&dyn Kernels] = &[&neon::I8mmBackend, &neon::DotprodBackend];

/// On another machine.
#[cfg(not(target_arch = "aarch64"))]
pub const BACKENDS: &[&dyn Kernels] = &[];

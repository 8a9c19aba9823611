//! Products of float32 rows with a small matrix, as adapters have them: each row by itself, so that it has the same
//! bits alone and among others.

use super::{Output, PANEL};
use std::arch::x86_64::*;

/// Panels that are computed side by side, to hide how long each sum takes.
const BESIDE: usize = 4;

/// Outputs of one unit of work.
pub const STRIP: usize = BESIDE * PANEL;

/// Outputs `strip * STRIP ..` of `x` times `matrix`, `[K, N]`, for one row `x` of K numbers, put at `at` and after.
/// Nothing happens where [`super::available`] says no or sizes do not fit.
#[allow(unsafe_code, reason = "a kernel for an instruction set; what makes it sound is said at the call")]
pub fn strip(x: &[f32], matrix: &[f32], outputs: usize, strip: usize, y: &Output<'_>, at: usize) {
    if super::available() && matrix.len() == x.len() * outputs && strip * STRIP < outputs {
        // SAFETY: the machine has the instructions, and the sizes fit, as was just asked.
        unsafe { sums(x, matrix, outputs, strip * STRIP, y, at + strip * STRIP) }
    }
}

#[target_feature(enable = "avx512f")]
#[allow(unsafe_code, reason = "unchecked loads: checks in this loop cost more than the loop")]
fn sums(x: &[f32], matrix: &[f32], outputs: usize, first: usize, y: &Output<'_>, at: usize) {
    let valid = (outputs - first).min(STRIP);
    let masks: [u16; BESIDE] = std::array::from_fn(|p| match valid.saturating_sub(p * PANEL) {
        0 => 0,
        n => u16::MAX >> (PANEL - n.min(PANEL)),
    });
    let mut sums = [_mm512_setzero_ps(); BESIDE];
    for (x, row) in x.iter().zip(matrix.chunks_exact(outputs)) {
        let x = _mm512_set1_ps(*x);
        for (p, sum) in sums.iter_mut().enumerate() {
            // SAFETY: a masked load touches what its mask names: numbers of this row.
            let weights = unsafe { _mm512_maskz_loadu_ps(masks[p], row.as_ptr().wrapping_add(first + p * PANEL)) };
            *sum = _mm512_fmadd_ps(x, weights, *sum);
        }
    }
    let sums: [f32; STRIP] = bytemuck::cast(sums);
    y.put(at, &sums[..valid]);
}

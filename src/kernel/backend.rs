//! The products that a model is made of, as an instruction set computes them.
//!
//! All backends give the same bits: what they compute is written once, over [`super::isa`], and `scalar.rs` is its
//! definition. So an answer, a prefix that was kept and a test's figures are the same on every machine.

use super::activations::{Activations, Quad};
use super::attention::Attention;
use super::matrix::{Matrix, To};
use super::{Output, aarch64, scalar, x86_64};
use crate::bundle::Activation;
use std::fmt;

/// What a backend is to have. Units of work may be computed at once by several threads.
pub trait Kernels: Sync {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Whether this machine has the instructions.
    fn is_there(&self) -> bool;

    /// Rounds a row of activations into every `stride`th quad.
    fn quantize(&self, row: &[f32], quads: &mut [Quad], stride: usize);

    /// A panel of outputs for all rows. The matrix is whole, and the rows serve it.
    fn product(&self, matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>);

    /// See [`Attention::stretch`].
    fn stretch(&self, attention: &Attention<'_>, tile: usize, stretch: usize, shares: &Output<'_>, at: usize);

    /// See [`Attention::join`].
    fn join(&self, attention: &Attention<'_>, tile: usize, shares: &[f32], y: &Output<'_>);

    /// Some outputs of a row times a small matrix, from `first` on: see `lora_matmul.rs`.
    fn strip(&self, x: &[f32], matrix: &[f32], outputs: usize, first: usize, y: &Output<'_>, at: usize);

    /// `activation(gate) * value`.
    fn gate(&self, activation: Activation, gates: &[f32], values: &[f32], out: &mut [f32]);

    /// `x` over its root mean square, times `gain`.
    fn rms_norm(&self, x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32]);
}

/// The methods of [`Kernels`] that are written over [`super::isa::Vectors`], compiled for `$feature`.
macro_rules! over_vectors {
    ($vectors:expr $(, $feature:meta)?) => {
        fn quantize(&self, row: &[f32], quads: &mut [$crate::kernel::activations::Quad], stride: usize) {
            $(#[$feature])?
            fn inner(row: &[f32], quads: &mut [$crate::kernel::activations::Quad], stride: usize) {
                $crate::kernel::activations::quantize(row, quads, stride);
            }
            // SAFETY: a backend is handed out where its instructions are.
            unsafe { inner(row, quads, stride) }
        }

        fn stretch(
            &self,
            attention: &$crate::kernel::Attention<'_>,
            tile: usize,
            stretch: usize,
            shares: &$crate::kernel::Output<'_>,
            at: usize,
        ) {
            $(#[$feature])?
            fn inner(
                attention: &$crate::kernel::Attention<'_>,
                tile: usize,
                stretch: usize,
                shares: &$crate::kernel::Output<'_>,
                at: usize,
            ) {
                attention.stretch($vectors, tile, stretch, shares, at);
            }
            // SAFETY: as above.
            unsafe { inner(attention, tile, stretch, shares, at) }
        }

        fn join(
            &self,
            attention: &$crate::kernel::Attention<'_>,
            tile: usize,
            shares: &[f32],
            y: &$crate::kernel::Output<'_>,
        ) {
            $(#[$feature])?
            fn inner(
                attention: &$crate::kernel::Attention<'_>,
                tile: usize,
                shares: &[f32],
                y: &$crate::kernel::Output<'_>,
            ) {
                attention.join(tile, shares, y);
            }
            // SAFETY: as above.
            unsafe { inner(attention, tile, shares, y) }
        }

        fn strip(
            &self,
            x: &[f32],
            matrix: &[f32],
            outputs: usize,
            first: usize,
            y: &$crate::kernel::Output<'_>,
            at: usize,
        ) {
            $(#[$feature])?
            fn inner(
                x: &[f32],
                matrix: &[f32],
                outputs: usize,
                first: usize,
                y: &$crate::kernel::Output<'_>,
                at: usize,
            ) {
                $crate::kernel::lora_matmul::strip($vectors, x, matrix, outputs, first, y, at);
            }
            // SAFETY: as above.
            unsafe { inner(x, matrix, outputs, first, y, at) }
        }

        fn gate(&self, activation: $crate::bundle::Activation, gates: &[f32], values: &[f32], out: &mut [f32]) {
            $(#[$feature])?
            fn inner(activation: $crate::bundle::Activation, gates: &[f32], values: &[f32], out: &mut [f32]) {
                $crate::kernel::elementwise::gate(activation, gates, values, out);
            }
            // SAFETY: as above.
            unsafe { inner(activation, gates, values, out) }
        }

        fn rms_norm(&self, x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32]) {
            $(#[$feature])?
            fn inner(x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32]) {
                $crate::kernel::elementwise::rms_norm(x, gain, epsilon, out);
            }
            // SAFETY: as above.
            unsafe { inner(x, gain, epsilon, out) }
        }
    };
}

/// Calls a function that is generic over formats, or over floats, for the encoding of a matrix.
macro_rules! by_encoding {
    ($matrix:expr, $function:ident, $of_floats:ident, $arguments:tt) => {{
        use $crate::kernel::formats::*;
        use $crate::tensor::Encoding;
        match $matrix.encoding {
            Encoding::Q8_0 => $function::<Q8_0> $arguments,
            Encoding::Q4_0 => $function::<Q4_0> $arguments,
            Encoding::Q4_1 => $function::<Q4_1> $arguments,
            Encoding::Q5_0 => $function::<Q5_0> $arguments,
            Encoding::Q5_1 => $function::<Q5_1> $arguments,
            Encoding::Q2_K => $function::<Q2_K> $arguments,
            Encoding::Q3_K => $function::<Q3_K> $arguments,
            Encoding::Q4_K => $function::<Q4_K> $arguments,
            Encoding::Q5_K => $function::<Q5_K> $arguments,
            Encoding::Q6_K => $function::<Q6_K> $arguments,
            Encoding::IQ4_NL => $function::<IQ4_NL> $arguments,
            Encoding::IQ4_XS => $function::<IQ4_XS> $arguments,
            Encoding::MXFP4 => $function::<MXFP4> $arguments,
            Encoding::F16 => $of_floats::<half::f16> $arguments,
            Encoding::BF16 => $of_floats::<half::bf16> $arguments,
            Encoding::F32 => (),
        }
    }};
}

/// [`Kernels::product`] written over [`super::isa::Isa`], compiled for `$feature`.
macro_rules! over_isa {
    ($isa:expr $(, $feature:meta)?) => {
        fn product(
            &self,
            matrix: &$crate::kernel::Matrix<'_>,
            rows: &$crate::kernel::Activations,
            panel: usize,
            to: $crate::kernel::matrix::To<'_>,
        ) {
            use $crate::kernel::{Activations, Matrix, floats, formats, gemm, gemv, matrix::To};

            $(#[$feature])?
            fn few<E: formats::Format>(matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
                gemv::product::<_, E>($isa, matrix, rows, panel, to);
            }
            $(#[$feature])?
            fn many<E: formats::Format>(matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
                gemm::product::<_, E>($isa, matrix, rows, panel, to);
            }
            $(#[$feature])?
            fn of_floats<F: floats::Float>(matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
                floats::product::<_, F>($isa, matrix, rows, panel, to);
            }
            // SAFETY: a backend is handed out where its instructions are.
            unsafe {
                match matrix.turns(panel, rows.count()) {
                    true => $crate::kernel::backend::by_encoding!(matrix, many, of_floats, (matrix, rows, panel, to)),
                    false => $crate::kernel::backend::by_encoding!(matrix, few, of_floats, (matrix, rows, panel, to)),
                }
            }
        }
    };
}

pub(super) use {by_encoding, over_isa, over_vectors};

/// A set of kernels that this machine can run.
#[derive(Clone, Copy)]
pub struct Backend(&'static dyn Kernels);

impl Backend {
    /// What every machine has, and what the others are held to.
    pub const SCALAR: Self = Self(&scalar::Scalar);

    /// The names of all there are, on whatever machine, best first.
    pub const NAMES: [&'static str; 6] = ["avx512vnni", "avxvnni", "avx2", "i8mm", "dotprod", "scalar"];

    /// Those of this machine, best first.
    pub fn available() -> impl Iterator<Item = Self> {
        let of_this_kind = x86_64::BACKENDS.iter().chain(aarch64::BACKENDS).copied();
        of_this_kind.filter(|kernels| kernels.is_there()).map(Self).chain([Self::SCALAR])
    }

    /// The best of this machine.
    pub fn best() -> Self {
        Self::available().next().unwrap_or(Self::SCALAR)
    }

    /// One by its name, if this machine has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|backend| backend.name() == name)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Rounds a row of activations into every `stride`th quad.
    pub(super) fn quantize(self, row: &[f32], quads: &mut [Quad], stride: usize) {
        self.0.quantize(row, quads, stride);
    }

    /// A panel of the matrix that `parts` are, counted through them, for all `rows`, written into `y`, which is
    /// `[rows, N]`. Panels may be computed at once by several threads. Nothing happens where sizes do not fit.
    pub fn product(self, parts: &[Matrix<'_>], rows: &Activations, panel: usize, y: &Output<'_>) {
        let stride = parts.iter().map(|part| part.outputs).sum();
        let (mut begin, mut panel) = (0, panel);
        for part in parts {
            if panel < part.panels() {
                if part.is_whole() && rows.serve(part) {
                    self.0.product(part, rows, panel, To { y, begin, stride });
                }
                return;
            }
            (begin, panel) = (begin + part.outputs, panel - part.panels());
        }
    }

    /// See [`Attention`]: what `tile` gets from one stretch, put at `at` and after.
    pub fn stretch(self, attention: &Attention<'_>, tile: usize, stretch: usize, shares: &Output<'_>, at: usize) {
        self.0.stretch(attention, tile, stretch, shares, at);
    }

    /// See [`Attention`]: joins what `tile` got from each stretch, and puts its rows into `y`.
    pub fn join(self, attention: &Attention<'_>, tile: usize, shares: &[f32], y: &Output<'_>) {
        self.0.join(attention, tile, shares, y);
    }

    /// Outputs `strip * STRIP ..` of `x` times `matrix`, `[K, N]`, for one row `x` of K numbers, put at `at` and those
    /// after. Nothing happens where sizes do not fit. See [`super::STRIP`].
    pub fn strip(self, x: &[f32], matrix: &[f32], outputs: usize, strip: usize, y: &Output<'_>, at: usize) {
        let first = strip * super::STRIP;
        self.0.strip(x, matrix, outputs, first, y, at + first);
    }

    /// `activation(gate) * value`.
    pub fn gate(self, activation: Activation, gates: &[f32], values: &[f32], out: &mut [f32]) {
        self.0.gate(activation, gates, values, out);
    }

    /// `x` over its root mean square, times `gain`.
    pub fn rms_norm(self, x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32]) {
        self.0.rms_norm(x, gain, epsilon, out);
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Backend {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

//! The operator `wayside.Linear`: [`crate::kernel`]'s products inside ONNX Runtime.
//!
//! ```text
//! inputs      x [.., K] or, gated, [.., 2 K];  quants, scales as MatMulNBits has them;  offsets [K / 32, N], optional
//! output      y [.., N]
//! attributes  N, K, bits, gated
//! ```

use crate::kernel::{DOMAIN, Grain, HalfGrain, Matrix, Output, PANEL, Rows, halve, product};
use crate::tensor::{BLOCK, Bits};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput};
use ort::value::{TensorElementType, TensorValueType, ValueRef};
use std::cell::RefCell;

/// What the units of a product's work are for threads: enough to even out, few enough to hand out.
const UNITS: usize = 16;

thread_local! {
    /// Rounded activations, so that not every node keeps its own.
    static ROWS: RefCell<Rows> = RefCell::default();
}

/// The domain, for sessions.
pub(super) fn domain() -> ort::Result<OperatorDomain> {
    OperatorDomain::new(DOMAIN)?.add(Linear)?.add(super::attention::Attend)?.add(super::product::Product)
}

struct Linear;

impl Operator for Linear {
    type Kernel<'a> = Layer<'a>;

    fn name(&self) -> &str {
        "Linear"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let float = TensorElementType::Float32;
        [
            OperatorInput::required(float),
            OperatorInput::required(TensorElementType::Uint8),
            OperatorInput::required(float),
            OperatorInput::optional(float),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'a>(&self, about: &KernelContext<'a>) -> ort::Result<Layer<'a>> {
        let attribute =
            |name: &str| about.get::<i64>(name).ok_or_else(|| ort::Error::new(format!("Linear without {name}")));
        let size = |name: &str| attribute(name).map(|n| usize::try_from(n).unwrap_or_default());
        let (outputs, inputs) = (size("N")?, size("K")?);
        let bits = if attribute("bits")? == 8 { Bits::Int8 } else { Bits::Int4 };
        let offsets = match about.constant_input::<TensorValueType<f32>>(3) {
            Ok(offsets) => by_output(offsets.try_extract_tensor::<f32>()?.1, outputs),
            Err(_) => vec![],
        };
        let (quants, scales) = (about.constant_input(1)?, about.constant_input::<TensorValueType<f32>>(2)?);
        let halves = match bits {
            Bits::Int4 => halve(scales.try_extract_tensor::<f32>()?.1, &offsets, inputs / BLOCK),
            Bits::Int8 => None,
        };
        let grain = match halves {
            Some(halves) => Kept::Half(halves),
            None => Kept::Single { scales, offsets },
        };
        let layer = Layer { bits, outputs, inputs, gated: attribute("gated")? == 1, quants, grain };
        if !layer.matrix()?.is_whole() {
            return Err(ort::Error::new("a matrix has not the sizes it says"));
        }
        Ok(layer)
    }
}

/// `[K / 32, N]` as `[N, K / 32]`: beside one another what is added together.
fn by_output(offsets: &[f32], outputs: usize) -> Vec<f32> {
    (0..outputs).flat_map(|n| offsets.iter().skip(n).step_by(outputs).copied()).collect()
}

struct Layer<'a> {
    bits: Bits,
    outputs: usize,
    inputs: usize,
    gated: bool,
    quants: ValueRef<'a, TensorValueType<u8>>,
    grain: Kept<'a>,
}

/// What [`Grain`] views.
enum Kept<'a> {
    Single { scales: ValueRef<'a, TensorValueType<f32>>, offsets: Vec<f32> },
    Half(Vec<HalfGrain>),
}

impl Layer<'_> {
    fn matrix(&self) -> ort::Result<Matrix<'_>> {
        let grain = match &self.grain {
            Kept::Single { scales, offsets } => {
                Grain::Single { scales: scales.try_extract_tensor::<f32>()?.1, offsets }
            }
            Kept::Half(halves) => Grain::Half(halves),
        };
        let quants = self.quants.try_extract_tensor::<u8>()?.1;
        Ok(Matrix { bits: self.bits, outputs: self.outputs, inputs: self.inputs, quants, grain })
    }
}

impl Kernel for Layer<'_> {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let matrix = self.matrix()?;
        let x = context.input(0)?.ok_or_else(|| ort::Error::new("Linear without x"))?;
        let (shape, x) = x.try_extract_tensor::<f32>()?;
        let width = self.inputs * if self.gated { 2 } else { 1 };
        let mut shape = shape.to_vec();
        match shape.last_mut() {
            Some(last) if *last == width as i64 => *last = self.outputs as i64,
            _ => return Err(ort::Error::new(format!("Linear over {width} inputs is given {shape:?}"))),
        }
        let y = context.output(0, shape)?;
        let mut y = y.ok_or_else(|| ort::Error::new("Linear has nowhere to write"))?;
        let y = Output::new(y.try_extract_tensor_mut::<f32>()?.1);
        ROWS.with_borrow_mut(|rows| {
            if self.gated {
                rows.fill_gated(x, &matrix)
            } else {
                rows.fill(x, &matrix)
            }
            let panels = matrix.outputs.div_ceil(PANEL);
            let each = panels.div_ceil(UNITS);
            context.par_for(panels.div_ceil(each), 0, |unit| {
                for panel in unit * each..panels.min((unit + 1) * each) {
                    product(&matrix, rows, panel, &y);
                }
            })
        })
    }
}

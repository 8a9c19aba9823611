//! The operator `wayside.Product`: [`crate::kernel::small`]'s products inside ONNX Runtime.
//!
//! ```text
//! inputs      x [.., K];  matrix [K, N]          output      y [.., N]
//! ```

use crate::kernel::{Output, small};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;

/// Multiplications that are worth a unit of work.
const ENOUGH: usize = 16 << 10;

pub(super) struct Product;

impl Operator for Product {
    type Kernel<'a> = Multiplying;

    fn name(&self) -> &str {
        "Product"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [(); 2].map(|()| OperatorInput::required(TensorElementType::Float32))
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'a>(&self, _about: &KernelContext<'a>) -> ort::Result<Multiplying> {
        Ok(Multiplying)
    }
}

pub(super) struct Multiplying;

impl Kernel for Multiplying {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let wrong = || ort::Error::new("Product: inputs that do not fit");
        let (x, matrix) = (context.input(0)?.ok_or_else(wrong)?, context.input(1)?.ok_or_else(wrong)?);
        let (shape, x) = x.try_extract_tensor::<f32>()?;
        let (extents, matrix) = matrix.try_extract_tensor::<f32>()?;
        let (mut shape, [inputs, outputs]) = (shape.to_vec(), <[i64; 2]>::try_from(&extents[..]).map_err(|_| wrong())?);
        match shape.last_mut() {
            Some(last) if *last == inputs => *last = outputs,
            _ => return Err(wrong()),
        }
        let [inputs, outputs] = [inputs, outputs].map(|n| usize::try_from(n).unwrap_or_default());
        let mut y = context.output(0, shape)?.ok_or_else(wrong)?;
        let y = y.try_extract_tensor_mut::<f32>()?.1;
        if inputs == 0 || outputs == 0 {
            y.fill(0.0);
            return Ok(());
        }
        let y = Output::new(y);
        let strips = outputs.div_ceil(small::STRIP);
        let works = x.len() / inputs * strips;
        let each = ENOUGH.div_ceil(inputs * small::STRIP).min(works).max(1);
        context.par_for(works.div_ceil(each), 0, |unit| {
            for work in unit * each..works.min((unit + 1) * each) {
                let (row, strip) = (work / strips, work % strips);
                small::strip(&x[row * inputs..][..inputs], matrix, outputs, strip, &y, row * outputs);
            }
        })
    }
}

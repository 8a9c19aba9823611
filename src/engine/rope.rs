//! The operator that makes the tables of a rope as far as a pass reaches, where attention is ONNX Runtime's:
//!
//! ```text
//! RopeTables   (total length i32) to (cosines, sines), each [total length, width / 2]    attribute rope
//! ```
//!
//! Attention in a stack computes the rows it needs; a model keeps no table either way.

use crate::bundle::Rope;
use crate::kernel::{ROPE, ROPE_TABLES};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;

fn wrong(what: &str) -> ort::Error {
    ort::Error::new(format!("the tables of a rope: {what}"))
}

pub(super) struct RopeTables;

impl Operator for RopeTables {
    type Kernel<'a> = Tables;

    fn name(&self) -> &str {
        ROPE_TABLES
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(TensorElementType::Int32)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [(); 2].map(|()| OperatorOutput::required(TensorElementType::Float32))
    }

    fn create_kernel<'a>(&self, about: &KernelContext<'a>) -> ort::Result<Tables> {
        let text: String = about.get(ROPE).ok_or_else(|| wrong("no attribute"))?;
        Rope::decode(&text).map(Tables).ok_or_else(|| wrong("an attribute that says nothing"))
    }
}

pub(super) struct Tables(Rope);

impl Kernel for Tables {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let total = context.input(0)?.ok_or_else(|| wrong("no length"))?;
        let total = total.try_extract_tensor::<i32>()?.1.first().and_then(|n| usize::try_from(*n).ok());
        let total = total.ok_or_else(|| wrong("a length that is none"))?;
        for (at, table) in self.0.tables(0..total).iter().enumerate() {
            let shape = [total as i64, (self.0.width / 2) as i64];
            let mut output = context.output(at, shape)?.ok_or_else(|| wrong("nowhere to write"))?;
            output.try_extract_tensor_mut::<f32>()?.1.copy_from_slice(table);
        }
        Ok(())
    }
}

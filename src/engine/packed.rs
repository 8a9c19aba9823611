//! The operators that read matrices in the encodings of their files, on every machine.
//!
//! ```text
//! MatMulPacked   (x [.., K] f32, bytes u8) to [.., N]        attribute packed: see `tensor/packed.rs`
//! GatherPacked   (bytes u8, indices [..] i64) to [.., K]     the same, of one part
//! ```
//!
//! Where a model answers, products are steps of a stack. These are for what is trained, and for a session without
//! stacks.

use crate::kernel::{self, GATHER_PACKED, MAT_MUL_PACKED, Output, PACKED};
use crate::tensor::Packed;
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;

/// Outputs that a thread computes at a time.
const UNIT: usize = 64;

fn wrong(what: &str) -> ort::Error {
    ort::Error::new(format!("a packed matrix: {what}"))
}

fn packed(about: &KernelContext<'_>) -> ort::Result<Packed> {
    let text: String = about.get(PACKED).ok_or_else(|| wrong("no attribute"))?;
    Packed::decode(&text).ok_or_else(|| wrong("an attribute that says nothing"))
}

/// The parts of a matrix, of which there must be all bytes.
fn parts<'a>(packed: &Packed, bytes: &'a [u8]) -> ort::Result<Vec<kernel::Matrix<'a>>> {
    let parts = kernel::parts(packed, bytes);
    let whole = packed.bytes() == bytes.len() && parts.iter().all(kernel::Matrix::is_whole);
    if whole { Ok(parts) } else { Err(wrong("not so many bytes as it has")) }
}

pub(super) struct MatMulPacked;

impl Operator for MatMulPacked {
    type Kernel<'a> = Product;

    fn name(&self) -> &str {
        MAT_MUL_PACKED
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(TensorElementType::Float32), OperatorInput::required(TensorElementType::Uint8)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'a>(&self, about: &KernelContext<'a>) -> ort::Result<Product> {
        packed(about).map(Product)
    }
}

pub(super) struct Product(Packed);

impl Kernel for Product {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let missing = || wrong("an input is missing");
        let (x, bytes) = (context.input(0)?.ok_or_else(missing)?, context.input(1)?.ok_or_else(missing)?);
        let (parts, rows) = (parts(&self.0, bytes.try_extract_tensor::<u8>()?.1)?, self.0.rows());
        let mut shape = x.shape().to_vec();
        let last = shape.last_mut().filter(|last| **last == self.0.columns as i64);
        *last.ok_or_else(|| wrong("a factor of another width"))? = rows as i64;
        let x = x.try_extract_tensor::<f32>()?.1;
        let mut y = context.output(0, shape)?.ok_or_else(missing)?;
        let y = Output::new(y.try_extract_tensor_mut::<f32>()?.1);
        let mut begin = 0;
        for part in &parts {
            let at = (begin, rows);
            context.par_for(part.outputs.div_ceil(UNIT), 0, |unit| {
                part.times_floats(x, (unit * UNIT, UNIT), &y, at);
            })?;
            begin += part.outputs;
        }
        Ok(())
    }
}

pub(super) struct GatherPacked;

impl Operator for GatherPacked {
    type Kernel<'a> = LookUp;

    fn name(&self) -> &str {
        GATHER_PACKED
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(TensorElementType::Uint8), OperatorInput::required(TensorElementType::Int64)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'a>(&self, about: &KernelContext<'a>) -> ort::Result<LookUp> {
        packed(about).map(LookUp)
    }
}

pub(super) struct LookUp(Packed);

impl Kernel for LookUp {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let missing = || wrong("an input is missing");
        let (bytes, indices) = (context.input(0)?.ok_or_else(missing)?, context.input(1)?.ok_or_else(missing)?);
        // Training looks up parts of a table, or strips of a matrix: the attribute's rows are the most there are.
        let bytes = bytes.try_extract_tensor::<u8>()?.1;
        let [(encoding, _)] = self.0.parts[..] else { return Err(wrong("a table of several parts")) };
        let outputs = bytes.len() / self.0.width(encoding).max(1);
        let table = kernel::Matrix { encoding, outputs, inputs: self.0.columns, bytes };
        let mut shape = indices.shape().to_vec();
        shape.push(self.0.columns as i64);
        let indices = indices.try_extract_tensor::<i64>()?.1;
        let mut out = context.output(0, shape)?.ok_or_else(missing)?;
        let out = out.try_extract_tensor_mut::<f32>()?.1;
        let width = self.0.columns.max(1);
        let found = std::sync::atomic::AtomicBool::new(true);
        let rows = Output::new(out);
        context.par_for(indices.len().div_ceil(UNIT), 0, |unit| {
            let indices = &indices[unit * UNIT..indices.len().min((unit + 1) * UNIT)];
            let mut numbers = vec![0.0; indices.len() * width];
            match table.look_up(indices, &mut numbers) {
                Some(()) => rows.put(unit * UNIT * width, &numbers),
                None => found.store(false, std::sync::atomic::Ordering::Relaxed),
            }
        })?;
        if found.into_inner() { Ok(()) } else { Err(wrong("no such row")) }
    }
}

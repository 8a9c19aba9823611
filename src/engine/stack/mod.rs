//! The operator `wayside.Stack`: a [`Program`] over [`crate::kernel`]'s arithmetic, inside ONNX Runtime.
//!
//! ```text
//! inputs      as the program counts them
//! outputs     [.., width] for each matrix that is handed out, eight at most
//!             keys, values [1, KV, max(P, most), D] in float16 for each lane of each attention: in place where they
//!             are bound to the past's buffer
//! attribute   program
//! ```
//!
//! Shapes are checked before the first step is taken; then one thread of the session's leads, and the others help.

mod attend;
mod caches;
mod constant;
mod extents;
mod linear;
mod steps;
mod turns;
mod values;

use crate::kernel::{Activations, Backend, MATRICES, Place, Program, ThreadPool, Work};
use constant::Constant;
use linear::Layer;
use memmap2::Mmap;
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use values::{Home, Values, homes};

/// The operator, for sessions of so many threads.
pub(super) struct Stack {
    pub backend: Backend,
    pub threads: usize,
    pub weights: Option<Arc<Mmap>>,
}

impl Operator for Stack {
    type Kernel<'a> = Stacked<'a>;

    fn name(&self) -> &str {
        "Stack"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::variadic(1)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        let caches = OperatorOutput::variadic(0).homogenous(TensorElementType::Float16);
        [(); MATRICES].map(|()| OperatorOutput::optional(TensorElementType::Float32)).into_iter().chain([caches])
    }

    fn create_kernel<'a>(&self, about: &KernelContext<'a>) -> ort::Result<Stacked<'a>> {
        let program: String = about.get("program").ok_or_else(|| wrong("no program"))?;
        let count = about.inputs()?.len();
        let program = Program::decode(&program, count).map_err(|e| wrong(&e.to_string()))?;
        let mut read = vec![false; count];
        let mut layers = Vec::with_capacity(program.steps.len());
        let mut stored = HashMap::new();
        for step in &program.steps {
            let place = |at: usize| step.reads.get(at).copied().flatten();
            let missing = || wrong("a matrix that is no constant");
            let dynamic = match &step.work {
                Work::LinearPacked { packed, .. } => {
                    let bytes = Constant::open(place(1).ok_or_else(missing)?, about, self.weights.as_ref())?;
                    layers.push(Some(Layer::open(packed.clone(), bytes.ok_or_else(missing)?)?));
                    1
                }
                _ => {
                    layers.push(None);
                    step.reads.len()
                }
            };
            for place in step.reads[..dynamic.min(step.reads.len())].iter().copied().flatten() {
                match place {
                    Place::Input(i) => read[i] = true,
                    Place::Stored { offset, .. } => {
                        if let Some(constant) = Constant::open(place, about, self.weights.as_ref())? {
                            stored.insert(offset, constant);
                        }
                    }
                    Place::Made(_) => (),
                }
            }
        }
        let given = |i: usize| if read[i] { Constant::open(Place::Input(i), about, None) } else { Ok(None) };
        let constants = (0..count).map(given).collect::<ort::Result<_>>()?;
        let homes = homes(&program);
        let (threads, arrays, activations) = (self.threads, vec![Vec::new(); homes.len()], Activations::default());
        let backend = self.backend;
        Ok(Stacked { program, read, constants, stored, layers, homes, arrays, activations, threads, backend })
    }
}

fn wrong(what: &str) -> ort::Error {
    ort::Error::new(format!("Stack: {what}"))
}

pub(super) struct Stacked<'a> {
    program: Program,
    /// Which inputs are read anew for each run, or are among `constants`.
    read: Vec<bool>,
    constants: Vec<Option<Constant<'a, f32>>>,
    /// Vectors and tables in the file of weights, by where they begin.
    stored: HashMap<usize, Constant<'a, f32>>,
    /// The matrix of each step that has one.
    layers: Vec<Option<Layer<'a>>>,
    homes: Vec<Home>,
    arrays: Vec<Vec<f32>>,
    /// Rounded activations of the step at hand.
    activations: Activations,
    threads: usize,
    backend: Backend,
}

impl Kernel for Stacked<'_> {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let Self { program, read, constants, stored, layers, homes, arrays, activations, threads, backend } = self;
        let mut given = Vec::with_capacity(read.len());
        for (i, read) in read.iter().enumerate() {
            given.push(if *read && constants[i].is_none() { context.input(i)? } else { None });
        }
        let mut inputs = Vec::with_capacity(given.len());
        for (given, constant) in given.iter().zip(constants.iter()) {
            inputs.push(match (given, constant) {
                (_, Some(constant)) => Some(constant.view()?),
                (Some(given), _) => given.try_extract_tensor::<f32>().ok().map(|(_, numbers)| numbers),
                _ => None,
            });
        }
        let shape = |i: usize| match (&given[i], &constants[i]) {
            (Some(given), _) => &given.shape()[..],
            (_, Some(Constant::Given(constant))) => &constant.shape()[..],
            _ => &[],
        };
        let mut cached = caches::open(context, program, &given, MATRICES)?;
        let mut lanes = caches::lanes(&mut cached)?;
        let extents = extents::walk(program, &shape, &mut lanes)?;
        let matrices = layers.iter().map(|layer| layer.as_ref().map(Layer::parts).transpose());
        let matrices = matrices.collect::<ort::Result<Vec<_>>>()?;
        let mut results = Vec::with_capacity(program.outputs.len());
        for (o, made) in program.outputs.iter().enumerate() {
            let mut shape = shape(extents[*made].like).to_vec();
            if let Some(last) = shape.last_mut() {
                *last = extents[*made].width as i64;
            }
            results.push(context.output(o, shape)?.ok_or_else(|| wrong("nowhere to write"))?);
        }
        let outputs = results.iter_mut().map(|r| Ok(r.try_extract_tensor_mut::<f32>()?.1));
        let outputs = outputs.collect::<ort::Result<_>>()?;
        let stored = stored.iter().map(|(offset, constant)| Ok((*offset, constant.view()?)));
        let stored = stored.collect::<ort::Result<_>>()?;
        let values = Values { inputs, stored, outputs, arrays, homes, extents };

        let pool = ThreadPool::new(*threads);
        let task = Mutex::new(Some((values, lanes, activations)));
        context.par_for(*threads, 0, |_| {
            let task = task.lock().unwrap_or_else(PoisonError::into_inner).take();
            match task {
                Some((mut values, mut lanes, activations)) => {
                    steps::take(program, &matrices, &mut values, &mut lanes, activations, (*backend, &pool));
                    pool.shutdown();
                }
                None => pool.worker_loop(),
            }
        })
    }
}

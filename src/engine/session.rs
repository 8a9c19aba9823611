//! A model in ONNX Runtime, and the bindings through which caches stay where they are.

use super::packed::{GatherPacked, MatMulPacked};
use super::rope::RopeTables;
use super::stack::Stack;
use super::{Engine, Input, Tensor, failed, gpu};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernel::{Backend, DOMAIN};
use memmap2::Mmap;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::operator::OperatorDomain;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{OutputSelector, RunOptions};
use ort::value::TensorElementType;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A loaded model. Shared between threads; runs take turns.
#[derive(Debug)]
pub struct Session {
    inner: Mutex<ort::session::Session>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    on_gpu: bool,
    records: bool,
}

/// Outputs by name.
pub type Outputs = Vec<(String, Tensor)>;

impl Session {
    pub(super) fn open(
        engine: &Engine,
        bytes: &[u8],
        folder: &Path,
        weights: Option<Arc<Mmap>>,
        records: bool,
    ) -> Result<Self> {
        let fail = |e: ort::Error| {
            let told = e.to_string();
            match gpu::failure(&told) {
                Some(why) => Error::engine(format!("the GPU does not work: {why}")),
                None => Error::engine(format!("ONNX Runtime refuses the model in {}: {told}", folder.display())),
            }
        };
        let open = || -> ort::Result<ort::session::Session> {
            let builder = ort::session::Session::builder(&engine.environment)?.with_intra_threads(engine.threads)?;
            own_operators(on_cores(builder, &engine.cores)?, engine, weights)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                // One block for all that a run needs, planned for its shapes: larger than what the C library reuses,
                // and shapes change all the time.
                .with_memory_pattern(false)?
                .with_execution_providers(gpu::providers(engine.device, engine.memory, records))?
                // Threads wait for the next node awake, but not for the next run: between two tokens there is other
                // work, and between two questions a battery.
                .with_config_entry("session.force_spinning_stop", "1")?
                // On ARM64 these kernels round a whole row of activations by one scale, not each block by its own, and
                // lose tokens that lead by more than a near tie.
                .with_config_entry("mlas.disable_kleidiai", "1")?
                .with_config_entry("session.model_external_initializers_file_folder_path", folder.to_string_lossy())?
                .commit_from_memory(bytes)
        };
        let on_gpu = engine.device != Device::Cpu;
        let alone = on_gpu.then(gpu::alone);
        let inner = registered(open).map_err(fail)?;
        drop(alone);
        let names = |ports: &[ort::value::Outlet]| ports.iter().map(|p| p.name().to_owned()).collect();
        let (inputs, outputs) = (names(inner.inputs()), names(inner.outputs()));
        Ok(Self { inner: Mutex::new(inner), inputs, outputs, on_gpu, records })
    }

    /// Whether the model takes an input of this name. Inputs that may be left out do not count: they cannot be bound.
    pub fn takes(&self, name: &str) -> bool {
        self.inputs.iter().any(|i| i == name)
    }

    /// Whether passes over arrays that stay where they are may be recorded: see [`Session::repeat`].
    pub fn records(&self) -> bool {
        self.records
    }

    /// The names of the outputs.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// Runs once.
    pub fn run(&self, inputs: &[(&str, Input<'_>)]) -> Result<Outputs> {
        self.run_into(inputs, vec![])
    }

    /// Runs once, with some outputs written into buffers of their shapes. Buffers come back among the outputs.
    pub fn run_into(&self, inputs: &[(&str, Input<'_>)], buffers: Vec<(&str, Tensor)>) -> Result<Outputs> {
        let inputs: Vec<_> = inputs.iter().map(|(name, input)| (*name, input.value())).collect();
        let outputs = buffers
            .into_iter()
            .fold(OutputSelector::default(), |outputs, (name, buffer)| outputs.preallocate(name, buffer.value));
        let options = RunOptions::new().map_err(failed("run options"))?.with_outputs(outputs);
        let (mut session, _alone) = (self.lock(), self.alone());
        let outputs = session.run_with_options(inputs, &options).map_err(failed("the model does not run"))?;
        collect(outputs)
    }

    /// An uninitialized float32 buffer for [`Session::run_into`], where this session computes: what is written there is
    /// read by the next session on the same device without a copy.
    pub fn buffer(&self, shape: &[usize]) -> Result<Tensor> {
        let (session, _alone) = (self.lock(), self.alone());
        match self.on_gpu {
            true => Tensor::buffer(&on_gpu(&session)?, TensorElementType::Float32, shape),
            false => Tensor::buffer(session.allocator(), TensorElementType::Float32, shape),
        }
    }

    /// A copy of an input where this session computes, for many runs to read; none where it lies there already.
    pub fn settle(&self, input: Input<'_>) -> Result<Option<Tensor>> {
        if self.on_gpu { input.copied(AllocationDevice::CUDA).map(Some) } else { Ok(None) }
    }

    /// A buffer for an input or output that stays bound: of the numbers that it has, and where they are read and
    /// written. Zeros where passes are recorded; else what stands in it may be anything.
    pub fn slot(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let session = self.lock();
        let mut ports = session.inputs().iter().chain(session.outputs());
        let kind = ports.find(|port| port.name() == name).and_then(|port| port.dtype().tensor_type());
        let kind = kind.ok_or_else(|| Error::engine(format!("the model has no {name}")))?;
        // On a GPU attention takes float16 alone. A float32 cache is for the attention that was left to the CPU, and
        // were it elsewhere, it would be copied at every pass and grow in none. Where passes are recorded, none is.
        if self.records || self.on_gpu && kind == TensorElementType::Float16 {
            // Of no session's memory: there, a recorded pass goes on writing where it once had what it needs between.
            let device = if self.on_gpu { AllocationDevice::CUDA } else { AllocationDevice::CPU };
            return Input::from(&Tensor::zeros(kind, shape)?).copied(device);
        }
        Tensor::buffer(session.allocator(), kind, shape)
    }

    /// A set of inputs and outputs that stay bound from run to run.
    pub fn bind(&self) -> Result<Binding> {
        let inner = self.lock().create_binding().map_err(failed("binding"))?;
        Ok(Binding { inner, returned: Vec::new(), on_gpu: self.on_gpu })
    }

    /// Runs over what is bound. Outputs bound in place are left where they are and not returned.
    pub fn run_bound(&self, binding: &mut Binding) -> Result<Outputs> {
        // An output bound to a device keeps the buffer of the last run, and with it that run's shape.
        binding.returned.iter().try_for_each(|name| to_memory(&mut binding.inner, name))?;
        let (mut session, _alone) = (self.lock(), self.alone());
        let run = match self.records {
            true => session.run_binding_with_options(&binding.inner, &recorded_as(UNRECORDED)?),
            false => session.run_binding(&binding.inner),
        };
        let mut outputs = run.map_err(failed("the model does not run"))?;
        let mut collected = Vec::with_capacity(binding.returned.len());
        for name in &binding.returned {
            let value = outputs.remove(name).ok_or_else(|| Error::engine(format!("the model gave no {name}")))?;
            collected.push((name.clone(), Tensor::from_value(value)?));
        }
        Ok(collected)
    }

    /// Runs over what is bound, all of it in place and at other addresses for each `number`. A GPU records the pass the
    /// first time, and then repeats it without looking at the binding. What is recorded is kept as long as the session.
    pub fn repeat(&self, binding: &mut Binding, number: u64) -> Result<()> {
        let options = recorded_as(number as i64)?;
        let (mut session, _alone) = (self.lock(), self.alone());
        let run = session.run_binding_with_options(&binding.inner, &options).map(drop);
        run.map_err(failed("the model does not run"))
    }

    fn alone(&self) -> Option<MutexGuard<'static, ()>> {
        self.on_gpu.then(gpu::alone)
    }

    fn lock(&self) -> MutexGuard<'_, ort::session::Session> {
        // A run that panicked left the session itself as it was: ONNX Runtime keeps no state between runs.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's memory on the GPU.
fn on_gpu(session: &ort::session::Session) -> Result<Allocator> {
    let memory = MemoryInfo::new(AllocationDevice::CUDA, 0, AllocatorType::Device, MemoryType::Default);
    Allocator::new(session, memory.map_err(failed("memory"))?).map_err(failed("memory of the GPU"))
}

/// The number of passes that are not recorded, as ONNX Runtime has it.
const UNRECORDED: i64 = -1;

fn recorded_as(number: i64) -> Result<RunOptions> {
    let fail = || failed("run options");
    let mut options = RunOptions::new().map_err(fail())?;
    options.set("gpu_graph_id", number.to_string()).map_err(fail())?;
    Ok(options)
}

/// Opens a session, the first of the process by itself: ONNX Runtime adds our domain to a table of its own then. Two at
/// once would both add it, and the second fails.
fn registered(open: impl FnOnce() -> ort::Result<ort::session::Session>) -> ort::Result<ort::session::Session> {
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if *done {
        drop(done);
        return open();
    }
    let opened = open();
    *done = opened.is_ok();
    opened
}

/// Lets the threads of a session keep to `cores`, if any: whichever of them, for the system knows better. The thread
/// that runs it is whoever calls, and stays as it is.
fn on_cores(builder: SessionBuilder, cores: &[usize]) -> ort::Result<SessionBuilder> {
    if cores.len() < 2 {
        return Ok(builder);
    }
    // Counted from 1, for each thread but that which calls.
    let all = cores.iter().map(|core| (core + 1).to_string()).collect::<Vec<_>>().join(",");
    Ok(builder.with_config_entry("session.intra_op_thread_affinities", vec![all; cores.len() - 1].join(";"))?)
}

/// The operators of ours, for sessions of so many threads; 0 means as many as there are.
fn own_operators(builder: SessionBuilder, engine: &Engine, weights: Option<Arc<Mmap>>) -> ort::Result<SessionBuilder> {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if engine.threads == 0 { all() } else { engine.threads };
    let backend = engine.kernels.unwrap_or(Backend::SCALAR);
    let domain = OperatorDomain::new(DOMAIN)?.add(MatMulPacked)?.add(GatherPacked)?.add(RopeTables)?;
    Ok(builder.with_operators(domain.add(Stack { backend, threads, weights })?)?)
}

fn collect(mut outputs: ort::session::SessionOutputs<'_>) -> Result<Outputs> {
    let names: Vec<String> = outputs.keys().map(str::to_owned).collect();
    let mut collected = Vec::with_capacity(names.len());
    for name in names {
        if let Some(value) = outputs.remove(&name) {
            collected.push((name, Tensor::from_value(value)?));
        }
    }
    Ok(collected)
}

/// Inputs and outputs bound to a session.
#[derive(Debug)]
pub struct Binding {
    inner: ort::session::IoBinding,
    returned: Vec<String>,
    on_gpu: bool,
}

impl Binding {
    /// Binds an input; it stays until bound again.
    pub fn input(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let _alone = self.alone();
        self.inner.bind_input(name, &tensor.value).map_err(failed("binding an input"))
    }

    /// Binds one buffer as an input and as an output: the model updates it where it lies.
    pub fn in_place(&mut self, input: &str, output: &str, buffer: &mut Tensor) -> Result<()> {
        let _alone = self.alone();
        self.inner.bind_input(input, &buffer.value).map_err(failed("binding a cache"))?;
        self.inner.bind_output(output, &mut buffer.value).map_err(failed("binding a cache"))
    }

    /// Binds an output to a buffer of its shape.
    pub fn output_into(&mut self, name: &str, buffer: &mut Tensor) -> Result<()> {
        self.inner.bind_output(name, &mut buffer.value).map_err(failed("binding an output"))
    }

    /// Lets the session allocate an output, of whatever shape it turns out to have.
    pub fn output(&mut self, name: &str) {
        if !self.returned.iter().any(|r| r == name) {
            self.returned.push(name.to_owned());
        }
    }

    /// What is bound is copied to a GPU at once, which takes memory there.
    fn alone(&self) -> Option<MutexGuard<'static, ()>> {
        self.on_gpu.then(gpu::alone)
    }
}

fn to_memory(binding: &mut ort::session::IoBinding, name: &str) -> Result<()> {
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default);
    binding.bind_output_to_device(name, &memory.map_err(failed("memory"))?).map_err(failed("binding an output"))
}

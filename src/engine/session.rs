//! A model in ONNX Runtime, and the bindings through which caches stay where they are.

use super::{Input, Tensor, failed};
use crate::error::{Error, Result};
use ort::environment::Environment;
use ort::ep::CPU;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{OutputSelector, RunOptions};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A loaded model. Shared between threads; runs take turns.
#[derive(Debug)]
pub struct Session {
    inner: Mutex<ort::session::Session>,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

/// Outputs by name.
pub type Outputs = Vec<(String, Tensor)>;

impl Session {
    pub(super) fn open(environment: &Environment, bytes: &[u8], folder: &Path, threads: usize) -> Result<Self> {
        let fail =
            |e: ort::Error| Error::engine(format!("ONNX Runtime refuses the model in {}: {e}", folder.display()));
        let open = || -> ort::Result<ort::session::Session> {
            own_operators(ort::session::Session::builder(environment)?)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(threads)?
                // One block for all that a run needs, planned for its shapes: larger than what the C library reuses,
                // and shapes change all the time.
                .with_memory_pattern(false)?
                // The arena doubles as it grows; plain malloc costs no measurable time here and far less memory.
                .with_execution_providers([CPU::default().with_arena_allocator(false).build()])?
                // Threads wait for the next node awake, but not for the next run: between two tokens there is other
                // work, and between two questions a battery.
                .with_config_entry("session.force_spinning_stop", "1")?
                // On ARM64 these kernels round a whole row of activations by one scale, not each block by its own, and
                // lose tokens that lead by more than a near tie.
                .with_config_entry("mlas.disable_kleidiai", "1")?
                .with_config_entry("session.model_external_initializers_file_folder_path", folder.to_string_lossy())?
                .commit_from_memory(bytes)
        };
        let inner = open().map_err(fail)?;
        let names = |ports: &[ort::value::Outlet]| ports.iter().map(|p| p.name().to_owned()).collect();
        let (inputs, outputs) = (names(inner.inputs()), names(inner.outputs()));
        Ok(Self { inner: Mutex::new(inner), inputs, outputs })
    }

    /// Whether the model takes an input of this name. Inputs that may be left out do not count: they cannot be bound.
    pub fn takes(&self, name: &str) -> bool {
        self.inputs.iter().any(|i| i == name)
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
        let mut session = self.lock();
        let outputs = session.run_with_options(inputs, &options).map_err(failed("the model does not run"))?;
        collect(outputs)
    }

    /// An uninitialized float32 buffer for [`Session::run_into`] and [`Binding::in_place`].
    pub fn buffer(&self, shape: &[usize]) -> Result<Tensor> {
        Tensor::buffer(self.lock().allocator(), shape)
    }

    /// A set of inputs and outputs that stay bound from run to run.
    pub fn bind(&self) -> Result<Binding> {
        let inner = self.lock().create_binding().map_err(failed("binding"))?;
        Ok(Binding { inner, returned: Vec::new() })
    }

    /// Runs over what is bound. Outputs bound in place are left where they are and not returned.
    pub fn run_bound(&self, binding: &mut Binding) -> Result<Outputs> {
        // An output bound to a device keeps the buffer of the last run, and with it that run's shape.
        binding.returned.iter().try_for_each(|name| to_memory(&mut binding.inner, name))?;
        let mut session = self.lock();
        let mut outputs = session.run_binding(&binding.inner).map_err(failed("the model does not run"))?;
        let mut collected = Vec::with_capacity(binding.returned.len());
        for name in &binding.returned {
            let value = outputs.remove(name).ok_or_else(|| Error::engine(format!("the model gave no {name}")))?;
            collected.push((name.clone(), Tensor::from_value(value)?));
        }
        Ok(collected)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ort::session::Session> {
        // A run that panicked left the session itself as it was: ONNX Runtime keeps no state between runs.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(target_arch = "x86_64")]
fn own_operators(builder: SessionBuilder) -> ort::Result<SessionBuilder> {
    Ok(builder.with_operators(super::linear::domain()?)?)
}

#[cfg(not(target_arch = "x86_64"))]
fn own_operators(builder: SessionBuilder) -> ort::Result<SessionBuilder> {
    Ok(builder)
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
}

impl Binding {
    /// Binds an input; it stays until bound again.
    pub fn input(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        self.inner.bind_input(name, &tensor.value).map_err(failed("binding an input"))
    }

    /// Binds one buffer as an input and as an output: the model updates it where it lies.
    pub fn in_place(&mut self, input: &str, output: &str, buffer: &mut Tensor) -> Result<()> {
        self.inner.bind_input(input, &buffer.value).map_err(failed("binding a cache"))?;
        self.inner.bind_output(output, &mut buffer.value).map_err(failed("binding a cache"))
    }

    /// Lets the session allocate an output, of whatever shape it turns out to have.
    pub fn output(&mut self, name: &str) {
        if !self.returned.iter().any(|r| r == name) {
            self.returned.push(name.to_owned());
        }
    }
}

fn to_memory(binding: &mut ort::session::IoBinding, name: &str) -> Result<()> {
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default);
    binding.bind_output_to_device(name, &memory.map_err(failed("memory"))?).map_err(failed("binding an output"))
}

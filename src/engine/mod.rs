//! The only user of `ort`: the library, its environment, sessions and tensors. Nothing here builds a graph.

mod gpu;
mod heap;
mod packed;
mod rope;
mod session;
mod stack;
mod tensor;

pub use gpu::{driver, installed, ready};
pub use heap::Heap;
pub use session::{Binding, Outputs, Session};
pub use tensor::{Input, Mapped, Tensor};

use crate::contained::contained;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernel::Backend;
use crate::telemetry;
use memmap2::Mmap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// ONNX Runtime, loaded. One for each process: the first library wins.
#[derive(Clone, Debug)]
pub struct Engine {
    environment: ort::environment::Environment,
    threads: usize,
    /// The cores that threads are to keep to; empty for any.
    cores: Vec<usize>,
    library: PathBuf,
    kernels: Option<Backend>,
    device: Device,
    /// The most that a session may take of a GPU's memory, in bytes.
    memory: Option<usize>,
    half: bool,
    records: bool,
}

/// The process's environment: ONNX Runtime allows one.
static LOADED: Mutex<Option<(ort::environment::Environment, PathBuf)>> = Mutex::new(None);

impl Engine {
    /// Loads the shared library at `library`, or joins the one the process has. `threads` is how many a session works
    /// with; 0 means one for each physical core.
    ///
    /// Errors: `Engine` when it is no ONNX Runtime or too old, `Corrupt` when the file is cut off.
    pub fn load(library: &Path, threads: usize) -> Result<Self> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.is_none() {
            whole(library)?;
            telemetry::refuse();
            let unloadable = |why: &str| {
                let (path, remedy) = (library.display(), "run `wayside models pull`, or name another in config.toml");
                Error::engine(format!("{path} cannot be loaded as ONNX Runtime: {why}; {remedy}"))
            };
            // A library that gives nothing where it should give its functions is a panic.
            let environment = contained(|| {
                let builder = ort::init_from(library).map_err(|e| unloadable(&e.to_string()))?;
                let builder = builder.with_name("wayside").with_telemetry(false).with_logger(Arc::new(log_line));
                builder.build().map_err(|e| Error::engine(format!("ONNX Runtime does not start: {e}")))
            })
            .unwrap_or_else(|| Err(unloadable("it lacks the functions of one")))?;
            *loaded = Some((environment, library.to_owned()));
        }
        match &*loaded {
            Some((environment, library)) => {
                let kernels = Some(Backend::best());
                let (environment, library) = (environment.clone(), library.clone());
                let (cores, device, memory) = (vec![], Device::Cpu, None);
                let (half, records) = (false, false);
                Ok(Self { environment, threads, cores, library, kernels, device, memory, half, records })
            }
            None => Err(Error::engine("ONNX Runtime does not start")),
        }
    }

    /// The library that the process has loaded.
    pub fn running() -> Option<PathBuf> {
        let loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.as_ref().map(|(_, library)| library.clone())
    }

    /// The library in use.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// What the library says of itself: version, commit and flags of its build.
    pub fn build_info(&self) -> String {
        ort::info().to_owned()
    }

    /// Whether models are computed by kernels of ours; otherwise all is left to ONNX Runtime's.
    pub fn has_kernels(&self) -> bool {
        self.kernels().is_some()
    }

    /// The kernels that compute models, if ours do.
    pub fn kernels(&self) -> Option<Backend> {
        self.kernels.filter(|_| !self.half)
    }

    /// The same engine, with these kernels, or with ONNX Runtime's.
    pub fn with_kernels(self, kernels: Option<Backend>) -> Self {
        Self { kernels, ..self }
    }

    /// The same engine, each session with a thread for each of these cores, which keep to them.
    pub fn on_cores(self, cores: Vec<usize>) -> Self {
        Self { threads: cores.len(), cores, ..self }
    }

    /// The same engine on a GPU: [`Device::TensorRt`], or CUDA for any other. Each session may take `memory` bytes of
    /// it, or whatever it needs. What has no kernel there is left to the CPU, node by node.
    ///
    /// Whether the device works is only known when a session was made and has run.
    ///
    /// Errors: `Unsupported` when the library was built without it.
    pub fn on(self, device: Device, memory: Option<usize>) -> Result<Self> {
        let device = if device == Device::TensorRt { device } else { Device::Cuda };
        gpu::built_in(device, &self.library)?;
        Ok(Self { device, memory, half: true, ..self })
    }

    /// What its sessions run on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The same engine, with attention as a GPU computes it, in float16: what that does to answers can be seen
    /// anywhere.
    pub fn with_half(self) -> Self {
        Self { half: true, ..self }
    }

    /// Whether attention and its cache are to be float16.
    pub fn has_half(&self) -> bool {
        self.half
    }

    /// The same engine, on which decoders are to record passes of one token and repeat them; as it was for TensorRT,
    /// which does not.
    pub fn recording(self) -> Self {
        Self { records: self.device != Device::TensorRt, ..self }
    }

    /// Whether decoders are to record passes.
    pub fn records(&self) -> bool {
        self.records
    }

    /// A session for a model: `bytes` as an ONNX file, whose external data lies in `folder`.
    pub fn session(&self, bytes: &[u8], folder: &Path) -> Result<Session> {
        Session::open(self, bytes, folder, None, false)
    }

    /// The same, with stacks over a map of the folder's weights.
    pub fn session_over(&self, bytes: &[u8], folder: &Path, weights: Option<Arc<Mmap>>) -> Result<Session> {
        Session::open(self, bytes, folder, weights, false)
    }

    /// A session whose passes may be recorded; see [`Session::repeat`]. On the CPU they go the same way, and nothing is
    /// recorded.
    ///
    /// Errors: `Engine` also where a node would run on the CPU.
    pub fn recording_session(&self, bytes: &[u8], folder: &Path) -> Result<Session> {
        Session::open(self, bytes, folder, None, true)
    }
}

/// Refuses a shared library that ends before its section table does: loading it would be a bus error, which no
/// program survives.
fn whole(library: &Path) -> Result<()> {
    let fail = |e| Error::io(format!("cannot read {}", library.display()), e);
    let mut file = std::fs::File::open(library).map_err(fail)?;
    let length = file.seek(SeekFrom::End(0)).map_err(fail)?;
    file.seek(SeekFrom::Start(0)).map_err(fail)?;
    let mut head = [0; 64];
    let read = file.read(&mut head).map_err(fail)?;
    // 64-bit little-endian ELF: section table at byte 40, size and number of its entries at 58.
    let elf = read == 64 && head.starts_with(b"\x7fELF\x02\x01");
    let number = |at: usize, n: usize| head[at..at + n].iter().rev().fold(0u64, |a, &b| (a << 8) | u64::from(b));
    if cfg!(target_os = "linux") && (!elf || number(40, 8).saturating_add(number(58, 2) * number(60, 2)) > length) {
        return Err(Error::corrupt(format!(
            "{} is no whole shared library; run `wayside models pull`, or name another in config.toml",
            library.display()
        )));
    }
    Ok(())
}

fn log_line(level: ort::logging::LogLevel, category: &str, _id: &str, _location: &str, text: &str) {
    use ort::logging::LogLevel as From;
    let level = match level {
        From::Verbose => log::Level::Trace,
        From::Info => log::Level::Debug,
        // Its warnings are about how a graph was optimized: a developer's concern.
        From::Warning => log::Level::Debug,
        From::Error | From::Fatal => log::Level::Warn,
    };
    log::log!(target: "onnxruntime", level, "{category}: {text}");
}

/// Errors of ONNX Runtime, with what was being done.
fn failed<T>(what: &'static str) -> impl Fn(ort::Error<T>) -> Error {
    move |e| {
        let told = e.to_string();
        Error::engine(format!("{what}: {}", gpu::failure(&told).unwrap_or(&told)))
    }
}

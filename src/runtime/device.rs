//! Which device runs models: the one that was asked for where it works, and the CPU where it does not.

use super::Runtime;
use crate::device::Device;
use crate::engine::{self, Engine};
use crate::error::{Error, Result};
use crate::infer::trial;
use crate::machine::Machine;
use crate::parts;
use std::path::{Path, PathBuf};

/// What serves.
pub(super) struct Settled {
    pub engine: Engine,
    /// Why it is not what was asked for.
    pub refused: Option<Error>,
}

impl Runtime {
    /// Loads ONNX Runtime on the device that was asked for, or, where that does not work, on the CPU, for which `cpu`
    /// finds the library.
    pub(super) fn settle(&self, cpu: impl FnOnce() -> Result<PathBuf>) -> Result<Settled> {
        let config = &self.config;
        let tried = match config.device {
            Device::Cpu => Ok(None),
            Device::Cuda | Device::Auto => self.try_gpu(Device::Cuda).map(Some),
            Device::TensorRt => self.try_gpu(Device::TensorRt).map(Some),
        };
        let refused = match tried {
            Ok(Some(engine)) => return Ok(Settled { engine, refused: None }),
            Ok(None) => None,
            Err(why) => Some(why),
        };
        let library = match &refused {
            None => cpu()?,
            // One for GPUs has the CPU too, and may be loaded already.
            Some(_) => Engine::running().map_or_else(|| cpu().or_else(|e| self.gpu_library().ok_or(e)), Ok)?,
        };
        let cores = std::thread::available_parallelism().map_or(usize::MAX, usize::from);
        if config.threads > cores {
            return Err(Error::invalid(format!(
                "threads = {} is more than the {cores} that this machine has; 0 takes what suits it",
                config.threads
            )));
        }
        self.vouched_library(&library)?;
        let engine = Engine::load(&library, config.threads)?.with_kernels(config.kernels.backend()?);
        let large = if config.threads == 0 { Machine::this().large_cores() } else { None };
        let engine = match large {
            Some(cores) => engine.on_cores(cores),
            None => engine,
        };
        Ok(Settled { engine, refused })
    }

    /// Whether models may run on the CPU when the device that was asked for does not work.
    pub(super) fn may_fall_back(&self) -> bool {
        self.config.device_fallback || matches!(self.config.device, Device::Cpu | Device::Auto)
    }

    fn try_gpu(&self, device: Device) -> Result<Engine> {
        engine::driver()?;
        let library =
            self.config.chosen_library()?.or_else(|| self.gpu_library()).ok_or_else(|| self.no_gpu_library())?;
        self.vouched_library(&library)?;
        engine::ready(&library, device)?;
        let cpu = Engine::load(&library, self.config.threads)?.with_kernels(None);
        let memory = self.config.device_memory_mb.checked_mul(1 << 20).filter(|bytes| *bytes > 0);
        let engine = cpu.clone().on(device, memory)?;
        trial(&engine, &cpu)?;
        // What cannot be recorded is computed pass by pass.
        let recording = engine.clone().recording();
        if recording.records() {
            match trial(&recording, &cpu) {
                Ok(()) => return Ok(recording),
                Err(why) => log::info!("passes are not recorded: {why}"),
            }
        }
        Ok(engine)
    }

    /// An ONNX Runtime for GPUs: the part, or what the system has.
    fn gpu_library(&self) -> Option<PathBuf> {
        self.parts.path(parts::GPU_RUNTIME).or_else(|| engine::installed(Path::new("/")))
    }

    fn no_gpu_library(&self) -> Error {
        let part = parts::GPU_RUNTIME;
        let get = match self.parts.list().iter().any(|p| p.name == part) {
            true => format!("run `wayside models pull {part}`"),
            false => "install NVIDIA's for this machine".to_owned(),
        };
        Error::not_found(format!("there is no ONNX Runtime for GPUs; {get}, or name one as `runtime` in config.toml"))
    }
}

//! Opening and closing.

use super::border::{Grows, Text, call, close, grown, hand_out};
use super::status::Status;
use super::version::WAYSIDE_ABI_VERSION;
use crate::Runtime;
use crate::error::{Error, Result};
use std::mem::MaybeUninit;
use std::path::Path;

/// For `threads` in wayside_options: as many as config.toml says, which is one for each physical core unless it says
/// otherwise.
pub const WAYSIDE_THREADS_CONFIGURED: u32 = u32::MAX;

/// For `flags` in wayside_options: parts that are missing, ONNX Runtime and the default models, are fetched when they
/// are needed, with pip, which is another process with a configuration and an environment of its own. Without it,
/// nothing uses a network but the sources that sources.toml declares.
pub const WAYSIDE_OPEN_FETCH: u32 = 1;

/// For `flags` in wayside_options: the environment variable ORT_DYLIB_PATH may name the ONNX Runtime library. Without
/// it, this library reads no environment variable. Others that it rests on read some at times: the C library, ONNX
/// Runtime, SQLite where a source of records is a database, the HTTP library where it is a web service (proxies, which
/// are not used), and whatever tells the local time (TZ).
///
/// One variable is written, once, when ONNX Runtime is loaded: ORT_DISABLE_TELEMETRY=1, without which its official
/// builds report to their maker. Do not use getenv on another thread during the first call that needs a model.
pub const WAYSIDE_OPEN_ENVIRONMENT: u32 = 2;

/// For `flags` in wayside_options: where models do not run on the device that was asked for, that is an error. Without
/// it, the CPU takes over, and the first callback that hears of progress is told; wayside_doctor always says so.
pub const WAYSIDE_OPEN_NO_FALLBACK: u32 = 4;

/// How to open a home. Fill it with zeros first, then set `size`, `abi_version`, `home`, and what else is wanted: zero
/// means nothing special everywhere. Texts are UTF-8 and are not needed any more once wayside_open has returned.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Options {
    /// sizeof(wayside_options), by which later versions tell what a program knows of.
    pub size: u32,
    /// WAYSIDE_ABI_VERSION.
    pub abi_version: u32,
    /// The home folder, which need not exist yet: configuration, models, index and log.
    pub home: Text,
    /// The folder of parts, which several homes may share; `parts` in the home if null. What is not there is looked for
    /// in ../lib/wayside/parts, seen from the folder of this library, or of the program that it is linked into.
    pub parts: Text,
    /// The ONNX Runtime library; if null, what config.toml says, or the part. A process has one: the first that is
    /// loaded serves every handle.
    pub library: Text,
    /// 0: no thread but the one that calls, except that each query to a live source of records has one, which ends
    /// with the call; one that looks up a web service by name may end later, when the system gives up looking. Any
    /// other number up to 1024: so many run models, the calling one among them, and two may load side by side. Or
    /// WAYSIDE_THREADS_CONFIGURED.
    pub threads: u32,
    /// WAYSIDE_OPEN_FETCH, WAYSIDE_OPEN_ENVIRONMENT and WAYSIDE_OPEN_NO_FALLBACK, or what is wanted of them.
    pub flags: u32,
    /// What runs models: "cpu"; "cuda" or "tensorrt", an NVIDIA GPU, whose driver has threads of its own; or "auto",
    /// CUDA where it works. If null, what config.toml says, which is the CPU unless it says otherwise. Since version 2.
    pub device: Text,
}

// SAFETY: numbers and texts, the first number a u32.
unsafe impl Grows for Options {}

/// An open home: models, index and log, each loaded when it is first needed. Calls on it may come from any number of
/// threads at the same time; where they need the same thing, they wait for each other.
pub struct Handle {
    pub(super) runtime: Runtime,
}

/// Opens a home. It reads config.toml and nothing else, and is quick.
///
/// WAYSIDE_STATUS_INCOMPATIBLE for a program that was built for a newer interface; WAYSIDE_STATUS_INVALID for options
/// or a config.toml that make no sense.
///
/// Any thread. A process opens a home once: what two handles to one home open both, the second finds busy.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_open(options: *const Options, runtime: Option<&mut MaybeUninit<*mut Handle>>) -> Status {
    call(|| hand_out(runtime, || opened(&grown(options, "the options")?)))
}

fn opened(options: &Options) -> Result<Handle> {
    if options.abi_version == 0 || options.abi_version > WAYSIDE_ABI_VERSION {
        return Err(Error::incompatible(format!(
            "the program was built for version {} of the interface, and this library has {WAYSIDE_ABI_VERSION}; \
             set `abi_version` to WAYSIDE_ABI_VERSION, or link a newer library",
            options.abi_version
        )));
    }
    let unknown = options.flags & !(WAYSIDE_OPEN_FETCH | WAYSIDE_OPEN_ENVIRONMENT | WAYSIDE_OPEN_NO_FALLBACK);
    if unknown != 0 {
        return Err(Error::invalid(format!("the options have flags that nobody knows: {unknown:#x}")));
    }
    let home = Path::new(options.home.required("`home`")?);
    let parts = options.parts.read("`parts`")?.map_or_else(|| home.join("parts"), Into::into);
    let mut runtime = Runtime::with_parts(home, &parts)?;
    let config = runtime.config_mut();
    config.environment = options.flags & WAYSIDE_OPEN_ENVIRONMENT != 0;
    if let Some(device) = options.device.read("`device`")? {
        config.device = device.parse()?;
    }
    config.device_fallback &= options.flags & WAYSIDE_OPEN_NO_FALLBACK == 0;
    if let Some(library) = options.library.read("`library`")? {
        config.runtime = Some(library.into());
    }
    match options.threads {
        0 => config.threads = 1,
        WAYSIDE_THREADS_CONFIGURED => {}
        n if n <= 1024 => config.threads = n as usize,
        n => return Err(Error::invalid(format!("`threads` must be at most 1024, not {n}"))),
    }
    Ok(Handle { runtime: if options.flags & WAYSIDE_OPEN_FETCH == 0 { runtime.offline() } else { runtime } })
}

/// Lets go of a home. Conversations that are still open go on until they are closed. Null does nothing.
///
/// Any thread; not while another thread is in a call with the handle, and each handle once.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_close(runtime: Option<Box<Handle>>) {
    close(runtime);
}

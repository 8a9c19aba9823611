//! What a GPU takes: a driver, an ONNX Runtime with the providers for it, and the libraries those were linked with.
//! Each is looked for before ONNX Runtime is asked, which says that something is missing and not always what.

use crate::device::Device;
use crate::error::{Error, Result};
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::ReadCache;
use object::read::elf::{Dyn, FileHeader};
use ort::ep::cuda::AttentionBackend;
use ort::ep::{ArenaExtendStrategy, CPU, CUDA, ExecutionProvider, ExecutionProviderDispatch, TensorRT};
use ort::util::preload_dylib;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The library through which programs reach NVIDIA's driver.
const DRIVER: &str = "libcuda.so.1";

/// A library that ONNX Runtime since 1.30 loads by itself when attention, or the largest of something, is first
/// computed, and without which it computes neither; older ones name it as they name the others.
const LOADED_LATER: &str = "libcudnn.so.9";

/// Where CUDA is installed beside the places that the system's loader knows, from the root.
const TOOLKIT: &str = "usr/local/cuda/lib64";

/// Whether NVIDIA's driver is there. Errors: `Unsupported` without it.
pub fn driver() -> Result<()> {
    preload_dylib(DRIVER).map_err(|e| {
        let told = format!("there is no NVIDIA driver: {DRIVER} cannot be loaded; install it, or choose the CPU");
        Error::unsupported(told).because(e)
    })
}

/// An ONNX Runtime with CUDA that was installed under `root`: by JetPack, by pip for all users, or by hand.
pub fn installed(root: &Path) -> Option<PathBuf> {
    let mut folders = packages(root).into_iter().map(|packages| packages.join("onnxruntime/capi")).chain(system(root));
    folders.find_map(|folder| {
        let libraries = entries(&folder, "libonnxruntime.so");
        folder.join(provider(Device::Cuda)).is_file().then(|| libraries.into_iter().max())?
    })
}

/// Whether the ONNX Runtime at `library` has a provider for `device` whose own libraries are there; those that the
/// system's loader does not know are loaded from where pip and CUDA put them. TensorRT needs CUDA too. A bare name is
/// for the loader to find, and is not looked at.
///
/// Errors: `Unsupported`, naming what is missing.
pub fn ready(library: &Path, device: Device) -> Result<()> {
    if device == Device::TensorRt {
        ready(library, Device::Cuda)?;
    }
    let Some(folder) = library.parent().filter(|p| !p.as_os_str().is_empty()) else { return Ok(()) };
    let mut needed = needed(&folder.join(provider(device)), device)?;
    if device == Device::Cuda && !needed.iter().any(|name| name == LOADED_LATER) {
        needed.push(LOADED_LATER.into());
    }
    let places = places(folder, Path::new("/"));
    let is_here = |name: &String| {
        let mut found = places.iter().map(|place| place.join(name)).filter(|path| path.is_file());
        preload_dylib(name).is_ok() || found.any(|path| preload_dylib(path).is_ok())
    };
    let missing: Vec<String> = needed.into_iter().filter(|name| !is_here(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "libraries that {device} needs cannot be loaded: {}; install NVIDIA's packages of these versions",
        missing.join(", ")
    )))
}

/// Whether the library that is loaded was built for `device`. Errors: `Unsupported` where it was not.
pub(super) fn built_in(device: Device, library: &Path) -> Result<()> {
    let known = if device == Device::TensorRt { TensorRT::is_available() } else { CUDA::is_available() };
    if known.map_err(super::failed("the providers of ONNX Runtime"))? {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "the ONNX Runtime that is loaded, {}, was built without {device}",
        library.display()
    )))
}

/// Who runs the nodes of a graph: the first that can. What is recorded is a CUDA graph.
pub(super) fn providers(device: Device, memory: Option<usize>, records: bool) -> Vec<ExecutionProviderDispatch> {
    // The arena doubles as it grows; plain malloc costs no measurable time here and far less memory.
    let cpu = CPU::default().with_arena_allocator(false).build();
    let cuda = || {
        // float32 means float32, as on the CPU, and memory may be the CPU's too.
        let cuda = CUDA::default().with_tf32(false).with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested);
        // cuDNN's attention makes a plan for each length of a prompt and keeps them all.
        let attention = AttentionBackend::FLASH_ATTENTION | AttentionBackend::EFFICIENT_ATTENTION;
        let cuda = cuda.with_cuda_graph(records).with_attention_backend(attention | AttentionBackend::MATH);
        memory.map_or(cuda.clone(), |bytes| cuda.with_memory_limit(bytes)).build().error_on_failure()
    };
    match device {
        Device::TensorRt => vec![TensorRT::default().build().error_on_failure(), cuda(), cpu],
        Device::Cuda => vec![cuda(), cpu],
        Device::Cpu | Device::Auto => vec![cpu],
    }
}

/// Keeps everything else off the GPU, for as long as one thing is done there: while a pass is recorded, nobody may take
/// memory.
pub(super) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What CUDA said, in an error of ONNX Runtime that tells where in its code it heard it.
pub(super) fn failure(error: &str) -> Option<&str> {
    error.find("CUDA failure").and_then(|at| error[at..].split(" ;").next()).map(str::trim)
}

/// The file of a provider, beside ONNX Runtime's own.
fn provider(device: Device) -> &'static str {
    match device {
        Device::TensorRt => "libonnxruntime_providers_tensorrt.so",
        _ => "libonnxruntime_providers_cuda.so",
    }
}

/// The libraries that a provider's file names, in its order.
fn needed(file: &Path, device: Device) -> Result<Vec<String>> {
    let open = |e| match device {
        _ if file.exists() => Error::io(format!("cannot read {}", file.display()), e),
        _ => {
            Error::unsupported(format!("the ONNX Runtime that is used has no {device}: {} is missing", file.display()))
        }
    };
    let data = ReadCache::new(fs::File::open(file).map_err(open)?);
    let read = || {
        let header = FileHeader64::<object::LittleEndian>::parse(&data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, &data)?;
        let Some((entries, index)) = sections.dynamic(endian, &data)? else { return Ok(vec![]) };
        let strings = sections.strings(endian, &data, index)?;
        let needed = entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED);
        needed.map(|entry| Ok(String::from_utf8_lossy(entry.string(endian, strings)?).into_owned())).collect()
    };
    read()
        .map_err(|e: object::Error| Error::corrupt(format!("{} is no whole shared library", file.display())).because(e))
}

/// Where the libraries of CUDA and TensorRT may lie: beside ONNX Runtime, in pip's packages beside pip's ONNX Runtime
/// (`onnxruntime/capi`), in those that pip installed for all users, and in the toolkit.
fn places(folder: &Path, root: &Path) -> Vec<PathBuf> {
    let mut places = vec![folder.to_owned()];
    let beside = folder.ancestors().nth(2).map(Path::to_owned);
    for packages in beside.into_iter().chain(packages(root)) {
        places.extend(entries(&packages.join("nvidia"), "").into_iter().map(|package| package.join("lib")));
        places.push(packages.join("tensorrt_libs"));
    }
    places.push(root.join(TOOLKIT));
    places
}

/// Where a system keeps libraries.
fn system(root: &Path) -> [PathBuf; 3] {
    let debian = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    ["usr/local/lib", "usr/lib", &debian].map(|folder| root.join(folder))
}

/// Where pip puts packages for all users.
fn packages(root: &Path) -> Vec<PathBuf> {
    let pythons = system(root).into_iter().flat_map(|folder| entries(&folder, "python3"));
    pythons.flat_map(|python| ["dist-packages", "site-packages"].map(|packages| python.join(packages))).collect()
}

/// What lies in a folder under names with a beginning, in their order.
fn entries(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = found.filter(|entry| entry.file_name().to_string_lossy().starts_with(beginning));
    let mut paths: Vec<_> = named.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    #[test]
    fn a_library_counts_with_its_provider_beside_it() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(installed(root.path()), None);
        put(root.path(), "usr/lib/libonnxruntime.so.1");
        assert_eq!(installed(root.path()), None, "without CUDA");
        put(root.path(), "usr/lib/libonnxruntime_providers_cuda.so");
        assert_eq!(installed(root.path()), Some(root.path().join("usr/lib/libonnxruntime.so.1")));
        let packages = "usr/local/lib/python3.10/dist-packages/onnxruntime/capi";
        put(root.path(), &format!("{packages}/libonnxruntime.so.1.24.0"));
        put(root.path(), &format!("{packages}/libonnxruntime_providers_cuda.so"));
        let wheel = root.path().join(packages).join("libonnxruntime.so.1.24.0");
        assert_eq!(installed(root.path()), Some(wheel));
    }

    #[test]
    fn libraries_are_looked_for_among_pips_packages_of_all_users_too() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "usr/local/lib/python3.12/dist-packages/nvidia/cudnn/lib/libcudnn.so.9");
        let places = places(&root.path().join("home/parts/onnxruntime-gpu"), root.path());
        let library = places.iter().map(|place| place.join(LOADED_LATER)).find(|path| path.is_file());
        assert!(library.is_some_and(|path| path.starts_with(root.path().join("usr/local/lib/python3.12"))));
    }

    #[test]
    fn what_is_missing_is_named() {
        let root = tempfile::tempdir().unwrap();
        let library = root.path().join("libonnxruntime.so");
        let error = ready(&library, Device::Cuda).unwrap_err();
        assert!(error.to_string().contains("libonnxruntime_providers_cuda.so is missing"), "{error}");
        fs::write(root.path().join(provider(Device::Cuda)), "no library").unwrap();
        assert_eq!(ready(&library, Device::Cuda).unwrap_err().kind(), crate::ErrorKind::Corrupt);
        ready(Path::new("libonnxruntime.so"), Device::Cuda).unwrap();
    }

    /// The test itself is such a file.
    #[test]
    fn a_file_names_what_it_needs() {
        let needed = needed(&std::env::current_exe().unwrap(), Device::Cuda).unwrap();
        assert!(needed.iter().any(|name| name.starts_with("libc.so")), "{needed:?}");
    }

    #[test]
    fn of_an_error_of_cuda_the_reason_is_left() {
        let error = "/a/cuda_call.cc:146 CudaCall(...) CUDA failure 35: the driver is too old ; GPU=-1 ; hostname=vm";
        assert_eq!(failure(error), Some("CUDA failure 35: the driver is too old"));
        assert_eq!(failure("another error"), None);
    }
}

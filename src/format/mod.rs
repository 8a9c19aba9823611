//! Files of weights: bytes to named tensors. Nothing here knows what a model is.
//!
//! Every size in these files may be a lie. Counts are checked against the bytes that are left before anything is
//! allocated, sums against overflow, and every tensor against the end of the file.

pub mod gguf;
pub mod nano_e5;
pub mod safetensors;

use crate::error::{Error, Result};
use memmap2::Mmap;
use std::fs::File;
use std::path::Path;

/// Maps a file for reading. An empty file is an error: no format here has one.
#[allow(unsafe_code, reason = "a memory map; what makes it sound is said at the call")]
pub(crate) fn map(path: &Path) -> Result<Mmap> {
    let fail = |e| Error::io(format!("cannot read {}", path.display()), e);
    let file = File::open(path).map_err(fail)?;
    let about = file.metadata().map_err(fail)?;
    if !about.is_file() {
        return Err(Error::invalid(format!("{} is not a file", path.display())));
    }
    if about.len() == 0 {
        return Err(Error::corrupt(format!("{} is empty", path.display())));
    }
    // SAFETY: the map is only read. Another process that truncates the file meanwhile is outside what any reader of
    // memory maps can defend against; models are replaced by rename, never in place.
    unsafe { Mmap::map(&file) }.map_err(fail)
}

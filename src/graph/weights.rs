//! `weights.bin`: the constants of a graph, one after another, each on a page of its own.
//!
//! Pages, because ONNX Runtime maps each constant by itself where it is the one that reads it, and because several
//! graphs (serving, training) and several processes share the mapping. 4 KiB here; on machines with larger pages the
//! runtime maps from the page below.
//!
//! The file is written, and mapped, so that the system can keep it in pages of 2 MiB: a processor reads through those
//! half as fast again, and mapping them takes next to no time.

use super::Data;
use crate::error::{Error, Result};
use crate::format;
use bytemuck::NoUninit;
use memmap2::Mmap;
use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Its name inside a bundle.
pub const FILE: &str = "weights.bin";

const PAGE: u64 = 4096;

/// Below this many bytes a constant stays in the model file: ONNX Runtime reads small ones before it maps anything.
const SMALL: usize = 1024;

/// What is written at once: a large page, from its beginning to its end.
const LARGE: usize = 2 << 20;

/// Maps the `weights.bin` of a folder, if it has one.
pub fn map(folder: &Path) -> Result<Option<Arc<Mmap>>> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let map = format::map(&path)?;
    // Advice, which a system may know nothing of.
    #[cfg(target_os = "linux")]
    let _advised = map.advise(memmap2::Advice::HugePage);
    Ok(Some(Arc::new(map)))
}

/// Writes `weights.bin` from front to back.
pub struct WeightsWriter {
    out: File,
    path: PathBuf,
    file: Cow<'static, str>,
    /// What is not written yet.
    rest: Vec<u8>,
    at: u64,
}

impl WeightsWriter {
    /// Begins the file `name` in `folder`.
    pub fn create(folder: &Path, name: &'static str) -> Result<Self> {
        let path = folder.join(name);
        let out = File::create(&path).map_err(|e| Error::io(format!("cannot create {}", path.display()), e))?;
        Ok(Self { out, path, file: name.into(), rest: Vec::with_capacity(LARGE), at: 0 })
    }

    /// Appends an array; small ones are handed back to be kept inline.
    pub fn write<T: NoUninit>(&mut self, array: &[T]) -> Result<Data> {
        let bytes: &[u8] = bytemuck::cast_slice(array);
        if bytes.len() < SMALL {
            return Ok(Data::Inline(bytes.to_vec()));
        }
        let offset = self.at.next_multiple_of(PAGE);
        self.append(&vec![0; (offset - self.at) as usize])?;
        self.append(bytes)?;
        Ok(Data::External { file: self.file.clone(), offset, length: bytes.len() as u64 })
    }

    fn append(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.at += bytes.len() as u64;
        while self.rest.len() + bytes.len() >= LARGE {
            let (now, later) = bytes.split_at(LARGE - self.rest.len());
            self.rest.extend_from_slice(now);
            self.flush()?;
            bytes = later;
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let written = self.out.write_all(&self.rest);
        self.rest.clear();
        written.map_err(|e| Error::io(format!("cannot write {}", self.path.display()), e))
    }

    /// Writes the rest; returns the bytes of the file.
    pub fn finish(mut self) -> Result<u64> {
        self.flush()?;
        Ok(self.at)
    }
}

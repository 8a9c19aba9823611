//! `weights.bin`: the constants of a graph, one after another, each on a page of its own.
//!
//! Pages, because ONNX Runtime maps each constant by itself, and because several graphs (serving, training) and
//! several processes share the mapping. 4 KiB here; on machines with larger pages the runtime maps from the page
//! below.

use super::Data;
use crate::error::{Error, Result};
use bytemuck::NoUninit;
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Its name inside a bundle.
pub const FILE: &str = "weights.bin";

const PAGE: u64 = 4096;

/// Below this many bytes a constant stays in the model file: ONNX Runtime reads small ones before it maps anything.
const SMALL: usize = 1024;

/// Writes `weights.bin` from front to back.
pub struct WeightsWriter {
    out: BufWriter<File>,
    path: PathBuf,
    file: Cow<'static, str>,
    at: u64,
}

impl WeightsWriter {
    /// Begins the file `name` in `folder`.
    pub fn create(folder: &Path, name: &'static str) -> Result<Self> {
        let path = folder.join(name);
        let file = File::create(&path).map_err(|e| Error::io(format!("cannot create {}", path.display()), e))?;
        Ok(Self { out: BufWriter::with_capacity(1 << 20, file), path, file: name.into(), at: 0 })
    }

    /// Appends an array; small ones are handed back to be kept inline.
    pub fn write<T: NoUninit>(&mut self, array: &[T]) -> Result<Data> {
        let bytes: &[u8] = bytemuck::cast_slice(array);
        if bytes.len() < SMALL {
            return Ok(Data::Inline(bytes.to_vec()));
        }
        let fail = |e| Error::io(format!("cannot write {}", self.path.display()), e);
        let offset = self.at.next_multiple_of(PAGE);
        self.out.write_all(&vec![0; (offset - self.at) as usize]).map_err(fail)?;
        self.out.write_all(bytes).map_err(fail)?;
        self.at = offset + bytes.len() as u64;
        Ok(Data::External { file: self.file.clone(), offset, length: bytes.len() as u64 })
    }

    /// Flushes the rest; returns the bytes written.
    pub fn finish(mut self) -> Result<u64> {
        self.out.flush().map_err(|e| Error::io(format!("cannot write {}", self.path.display()), e))?;
        Ok(self.at)
    }
}

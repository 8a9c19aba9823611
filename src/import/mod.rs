//! From the files people have to the bundle that runs: names and configuration in, a graph and its weights out.
//!
//! One file per family says how its names and configuration map; `decoder` and `encoder` build the graphs.

mod adapter;
mod config;
mod decoder;
mod dense;
mod embedder;
mod encoder;
mod ends;
mod family;
mod folder;
mod gguf;
mod gguf_tokenizer;
mod gguf_word_piece;
mod huggingface;
mod judge;
mod linear;
mod nano_e5;
mod ready;
mod rope;
mod sentence;
mod source;
mod stock;

use crate::bundle::{self, Bundle, Manifest, Model, name_of};
use crate::durable::Staged;
use crate::error::{Error, Result};
use crate::graph::{Graph, WeightsWriter, lower};
use crate::tensor::{Bits, Blocks};
use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;
use crate::watch::{Cancel, Progress};
use linear::Weights;
use prost::Message;
use source::Source;
use std::collections::HashMap;
use std::path::Path;

pub use adapter::adapter;
pub use encoder::RELEVANCE;
pub use judge::{JUDGE, judge, judge_source};
pub use stock::export;

/// What a source says of itself, whatever its format.
struct Described {
    config: config::Config,
    /// `tokenizer.json`.
    tokenizer: Vec<u8>,
    template: Option<String>,
    /// As its publisher names it.
    license: Option<String>,
    source: Source,
}

/// How to import.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Bits of the linear layers. Without a choice, 4-bit blocks stay as they are and everything else gets 8 bits:
    /// the quality of the source.
    pub weights: Option<Bits>,
    /// Whether the model is for any ONNX Runtime, as GPUs want it. Otherwise the blocks of a file stay as they are,
    /// where this machine has kernels for them.
    pub stock: bool,
}

/// Imports `path`, a GGUF file or a folder with safetensors or ONNX files, as the bundle `dir`, whose last part is
/// its name. What was there before is replaced whole, once the new bundle is complete.
///
/// Errors: `Unsupported` names the architecture, tensor or tokenizer that nothing here knows; `Corrupt` the file that
/// does not add up. Either way nothing changes.
pub fn import(path: &Path, dir: &Path, options: Options, progress: &dyn Progress, cancel: &Cancel) -> Result<Bundle> {
    if !path.exists() {
        return Err(Error::not_found(format!("{} does not exist", path.display())));
    }
    name_of(dir)?;
    if path.is_dir() && ready::is_onnx(path) {
        return ready::import(path, dir, progress);
    }
    if path.extension().is_some_and(|extension| extension == "onnx") {
        return Err(Error::invalid(format!(
            "{} is an ONNX model by itself; name the folder that holds it together with its tokenizer.json",
            path.display()
        )));
    }
    let within = if path.is_dir() { folder::gguf(path)? } else { None };
    let file = within.as_deref().unwrap_or(path);
    let described = match file {
        folder if folder.is_dir() => huggingface::describe(folder, progress)?,
        file if crate::format::nano_e5::is_one(file) => nano_e5::describe(file)?,
        file => gguf::describe(file, progress)?,
    };
    build(file, described, dir, options, progress, cancel)
}

fn build(
    path: &Path,
    described: Described,
    dir: &Path,
    options: Options,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Bundle> {
    let Described { config, tokenizer, template, license, source } = described;
    // Programs from outside, which are tried before anything that takes long.
    Tokenizer::check(&tokenizer, config.vocabulary()).map_err(|e| e.context(path.display()))?;
    if let Some(template) = &template {
        Template::check(template).map_err(|e| e.context(path.display()))?;
    }
    let staged = Staged::new(dir)?;
    let writer = WeightsWriter::create(staged.path(), crate::graph::WEIGHTS)?;
    let chosen = |bits: Bits| options.weights.map(|choice| choice == bits);
    let four_bit = chosen(Bits::Int4).unwrap_or_else(|| source.mostly(|e| Blocks::natural(e) == Bits::Int4));
    let eight_bit = chosen(Bits::Int8).unwrap_or_else(|| source.mostly(|e| e.bits() >= Bits::Int8.count() as u32));
    let precise = eight_bit && !matches!(config, config::Config::Encoder(_));
    let decodes = matches!(config, config::Config::Decoder(_));
    let mut weights = Weights {
        graph: Graph::new(),
        writer,
        source: &source,
        choice: options.weights,
        packed: decodes && !options.stock,
        kept: HashMap::new(),
        precise,
    };
    let model = match &config {
        config::Config::Decoder(c) => Model::Decoder(decoder::build(c, &mut weights, progress, cancel)?),
        config::Config::Embedder(c, s) => Model::Encoder(embedder::build(c, s, &mut weights, progress, cancel)?),
        config::Config::Encoder(c) => Model::Encoder(encoder::build(c, &mut weights, progress, cancel)?),
    };
    source.all_used()?;
    let Weights { graph, writer, kept, .. } = weights;
    writer.finish()?;
    write(&staged, bundle::MODEL, &lower(&graph).encode_to_vec())?;
    write(&staged, bundle::TOKENIZER, &tokenizer)?;
    if let Some(template) = template {
        write(&staged, bundle::TEMPLATE, template.as_bytes())?;
    }
    let most = kept.into_iter().max_by_key(|(_, numbers)| *numbers).map(|(encoding, _)| format!("{encoding:?}"));
    let bits = if four_bit { "int4" } else { "int8" };
    let manifest = Manifest {
        format: 0,
        name: name_of(dir)?,
        architecture: config.architecture().into(),
        parameters: source.parameters(),
        weights: most.unwrap_or_else(|| bits.into()),
        source: file_name(path),
        license,
        model,
        merged: None,
        files: Default::default(),
    };
    Bundle::publish(staged, manifest, dir)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn write(staged: &Staged, name: &str, bytes: &[u8]) -> Result<()> {
    let path = staged.path().join(name);
    std::fs::write(&path, bytes).map_err(|e| Error::io(format!("cannot write {}", path.display()), e))
}

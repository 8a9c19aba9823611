//! A folder that already holds an ONNX model: checked, described, and taken as it is.

use super::family::encoders;
use super::huggingface::{Keys, named_ends, required, template};
use super::sentence::{Sentence, prompts, sentence};
use super::{ends, file_name, huggingface};
use crate::bundle::{self, Bundle, Cache, Decoder, Encoder, Manifest, Model, Pooling, name_of};
use crate::durable::Staged;
use crate::error::{Error, Result};
use crate::graph::DType;
use crate::onnx::proto::{Dim, Graph, ValueInfo};
use crate::onnx::{self, check};
use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;
use crate::watch::Progress;
use std::path::{Path, PathBuf};

/// Names under which exporters leave the model, the likelier first.
const NAMES: [&str; 4] = ["model.onnx", "model_quantized.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx"];

/// Whether `folder` is to be taken as ONNX: it names or holds a model file, and no safetensors to build from.
pub(super) fn is_onnx(folder: &Path) -> bool {
    model_file(folder).is_some_and(|m| m.parent() == Some(folder) || !folder.join("model.safetensors").exists())
}

fn model_file(folder: &Path) -> Option<PathBuf> {
    let genai = Keys::read(folder, "genai_config.json").ok();
    let named = genai.and_then(|g| g.object("model")?.object("decoder")?.text("filename").ok());
    let plain = named.filter(|n| Path::new(n).file_name().is_some_and(|f| f == n.as_str()));
    let usual = plain.iter().map(String::as_str).chain(NAMES).map(|n| folder.join(n)).find(|p| p.is_file());
    usual.or_else(|| match models(folder).as_slice() {
        [one] => Some(folder.join(one)),
        _ => None,
    })
}

/// The ONNX files of a folder by whatever name, or those in its folder `onnx`.
pub(super) fn models(folder: &Path) -> Vec<String> {
    let is_model = |name: &String| name.ends_with(".onnx");
    let beside: Vec<String> = super::folder::names(folder).into_iter().filter(is_model).collect();
    if !beside.is_empty() {
        return beside;
    }
    let inner = super::folder::names(&folder.join("onnx")).into_iter().filter(is_model);
    inner.map(|name| format!("onnx/{name}")).collect()
}

/// Copies the model, its data and its tokenizer into a bundle.
pub(super) fn import(folder: &Path, dir: &Path, progress: &dyn Progress) -> Result<Bundle> {
    let path =
        model_file(folder).ok_or_else(|| Error::not_found(format!("{} holds no ONNX model", folder.display())))?;
    let home = path.parent().unwrap_or(folder);
    let model = onnx::read(&path)?;
    let data = check::external_data(&model, home).map_err(|e| e.context(path.display()))?;
    let graph = model.graph.as_ref().ok_or_else(|| Error::corrupt("no graph"))?;
    let tokenizer = required(folder, bundle::TOKENIZER)?;
    Tokenizer::check(&tokenizer, usize::MAX).map_err(|e| e.context(folder.join(bundle::TOKENIZER).display()))?;
    let described = describe(graph, folder, &tokenizer, progress).map_err(|e| e.context(path.display()))?;
    let staged = Staged::new(dir)?;
    progress.start("copy", data.len() as u64 + 1);
    let copy = |from: &Path, to: &Path| -> Result<()> {
        let to = staged.path().join(to);
        crate::durable::create_dir(to.parent().unwrap_or(staged.path()))?;
        std::fs::copy(from, &to).map_err(|e| Error::io(format!("cannot copy {}", from.display()), e)).map(drop)
    };
    copy(&path, Path::new(bundle::MODEL))?;
    for (done, file) in data.iter().enumerate() {
        progress.at(done as u64 + 1);
        copy(&home.join(file), file)?;
    }
    progress.finish();
    super::write(&staged, bundle::TOKENIZER, &tokenizer)?;
    if let Some(template) = template(folder)? {
        Template::check(&template).map_err(|e| e.context(folder.display()))?;
        super::write(&staged, bundle::TEMPLATE, template.as_bytes())?;
    }
    let kind = Keys::read(folder, "config.json").and_then(|c| c.text("model_type"));
    let parameters = graph.initializer.iter().map(|t| t.dims.iter().map(|&d| d.max(0) as u64).product::<u64>()).sum();
    let manifest = Manifest {
        format: 0,
        name: name_of(dir)?,
        architecture: kind.unwrap_or_else(|_| "onnx".into()),
        parameters,
        weights: "as given".into(),
        source: file_name(folder),
        license: huggingface::license(folder),
        model: described,
        merged: None,
        files: Default::default(),
    };
    Bundle::publish(staged, manifest, dir)
}

fn describe(graph: &Graph, folder: &Path, tokenizer: &[u8], progress: &dyn Progress) -> Result<Model> {
    let names: Vec<&str> = graph.input.iter().map(|i| i.name.as_str()).collect();
    for needed in ["input_ids", "attention_mask"] {
        if !names.contains(&needed) {
            return Err(Error::unsupported(format!("the model has no input {needed:?}; it has {}", names.join(", "))));
        }
    }
    let layers = names.iter().filter(|n| n.starts_with("past_key_values.") && n.ends_with(".key")).count();
    if layers > 0 { decoder(graph, layers, folder, tokenizer) } else { encoder(graph, folder, progress) }
}

fn decoder(graph: &Graph, layers: usize, folder: &Path, tokenizer: &[u8]) -> Result<Model> {
    for (layer, side) in (0..layers).flat_map(|layer| ["key", "value"].map(|side| (layer, side))) {
        let (dtype, _) = extents(find(&graph.input, &format!("past_key_values.{layer}.{side}"))?);
        if dtype != DType::F32 as i32 {
            return Err(Error::unsupported(format!("the cache has ONNX type {dtype}; only float32 is known")));
        }
        find(&graph.output, &format!("present.{layer}.{side}"))?;
    }
    let config = Keys::read(folder, "config.json").ok();
    let generation = Keys::read(folder, "generation_config.json").ok();
    let genai = Keys::read(folder, "genai_config.json").ok().and_then(|g| g.object("model"));
    let inner = genai.as_ref().and_then(|g| g.object("decoder"));
    let keys = || inner.iter().chain(&genai).chain(&config).chain(&generation);
    let size = |name: &str| keys().find_map(|k| k.size(name).ok());
    let unsaid = |what: &str| Error::unsupported(format!("nothing says {what}; put the model's config.json beside it"));

    // The graph itself is believed first; where it leaves an extent open, the files beside it say.
    let (_, cache) = extents(find(&graph.input, "past_key_values.0.key")?);
    let extent = |axis: usize| cache.get(axis).copied().flatten();
    let width = || size("head_size").or_else(|| size("head_dim"));
    let share = || Some(size("hidden_size")? / size("num_attention_heads")?);
    let head_dim = extent(3).or_else(width).or_else(share).ok_or_else(|| unsaid("how large a head is"))?;
    let heads = || size("num_key_value_heads").or_else(|| size("num_attention_heads"));
    let kv_heads = extent(1).or_else(heads).ok_or_else(|| unsaid("how many heads the cache has"))?;
    let (_, logits) = extents(find(&graph.output, "logits")?);
    let vocabulary = logits.last().copied().flatten().or_else(|| size("vocab_size"));
    let vocabulary = vocabulary.ok_or_else(|| unsaid("how large the vocabulary is"))?;
    let tokenizer = huggingface::read(folder, tokenizer, vocabulary)?;
    let in_place = graph.node.iter().any(|n| n.op_type == "GroupQueryAttention");
    Ok(Model::Decoder(Decoder {
        layers,
        kv_heads,
        head_dim,
        vocabulary,
        context: size("context_length").or_else(|| size("max_position_embeddings")).unwrap_or(2048),
        bos: ends::begin(&tokenizer)?,
        eos: ends::ends(named_ends(folder, &tokenizer), &tokenizer)?,
        cache: if in_place { Cache::InPlace } else { Cache::Appended },
        hyperparameters: None,
    }))
}

/// A model that gives whole vectors is believed; another one's tokens are pooled as the files beside it say.
fn encoder(graph: &Graph, folder: &Path, progress: &dyn Progress) -> Result<Model> {
    let whole = graph.output.iter().find(|output| output.name == bundle::WHOLE);
    let sentence = match whole {
        Some(_) => Sentence { pooling: Pooling::Own, ..prompts(folder) },
        None => sentence(folder, progress)?,
    };
    if whole.is_none() && !sentence.dense.is_empty() {
        return Err(Error::unsupported(format!(
            "modules.json has a Dense behind the pooling, which a model that gives no {:?} lacks; \
             import the folder's safetensors",
            bundle::WHOLE
        )));
    }
    let output = whole.map_or_else(|| find(&graph.output, "last_hidden_state"), Ok)?;
    let (_, shape) = extents(output);
    let config = Keys::read(folder, "config.json")?;
    let dimensions = shape.last().copied().flatten().map_or_else(|| config.size("hidden_size"), Ok)?;
    let positions = config.size("max_position_embeddings").unwrap_or(512).saturating_sub(encoders::before(&config));
    Ok(Model::Encoder(Encoder {
        dimensions,
        context: sentence.longest.unwrap_or(positions).min(positions),
        pooling: sentence.pooling,
        query_prefix: sentence.query_prefix,
        passage_prefix: sentence.passage_prefix,
    }))
}

fn find<'a>(ports: &'a [ValueInfo], name: &str) -> Result<&'a ValueInfo> {
    ports.iter().find(|p| p.name == name).ok_or_else(|| {
        let names: Vec<_> = ports.iter().map(|p| p.name.as_str()).take(12).collect();
        Error::unsupported(format!("the model has no {name:?}; it has {}", names.join(", ")))
    })
}

/// Element type, and the extents that are known.
fn extents(port: &ValueInfo) -> (i32, Vec<Option<usize>>) {
    let Some(tensor) = port.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()) else { return (0, vec![]) };
    let dims = tensor.shape.iter().flat_map(|s| &s.dim);
    let known = |value: &Option<Dim>| match value {
        Some(Dim::Value(n)) if *n > 0 => Some(*n as usize),
        _ => None,
    };
    (tensor.elem_type, dims.map(|d| known(&d.value)).collect())
}

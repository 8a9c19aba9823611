//! Numbers held to PyTorch, transformers and gguf-py. See `tests/golden/README.md` for what made them.

pub mod adapters;
mod decoders;
mod default_model;
mod drafting;
mod embedders;
mod encoders;
mod encodings;
mod half;
mod judge;
mod lora;
mod nano_e5;
mod prefixes;
mod stock;
mod template;
mod together;
mod training;

use crate::support::{engine, floats};
use prost::Message;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use wayside::bundle::{Bundle, MODEL};
use wayside::engine::Engine;
use wayside::import::{Options, import};
use wayside::infer::{Context, LanguageModel, Request, Sampling, generate};
use wayside::kernel::MAT_MUL_PACKED;
use wayside::onnx;
use wayside::tensor::Bits;
use wayside::watch::{Cancel, Quiet};

/// Imports `path` into a folder of its own.
pub fn imported(path: &Path, weights: Option<Bits>) -> (TempDir, Bundle) {
    imported_as(path, Options { weights, ..Options::default() })
}

/// Imports `path` so.
pub fn imported_as(path: &Path, options: Options) -> (TempDir, Bundle) {
    let home = tempfile::tempdir().unwrap();
    let bundle = import(path, &home.path().join("model"), options, &Quiet, &Cancel::new()).unwrap();
    (home, bundle)
}

/// Imports and loads a decoder.
pub fn opened(path: &Path, weights: Option<Bits>) -> (TempDir, Arc<LanguageModel>) {
    let (home, bundle) = imported(path, weights);
    let model = LanguageModel::open(&engine(), &bundle).unwrap();
    (home, Arc::new(model))
}

/// As [`opened`], computing in float32.
pub fn unrounded_decoder(path: &Path, weights: Option<Bits>) -> (TempDir, Arc<LanguageModel>) {
    let (home, bundle) = imported(path, weights);
    let model = LanguageModel::open(&unrounded(&bundle), &bundle).unwrap();
    (home, Arc::new(model))
}

/// Takes the rounding of activations out of a bundle, and gives the engine that rounds none: matrix products compute in
/// float32, so that nothing is left between it and the reference but the weights it was imported with.
pub fn unrounded(bundle: &Bundle) -> Engine {
    let path = bundle.path(MODEL).unwrap();
    let mut model = onnx::read(&path).unwrap();
    let nodes = &mut model.graph.as_mut().unwrap().node;
    if nodes.iter().any(|n| n.op_type == MAT_MUL_PACKED) {
        // The plain loops round nothing.
        return engine().with_kernels(None);
    }
    let level = nodes.iter_mut().flat_map(|n| &mut n.attribute).filter(|a| a.name == "accuracy_level");
    assert!(level.map(|a| a.i = Some(1)).count() > 0);
    std::fs::write(path, model.encode_to_vec()).unwrap();
    engine()
}

/// The logits after each token of `ids`, in order.
pub fn logits(model: &Arc<LanguageModel>, ids: &[u32]) -> Vec<Vec<f32>> {
    let mut rows = Vec::new();
    let mut context = Context::new(model.clone()).unwrap();
    context.feed_all(ids, &Cancel::new(), |_, row| rows.push(row.to_vec())).unwrap();
    rows
}

/// The likeliest token.
pub fn best(logits: &[f32]) -> u32 {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap() as u32
}

/// The `max_tokens` likeliest tokens, one after the other; fewer if the model ends before.
pub fn greedy(model: &Arc<LanguageModel>, prompt: &[u32], max_tokens: usize) -> Vec<u32> {
    let mut context = Context::new(model.clone()).unwrap();
    let request = Request { prompt: prompt.to_vec(), max_tokens, sampling: Sampling::greedy(), stop: vec![] };
    generate(&mut context, &request, &Cancel::new(), &mut |_| {}).unwrap().tokens
}

/// How far numbers are from a reference, in units of the reference's standard deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distance {
    pub largest: f32,
    pub rms: f32,
}

impl Distance {
    pub fn between(found: &[f32], exact: &[f32]) -> Self {
        assert_eq!(found.len(), exact.len());
        let n = exact.len() as f32;
        let mean = exact.iter().sum::<f32>() / n;
        let deviation = (exact.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n).sqrt();
        let apart = || found.iter().zip(exact).map(|(a, b)| (a - b).abs() / deviation);
        Self { largest: apart().fold(0.0, f32::max), rms: (apart().map(|d| d * d).sum::<f32>() / n).sqrt() }
    }

    /// The larger of both figures over all rows that `expected` has under `field`.
    pub fn of_rows(rows: &[Vec<f32>], expected: &serde_json::Value, field: &str) -> Self {
        let exact = expected[field].as_array().unwrap();
        let at = crate::support::ids(&expected["positions"]);
        assert_eq!(at.len(), exact.len());
        let each = at.iter().zip(exact).map(|(at, exact)| Self::between(&rows[*at as usize], &floats(exact)));
        each.fold(Self::default(), |a, b| Self { largest: a.largest.max(b.largest), rms: a.rms.max(b.rms) })
    }

    pub fn must_be_within(self, limit: Self, what: &str) {
        assert!(self.largest < limit.largest && self.rms < limit.rms, "{what}: {self:?}, not within {limit:?}");
    }
}

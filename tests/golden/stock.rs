//! A model that was exported for any ONNX Runtime, beside one that was imported for it.

use super::{imported, imported_as, logits};
use crate::support::{engine, golden, ids, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use wayside::import::{Options, export};
use wayside::infer::LanguageModel;
use wayside::kernel::DOMAIN;
use wayside::onnx;
use wayside::watch::{Cancel, Quiet};

#[test]
fn what_is_exported_is_what_an_import_for_any_runtime_makes() {
    for file in ["llama", "llama3-k", "qwen2", "gemma3"] {
        let source = golden(&format!("gguf/{file}.gguf"));
        let tokens = ids(&json(&source.with_extension("json"))["input_ids"]);
        let (home, packed) = imported(&source, None);
        let (_stock_home, stock) = imported_as(&source, Options { stock: true, ..Options::default() });
        let folder = home.path().join("onnx");
        let files = export(&packed, &folder, &Quiet, &Cancel::new()).unwrap();
        for (name, bytes) in &files {
            assert_eq!(fs::metadata(folder.join(name)).unwrap().len(), *bytes, "{name}");
        }
        let needs_ours = |path: &Path| {
            let model = onnx::read(path).unwrap();
            model.graph.unwrap().node.iter().any(|node| node.domain == DOMAIN)
        };
        assert!(!needs_ours(&folder.join("model.onnx")), "{file} for any ONNX Runtime");
        assert!(needs_ours(&home.path().join("model/model.onnx")), "{file} as it lies");

        let (_taken_home, taken) = imported(&folder, None);
        let [taken, stock] = [&taken, &stock].map(|bundle| {
            let model = LanguageModel::open(&engine().with_kernels(None), bundle).unwrap();
            logits(&Arc::new(model), &tokens)
        });
        let apart = taken.iter().flatten().zip(stock.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // A matrix of 4 bits among others of 8 sees its activations in 16 bits where the file's own blocks did.
        assert!(taken.len() == stock.len() && apart < 1e-3, "{file}: {apart} apart");
        assert!(export(&imported(&source, None).1, &folder, &Quiet, &Cancel::new()).is_err(), "a folder that is full");
    }
}

//! Numbers held to PyTorch, transformers and gguf-py. See `tests/golden/README.md` for what made them.

use crate::support::{engine, floats, golden, ids, json, part};
use std::path::Path;
use std::sync::Arc;
use wayside::bundle::Bundle;
use wayside::import::{Options, import};
use wayside::infer::{Context, Embedder, LanguageModel, Request, Sampling, generate};
use wayside::tensor::{Bits, Encoding};
use wayside::watch::{Cancel, Quiet};

fn imported(path: &Path, weights: Option<Bits>, home: &Path) -> Bundle {
    import(path, &home.join("model"), Options { weights }, &Quiet, &Cancel::new()).unwrap()
}

fn opened(path: &Path, weights: Option<Bits>) -> (tempfile::TempDir, Arc<LanguageModel>) {
    let home = tempfile::tempdir().unwrap();
    let bundle = imported(path, weights, home.path());
    (home, Arc::new(LanguageModel::open(&engine(), &bundle).unwrap()))
}

/// The logits after each token of `ids`, in order.
fn logits(model: &Arc<LanguageModel>, ids: &[u32]) -> Vec<Vec<f32>> {
    let mut rows = Vec::new();
    let mut context = Context::new(model.clone()).unwrap();
    context.feed_all(ids, &Cancel::new(), |_, row| rows.push(row.to_vec())).unwrap();
    rows
}

/// The largest difference, in units of the reference's standard deviation.
fn distance(found: &[f32], exact: &[f32]) -> f32 {
    let n = exact.len() as f32;
    let mean = exact.iter().sum::<f32>() / n;
    let deviation = (exact.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n).sqrt();
    found.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / deviation
}

/// Rounding the activations to int8, which every linear layer does at every row, moves the logits of these tiny
/// models by at most this many standard deviations (measured; random weights hide nothing behind large margins).
const ACTIVATION_ROUNDING: f32 = 0.08;

#[test]
fn tiny_decoders_of_every_family_agree_with_transformers() {
    for family in ["llama", "llama3", "mistral", "qwen2", "qwen3"] {
        let folder = golden(&format!("tiny/{family}"));
        let expected = json(&folder.join("expected.json"));
        let (_home, model) = opened(&folder, Some(Bits::Int8));
        let found = logits(&model, &ids(&expected["input_ids"]));
        for (at, exact) in ids(&expected["positions"]).iter().zip(expected["logits_int8"].as_array().unwrap()) {
            let distance = distance(&found[*at as usize], &floats(exact));
            println!("{family} {at} {distance}");
            assert!(distance < ACTIVATION_ROUNDING, "{family} at {at}: {distance}");
        }
    }
}

#[test]
fn greedy_answers_of_the_default_model_are_transformers_token_by_token() {
    let (_home, model) = opened(&part(wayside::parts::LANGUAGE_MODEL), Some(Bits::Int8));
    let cases = json(&golden("smollm2/greedy.json"));
    for (name, case) in cases.as_object().unwrap() {
        let mut context = Context::new(model.clone()).unwrap();
        let request = Request { prompt: ids(&case["ids"]), max_tokens: 48, sampling: Sampling::greedy(), stop: vec![] };
        let answer = generate(&mut context, &request, &Cancel::new(), &mut |_| {}).unwrap();
        let exact = ids(&case["greedy"]);
        let same = answer.tokens.iter().zip(&exact).take_while(|(a, b)| a == b).count();
        println!("{name}: {same} of {} (margin there {})", exact.len(), case["margin"][same.min(exact.len() - 1)]);
    }
}

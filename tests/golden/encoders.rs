//! Tiny encoders and the default embedder against transformers.

use super::{imported, unrounded};
use crate::support::{engine, floats, golden, ids, is_emulated, json, part};
use serde_json::Value;
use wayside::bundle::{Bundle, Model, TOKENIZER};
use wayside::infer::Embedder;
use wayside::parts::EMBEDDER;
use wayside::tensor::Bits;
use wayside::text::tokenizer::Tokenizer;
use wayside::watch::{Cancel, Quiet};

/// Rounding activations to int8 turns a vector by this little. Measured: tiny ones 0.99999, the default's 0.9995, and
/// 0.9984 for an empty text.
const SERVED: f32 = 0.998;
/// How far a text's vector in a padded batch may be from the same alone: the sums' order depends on the shape, and an
/// activation may be rounded the other way. Measured: under ARM64's kernels 0.0024.
const ALONE: f32 = if cfg!(target_arch = "aarch64") { 4e-3 } else { 1e-3 };
/// The same without that rounding, on any processor.
const ALONE_UNROUNDED: f32 = 1e-5;

/// The texts of a reference.
pub fn texts(expected: &Value) -> Vec<&str> {
    expected["texts"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect()
}

/// The vectors of all texts in one padded batch. Each is its text's vector alone, but for `alone`: padding takes
/// no part.
pub fn vectors(bundle: &Bundle, texts: &[&str], alone: f32) -> Vec<Vec<f32>> {
    let embedder = Embedder::open(&engine(), bundle).unwrap();
    let together = embedder.passages(texts, &Quiet, &Cancel::new()).unwrap();
    for (text, vector) in texts.iter().zip(&together) {
        let off = apart(vector, &embedder.query(text).unwrap());
        assert!(off < alone, "{text:?} alone: {off}");
    }
    together
}

/// The largest difference of a number.
pub fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The tokenizer cuts texts as the reference does.
pub fn tokens_are_those_of(bundle: &Bundle, expected: &Value) {
    let Model::Encoder(encoder) = &bundle.manifest.model else { panic!("no encoder") };
    let tokenizer = Tokenizer::open(&bundle.path(TOKENIZER).unwrap(), usize::MAX).unwrap();
    for (text, exact) in texts(expected).iter().zip(expected["ids"].as_array().unwrap()) {
        let (mut found, exact) = (tokenizer.encode(text, true).unwrap(), ids(exact));
        if found.len() > encoder.context {
            // The reference cuts a long text before its closing token.
            found.drain(encoder.context - 1..found.len() - 1);
        }
        assert_eq!(found, exact, "{text:?}");
    }
}

#[test]
fn tiny_encoders_give_the_vectors_of_transformers() {
    for name in ["bert-mean", "bert-cls"] {
        let folder = golden(&format!("tiny/{name}"));
        let expected = json(&folder.join("expected.json"));
        let exact: Vec<_> = expected["normalized_int8"].as_array().unwrap().iter().map(floats).collect();
        let (_home, bundle) = imported(&folder, Some(Bits::Int8));
        tokens_are_those_of(&bundle, &expected);
        for (found, exact) in vectors(&bundle, &texts(&expected), ALONE).iter().zip(&exact) {
            assert!(cosine(found, exact) > 1.0 - (1.0 - SERVED) / 10.0, "{name}: {}", cosine(found, exact));
        }
        unrounded(&bundle);
        for (found, exact) in vectors(&bundle, &texts(&expected), ALONE_UNROUNDED).iter().zip(&exact) {
            assert!(apart(found, exact) < 1e-5, "{name}: {}", apart(found, exact));
        }
    }
}

#[test]
fn the_default_embedder_gives_the_vectors_of_transformers() {
    let expected = json(&golden("minilm/vectors.json"));
    let exact: Vec<_> = expected["vectors"].as_array().unwrap().iter().map(floats).collect();
    let (_home, bundle) = imported(&part(EMBEDDER), None);
    tokens_are_those_of(&bundle, &expected);
    let mut texts = texts(&expected);
    // The last fills the context, and padding all to its length takes an emulator ten minutes.
    texts.truncate(if is_emulated() { 5 } else { 6 });
    for (found, exact) in vectors(&bundle, &texts, ALONE).iter().zip(&exact) {
        assert!(cosine(found, exact) > SERVED, "{}", cosine(found, exact));
    }
    // What is left is the rounding of the weights.
    unrounded(&bundle);
    for (found, exact) in vectors(&bundle, &texts, ALONE_UNROUNDED).iter().zip(&exact) {
        assert!(cosine(found, exact) > 0.9995, "{}", cosine(found, exact));
    }
}

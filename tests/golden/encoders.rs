//! Tiny encoders and the default embedder against transformers.

use super::{imported, unrounded};
use crate::support::{engine, floats, golden, ids, json, part};
use serde_json::Value;
use wayside::bundle::{Bundle, Model, TOKENIZER};
use wayside::infer::Embedder;
use wayside::parts::EMBEDDER;
use wayside::tensor::Bits;
use wayside::text::tokenizer::Tokenizer;
use wayside::watch::{Cancel, Quiet};

fn texts(expected: &Value) -> Vec<&str> {
    expected["texts"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect()
}

/// The vectors of all texts in one batch, padded. They are those of each text alone.
fn vectors(bundle: &Bundle, texts: &[&str]) -> Vec<Vec<f32>> {
    let embedder = Embedder::open(&engine(), bundle).unwrap();
    let together = embedder.passages(texts, &Quiet, &Cancel::new()).unwrap();
    for (text, vector) in texts.iter().zip(&together) {
        let alone = embedder.query(text).unwrap();
        let apart = vector.iter().zip(&alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("alone {apart}");
    }
    together
}

fn tokens_are_the_reference_s(bundle: &Bundle, expected: &Value) {
    let Model::Encoder(encoder) = &bundle.manifest.model else { panic!("no encoder") };
    let tokenizer = Tokenizer::open(&bundle.path(TOKENIZER).unwrap(), usize::MAX).unwrap();
    for (text, exact) in texts(expected).iter().zip(expected["ids"].as_array().unwrap()) {
        let exact = ids(exact);
        assert!(exact.len() <= encoder.context);
        assert_eq!(tokenizer.encode(text, true).unwrap(), exact, "{text:?}");
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn tiny_encoders_give_the_vectors_of_transformers() {
    for folder in ["bert-mean", "bert-cls"] {
        let folder = golden(&format!("tiny/{folder}"));
        let expected = json(&folder.join("expected.json"));
        let (_home, bundle) = imported(&folder, Some(Bits::Int8));
        tokens_are_the_reference_s(&bundle, &expected);
        let exact: Vec<_> = expected["normalized_int8"].as_array().unwrap().iter().map(floats).collect();
        for (found, exact) in vectors(&bundle, &texts(&expected)).iter().zip(&exact) {
            println!("{folder:?} {}", cosine(found, exact));
        }
        unrounded(&bundle);
        for (found, exact) in vectors(&bundle, &texts(&expected)).iter().zip(&exact) {
            let apart = found.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!("{folder:?} unrounded {apart}");
        }
    }
}

#[test]
fn the_default_embedder_gives_the_vectors_of_transformers() {
    let expected = json(&golden("minilm/vectors.json"));
    let (_home, bundle) = imported(&part(EMBEDDER), None);
    tokens_are_the_reference_s(&bundle, &expected);
    let exact: Vec<_> = expected["vectors"].as_array().unwrap().iter().map(floats).collect();
    for (found, exact) in vectors(&bundle, &texts(&expected)).iter().zip(&exact) {
        println!("{}", cosine(found, exact));
    }
    unrounded(&bundle);
    for (found, exact) in vectors(&bundle, &texts(&expected)).iter().zip(&exact) {
        println!("unrounded {}", cosine(found, exact));
    }
}

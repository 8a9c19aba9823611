//! Tiny random decoders of every family, from folders and from GGUF files, against transformers.

use super::{Distance, greedy, imported, logits, opened};
use crate::support::{engine, golden, ids, json};
use std::sync::Arc;
use wayside::infer::LanguageModel;
use wayside::tensor::Bits;

const FAMILIES: [&str; 5] = ["llama", "llama3", "mistral", "qwen2", "qwen3"];

#[test]
fn folders_of_every_family_give_the_logits_and_the_answer_of_transformers() {
    for family in FAMILIES {
        let folder = golden(&format!("tiny/{family}"));
        let expected = json(&folder.join("expected.json"));
        let (_home, model) = opened(&folder, Some(Bits::Int8));
        let prompt = ids(&expected["input_ids"]);
        let distance = Distance::of_rows(&logits(&model, &prompt), &expected, "logits_int8");
        println!("{family}: {distance:?}");
        let (_home, float) = super::unrounded_decoder(&folder, Some(Bits::Int8));
        println!("{family}: unrounded {:?}", Distance::of_rows(&logits(&float, &prompt), &expected, "logits_int8"));
        let exact = ids(&expected["greedy"]);
        println!("{:?} {:?}", greedy(&model, &prompt, exact.len()), exact);
    }
}

#[test]
fn gguf() {
    for family in ["llama", "qwen2", "llama3-k"] {
        for w in [None, Some(Bits::Int8), Some(Bits::Int4)] {
        let expected = json(&golden(&format!("gguf/{family}.json")));
        let (_home, model) = opened(&golden(&format!("gguf/{family}.gguf")), w);
        let prompt = ids(&expected["input_ids"]);
        let distance = Distance::of_rows(&logits(&model, &prompt), &expected, "logits");
        println!("{family} {w:?}: {distance:?}");
        let exact = ids(&expected["greedy"]);
        println!("{:?} {:?}", greedy(&model, &prompt, exact.len()), exact);
        }
    }
}

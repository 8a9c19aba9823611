//! Adapters at work, against PEFT: side by side on one model, and merged into models of their own.

use super::{Distance, imported, opened};
use crate::support::{engine, floats, golden, ids, json};
use std::sync::Arc;
use wayside::bundle::Bundle;
use wayside::infer::{Context, LanguageModel, Worn};
use wayside::lora::{Adapter, merge};
use wayside::tensor::Bits;
use wayside::watch::Cancel;

/// 8-bit weights, activations in 16 bits: as for the decoders alone. Measured: 0.0005 and 0.0001.
const PRECISE: Distance = Distance { largest: 2e-3, rms: 5e-4 };
/// The same factors in another session: another order of sums.
const EQUAL: Distance = Distance { largest: 1e-4, rms: 1e-5 };

fn worn(model: &Arc<LanguageModel>, case: &str) -> Arc<Worn> {
    let adapter = Adapter::read(&golden(&format!("lora/{case}"))).unwrap();
    Arc::new(model.wear(&adapter, case).unwrap())
}

/// The logits after the last token of `ids`.
fn last(mut context: Context, ids: &[u32]) -> Vec<f32> {
    context.feed(ids, &Cancel::new()).unwrap()
}

/// Holds what `context` makes to PEFT's logits of a case.
fn must_be_peft_s(context: impl Fn() -> Context, case: &str) {
    let expected = json(&golden(&format!("lora/{case}/expected.json")));
    let prompts = expected["prompts"].as_array().unwrap().iter();
    for (prompt, exact) in prompts.zip(expected["logits_int8"].as_array().unwrap()) {
        let distance = Distance::between(&last(context(), &ids(prompt)), &floats(exact));
        eprintln!("{case} {distance:?}");
        distance.must_be_within(PRECISE, case);
    }
}

fn merged(base: &Bundle, adapter: &Adapter, name: &str) -> Bundle {
    merge(base, adapter, "an-id", &base.dir.with_file_name(name), &Cancel::new()).unwrap()
}

#[test]
fn worn_adapters_give_the_logits_of_peft() {
    for case in ["llama", "llama-qv", "qwen2", "qwen3"] {
        let family = case.trim_end_matches("-qv");
        let (_home, model) = opened(&golden(&format!("tiny/{family}")), Some(Bits::Int8));
        let worn = worn(&model, case);
        must_be_peft_s(|| Context::wearing(worn.clone()).unwrap(), case);
    }
}

//! Attention in float16, as GPUs compute it, on the CPU: what that does to answers, before any GPU does.

use super::{Distance, best, greedy, imported_as, logits};
use crate::support::{copied, engine, golden, ids, json, part};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use wayside::bundle::Bundle;
use wayside::import::Options;
use wayside::infer::{Context, LanguageModel, Prefixes, trial};
use wayside::parts::LANGUAGE_MODEL;
use wayside::tensor::Bits;
use wayside::watch::Cancel;

/// Tokens up to which the goldens' answers are the same; behind them a near tie may be told another way.
const SAME: usize = 32;

/// Eleven bits against twenty-four, through thirty layers.
const NARROW: Distance = Distance { largest: 0.05, rms: 0.01 };

/// With 8-bit weights, whose activations are not rounded to 8 bits: a GPU rounds none either.
#[test]
fn answers_are_those_of_float32() {
    let (_home, bundle) = stock(&part(LANGUAGE_MODEL), Some(Bits::Int8));
    let engine = engine().with_kernels(None);
    let [wide, half] =
        [engine.clone(), engine.with_half()].map(|engine| Arc::new(LanguageModel::open(&engine, &bundle).unwrap()));
    for (name, case) in json(&golden("smollm2/greedy.json")).as_object().unwrap() {
        let prompt = ids(&case["ids"]);
        let rows = [&wide, &half].map(|model| logits(model, &prompt).pop().unwrap());
        let apart = Distance::between(&rows[1], &rows[0]);
        let answers = [&wide, &half].map(|model| greedy(model, &prompt, SAME));
        let same = answers[0].iter().zip(&answers[1]).take_while(|(a, b)| a == b).count();
        apart.must_be_within(NARROW, name);
        assert!(apart.largest > 0.0, "{name}: nothing was narrowed");
        assert_eq!(answers[0], answers[1], "{name}: {same} tokens are the same");
    }
}

/// Activations rounded to 8 bits, as the CPU does, move logits by so much when a last bit differs before.
const ROUNDING: Distance = Distance { largest: 1.5, rms: 0.25 };

/// The form that GPUs read.
fn stock(path: &Path, weights: Option<Bits>) -> (TempDir, Bundle) {
    imported_as(path, Options { weights, stock: true })
}

/// A cache of float16 moves, is lent and wiped as one of float32 is.
#[test]
fn a_cache_in_float16_is_a_cache() {
    let (home, bundle) = stock(&part(LANGUAGE_MODEL), None);
    for engine in [engine().with_half(), engine().with_half().recording()] {
        let model = Arc::new(LanguageModel::open(&engine, &bundle).unwrap());
        cache(model, &home.path().join(format!("prefixes-{}", engine.records())));
    }
}

fn cache(model: Arc<LanguageModel>, prefixes: &Path) {
    let tokens = model.encode(&"A lamp burns for nine hours, then it goes out. ".repeat(9)).unwrap();
    let cancel = Cancel::new();
    let mut whole = Context::new(model.clone()).unwrap();
    let expected = whole.feed(&tokens, &cancel).unwrap();

    // In two steps the buffers move in between.
    let (beginning, rest) = tokens.split_at(40);
    let mut parted = Context::new(model.clone()).unwrap();
    parted.feed(beginning, &cancel).unwrap();
    let prefixes = Prefixes::new(prefixes);
    prefixes.keep(&parted, beginning).unwrap();
    let in_two = parted.feed(rest, &cancel).unwrap();
    Distance::between(&in_two, &expected).must_be_within(ROUNDING, "in two steps");

    let mut lent = Context::new(model).unwrap();
    assert!(prefixes.lend(&mut lent, beginning).unwrap());
    assert_eq!(lent.feed(rest, &cancel).unwrap(), in_two);

    lent.wipe();
    assert_eq!(lent.set(&tokens, &cancel).unwrap(), expected);
}

/// Passes over arrays that stay where they are, as a GPU would repeat them: one conversation after another, and two by
/// turns, each behind a prompt of several passes and longer than its first buffers.
#[test]
fn passes_over_fixed_arrays_answer_as_others() {
    let (_home, bundle) = stock(&part(LANGUAGE_MODEL), None);
    let engine = engine().with_half();
    let [plain, fixed] =
        [engine.clone(), engine.recording()].map(|engine| Arc::new(LanguageModel::open(&engine, &bundle).unwrap()));
    assert_eq!([&plain, &fixed].map(|model| model.records().unwrap()), [false, true]);
    let text = "A lamp burns for nine hours, then it goes out. ".repeat(40);
    let prompts = [&text[..], "The kettle"].map(|text| plain.encode(text).unwrap());
    let cancel = Cancel::new();
    let read = |model: &Arc<LanguageModel>, prompt: &[u32]| {
        let mut context = Context::new(model.clone()).unwrap();
        let logits = context.feed(prompt, &cancel).unwrap();
        (context, logits)
    };
    for _ in 0..2 {
        let mut pairs = prompts.each_ref().map(|prompt| [read(&plain, prompt), read(&fixed, prompt)]);
        for turn in 0..SAME {
            for [(plain, expected), (fixed, logits)] in &mut pairs {
                assert_eq!(expected, logits, "token {turn} of {}", plain.tokens().len());
                let next = best(expected);
                *expected = plain.feed(&[next], &cancel).unwrap();
                *logits = fixed.feed(&[next], &cancel).unwrap();
            }
        }
    }
}

/// A context that is no power of two, and less than what recorded passes have room for otherwise.
const CONTEXT: u32 = 100;

/// There are no positions beyond a model's context, however large a cache is convenient.
#[test]
fn a_fixed_cache_is_no_longer_than_the_context() {
    let (_around, folder) = copied(&golden("tiny/llama"));
    let mut config = json(&folder.join("config.json"));
    config["max_position_embeddings"] = CONTEXT.into();
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let (_home, bundle) = stock(&folder, None);
    let engine = engine().with_half();
    let cancel = Cancel::new();
    let [plain, fixed] = [engine.clone(), engine.recording()].map(|engine| {
        let mut context = Context::new(Arc::new(LanguageModel::open(&engine, &bundle).unwrap())).unwrap();
        (0..CONTEXT).map(|token| context.feed(&[token % 90], &cancel).unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(plain, fixed);
}

/// The trial that every device must stand goes through all that is new there but the device itself.
#[test]
fn float16_stands_the_trial_of_a_device() {
    let cpu = engine().with_kernels(None);
    trial(&cpu.clone().with_half(), &cpu).unwrap();
    trial(&cpu.clone().with_half().recording(), &cpu).unwrap();
}

//! A beginning that was kept is lent to the last bit, in the same process and in the next, and never to another model.

use super::{imported, opened};
use crate::support::{engine, golden, is_emulated, part};
use std::fs;
use std::sync::Arc;
use wayside::infer::{Context, LanguageModel, Prefixes};
use wayside::parts::LANGUAGE_MODEL;
use wayside::watch::Cancel;

/// A prompt longer than what goes through the model at once, and how much of it is shared.
fn prompt(model: &LanguageModel) -> (Vec<u32>, usize) {
    let text = "The shop is open from nine to five. Bring the receipt, and the part that is broken. ";
    let (times, least) = if is_emulated() { (7, 128) } else { (12, 200) };
    let tokens = model.tokenizer().encode(&text.repeat(times), false).unwrap();
    assert!(tokens.len() > least);
    (tokens, 51)
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|l| l.to_bits()).collect()
}

#[test]
fn what_is_lent_is_what_would_be_computed() {
    let (_home, model) = opened(&part(LANGUAGE_MODEL), None);
    let folder = tempfile::tempdir().unwrap();
    let (tokens, length) = prompt(&model);
    let (shared, cancel) = (&tokens[..length], Cancel::new());
    let new = || Context::new(model.clone()).unwrap();

    let mut context = new();
    let prefixes = Prefixes::new(folder.path());
    assert!(!prefixes.lend(&mut context, shared).unwrap(), "nothing is known yet");
    prefixes.begin(&mut context, shared, &cancel).unwrap();
    let wanted = bits(&context.set(&tokens, &cancel).unwrap());
    if engine().has_kernels() {
        assert_eq!(bits(&new().set(&tokens, &cancel).unwrap()), wanted, "in one go");
    }
    prefixes.keep(&context, shared).unwrap();
    assert!(!prefixes.lend(&mut context, shared).unwrap(), "it has them");
    assert_eq!(context.tokens(), tokens);

    let later = Prefixes::new(folder.path());
    for prefixes in [&prefixes, &later] {
        let mut context = new();
        assert!(prefixes.lend(&mut context, shared).unwrap());
        assert_eq!(context.tokens(), shared);
        assert_eq!(bits(&context.set(&tokens, &cancel).unwrap()), wanted);
        // Also in place of another conversation.
        context.set(&tokens[5..70], &cancel).unwrap();
        assert!(prefixes.lend(&mut context, shared).unwrap());
        assert_eq!(bits(&context.set(&tokens, &cancel).unwrap()), wanted);
    }

    // Fewer tokens have a name of their own; a file that is damaged is none.
    assert!(!later.lend(&mut new(), &tokens[..length - 1]).unwrap());
    let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(!Prefixes::new(folder.path()).lend(&mut new(), shared).unwrap());
}

#[test]
fn another_model_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let prefixes = Prefixes::new(folder.path());
    let tokens: Vec<u32> = (5..25).collect();
    let mut kept = Vec::new();
    for name in ["tiny/llama", "tiny/qwen3", "ready/optimum"] {
        let (_home, bundle) = imported(&golden(name), None);
        let model = Arc::new(LanguageModel::open(&engine(), &bundle).unwrap());
        let mut context = Context::new(model.clone()).unwrap();
        assert!(!prefixes.lend(&mut context, &tokens).unwrap(), "{name}");
        context.feed(&tokens, &Cancel::new()).unwrap();
        prefixes.keep(&context, &tokens).unwrap();
        kept.push(prefixes.lend(&mut Context::new(model).unwrap(), &tokens).unwrap());
    }
    // What a model appends to its cache is its own, and cannot be lent.
    assert_eq!(kept, [true, true, false]);
}

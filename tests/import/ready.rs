//! Folders that already hold an ONNX model run as they are, with the answers of the model they were exported from.

use super::Home;
use crate::golden::{Distance, greedy, logits, opened};
use crate::support::{copied, golden, ids, json};
use prost::Message;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use wayside::bundle::{Bundle, Cache, MODEL, Model};
use wayside::infer::{Context, LanguageModel};
use wayside::onnx;
use wayside::watch::Cancel;

/// Float32 on both sides. Measured: 0.000003 and 0.000001.
const FLOAT: Distance = Distance { largest: 1e-4, rms: 2e-5 };

const EXPORTS: [(&str, Cache); 2] = [("genai", Cache::InPlace), ("optimum", Cache::Appended)];

#[test]
fn exports_give_the_logits_and_the_answer_of_transformers() {
    let expected = json(&golden("ready/expected.json"));
    let prompt = ids(&expected["input_ids"]);
    for (export, cache) in EXPORTS {
        let (home, model) = opened(&golden(&format!("ready/{export}")), None);
        Distance::of_rows(&logits(&model, &prompt), &expected, "logits").must_be_within(FLOAT, export);
        assert_eq!(greedy(&model, &prompt, 16), ids(&expected["greedy"]), "{export}");
        let manifest = Bundle::open(&home.path().join("model")).unwrap().manifest;
        assert_eq!(manifest.weights, "as given");
        let Model::Decoder(decoder) = manifest.model else { panic!("no decoder") };
        assert_eq!(decoder.cache, cache);
        // The end that its files name, and the one that its tokenizer spells.
        assert_eq!((decoder.context, decoder.vocabulary, decoder.eos), (64, 384, vec![2, 0]), "{export}");
        let said = model.encode_chat(&[serde_json::json!({"role": "user", "content": "Hi"})]).unwrap();
        assert!(model.tokenizer().token(said[0]).unwrap() == "<|im_start|>", "{export}");
    }
}

/// In pieces, and back to an earlier place: the cache holds what it should, whichever way it grows.
#[test]
fn exports_remember_a_conversation() {
    let expected = json(&golden("ready/expected.json"));
    let prompt = ids(&expected["input_ids"]);
    for (export, _) in EXPORTS {
        let (_home, model) = opened(&golden(&format!("ready/{export}")), None);
        let whole = |tokens: &[u32]| fresh(&model).feed(tokens, &Cancel::new()).unwrap();
        let mut context = fresh(&model);
        let mut last = Vec::new();
        for piece in [&prompt[..1], &prompt[1..8], &prompt[8..9], &prompt[9..]] {
            last = context.feed(piece, &Cancel::new()).unwrap();
        }
        Distance::between(&last, &whole(&prompt)).must_be_within(FLOAT, export);
        let other = [&prompt[..10], &[7, 7, 7][..]].concat();
        let turned = context.set(&other, &Cancel::new()).unwrap();
        Distance::between(&turned, &whole(&other)).must_be_within(FLOAT, export);
        assert_eq!(context.tokens(), other);
    }
}

fn fresh(model: &Arc<LanguageModel>) -> Context {
    Context::new(model.clone()).unwrap()
}

/// A copy of the export with data beside its model, which says that the data of one tensor is in `location`.
fn pointing(folder: &Path, location: &str) {
    let path = folder.join(MODEL);
    let mut model = onnx::read(&path).unwrap();
    let tensors = &mut model.graph.as_mut().unwrap().initializer;
    let mut entries = tensors.iter_mut().flat_map(|t| &mut t.external_data).filter(|e| e.key == "location");
    entries.next().unwrap().value = location.to_owned();
    fs::write(path, model.encode_to_vec()).unwrap();
}

#[test]
fn an_export_that_points_outside_its_folder_is_refused() {
    let home = Home::new();
    let (around, folder) = copied(&golden("ready/genai"));
    let secret = around.path().join("secret");
    fs::copy(folder.join("model.onnx.data"), &secret).unwrap();
    std::os::unix::fs::symlink(&secret, folder.join("soft")).unwrap();
    fs::hard_link(&secret, folder.join("hard")).unwrap();
    let absolute = secret.to_str().unwrap();
    for (location, words) in [
        ("../secret", &["../secret", "outside the model's folder"][..]),
        (absolute, &[absolute, "outside the model's folder"]),
        ("soft", &["soft", "symbolic link"]),
        ("hard", &["hard", "hard link"]),
        ("absent", &["absent"]),
    ] {
        pointing(&folder, location);
        home.refuses(&folder, words);
    }
    fs::write(folder.join("short"), [0; 16]).unwrap();
    pointing(&folder, "short");
    home.refuses(&folder, &["short", "truncated"]);
}

#[test]
fn an_export_without_a_part_it_needs_is_refused() {
    let home = Home::new();
    for (missing, words) in [("tokenizer.json", "tokenizer.json"), ("model.onnx.data", "model.onnx.data")] {
        let (_around, folder) = copied(&golden("ready/genai"));
        fs::remove_file(folder.join(missing)).unwrap();
        home.refuses(&folder, &[words]);
    }
    for (export, from, to) in [
        ("genai", "input_ids", "other_ids"),
        ("optimum", "logits", "scores"),
        ("optimum", "past_key_values.1.value", "past_key_values.1.worth"),
        ("optimum", "present.1.key", "present.1.lock"),
    ] {
        let (_around, folder) = copied(&golden(&format!("ready/{export}")));
        let path = folder.join(MODEL);
        let mut model = onnx::read(&path).unwrap();
        let graph = model.graph.as_mut().unwrap();
        let port = graph.input.iter_mut().chain(&mut graph.output).find(|p| p.name == from).unwrap();
        port.name = to.to_owned();
        fs::write(path, model.encode_to_vec()).unwrap();
        home.refuses(&folder, &["model.onnx", from]);
    }
}

//! Tiny encoders of the families beside BERT, each with its pooling and the layers behind it, against transformers.

use super::encoders::{apart, texts, tokens_are_those_of, vectors};
use super::{imported, unrounded};
use crate::support::{copied, floats, golden, json};
use serde_json::Value;
use std::fs;
use std::path::Path;
use wayside::bundle::{Encoder, MODEL, Model, Pooling, TOKENIZER};
use wayside::import::{Options, import};
use wayside::tensor::Bits;
use wayside::watch::{Cancel, Quiet};

/// Every family's folder.
const FAMILIES: [&str; 7] = ["xlm-roberta", "roberta", "distilbert", "mpnet", "nomic", "modernbert", "qwen3-embedding"];
/// How far a number of a unit vector may be from the reference's, without rounding of activations. Measured: 6e-7.
const NEAR: f32 = 1e-5;
/// What a wrong graph is away at least, so that [`NEAR`] sees it.
const SEEN: f32 = 5.0 * NEAR;

/// How far the vectors of what lies at `path` are from `exact`, rounding taken out.
fn distance(path: &Path, texts: &[&str], exact: &Value) -> f32 {
    let exact: Vec<Vec<f32>> = exact.as_array().unwrap().iter().map(floats).collect();
    let (_home, bundle) = imported(path, Some(Bits::Int8));
    unrounded(&bundle);
    let found = vectors(&bundle, texts, NEAR);
    found.iter().zip(&exact).map(|(found, exact)| apart(found, exact)).fold(0.0, f32::max)
}

/// A folder's copy in which a JSON file is changed.
fn changed(folder: &Path, file: &str, change: impl FnOnce(&mut Value)) -> (tempfile::TempDir, std::path::PathBuf) {
    let (around, copy) = copied(folder);
    let mut content = json(&copy.join(file));
    change(&mut content);
    fs::write(copy.join(file), content.to_string()).unwrap();
    (around, copy)
}

#[test]
fn every_family_gives_the_vectors_of_transformers() {
    for name in FAMILIES {
        let folder = golden(&format!("tiny/{name}"));
        let expected = json(&folder.join("expected.json"));
        let (_home, bundle) = imported(&folder, Some(Bits::Int8));
        tokens_are_those_of(&bundle, &expected);
        let off = distance(&folder, &texts(&expected), &expected["normalized_int8"]);
        println!("{name}: {off:e}");
        assert!(off < NEAR, "{name}: {off}");
    }
}

#[test]
fn older_and_other_spellings_of_a_configuration_mean_the_same() {
    for (name, spelling) in [("modernbert", "config.v4.json"), ("nomic", "config.v5.json")] {
        let (_around, folder) = copied(&golden(&format!("tiny/{name}")));
        fs::rename(folder.join(spelling), folder.join("config.json")).unwrap();
        let expected = json(&folder.join("expected.json"));
        let off = distance(&folder, &texts(&expected), &expected["normalized_int8"]);
        assert!(off < NEAR, "{spelling}: {off}");
    }
}

/// XLM-RoBERTa leaves the pooling to the embedder; DistilBERT has a layer behind it, so that the graph pools.
#[test]
fn every_pooling_is_that_of_sentence_transformers() {
    for name in ["xlm-roberta", "distilbert", "qwen3-embedding"] {
        let folder = golden(&format!("tiny/{name}"));
        let expected = json(&folder.join("expected.json"));
        for (mode, exact) in expected["poolings"].as_object().unwrap() {
            let (_around, folder) = changed(&folder, "1_Pooling/config.json", |c| {
                *c = [("pooling_mode", mode.as_str())].into_iter().collect()
            });
            let off = distance(&folder, &texts(&expected), exact);
            println!("{name} {mode}: {off:e}");
            assert!(off < NEAR, "{name} {mode}: {off}");
        }
    }
}

/// Each of these is what a graph computes that ignores something.
#[test]
fn the_tolerance_sees_what_a_wrong_graph_ignores() {
    type Change = fn(&mut Value);
    let cases: [(&str, &str, Change); 9] = [
        ("xlm-roberta", "config.json", |c| c["pad_token_id"] = 0.into()),
        ("roberta", "1_Pooling/config.json", |c| *c = [("pooling_mode", "cls")].into_iter().collect()),
        ("distilbert", "config.json", |c| c["activation"] = "gelu_new".into()),
        ("distilbert", "2_Dense/config.json", |c| c["activation_function"] = "Identity".into()),
        ("qwen3-embedding", "config.json", |c| c["rms_norm_eps"] = 1e-3.into()),
        ("nomic", "config.json", |c| c["rotary_emb_base"] = 900.into()),
        ("nomic", "config.json", |c| c["activation_function"] = "geglu".into()),
        ("modernbert", "config.json", |c| c["local_attention"] = 10.into()),
        ("modernbert", "config.json", |c| {
            c["rope_parameters"]["full_attention"]["rope_theta"] = 10_000.into();
        }),
    ];
    for (name, file, change) in cases {
        let original = golden(&format!("tiny/{name}"));
        let expected = json(&original.join("expected.json"));
        let (_around, folder) = changed(&original, file, change);
        let off = distance(&folder, &texts(&expected), &expected["normalized_int8"]);
        println!("{name} {file}: {off:e}");
        assert!(off > SEEN, "{name} {file}: {off}");
    }
}

/// What distances shift in MPNet's scores, taken out of its weights.
#[test]
fn the_tolerance_sees_distances_that_shift_no_scores() {
    let (_around, folder) = copied(&golden("tiny/mpnet"));
    let expected = json(&folder.join("expected.json"));
    let path = folder.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize + 8;
    let about: Value = serde_json::from_slice(&bytes[8..header]).unwrap();
    let place = |end: usize| {
        about["encoder.relative_attention_bias.weight"]["data_offsets"][end].as_u64().unwrap() as usize + header
    };
    bytes[place(0)..place(1)].fill(0);
    fs::write(&path, bytes).unwrap();
    let off = distance(&folder, &texts(&expected), &expected["normalized_int8"]);
    println!("mpnet without distances: {off:e}");
    assert!(off > SEEN, "{off}");
}

/// llama.cpp's names, keys and spelling of tokens; the weights are those of the folders.
#[test]
fn gguf_files_give_the_vectors_of_their_folders() {
    for (file, folder) in [("bert", "bert-cls"), ("nomic-bert", "nomic")] {
        let expected = json(&golden(&format!("tiny/{folder}/expected.json")));
        let path = golden(&format!("gguf/{file}.gguf"));
        let (_home, bundle) = imported(&path, Some(Bits::Int8));
        tokens_are_those_of(&bundle, &expected);
        let off = distance(&path, &texts(&expected), &expected["normalized_int8"]);
        println!("{file}.gguf: {off:e}");
        assert!(off < NEAR, "{file}: {off}");
    }
}

/// Our own graph of a folder with a layer behind the pooling, as somebody else's export.
#[test]
fn a_ready_model_that_gives_whole_vectors_is_taken_as_it_is() {
    let folder = golden("tiny/distilbert");
    let expected = json(&folder.join("expected.json"));
    let (_home, bundle) = imported(&folder, Some(Bits::Int8));
    unrounded(&bundle);
    let given = tempfile::tempdir().unwrap();
    for file in [MODEL, TOKENIZER, "weights.bin"] {
        fs::copy(bundle.path(file).unwrap(), given.path().join(file)).unwrap();
    }
    fs::copy(folder.join("config.json"), given.path().join("config.json")).unwrap();
    let target = given.path().join("taken");
    let taken = import(given.path(), &target, Options::default(), &Quiet, &Cancel::new()).unwrap();
    let Model::Encoder(Encoder { dimensions, pooling, .. }) = &taken.manifest.model else { panic!("no encoder") };
    assert_eq!((*dimensions, *pooling), (32, Pooling::Own));
    let exact: Vec<_> = expected["normalized_int8"].as_array().unwrap().iter().map(floats).collect();
    for (found, exact) in vectors(&taken, &texts(&expected), NEAR).iter().zip(&exact) {
        assert!(apart(found, exact) < NEAR, "{}", apart(found, exact));
    }
}

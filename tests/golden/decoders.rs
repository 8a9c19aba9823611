//! Tiny random decoders of every family, from folders and from GGUF files, against transformers.

use super::{Distance, greedy, imported, logits, opened};
use crate::support::{copied, golden, ids, json};
use serde_json::Value;
use std::path::Path;
use wayside::bundle::Model;
use wayside::tensor::Bits;

const FAMILIES: [&str; 12] = [
    "llama",
    "llama3",
    "mistral",
    "qwen2",
    "qwen3",
    "qwen2-windows",
    "yarn",
    "gemma2",
    "gemma3",
    "granite",
    "smollm3",
    "phi3",
];

/// Weights and activations as they are; keys and values in 16 bits. Measured: 0.0010 and 0.0003.
const EXACT: Distance = Distance { largest: 2e-3, rms: 6e-4 };
/// 8-bit weights, activations in 16 bits. Measured: 0.0017 and 0.0006 at the most, for phi3.
const PRECISE: Distance = Distance { largest: 3e-3, rms: 9e-4 };
/// Weights in K-quants of 5 and 6 bits, rounded to 8. Measured: 0.07 and 0.018.
const REQUANTIZED: Distance = Distance { largest: 0.15, rms: 0.04 };
/// 4-bit blocks as they are, activations in 8 bits: random weights hide no rounding behind large margins. Measured:
/// 0.08 and 0.028.
const ROUNDED: Distance = Distance { largest: 0.2, rms: 0.06 };
/// Weights rounded to 4 bits. Measured: 1.0 and 0.28; the rms of unrelated numbers is 1.4.
const COARSE: Distance = Distance { largest: 1.5, rms: 0.4 };

fn distance(path: &Path, weights: Option<Bits>, expected: &Value, field: &str) -> Distance {
    let (_home, model) = opened(path, weights);
    Distance::of_rows(&logits(&model, &ids(&expected["input_ids"])), expected, field)
}

/// `<|endoftext|>` of the tiny tokenizers.
const END_OF_TEXT: u32 = 0;

#[test]
fn folders_of_every_family_give_the_logits_and_the_answer_of_transformers() {
    for family in FAMILIES {
        let folder = golden(&format!("tiny/{family}"));
        let expected = json(&folder.join("expected.json"));
        let (_home, model) = opened(&folder, Some(Bits::Int8));
        let prompt = ids(&expected["input_ids"]);
        Distance::of_rows(&logits(&model, &prompt), &expected, "logits_int8").must_be_within(PRECISE, family);
        // The reference was told of one end alone, and goes on where a text ends.
        let wanted: Vec<u32> = ids(&expected["greedy"]).into_iter().take_while(|&token| token != END_OF_TEXT).collect();
        assert_eq!(greedy(&model, &prompt, 16), wanted, "{family}");
        distance(&folder, Some(Bits::Int4), &expected, "logits").must_be_within(COARSE, family);
    }
}

/// The tolerance would not be worth much if a model that ignores its window or its positions' scaling passed.
#[test]
fn the_tolerance_notices_what_a_wrong_graph_ignores() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 20] = [
        ("mistral", |c| c["sliding_window"] = Value::Null),
        ("llama3", |c| c["rope_parameters"]["rope_type"] = "default".into()),
        ("qwen2", |c| c["rope_parameters"]["rope_theta"] = 10_000.into()),
        ("llama", |c| c["rms_norm_eps"] = 0.01.into()),
        ("qwen2-windows", |c| c["layer_types"][1] = "full_attention".into()),
        ("yarn", |c| c["rope_parameters"]["rope_type"] = "default".into()),
        ("yarn", |c| c["rope_parameters"]["attention_factor"] = 1.0.into()),
        ("gemma2", |c| c["attn_logit_softcapping"] = Value::Null),
        ("gemma2", |c| c["final_logit_softcapping"] = Value::Null),
        ("gemma3", |c| c["layer_types"][0] = "full_attention".into()),
        ("gemma3", |c| c["rope_parameters"]["sliding_attention"]["rope_theta"] = 10_000.into()),
        ("gemma3", |c| c["rope_parameters"]["full_attention"]["factor"] = 1.0.into()),
        ("gemma3", |c| c["query_pre_attn_scalar"] = 32.into()),
        ("granite", |c| c["attention_multiplier"] = 0.2.into()),
        ("granite", |c| c["residual_multiplier"] = 1.0.into()),
        ("granite", |c| c["embedding_multiplier"] = 1.0.into()),
        ("granite", |c| c["logits_scaling"] = 1.0.into()),
        ("smollm3", |c| c["no_rope_layers"][3] = 1.into()),
        ("phi3", |c| c["rope_parameters"]["partial_rotary_factor"] = 1.0.into()),
        ("phi3", |c| c["rope_parameters"]["short_factor"] = c["rope_parameters"]["long_factor"].clone()),
    ];
    for (family, change) in changes {
        let (_around, folder) = copied(&golden(&format!("tiny/{family}")));
        let mut config = json(&folder.join("config.json"));
        change(&mut config);
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
        let expected = json(&folder.join("expected.json"));
        let found = distance(&folder, Some(Bits::Int8), &expected, "logits_int8");
        assert!(found.largest > PRECISE.largest && found.rms > PRECISE.rms, "{family}: {found:?}");
    }
}

#[test]
fn configurations_from_before_transformers_5_import_alike() {
    for family in FAMILIES {
        let (_around, folder) = copied(&golden(&format!("tiny/{family}")));
        let (_new_home, new) = imported(&folder, None);
        std::fs::copy(folder.join("config.v4.json"), folder.join("config.json")).unwrap();
        let (_old_home, old) = imported(&folder, None);
        assert_eq!(old.manifest.files, new.manifest.files, "{family}");
        assert_eq!(old.manifest.model, new.manifest.model, "{family}");
    }
}

#[test]
fn texts_and_conversations_become_the_tokens_of_transformers() {
    for family in FAMILIES {
        let folder = golden(&format!("tiny/{family}"));
        let expected = json(&folder.join("expected.json"));
        let (_home, model) = opened(&folder, None);
        assert_eq!(model.encode(expected["text"].as_str().unwrap()).unwrap(), ids(&expected["text_ids"]), "{family}");
        if let Some(messages) = expected["messages"].as_array() {
            assert_eq!(model.encode_chat(messages).unwrap(), ids(&expected["chat_ids"]), "{family}");
        }
    }
}

#[test]
fn gguf_files_give_the_logits_and_the_answer_of_transformers() {
    let cases = [
        ("llama", None, ROUNDED),
        ("llama", Some(Bits::Int8), PRECISE),
        ("llama", Some(Bits::Int4), COARSE),
        ("qwen2", None, PRECISE),
        ("qwen2", Some(Bits::Int8), PRECISE),
        ("qwen2-floats", None, EXACT),
        ("gemma2", None, PRECISE),
        ("gemma3", None, PRECISE),
        ("granite", None, PRECISE),
        ("smollm3", None, PRECISE),
        ("phi3", None, PRECISE),
        ("llama3-k", None, REQUANTIZED),
        ("llama3-k", Some(Bits::Int8), REQUANTIZED),
    ];
    for (name, weights, limit) in cases {
        let expected = json(&golden(&format!("gguf/{name}.json")));
        let (_home, model) = opened(&golden(&format!("gguf/{name}.gguf")), weights);
        let prompt = ids(&expected["input_ids"]);
        let what = format!("{name} {weights:?}");
        Distance::of_rows(&logits(&model, &prompt), &expected, "logits").must_be_within(limit, &what);
        if limit != ROUNDED && limit != COARSE {
            assert_eq!(greedy(&model, &prompt, 16), ids(&expected["greedy"]), "{what}");
        }
    }
}

#[test]
fn gguf_files_and_folders_of_one_model_agree_on_tokens_and_special_ones() {
    for (file, family) in [("llama", "llama"), ("qwen2", "qwen2"), ("llama3-k", "llama3")] {
        let (_file_home, from_file) = imported(&golden(&format!("gguf/{file}.gguf")), None);
        let (_folder_home, from_folder) = imported(&golden(&format!("tiny/{family}")), None);
        let (Model::Decoder(a), Model::Decoder(b)) = (&from_file.manifest.model, &from_folder.manifest.model) else {
            panic!("no decoders");
        };
        assert_eq!((a.vocabulary, a.context, a.bos, &a.eos), (b.vocabulary, b.context, b.bos, &b.eos), "{file}");
        let expected = json(&golden(&format!("tiny/{family}/expected.json")));
        let (_home, model) = opened(&golden(&format!("gguf/{file}.gguf")), None);
        assert_eq!(model.encode(expected["text"].as_str().unwrap()).unwrap(), ids(&expected["text_ids"]), "{file}");
    }
}

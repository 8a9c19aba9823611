//! Hugging Face folders in which something is missing, too much or altered.

use super::Home;
use crate::support::{copied, engine, golden, json};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wayside::ErrorKind;
use wayside::infer::{Context, LanguageModel};
use wayside::watch::Cancel;

/// A copy of a tiny model whose JSON file `name` is changed.
fn altered(model: &str, name: &str, change: impl FnOnce(&mut Value)) -> (tempfile::TempDir, PathBuf) {
    let (around, folder) = copied(&golden(model));
    let mut content = json(&folder.join(name));
    change(&mut content);
    fs::write(folder.join(name), content.to_string()).unwrap();
    (around, folder)
}

/// Writes the folder's tensors again: `change` says under which name and shape, or not at all.
fn rewrite(folder: &Path, change: impl Fn(&str, &[usize]) -> Option<(String, Vec<usize>)>) {
    let path = folder.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let views = file.iter().filter_map(|(name, view)| {
        let (name, shape) = change(name, view.shape())?;
        Some((name, TensorView::new(view.dtype(), shape, view.data()).unwrap()))
    });
    let written = safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap();
    fs::write(path, written).unwrap();
}

#[test]
fn tensors_that_are_missing_too_many_or_of_another_shape_are_named() {
    let home = Home::new();
    let name = "model.layers.1.mlp.up_proj.weight";
    let (_around, folder) = copied(&golden("tiny/qwen3"));
    rewrite(&folder, |n, shape| (n != name).then(|| (n.to_owned(), shape.to_vec())));
    home.refuses(&folder, &["lacks the tensor", name]);

    let (_around, folder) = copied(&golden("tiny/qwen3"));
    rewrite(&folder, |n, shape| {
        Some((n.to_owned(), if n == name { vec![shape[1], shape[0]] } else { shape.to_vec() }))
    });
    home.refuses(&folder, &[name, "[64, 96]", "[96, 64]"]);

    // The norms of qwen3's heads are what qwen2 has no use for, and qwen2's biases what llama has no use for.
    let (_around, folder) = altered("tiny/qwen3", "config.json", |c| c["model_type"] = "qwen2".into());
    home.refuses(&folder, &["no use for", "self_attn.k_norm.weight"]);
    let (_around, folder) = altered("tiny/bert-cls", "config.json", |c| c["num_hidden_layers"] = 1.into());
    home.refuses(&folder, &["no use for", "encoder.layer.1."]);
    let (_around, folder) = altered("tiny/qwen2", "config.json", |c| c["num_hidden_layers"] = 3.into());
    home.refuses(&folder, &["lacks the tensor", "layers.2."]);
}

#[test]
fn configurations_that_nothing_here_knows_are_named() {
    let home = Home::new();
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &[&str]); 14] = [
        ("tiny/llama", |c| c["model_type"] = "mamba".into(), &["\"mamba\"", "known are"]),
        ("tiny/llama", |c| c["hidden_act"] = "gelu".into(), &["hidden_act", "\"gelu\""]),
        ("tiny/llama3", |c| c["rope_parameters"]["rope_type"] = "dynamic".into(), &["rope type", "\"dynamic\""]),
        ("tiny/llama3", |c| c["rope_parameters"]["factor"] = Value::Null, &["config.json", "\"factor\""]),
        ("tiny/llama", |c| c["hidden_size"] = Value::Null, &["config.json", "\"hidden_size\""]),
        ("tiny/llama", |c| c["vocab_size"] = (-1).into(), &["config.json", "\"vocab_size\""]),
        ("tiny/llama", |c| *c = json!([]), &["config.json", "no JSON object"]),
        ("tiny/bert-cls", |c| c["position_embedding_type"] = "relative".into(), &["position_embedding_type"]),
        ("tiny/llama", |c| c["head_dim"] = 536_870_912.into(), &["heads of 536870912", "up to 1024"]),
        ("tiny/llama", |c| c["head_dim"] = 1.into(), &["heads of 1 numbers", "even"]),
        ("tiny/llama", |c| c["head_dim"] = 1024.into(), &["layers.0.self_attn.q_proj", "[4096, 128]"]),
        ("tiny/llama", |c| c["num_key_value_heads"] = 3.into(), &["cannot share 3"]),
        ("tiny/bert-cls", |c| c["num_attention_heads"] = 3.into(), &["3 heads cannot share 64"]),
        ("tiny/bert-cls", |c| c["max_position_embeddings"] = 63.into(), &["position_embeddings", "[63, 64]"]),
    ];
    for (model, change, words) in cases {
        let (_around, folder) = altered(model, "config.json", change);
        home.refuses(&folder, words);
    }
    for file in ["config.json", "tokenizer.json"] {
        let (_around, folder) = copied(&golden("tiny/llama"));
        fs::write(folder.join(file), "{").unwrap();
        assert_eq!(home.refuses(&folder, &[file]).kind(), ErrorKind::Corrupt);
        fs::remove_file(folder.join(file)).unwrap();
        assert_eq!(home.refuses(&folder, &[file]).kind(), ErrorKind::NotFound);
    }
}

#[test]
fn an_onnx_model_may_have_any_name_if_it_is_the_only_one() {
    let home = Home::new();
    let (_around, folder) = copied(&golden("ready/optimum"));
    let inner = folder.join("onnx");
    fs::create_dir_all(&inner).unwrap();
    let usual = [folder.join("model.onnx"), inner.join("model.onnx")].into_iter().find(|path| path.exists()).unwrap();
    let other = inner.join("model_int8.onnx");
    fs::rename(usual, &other).unwrap();
    crate::golden::imported(&folder, None);
    fs::copy(&other, inner.join("model_O4.onnx")).unwrap();
    home.refuses(&folder, &["several ONNX models", "onnx/model_int8.onnx", "onnx/model_O4.onnx"]);
    home.refuses(&other, &["name the folder"]);
}

#[test]
fn embedders_that_nothing_here_knows_are_named() {
    let home = Home::new();
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &[&str]); 8] = [
        ("tiny/xlm-roberta", |c| c["max_position_embeddings"] = 2.into(), &["no position"]),
        ("tiny/distilbert", |c| c["activation"] = "relu".into(), &["activation", "\"relu\"", "known are gelu"]),
        ("tiny/mpnet", |c| c["relative_attention_num_buckets"] = 16.into(), &["16 buckets", "32"]),
        ("tiny/nomic", |c| c["num_experts"] = 8.into(), &["experts", "v1.5"]),
        ("tiny/nomic", |c| c["prenorm"] = true.into(), &["prenorm is true"]),
        ("tiny/nomic", |c| c["activation_function"] = "gelu".into(), &["\"gelu\"", "swiglu"]),
        ("tiny/modernbert", |c| c["attention_bias"] = true.into(), &["attention_bias is true"]),
        ("tiny/qwen3-embedding", |c| c["is_causal"] = false.into(), &["is_causal is false", "modernbert"]),
    ];
    for (model, change, words) in cases {
        let (_around, folder) = altered(model, "config.json", change);
        home.refuses(&folder, words);
    }
    let (_around, folder) = altered("tiny/qwen3-embedding", "modules.json", |c| {
        c.as_array_mut().unwrap().push(json!({"type": "sentence_transformers.models.LayerNorm", "path": "2_Norm"}));
    });
    home.refuses(&folder, &["LayerNorm", "known are Transformer, Pooling"]);
    let (_around, folder) = copied(&golden("tiny/distilbert"));
    fs::remove_file(folder.join("2_Dense/model.safetensors")).unwrap();
    home.refuses(&folder, &["2_Dense", "is missing", "save"]);
}

#[test]
fn weights_in_a_form_that_is_not_read_are_named_with_what_to_do() {
    let home = Home::new();
    for method in ["gptq", "awq", "bitsandbytes", "fp8"] {
        let (_around, folder) =
            altered("tiny/llama", "config.json", |c| c["quantization_config"] = json!({"quant_method": method}));
        home.refuses(&folder, &[method, "Q4_K_M"]);
    }
    let (_around, folder) = altered("tiny/llama", "config.json", |c| c["quantization"] = json!({"bits": 4}));
    home.refuses(&folder, &["MLX"]);
    for (name, words) in [
        ("pytorch_model.bin", ["pytorch_model.bin", "safetensors"]),
        ("consolidated.safetensors", ["consolidated.safetensors", "names of transformers"]),
        ("weights.npz", ["holds no model.safetensors", "config.json"]),
    ] {
        let (_around, folder) = copied(&golden("tiny/llama"));
        fs::rename(folder.join("model.safetensors"), folder.join(name)).unwrap();
        home.refuses(&folder, &words);
    }
    let (_around, folder) = copied(&golden("tiny/llama"));
    fs::rename(folder.join("tokenizer.json"), folder.join("tokenizer.model")).unwrap();
    home.refuses(&folder, &["tokenizer.model", "save_pretrained"]);
}

#[test]
fn shards_without_their_index_are_one_model_and_a_missing_one_is_named() {
    let home = Home::new();
    let (_around, folder) = copied(&golden("tiny/llama"));
    let whole = home.import(&folder).unwrap().manifest;
    let part = |n: usize| folder.join(format!("model-0000{n}-of-00002.safetensors"));
    for n in [1, 2] {
        fs::copy(golden("tiny/llama/model.safetensors"), folder.join("model.safetensors")).unwrap();
        rewrite(&folder, |name, shape| {
            (name.contains("layers.1.") == (n == 2)).then(|| (name.to_owned(), shape.to_vec()))
        });
        fs::rename(folder.join("model.safetensors"), part(n)).unwrap();
    }
    assert_eq!(home.import(&folder).unwrap().manifest.files["weights.bin"], whole.files["weights.bin"]);
    fs::remove_file(part(1)).unwrap();
    let home = Home::new();
    home.refuses(&folder, &["model-00001-of-00002.safetensors is missing", "2 files"]);
}

#[test]
fn every_end_that_a_folder_names_or_spells_ends_an_answer() {
    let home = Home::new();
    let ends = |folder: &Path| home.import(folder).unwrap().decoder().unwrap().eos.clone();
    let (_around, folder) = copied(&golden("tiny/llama"));
    let named = ends(&folder);
    assert!(!named.is_empty());
    for file in ["generation_config.json", "tokenizer_config.json"] {
        fs::remove_file(folder.join(file)).unwrap();
    }
    // A file that names another does not take away what the others say.
    fs::write(folder.join("generation_config.json"), r#"{"eos_token_id": [5]}"#).unwrap();
    let more = ends(&folder);
    assert!(more.contains(&5) && named.iter().all(|end| more.contains(end)), "{named:?} {more:?}");
    fs::remove_file(folder.join("generation_config.json")).unwrap();
    let mut config = json(&folder.join("config.json"));
    config["eos_token_id"] = Value::Null;
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let tokenizer = fs::read_to_string(folder.join("tokenizer.json")).unwrap();
    fs::write(
        folder.join("tokenizer.json"),
        tokenizer.replace("<|im_end|>", "<|other|>").replace("<|endoftext|>", "<|more|>"),
    )
    .unwrap();
    let home = Home::new();
    home.refuses(&folder, &["which token ends an answer", "eos_token_id"]);
}

/// Every number of a configuration, altered in every way: it is refused, or the model runs.
#[test]
fn a_configuration_with_any_number_altered_never_panics() {
    let home = Home::new();
    let numbers = [json!(0), json!(1), json!(3), json!(-2), json!(1e300), json!(1u64 << 40), json!("x"), json!(null)];
    for model in ["tiny/llama", "tiny/mistral"] {
        let keys = json(&golden(model).join("config.json"));
        for (key, _) in keys.as_object().unwrap().iter().filter(|(_, value)| value.is_number()) {
            for number in &numbers {
                let (_around, folder) = altered(model, "config.json", |c| c[key] = number.clone());
                let target = folder.with_file_name("imported");
                let imported = wayside::import::import(
                    &folder,
                    &target,
                    Default::default(),
                    &wayside::watch::Quiet,
                    &Cancel::new(),
                );
                let opened = imported.and_then(|bundle| LanguageModel::open(&engine(), &bundle));
                match opened.and_then(|model| Context::new(Arc::new(model))) {
                    Ok(mut context) => {
                        let _ = context.feed(&[1, 2, 3], &Cancel::new());
                    }
                    Err(error) => assert!(error.to_string().len() < 1000, "{key} {number}: {error}"),
                }
            }
        }
    }
    home.is_unchanged();
}

#[test]
fn a_tokenizer_with_ids_past_the_vocabulary_is_refused() {
    let home = Home::new();
    for model in ["tiny/llama", "tiny/bert-mean"] {
        let past = json!({"id": 384, "content": "<|past|>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true});
        let (_around, folder) =
            altered(model, "tokenizer.json", |t| t["added_tokens"].as_array_mut().unwrap().push(past));
        // What the file's last id is depends on the vocabulary; the token takes the next.
        home.refuses(&folder, &["<|past|>", "do not belong together"]);
        let (_around, folder) = altered(model, "tokenizer.json", |t| t["model"]["vocab"]["strange"] = 100_000.into());
        home.refuses(&folder, &["100000", "strange", "do not belong together"]);
    }
}

#[test]
fn a_truncated_or_altered_safetensors_file_is_named() {
    let home = Home::new();
    let (_around, folder) = copied(&golden("tiny/mistral"));
    let path = folder.join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    for end in (0..16).chain((16..whole.len()).step_by(whole.len() / 40)) {
        fs::write(&path, &whole[..end]).unwrap();
        let error = home.import(&folder).err().unwrap_or_else(|| panic!("{end} bytes were taken"));
        assert!(error.to_string().contains("model.safetensors"), "{error}");
    }
    home.is_unchanged();
}

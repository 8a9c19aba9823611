//! The tokenizer in a GGUF file as `tokenizer.json`.
//!
//! GGUF names the rules (`tokenizer.ggml.pre`) without spelling them out; the ones here are the published rules of
//! the families Wayside imports.

use super::gguf::texts;
use super::gguf_word_piece;
use crate::bundle::TOKENIZER;
use crate::error::{Error, Result};
use crate::format::gguf::{Array, Gguf, Value};
use crate::text::tokenizer::Tokenizer;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use std::path::Path;

/// Token types of llama.cpp that are matched whole before anything else is split.
const CONTROL: i128 = 3;
const USER_DEFINED: i128 = 4;

/// `tokenizer.json` of the file at `path`: the one that lies beside it where that is this model's own, else one built
/// from what the file says.
pub(super) fn json(gguf: &Gguf, path: &Path) -> Result<Vec<u8>> {
    let tokens = tokens(gguf)?;
    let beside = path.with_file_name(TOKENIZER);
    match std::fs::read(&beside) {
        Ok(bytes) if is_of(&bytes, &tokens) => return Ok(bytes),
        Ok(_) => log::warn!("{} is another model's, and is left aside", beside.display()),
        Err(_) => {}
    }
    build(gguf, &tokens)
}

/// The tokens of a file, as a `tokenizer.json` spells them.
fn tokens(gguf: &Gguf) -> Result<Vec<String>> {
    match gguf.text("tokenizer.ggml.model") {
        Some("bert") => gguf_word_piece::tokens(gguf),
        _ => Ok(texts(gguf, "tokenizer.ggml.tokens")?.into_iter().map(str::to_owned).collect()),
    }
}

/// Whether a `tokenizer.json` has the tokens of a GGUF file, each under its number. A few may differ: converters write
/// unused ones in other ways.
fn is_of(bytes: &[u8], tokens: &[String]) -> bool {
    let Ok(tokenizer) = Tokenizer::from_bytes(bytes, tokens.len()) else { return false };
    let alike = tokens.iter().zip(0..).filter(|(token, id)| tokenizer.token(*id).as_ref() == Some(*token)).count();
    alike * 10 >= tokens.len() * 9
}

fn build(gguf: &Gguf, tokens: &[String]) -> Result<Vec<u8>> {
    let vocabulary: Map<String, Json> = tokens.iter().zip(0..).map(|(t, id)| (t.clone(), json!(id))).collect();
    let built = match gguf.text("tokenizer.ggml.model").unwrap_or_default() {
        "gpt2" => byte_level(gguf, vocabulary)?,
        "llama" => sentence_piece(gguf, tokens, vocabulary)?,
        "bert" => gguf_word_piece::word_piece(gguf, tokens, vocabulary)?,
        other => return Err(unknown(&format!("tokenizer model {other:?}"))),
    };
    let mut json = built;
    json["version"] = "1.0".into();
    json["added_tokens"] = added(gguf, tokens).into();
    serde_json::to_vec(&json).map_err(|e| Error::corrupt("tokenizer").because(e))
}

fn unknown(what: &str) -> Error {
    Error::unsupported(format!("{what} is unknown; put the model's own tokenizer.json beside the GGUF file"))
}

fn added(gguf: &Gguf, tokens: &[String]) -> Vec<Json> {
    let types = gguf.array("tokenizer.ggml.token_type").into_iter().flat_map(Array::values);
    let special = |(id, kind): (usize, Value)| {
        let control = kind == Value::Integer(CONTROL);
        if !control && kind != Value::Integer(USER_DEFINED) {
            return None;
        }
        Some(json!({
            "id": id, "content": tokens.get(id)?, "special": control,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        }))
    };
    types.take(tokens.len()).enumerate().filter_map(special).collect()
}

fn byte_level(gguf: &Gguf, vocabulary: Map<String, Json>) -> Result<Json> {
    const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let bytes =
        |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
    let split = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
    let digits = json!({"type": "Digits", "individual_digits": true});
    // Llama 3 takes a word that is a token as it is; the others merge their way to it.
    let (steps, normalizer, whole_words) = match gguf.text("tokenizer.ggml.pre").unwrap_or("default") {
        "default" | "gpt-2" | "olmo" => (vec![bytes(true)], Json::Null, false),
        "smollm" | "starcoder" | "refact" => (vec![digits, bytes(true)], Json::Null, false),
        "llama-bpe" | "llama-v3" | "llama3" => (vec![split(LLAMA3), bytes(false)], Json::Null, true),
        "smaug-bpe" => (vec![split(LLAMA3), bytes(false)], Json::Null, false),
        "qwen2" | "deepseek-r1-qwen" => (vec![split(QWEN2), bytes(false)], json!({"type": "NFC"}), false),
        other => return Err(unknown(&format!("pre-tokenizer {other:?}"))),
    };
    let merges = texts(gguf, "tokenizer.ggml.merges")?;
    Ok(json!({
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "post_processor": null,
        "decoder": bytes(true),
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges, "ignore_merges": whole_words, "byte_fallback": false},
    }))
}

/// SentencePiece's BPE: the scores order the merges, and every split of a token into two tokens is one.
fn sentence_piece(gguf: &Gguf, tokens: &[String], vocabulary: Map<String, Json>) -> Result<Json> {
    let scores = gguf.array("tokenizer.ggml.scores").into_iter().flat_map(Array::values);
    let scores: Vec<Value> = scores.take(tokens.len()).collect();
    let score = |id: usize| match scores.get(id) {
        Some(Value::Float(f)) => *f,
        _ => f64::NEG_INFINITY,
    };
    let ids: HashMap<&str, usize> = tokens.iter().zip(0..).map(|(t, id)| (t.as_str(), id)).collect();
    let mut merges: Vec<(f64, usize, usize)> = Vec::new();
    for (id, token) in tokens.iter().enumerate() {
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if let (Some(&l), Some(&r)) = (ids.get(left), ids.get(right)) {
                merges.push((score(id), l, r));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let merges: Vec<_> = merges.into_iter().map(|(_, l, r)| json!([tokens[l], tokens[r]])).collect();
    let unk = gguf.integer::<usize>("tokenizer.ggml.unknown_token_id").and_then(|id| tokens.get(id));
    let space = "\u{2581}";
    let prefix = gguf.bool("tokenizer.ggml.add_space_prefix").unwrap_or(true);
    let mut normalizers = vec![json!({"type": "Replace", "pattern": {"String": " "}, "content": space})];
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": space}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        normalizers.insert(0, json!({"type": "Prepend", "prepend": space}));
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    Ok(json!({
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE", "vocab": vocabulary, "merges": merges, "unk_token": unk,
            "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        },
    }))
}

//! The WordPiece tokenizer in a GGUF file as parts of `tokenizer.json`.
//!
//! Where BERT marks what goes on within a word (`##ing`), llama.cpp marks what begins one, with SentencePiece's sign.

use super::gguf::texts;
use crate::error::{Error, Result};
use crate::format::gguf::Gguf;
use serde_json::{Map, Value as Json, json};

/// Stands before what begins a word.
const BEGINS: char = '\u{2581}';

/// The tokens as BERT spells them.
pub(super) fn tokens(gguf: &Gguf) -> Result<Vec<String>> {
    let spelled = |token: &str| {
        let is_special = token.starts_with('[') && token.ends_with(']');
        match token.strip_prefix(BEGINS) {
            Some(word) => word.to_owned(),
            None if is_special => token.to_owned(),
            None => format!("##{token}"),
        }
    };
    Ok(texts(gguf, "tokenizer.ggml.tokens")?.into_iter().map(spelled).collect())
}

/// All of the tokenizer but its added tokens.
pub(super) fn word_piece(gguf: &Gguf, tokens: &[String], vocabulary: Map<String, Json>) -> Result<Json> {
    let special = |keys: [&str; 2], usual: &str| -> Result<(usize, String)> {
        let named = keys.iter().find_map(|key| gguf.integer::<usize>(&format!("tokenizer.ggml.{key}_token_id")));
        let id = named.filter(|id| *id < tokens.len()).or_else(|| tokens.iter().position(|token| token == usual));
        let lacks = || Error::corrupt(format!("the GGUF file names no token {usual}; fetch it again"));
        let id = id.ok_or_else(lacks)?;
        Ok((id, tokens[id].clone()))
    };
    // The second is how llama.cpp spells it.
    let (first, last) = (special(["cls", "bos"], "[CLS]")?, special(["seperator", "eos"], "[SEP]")?);
    let (_, unknown) = special(["unknown", "unk"], "[UNK]")?;
    // Who keeps capitals has tokens with some.
    let lower = !tokens.iter().any(|token| !token.starts_with('[') && token.chars().any(char::is_uppercase));
    let text = |name: &str, kind: usize| json!({"Sequence": {"id": name, "type_id": kind}});
    let mark = |token: &str, kind: usize| json!({"SpecialToken": {"id": token, "type_id": kind}});
    let single = vec![mark(&first.1, 0), text("A", 0), mark(&last.1, 0)];
    let pair = [single.clone(), vec![text("B", 1), mark(&last.1, 1)]].concat();
    let about = |(id, token): &(usize, String)| json!({"id": token, "ids": [id], "tokens": [token]});
    let specials = Map::from_iter([&first, &last].map(|special| (special.1.clone(), about(special))));
    Ok(json!({
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": lower,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": specials,
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece", "vocab": vocabulary, "unk_token": unknown, "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
    }))
}

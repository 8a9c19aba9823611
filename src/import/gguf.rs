//! A GGUF file as a model: llama.cpp's keys and names to ours.

use super::config::{Config, DecoderConfig};
use super::family::{self, Family, Windows, encoders};
use super::rope::stretch;
use super::source::{File, Source, split};
use super::{Described, ends, gguf_tokenizer};
use crate::bundle::{Hyperparameters, Layer, Rope, Scaling};
use crate::error::{Error, Result};
use crate::format::gguf::{Array, Gguf, Value};
use crate::text::tokenizer::Tokenizer;
use crate::watch::Progress;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads everything but the weights' numbers.
pub(super) fn describe(path: &Path, progress: &dyn Progress) -> Result<Described> {
    let gguf = Gguf::open(path)?;
    let kind = gguf.text("general.architecture").unwrap_or("").to_owned();
    if let Some(file) = encoders::of_file(&kind) {
        return encoder(gguf, file, path, progress);
    }
    let family = family::of_file(&kind)?;
    if gguf.integer::<u32>(&format!("{kind}.pooling_type")).is_some_and(|pooling| pooling > 0) {
        return Err(Error::unsupported(format!(
            "{} is an embedder made of the language model {kind}; import its folder with safetensors",
            path.display()
        )));
    }
    let tokenizer = gguf_tokenizer::json(&gguf, path)?;
    let config = decoder(&gguf, family, &tokenizer).map_err(|e| e.context(path.display()))?;
    let template = gguf.text("tokenizer.chat_template").map(str::to_owned);
    let (q, kv) = (config.hyperparameters.heads, config.kv_heads);
    let interleaved = if family.interleaved {
        vec![("q_proj.weight", q), ("k_proj.weight", kv), ("q_proj.bias", q), ("k_proj.bias", kv)]
    } else {
        vec![]
    };
    let tensors = gguf.names().filter(|n| !n.starts_with("rope_f"));
    let names: BTreeMap<_, _> = tensors.map(|n| (canonical(n, family), n.into())).collect();
    let names = if family.joined { split(names, &config) } else { names };
    let source = Source::new(File::Gguf(gguf), names, interleaved);
    let license = source.license();
    Ok(Described { config: Config::Decoder(config), tokenizer, template, license, source })
}

fn encoder(gguf: Gguf, file: &encoders::File, path: &Path, progress: &dyn Progress) -> Result<Described> {
    let shown = path.display().to_string();
    let tokenizer = gguf_tokenizer::json(&gguf, path)?;
    let config = file.config(&gguf, &shown, progress).map_err(|e| e.context(&shown))?;
    let names: Vec<String> = gguf.names().map(str::to_owned).collect();
    let names = file.names().canonical(names, |name| {
        let tensor = gguf.tensor(name).and_then(Result::ok);
        tensor.map_or(0, |tensor| tensor.matrix().0)
    });
    let source = Source::new(File::Gguf(gguf), names, vec![]);
    let license = source.license();
    Ok(Described { config: Config::Encoder(config), tokenizer, template: None, license, source })
}

/// Hugging Face's name of one of llama.cpp's tensors; an unknown one keeps its own, and is reported as unused.
pub(super) fn canonical(name: &str, family: &Family) -> String {
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
            "attn_qkv" => "self_attn.qkv_proj",
            "attn_q" => "self_attn.q_proj",
            "attn_k" => "self_attn.k_proj",
            "attn_v" => "self_attn.v_proj",
            "attn_q_norm" => "self_attn.q_norm",
            "attn_k_norm" => "self_attn.k_norm",
            "attn_output" => "self_attn.o_proj",
            "ffn_norm" if family.post_norms => "pre_feedforward_layernorm",
            "ffn_norm" | "post_attention_norm" => "post_attention_layernorm",
            "post_ffw_norm" => "post_feedforward_layernorm",
            "ffn_gate" => "mlp.gate_proj",
            "ffn_up" if family.joined => "mlp.gate_up_proj",
            "ffn_up" => "mlp.up_proj",
            "ffn_down" => "mlp.down_proj",
            _ => return None,
        };
        Some(format!("model.layers.{layer}.{part}.{what}"))
    };
    name.strip_prefix("blk.").and_then(layer).unwrap_or_else(|| name.to_owned())
}

fn decoder(gguf: &Gguf, family: &Family, tokenizer: &[u8]) -> Result<DecoderConfig> {
    let key = |k: &str| format!("{}.{k}", family.gguf);
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
    let window = size("attention.sliding_window");
    let slides = windows(gguf, &key("attention.sliding_window_pattern"), family.windows);
    let layer = |at| Layer { window: window.filter(|_| slides(at)), rope: Some(0) };
    let hyperparameters = Hyperparameters {
        hidden,
        inner: need("feed_forward_length")?,
        heads,
        epsilon: epsilon as f32,
        ropes: vec![rope(gguf, &key, head_dim)?],
        layers: (0..need("block_count")?).map(layer).collect(),
        ..family.plain(head_dim)
    };
    let mut config = DecoderConfig {
        architecture: family.name.into(),
        hyperparameters,
        kv_heads: size("attention.head_count_kv").unwrap_or(heads),
        head_dim,
        vocabulary,
        context: need("context_length")?,
        gain: 0.0,
        bos,
        eos: ends::ends(named, &tokenizer)?,
    };
    (family.file)(gguf, &mut config)?;
    Ok(config)
}

/// Whether texts begin with the begin token; llama 3's tokenizer does without saying so.
fn begins(gguf: &Gguf) -> bool {
    let pre = gguf.text("tokenizer.ggml.pre").unwrap_or_default();
    let model = gguf.text("tokenizer.ggml.model").unwrap_or_default();
    gguf.bool("tokenizer.ggml.add_bos_token").unwrap_or(pre == "llama-bpe" || model == "llama")
}

/// Whether a layer has the window: as a list says, or each so-manieth has not, or as the family has it.
fn windows(gguf: &Gguf, key: &str, family: Windows) -> impl Fn(usize) -> bool + use<> {
    // No model has so many layers.
    let named = gguf.array(key).map(|named| named.values().take(10_000).collect::<Vec<_>>());
    let family = match gguf.integer::<usize>(key) {
        Some(each) if each > 0 => Windows::AllButEach(each),
        _ => family,
    };
    move |at| match named.as_ref().and_then(|named| named.get(at)) {
        Some(Value::Bool(slides)) => *slides,
        _ => family.has(at),
    }
}

pub(super) fn rope(gguf: &Gguf, key: &dyn Fn(&str) -> String, head_dim: usize) -> Result<Rope> {
    let theta = gguf.float(&key("rope.freq_base")).unwrap_or(10_000.0);
    let factor =
        || gguf.float(&key("rope.scaling.factor")).ok_or_else(|| Error::corrupt("rope.scaling.type without a factor"));
    let scaling = match (gguf.tensor("rope_freqs.weight"), gguf.text(&key("rope.scaling.type"))) {
        (Some(divisors), _) => Scaling::Divisors { divisors: divisors?.to_f32(), stretch: 1.0 },
        (None, None | Some("none" | "longrope")) => Scaling::None,
        (None, Some("linear")) => Scaling::Linear { factor: factor()? },
        (None, Some("yarn")) => {
            let original = gguf.float(&key("rope.scaling.original_context_length"));
            let original =
                original.ok_or_else(|| Error::corrupt("rope.scaling.type yarn without an original context"))?;
            let known = gguf.float(&key("rope.scaling.attn_factor")).unwrap_or(1.0);
            yarn(factor()?, original, known)
        }
        (None, Some(other)) => {
            return Err(Error::unsupported(format!(
                "rope scaling {other:?}; known are linear, yarn, longrope and llama 3's"
            )));
        }
    };
    let width = gguf.integer::<u32>(&key("rope.dimension_count")).map_or(head_dim, |n| n as usize);
    Ok(Rope { theta, width, scaling })
}

/// YaRN with the settings that everybody leaves as they are.
fn yarn(factor: f64, original: f64, known: f64) -> Scaling {
    Scaling::Yarn { factor, fast: 32.0, slow: 1.0, original, stretch: known * stretch(factor, 1.0), whole: true }
}

/// The texts in an array of strings. Errors: `Corrupt` when the key is missing or holds anything else.
pub(super) fn texts<'a>(gguf: &'a Gguf, key: &str) -> Result<Vec<&'a str>> {
    let wrong = || Error::corrupt(format!("the GGUF file lacks {key:?}, or it is no list of texts"));
    gguf.array(key).and_then(Array::texts).ok_or_else(wrong)
}

//! A Hugging Face folder: `config.json`, safetensors, `tokenizer.json`, and the small files beside them.

use super::config::{Config, DecoderConfig};
use super::dense;
use super::family::{self, Family, encoders, windows};
use super::rope::stretch;
use super::sentence::{is_embedder, sentence};
use super::source::{File, Own, Source, split};
use super::{Described, ends};
use crate::bundle::{Activation, Hyperparameters, Layer, Rope, Scaling, TOKENIZER};
use crate::error::{Error, Result};
use crate::format::safetensors::Folder;
use crate::text::tokenizer::Tokenizer;
use crate::watch::Progress;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads everything but the weights' numbers.
pub(super) fn describe(folder: &Path, progress: &dyn Progress) -> Result<Described> {
    super::folder::check(folder)?;
    let weights = Folder::open(folder)?;
    let config = Keys::read(folder, "config.json")?;
    let tokenizer = required(folder, TOKENIZER)?;
    let kind = config.text("model_type")?;
    let names: Vec<String> = weights.names().map(str::to_owned).collect();
    if let Some(family) = encoders::of_folder(&kind) {
        let sentence = sentence(folder, progress)?;
        let patch = dense::weights(folder, &sentence.dense)?;
        let config = (family.folder)(&config, sentence)?;
        let names = family.names.canonical(names, |name| {
            let tensor = weights.tensor(name).and_then(Result::ok);
            tensor.map_or(0, |tensor| tensor.matrix().0)
        });
        let source = Source::new(File::Safetensors(weights), names, vec![]).patched(patch);
        let (template, license) = (template(folder)?, license(folder));
        return Ok(Described { config: Config::Encoder(config), tokenizer, template, license, source });
    }
    let family = family::of_folder(&kind)?;
    let (mut names, embeds): (BTreeMap<_, Own>, _) = (own_names(names), is_embedder(folder)?);
    if embeds || config.flag("tie_word_embeddings") == Some(true) {
        names.remove("lm_head.weight");
    }
    let configured = decoder(&config, folder, family, &tokenizer)?;
    let names = if family.joined { split(names, &configured) } else { names };
    let source = Source::new(File::Safetensors(weights), names, vec![]);
    if embeds {
        sees_before(&config)?;
        let sentence = sentence(folder, progress)?;
        let source = source.patched(dense::weights(folder, &sentence.dense)?);
        let config = Config::Embedder(configured, sentence);
        return Ok(Described { config, tokenizer, template: None, license: license(folder), source });
    }
    let (template, license) = (template(folder)?, license(folder));
    Ok(Described { config: Config::Decoder(configured), tokenizer, template, license, source })
}

/// The tensors of a language model. One that was saved without its head has none of them under `model`.
fn own_names(names: Vec<String>) -> BTreeMap<String, Own> {
    let bare = names.iter().any(|name| name == "embed_tokens.weight");
    let full = |name: &str| if bare { format!("model.{name}") } else { name.to_owned() };
    let kept = names.into_iter().filter(|name| !name.ends_with("rotary_emb.inv_freq"));
    kept.map(|name| (full(&name), name.into())).collect()
}

/// Refuses a language model that was changed so that its tokens see those behind them.
fn sees_before(c: &Keys) -> Result<()> {
    for (key, changed) in [("use_bidirectional_attention", true), ("is_causal", false)] {
        if c.flag(key) == Some(changed) {
            return Err(Error::unsupported(format!(
                "{}: {key} is {changed}; of embedders made of language models known are those whose tokens see what is \
                 before them; of others {}",
                c.file(),
                encoders::known()
            )));
        }
    }
    Ok(())
}

fn decoder(c: &Keys, folder: &Path, family: &Family, tokenizer: &[u8]) -> Result<DecoderConfig> {
    let (hidden, heads) = (c.size("hidden_size")?, c.size("num_attention_heads")?);
    let vocabulary = c.size("vocab_size")?;
    let tokenizer = read(folder, tokenizer, vocabulary)?;
    let head_dim = c.size("head_dim").unwrap_or(hidden / heads.max(1));
    let windows = windows(c, family.windows, c.size("num_hidden_layers")?);
    let hyperparameters = Hyperparameters {
        hidden,
        inner: c.size("intermediate_size")?,
        heads,
        epsilon: c.float("rms_norm_eps")? as f32,
        activation: activation(c, family)?,
        ropes: vec![rope(c, head_dim)?],
        layers: windows.into_iter().map(|window| Layer { window, rope: Some(0) }).collect(),
        ..family.plain(head_dim)
    };
    let mut config = DecoderConfig {
        architecture: family.name.into(),
        hyperparameters,
        kv_heads: c.size("num_key_value_heads").unwrap_or(heads),
        head_dim,
        vocabulary,
        context: c.size("max_position_embeddings")?,
        gain: if family.gains_less_one { 1.0 } else { 0.0 },
        bos: ends::begin(&tokenizer)?,
        eos: ends::ends(named_ends(folder, &tokenizer), &tokenizer).map_err(|e| e.context(folder.display()))?,
    };
    (family.folder)(c, &mut config)?;
    Ok(config)
}

fn activation(c: &Keys, family: &Family) -> Result<Activation> {
    let named = ["hidden_activation", "hidden_act"].into_iter().find_map(|key| Some((key, c.text(key).ok()?)));
    let Some((key, name)) = named else { return Ok(family.activation) };
    match name.as_str() {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu_pytorch_tanh" | "gelu_new" | "gelu_fast" => Ok(Activation::GeluTanh),
        _ => Err(Error::unsupported(format!("{key} {name:?}; known are silu and gelu_pytorch_tanh"))),
    }
}

/// The folder's tokenizer, whose errors name its file.
pub(super) fn read(folder: &Path, tokenizer: &[u8], vocabulary: usize) -> Result<Tokenizer> {
    Tokenizer::from_bytes(tokenizer, vocabulary).map_err(|e| e.context(folder.join(TOKENIZER).display()))
}

/// The tokens that the small files of a folder name as ends.
pub(super) fn named_ends(folder: &Path, tokenizer: &Tokenizer) -> Vec<u32> {
    let files = ["generation_config.json", "config.json", "genai_config.json"];
    let read = |name: &str| Keys::read(folder, name).ok();
    let keys = files.iter().filter_map(|name| read(name)).flat_map(|k| [k.object("model"), Some(k)]).flatten();
    let mut ends: Vec<u32> = keys.filter_map(|k| k.ids("eos_token_id")).flatten().collect();
    let spelled = read("tokenizer_config.json")
        .and_then(|k| k.text("eos_token").ok().or_else(|| k.object("eos_token")?.text("content").ok()));
    ends.extend(spelled.and_then(|token| tokenizer.id(&token)));
    ends
}

/// The base and scaling of positions: under `rope_parameters` since transformers 5, beside the rest before.
pub(super) fn rope(c: &Keys, head_dim: usize) -> Result<Rope> {
    // Or `c` is that object itself.
    let own = c.object("rope_parameters").or_else(|| c.object("rope_scaling"));
    let r = own.as_ref().unwrap_or(c);
    let either = |key: &str| r.float(key).or_else(|_| c.float(key)).ok();
    let theta = either("rope_theta");
    let share = either("partial_rotary_factor").filter(|share| *share > 0.0 && *share <= 1.0).unwrap_or(1.0);
    let width = (head_dim as f64 * share) as usize / 2 * 2;
    let kind = r.text("rope_type").or_else(|_| r.text("type")).ok();
    let scaling = match kind.as_deref() {
        Some("linear") => Scaling::Linear { factor: r.float("factor")? },
        Some("yarn") => yarn(c, r)?,
        // Phi's own, read where the rest of that family is.
        Some("longrope" | "su") => Scaling::None,
        Some("llama3") => Scaling::Llama3 {
            factor: r.float("factor")?,
            low: r.float("low_freq_factor")?,
            high: r.float("high_freq_factor")?,
            original: r.float("original_max_position_embeddings")?,
        },
        None | Some("default") => Scaling::None,
        Some(other) => {
            return Err(Error::unsupported(format!(
                "rope type {other:?}; known are default, linear, llama3, yarn and longrope"
            )));
        }
    };
    Ok(Rope { theta: theta.unwrap_or(10_000.0), width, scaling })
}

fn yarn(c: &Keys, r: &Keys) -> Result<Scaling> {
    let factor = r.float("factor")?;
    let original = r.float("original_max_position_embeddings").or_else(|_| c.float("max_position_embeddings"))?;
    let both = r.float("mscale").ok().zip(r.float("mscale_all_dim").ok());
    let usual = || both.map_or_else(|| stretch(factor, 1.0), |(one, all)| stretch(factor, one) / stretch(factor, all));
    Ok(Scaling::Yarn {
        factor,
        fast: r.float("beta_fast").unwrap_or(32.0),
        slow: r.float("beta_slow").unwrap_or(1.0),
        original,
        stretch: r.float("attention_factor").unwrap_or_else(|_| usual()),
        whole: r.flag("truncate").unwrap_or(true),
    })
}

/// The chat template: a file of its own, or a string in `tokenizer_config.json` (or the one called "default" there).
pub(super) fn template(folder: &Path) -> Result<Option<String>> {
    if let Ok(text) = std::fs::read_to_string(folder.join("chat_template.jinja")) {
        return Ok(Some(text));
    }
    let Ok(config) = Keys::read(folder, "tokenizer_config.json") else { return Ok(None) };
    Ok(match config.json.get("chat_template") {
        Some(Json::String(text)) => Some(text.clone()),
        Some(Json::Array(named)) => {
            let default = named.iter().find(|t| t["name"] == "default").or(named.first());
            default.and_then(|t| t["template"].as_str()).map(str::to_owned)
        }
        _ => None,
    })
}

/// The licence that a model card names, in the lines before its text.
pub(super) fn license(folder: &Path) -> Option<String> {
    let card = std::fs::read_to_string(folder.join("README.md")).ok()?;
    let lines = card.strip_prefix("---")?.lines().take_while(|line| *line != "---");
    let named = lines.filter_map(|line| line.strip_prefix("license:")).map(|name| name.trim().trim_matches('"'));
    named.map(str::to_owned).find(|name| !name.is_empty())
}

/// The bytes of a file the folder must have.
pub(super) fn required(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let path = folder.join(name);
    std::fs::read(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))
}

/// A JSON object whose missing and mistyped keys are errors that name the file.
#[derive(Clone)]
pub(super) struct Keys {
    json: serde_json::Map<String, Json>,
    file: String,
}

impl Keys {
    pub fn read(folder: &Path, name: &str) -> Result<Self> {
        let file = folder.join(name).display().to_string();
        match serde_json::from_slice(&required(folder, name)?) {
            Ok(Json::Object(json)) => Ok(Self { json, file }),
            Ok(_) => Err(Error::corrupt(format!("{file} is no JSON object"))),
            Err(e) => Err(Error::corrupt(format!("{file} is no JSON: {e}"))),
        }
    }

    /// The file, as errors name it.
    pub fn file(&self) -> &str {
        &self.file
    }

    fn lacks(&self, key: &str, what: &str) -> Error {
        Error::corrupt(format!("{} lacks {key:?}, or it is no {what}", self.file))
    }

    /// A positive integer of a size no model exceeds.
    pub fn size(&self, key: &str) -> Result<usize> {
        let n = self.json.get(key).and_then(Json::as_u64).filter(|n| (1..1 << 30).contains(n));
        n.map(|n| n as usize).ok_or_else(|| self.lacks(key, "sensible size"))
    }

    pub fn float(&self, key: &str) -> Result<f64> {
        self.json.get(key).and_then(Json::as_f64).ok_or_else(|| self.lacks(key, "number"))
    }

    pub fn text(&self, key: &str) -> Result<String> {
        self.json.get(key).and_then(Json::as_str).map(str::to_owned).ok_or_else(|| self.lacks(key, "text"))
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        self.json.get(key)?.as_bool()
    }

    /// The flags that are set of those whose name begins so, without that beginning.
    pub fn on(&self, prefix: &str) -> Vec<String> {
        let set = self.json.iter().filter(|(_, value)| **value == Json::Bool(true));
        set.filter_map(|(key, _)| key.strip_prefix(prefix)).map(str::to_owned).collect()
    }

    pub fn object(&self, key: &str) -> Option<Self> {
        Some(Self { json: self.json.get(key)?.as_object()?.clone(), file: self.file.clone() })
    }

    /// The texts of a list.
    pub fn texts(&self, key: &str) -> Option<Vec<String>> {
        self.json.get(key)?.as_array()?.iter().map(|j| j.as_str().map(str::to_owned)).collect()
    }

    /// The numbers of a list.
    pub fn floats(&self, key: &str) -> Option<Vec<f32>> {
        self.json.get(key)?.as_array()?.iter().map(|j| j.as_f64().map(|n| n as f32)).collect()
    }

    /// The whole numbers of a list.
    pub fn counts(&self, key: &str) -> Option<Vec<u64>> {
        self.json.get(key)?.as_array()?.iter().map(Json::as_u64).collect()
    }

    /// A token id, or a list of them.
    pub fn ids(&self, key: &str) -> Option<Vec<u32>> {
        let id = |j: &Json| j.as_u64().and_then(|n| u32::try_from(n).ok());
        match self.json.get(key)? {
            Json::Array(ids) => ids.iter().map(id).collect(),
            one => Some(vec![id(one)?]),
        }
    }
}

//! The families of encoders, a row each. They share BERT's shape; a row says how one calls its tensors, and names the
//! function that reads its configuration.

mod bert;
mod distilbert;
mod file;
mod modernbert;
mod mpnet;
mod names;
mod nomic;

use super::super::config::{Biases, EncoderConfig, Nonlinear};
use super::super::huggingface::Keys;
use super::super::sentence::Sentence;
use crate::error::{Error, Result};

pub(in crate::import) use file::{File, of_file};
pub(in crate::import) use names::Names;

/// A family of folders.
pub(in crate::import) struct Encoders {
    /// Its name in `config.json` (`model_type`).
    pub name: &'static str,
    pub names: Names,
    /// Reads `config.json`.
    pub folder: fn(&Keys, Sentence) -> Result<EncoderConfig>,
}

const FAMILIES: [Encoders; 8] = [
    Encoders { name: "bert", names: bert::NAMES, folder: bert::folder },
    Encoders { name: "roberta", names: bert::ROBERTA, folder: bert::roberta },
    Encoders { name: "camembert", names: bert::ROBERTA, folder: bert::roberta },
    Encoders { name: "xlm-roberta", names: bert::ROBERTA, folder: bert::roberta },
    Encoders { name: "distilbert", names: distilbert::NAMES, folder: distilbert::folder },
    Encoders { name: "mpnet", names: mpnet::NAMES, folder: mpnet::folder },
    Encoders { name: "nomic_bert", names: nomic::NAMES, folder: nomic::folder },
    Encoders { name: "modernbert", names: modernbert::NAMES, folder: modernbert::folder },
];

/// A family by its name in a folder.
pub(in crate::import) fn of_folder(name: &str) -> Option<&'static Encoders> {
    FAMILIES.iter().find(|family| family.name == name)
}

/// What the families are called, for errors.
pub(in crate::import) fn known() -> String {
    FAMILIES.map(|family| family.name).join(", ")
}

/// How many positions a family keeps for padding, before that of a text's first token.
pub(in crate::import) fn before(c: &Keys) -> usize {
    match c.text("model_type").as_deref() {
        Ok("roberta" | "camembert" | "xlm-roberta") => bert::padding(c) + 1,
        Ok("mpnet") => mpnet::FIRST,
        _ => 0,
    }
}

/// What every family says under some name: width, layers, heads, and width between up and down.
fn shape(c: &Keys, sentence: Sentence, keys: [&str; 4]) -> Result<EncoderConfig> {
    let [hidden, layers, heads, inner] = keys;
    Ok(EncoderConfig {
        hidden: c.size(hidden)?,
        heads: c.size(heads)?,
        inner: c.size(inner)?,
        vocabulary: c.size("vocab_size")?,
        ..EncoderConfig::bert(&c.text("model_type")?, c.size(layers)?, sentence)
    })
}

/// The same under BERT's names.
fn usual(c: &Keys, sentence: Sentence) -> Result<EncoderConfig> {
    shape(c, sentence, ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"])
}

/// The function within the feed-forward, as `config.json` calls it under `key`.
fn nonlinear(c: &Keys, key: &str) -> Result<Nonlinear> {
    // Where nothing says it, transformers takes the first.
    match c.text(key).as_deref().unwrap_or("gelu") {
        "gelu" | "gelu_python" => Ok(Nonlinear::Gelu),
        "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => Ok(Nonlinear::GeluTanh),
        "silu" | "swish" => Ok(Nonlinear::Silu),
        other => Err(Error::unsupported(format!(
            "{}: {key} {other:?}; known are gelu, gelu_new and silu; choose a model with one of them",
            c.file()
        ))),
    }
}

/// Refuses a setting that makes another graph than the family's.
fn only(c: &Keys, key: &str, wanted: bool) -> Result<()> {
    match c.flag(key) {
        Some(found) if found != wanted => {
            Err(Error::unsupported(format!("{}: {key} is {found}; only {wanted} is known for this family", c.file())))
        }
        _ => Ok(()),
    }
}

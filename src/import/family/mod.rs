//! The families of decoders, a row each; those of encoders are in [`encoders`]. They share the llama shape; a row says
//! how one differs, and names the functions that read what only its configuration has.

pub(super) mod encoders;
mod gemma;
mod granite;
mod phi3;
mod smollm3;
mod windows;

use super::config::DecoderConfig;
use super::huggingface::Keys;
use crate::bundle::{Activation, Hyperparameters, Multipliers};
use crate::error::Result;
use crate::format::gguf::Gguf;

pub(super) use windows::{Windows, windows};

/// How a family differs from plain llama.
pub(super) struct Family {
    /// Its name in `config.json` (`model_type`).
    pub name: &'static str,
    /// Its name in GGUF (`general.architecture`).
    pub gguf: &'static str,
    /// What a gate goes through, where the configuration does not say.
    pub activation: Activation,
    /// An RMS norm over each head of q and k.
    pub head_norms: bool,
    /// Norms behind attention and feed-forward, too.
    pub post_norms: bool,
    /// Whether a folder keeps the gains of norms less one; GGUF files never do.
    pub gains_less_one: bool,
    /// Which layers see a window only.
    pub windows: Windows,
    /// Whether llama.cpp stores its q and k with the halves of each head interleaved.
    pub interleaved: bool,
    /// Whether q, k and v are one tensor, and gate and up another.
    pub joined: bool,
    /// Reads what only its `config.json` has.
    pub folder: fn(&Keys, &mut DecoderConfig) -> Result<()>,
    /// Reads what only its GGUF files have, by their keys and tensors.
    pub file: fn(&Gguf, &mut DecoderConfig) -> Result<()>,
}

const LLAMA: Family = Family {
    name: "llama",
    gguf: "llama",
    activation: Activation::Silu,
    head_norms: false,
    post_norms: false,
    gains_less_one: false,
    windows: Windows::All,
    interleaved: true,
    joined: false,
    folder: |_, _| Ok(()),
    file: |_, _| Ok(()),
};
const QWEN: Family = Family { windows: Windows::Optional, interleaved: false, ..LLAMA };
const GEMMA: Family = Family {
    activation: Activation::GeluTanh,
    post_norms: true,
    gains_less_one: true,
    interleaved: false,
    folder: gemma::folder,
    file: gemma::file,
    ..LLAMA
};

const FAMILIES: [Family; 9] = [
    LLAMA,
    // In GGUF, Mistral goes under llama.
    Family { name: "mistral", gguf: "mistral", ..LLAMA },
    Family { name: "qwen2", gguf: "qwen2", ..QWEN },
    Family { name: "qwen3", gguf: "qwen3", head_norms: true, ..QWEN },
    Family { name: "gemma2", gguf: "gemma2", windows: Windows::AllButEach(2), ..GEMMA },
    Family { name: "gemma3_text", gguf: "gemma3", head_norms: true, windows: Windows::AllButEach(6), ..GEMMA },
    Family { name: "granite", gguf: "granite", folder: granite::folder, file: granite::file, ..LLAMA },
    Family {
        name: "smollm3",
        gguf: "smollm3",
        interleaved: true,
        folder: smollm3::folder,
        file: smollm3::file,
        ..QWEN
    },
    Family {
        name: "phi3",
        gguf: "phi3",
        interleaved: false,
        joined: true,
        folder: phi3::folder,
        file: phi3::file,
        ..LLAMA
    },
];

impl Family {
    /// A model of the family whose heads have `head_dim` numbers, without extents, ropes and layers.
    pub fn plain(&self, head_dim: usize) -> Hyperparameters {
        Hyperparameters {
            hidden: 0,
            inner: 0,
            heads: 1,
            epsilon: 0.0,
            activation: self.activation,
            biases: false,
            head_norms: self.head_norms,
            post_norms: self.post_norms,
            attention_scale: 1.0 / (head_dim as f32).sqrt(),
            attention_cap: None,
            logit_cap: None,
            multipliers: Multipliers::default(),
            ropes: vec![],
            layers: vec![],
        }
    }
}

/// A family by its name in a folder.
pub(super) fn of_folder(name: &str) -> Result<&'static Family> {
    FAMILIES.iter().find(|f| f.name == name).ok_or_else(|| unknown(name))
}

/// A family by its name in a GGUF file.
pub(super) fn of_file(name: &str) -> Result<&'static Family> {
    FAMILIES.iter().find(|f| f.gguf == name).ok_or_else(|| unknown(name))
}

/// What to say of an architecture that is none of these.
fn unknown(name: &str) -> crate::Error {
    let known: Vec<_> = FAMILIES.iter().map(|f| f.name).collect();
    crate::Error::unsupported(format!(
        "architecture {name:?} is unknown; known are {}, {}",
        known.join(", "),
        encoders::known()
    ))
}

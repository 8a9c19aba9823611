//! Granite: llama with a multiplier at each of four places.

use super::super::config::DecoderConfig;
use super::super::huggingface::Keys;
use crate::bundle::Multipliers;
use crate::error::{Error, Result};
use crate::format::gguf::Gguf;

pub(super) fn folder(c: &Keys, d: &mut DecoderConfig) -> Result<()> {
    let float = |key: &str| c.float(key).map(|factor| factor as f32);
    d.hyperparameters.attention_scale = float("attention_multiplier")?;
    d.hyperparameters.multipliers = Multipliers {
        embedding: float("embedding_multiplier")?,
        residual: float("residual_multiplier")?,
        logits: 1.0 / float("logits_scaling")?,
    };
    Ok(())
}

pub(super) fn file(gguf: &Gguf, d: &mut DecoderConfig) -> Result<()> {
    let float = |key: &str| {
        let found = gguf.float(&format!("granite.{key}")).filter(|factor| *factor != 0.0);
        let lacks = || Error::corrupt(format!("the GGUF file lacks a sensible \"granite.{key}\"; fetch it again"));
        found.map(|factor| factor as f32).ok_or_else(lacks)
    };
    d.hyperparameters.attention_scale = float("attention.scale")?;
    d.hyperparameters.multipliers = Multipliers {
        embedding: float("embedding_scale")?,
        residual: float("residual_scale")?,
        logits: 1.0 / float("logit_scale")?,
    };
    Ok(())
}

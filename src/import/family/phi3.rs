//! Phi 3 and 4 mini: joined tensors, heads that are turned in part, and LongRoPE.
//!
//! LongRoPE has two lists of divisors, one for texts within the context that the model was trained with first and one
//! for longer ones. A text that grows past that border would need its whole cache anew, so the model is taken with the
//! short list and that context: more than a device's memory holds in any case.

use super::super::config::DecoderConfig;
use super::super::huggingface::Keys;
use crate::bundle::Scaling;
use crate::error::Result;
use crate::format::gguf::Gguf;

pub(super) fn folder(c: &Keys, d: &mut DecoderConfig) -> Result<()> {
    let Some(rope) = c.object("rope_parameters").or_else(|| c.object("rope_scaling")) else { return Ok(()) };
    let Some(divisors) = rope.floats("short_factor") else { return Ok(()) };
    let original = rope.size("original_max_position_embeddings");
    let original = original.or_else(|_| c.size("original_max_position_embeddings"))?;
    let factor = rope.float("factor").unwrap_or(d.context as f64 / original as f64);
    long(d, divisors, original, factor, rope.float("attention_factor").ok());
    Ok(())
}

pub(super) fn file(gguf: &Gguf, d: &mut DecoderConfig) -> Result<()> {
    let Some(divisors) = gguf.tensor("rope_factors_short.weight") else { return Ok(()) };
    let original = gguf.integer::<u32>("phi3.rope.scaling.original_context_length");
    let original = original.map_or(d.context, |n| n as usize);
    let stretch = gguf.float("phi3.rope.scaling.attn_factor");
    let factor = d.context as f64 / original as f64;
    long(d, divisors?.to_f32(), original, factor, stretch);
    Ok(())
}

fn long(d: &mut DecoderConfig, divisors: Vec<f32>, original: usize, factor: f64, stretch: Option<f64>) {
    let usual = || if factor > 1.0 { (1.0 + factor.ln() / (original as f64).ln()).sqrt() } else { 1.0 };
    let stretch = stretch.unwrap_or_else(usual);
    d.hyperparameters.ropes[0].scaling = Scaling::Divisors { divisors, stretch };
    d.context = d.context.min(original);
}

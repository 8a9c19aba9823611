//! Gemma 2 and 3: tokens are scaled by the root of the width; attention has a scale of its own; Gemma 3 turns the heads
//! of layers with a window slower, Gemma 2 caps scores and logits.

use super::super::config::DecoderConfig;
use super::super::huggingface::{Keys, rope};
use crate::bundle::{Rope, Scaling};
use crate::error::Result;
use crate::format::gguf::Gguf;

/// The base of positions in layers with a window, where nothing says it.
const LOCAL: f64 = 10_000.0;

pub(super) fn folder(c: &Keys, d: &mut DecoderConfig) -> Result<()> {
    common(d);
    if let Ok(scalar) = c.float("query_pre_attn_scalar") {
        d.hyperparameters.attention_scale = (1.0 / scalar.sqrt()) as f32;
    }
    d.hyperparameters.attention_cap = c.float("attn_logit_softcapping").ok().map(|cap| cap as f32);
    d.hyperparameters.logit_cap = c.float("final_logit_softcapping").ok().map(|cap| cap as f32);
    if d.architecture == "gemma3_text" {
        let own = c.object("rope_parameters").and_then(|r| r.object("sliding_attention"));
        let (global, local) = match own {
            Some(own) => {
                let whole = c.object("rope_parameters").and_then(|r| r.object("full_attention"));
                let global = whole.map_or_else(|| Ok(d.hyperparameters.ropes[0].clone()), |w| rope(&w, d.head_dim))?;
                (global, rope(&own, d.head_dim)?)
            }
            None => {
                let theta = c.float("rope_local_base_freq").unwrap_or(LOCAL);
                (rope(c, d.head_dim)?, plain(theta, d.head_dim))
            }
        };
        by_window(d, global, local);
    }
    Ok(())
}

pub(super) fn file(gguf: &Gguf, d: &mut DecoderConfig) -> Result<()> {
    common(d);
    let arch = gguf.text("general.architecture").unwrap_or_default();
    let float = |key: &str| gguf.float(&format!("{arch}.{key}"));
    d.hyperparameters.attention_cap = float("attn_logit_softcapping").map(|cap| cap as f32);
    d.hyperparameters.logit_cap = float("final_logit_softcapping").map(|cap| cap as f32);
    // The largest of both families scale by the width for each head; nothing in a file says so but their layers.
    if matches!((arch, d.hyperparameters.layers.len()), ("gemma2", 46) | ("gemma3", 62)) {
        d.hyperparameters.attention_scale = (d.hyperparameters.heads as f32 / d.hyperparameters.hidden as f32).sqrt();
    }
    if arch == "gemma3" {
        let local = plain(float("rope.freq_base_swa").unwrap_or(LOCAL), d.head_dim);
        by_window(d, d.hyperparameters.ropes[0].clone(), local);
    }
    Ok(())
}

fn common(d: &mut DecoderConfig) {
    d.hyperparameters.multipliers.embedding = (d.hyperparameters.hidden as f32).sqrt();
}

fn plain(theta: f64, width: usize) -> Rope {
    Rope { theta, width, scaling: Scaling::None }
}

fn by_window(d: &mut DecoderConfig, global: Rope, local: Rope) {
    d.hyperparameters.ropes = vec![global, local];
    for layer in &mut d.hyperparameters.layers {
        layer.rope = Some(usize::from(layer.window.is_some()));
    }
}

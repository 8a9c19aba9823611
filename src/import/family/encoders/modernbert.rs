//! ModernBERT: norms first, heads turned to their positions, a gate in the feed-forward, and of three layers one that
//! sees the whole text while the others see what is near.

use super::{Biases, EncoderConfig, Keys, Names, Sentence, nonlinear, only, usual};
use crate::bundle::{Layer, Rope};
use crate::error::Result;
use crate::import::huggingface::rope;

/// Tokens that a layer with a window sees, half of them on either side, where nothing says it.
const WINDOW: usize = 128;
/// Of so many layers the first sees the whole text.
const EACH: usize = 3;
/// The bases of positions where nothing says them, in layers that see the whole text and in the others.
const THETAS: [f64; 2] = [160_000.0, 10_000.0];

pub(super) const NAMES: Names = Names {
    prefix: "model.",
    layers: "layers.",
    parts: &[
        ("embeddings.tok_embeddings", "embeddings.word_embeddings"),
        ("embeddings.norm", "embeddings.LayerNorm"),
        ("attn_norm", "attention.output.LayerNorm"),
        ("attn.Wo", "attention.output.dense"),
        ("mlp_norm", "output.LayerNorm"),
        ("mlp.Wo", "output.dense"),
    ],
    joined: &[
        ("attn.Wqkv", &["attention.self.query", "attention.self.key", "attention.self.value"]),
        ("mlp.Wi", &["intermediate.gate", "intermediate.dense"]),
    ],
    unused: &["head.", "decoder.", "classifier."],
};

pub(super) fn folder(c: &Keys, sentence: Sentence) -> Result<EncoderConfig> {
    for key in ["attention_bias", "mlp_bias"] {
        only(c, key, false)?;
    }
    let config = usual(c, sentence)?;
    let head = config.hidden / config.heads;
    let window = c.size("local_attention").unwrap_or(WINDOW) / 2;
    let each = c.size("global_attn_every_n_layers").unwrap_or(EACH);
    let kinds = c.texts("layer_types").filter(|kinds| kinds.len() == config.layers.len());
    let layer = |at: usize| {
        let near = kinds.as_ref().map_or(!at.is_multiple_of(each), |kinds| kinds[at] == "sliding_attention");
        Layer { window: near.then_some(window), rope: Some(near.into()) }
    };
    let config = EncoderConfig {
        epsilon: c.float("norm_eps")? as f32,
        kinds: false,
        ropes: ropes(c, head)?,
        layers: (0..config.layers.len()).map(layer).collect(),
        norms_first: true,
        gated: true,
        nonlinear: nonlinear(c, "hidden_activation")?,
        biases: Biases { attention: false, feed_forward: false, norms: c.flag("norm_bias").unwrap_or(false) },
        ..config
    };
    Ok(config.within(c.size("max_position_embeddings")?))
}

/// The ropes of layers that see the whole text and of the others: an object each since transformers 5.
fn ropes(c: &Keys, head: usize) -> Result<Vec<Rope>> {
    let own = c.object("rope_parameters");
    let kinds = [("full_attention", "global_rope_theta"), ("sliding_attention", "local_rope_theta")];
    let each = kinds.into_iter().zip(THETAS).map(|((kind, older), usual)| {
        let own = own.as_ref().and_then(|own| own.object(kind));
        let found = rope(own.as_ref().unwrap_or(c), head)?;
        let said = own.as_ref().and_then(|own| own.float("rope_theta").ok());
        let theta = said.or_else(|| c.float(older).ok()).unwrap_or(usual);
        Ok(Rope { theta, ..found })
    });
    each.collect()
}

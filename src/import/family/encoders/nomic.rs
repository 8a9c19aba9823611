//! Nomic's BERT: heads turned to their positions, a gate in the feed-forward, and no biases but in norms.
//!
//! Its folders are written by the code that Nomic publishes, with GPT 2's keys; transformers' own keys are read, too.

use super::{Biases, EncoderConfig, Keys, Names, Sentence, nonlinear, only, shape, usual};
use crate::bundle::{Layer, Rope, Scaling};
use crate::error::{Error, Result};
use crate::import::config::Nonlinear;
use crate::import::huggingface::rope;

pub(super) const NAMES: Names = Names {
    prefix: "bert.",
    layers: "encoder.layers.",
    parts: &[
        ("emb_ln", "embeddings.LayerNorm"),
        ("attn.out_proj", "attention.output.dense"),
        ("norm1", "attention.output.LayerNorm"),
        ("mlp.fc11", "intermediate.dense"),
        ("mlp.fc12", "intermediate.gate"),
        ("mlp.fc2", "output.dense"),
        ("norm2", "output.LayerNorm"),
    ],
    joined: &[("attn.Wqkv", &["attention.self.query", "attention.self.key", "attention.self.value"])],
    unused: &["pooler.", "cls."],
};

/// The base of positions, where nothing says it.
const THETA: f64 = 1000.0;

pub(super) fn folder(c: &Keys, sentence: Sentence) -> Result<EncoderConfig> {
    if c.size("n_embd").is_err() {
        let config = EncoderConfig {
            epsilon: c.float("layer_norm_eps")? as f32,
            nonlinear: nonlinear(c, "hidden_act")?,
            ..usual(c, sentence)?
        };
        let rope = rope(c, config.hidden / config.heads)?;
        return Ok(turning(config, rope).within(c.size("max_position_embeddings")?));
    }
    for key in ["qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "prenorm", "rotary_emb_interleaved", "use_rms_norm"] {
        only(c, key, false)?;
    }
    if c.size("num_experts").is_ok_and(|experts| experts > 1) {
        return Err(Error::unsupported(format!(
            "{}: a model of experts; of Nomic's embedders those without are known, up to v1.5",
            c.file()
        )));
    }
    let function = c.text("activation_function")?;
    let nonlinear = match function.as_str() {
        "swiglu" => Nonlinear::Silu,
        "geglu" => Nonlinear::Gelu,
        _ => {
            let file = c.file();
            let why = format!("{file}: activation_function {function:?}; known are swiglu and geglu");
            return Err(Error::unsupported(why));
        }
    };
    if c.float("rotary_emb_fraction").is_ok_and(|share| share != 1.0) {
        return Err(Error::unsupported(format!("{}: only a rotary_emb_fraction of 1 is known", c.file())));
    }
    let config = EncoderConfig {
        epsilon: c.float("layer_norm_epsilon")? as f32,
        nonlinear,
        ..shape(c, sentence, ["n_embd", "n_layer", "n_head", "n_inner"])?
    };
    // Longer texts than it was trained with would turn their heads slower, each by its own length.
    let most = c.size("n_positions")?;
    let trained = c.size("max_trained_positions").ok().filter(|_| c.float("rotary_scaling_factor").is_ok());
    let theta = c.float("rotary_emb_base").unwrap_or(THETA);
    let rope = Rope { theta, width: config.hidden / config.heads, scaling: Scaling::None };
    Ok(turning(config, rope).within(trained.map_or(most, |trained| trained.min(most))))
}

/// With positions that turn whole heads, and the rest that all of the family have.
pub(super) fn turning(config: EncoderConfig, rope: Rope) -> EncoderConfig {
    EncoderConfig {
        ropes: vec![rope],
        layers: vec![Layer { window: None, rope: Some(0) }; config.layers.len()],
        gated: true,
        biases: Biases { attention: false, feed_forward: false, norms: true },
        ..config
    }
}

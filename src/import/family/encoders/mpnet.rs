//! MPNet: learned positions as RoBERTa's, and scores that are shifted by how far apart two tokens are.

use super::{EncoderConfig, Keys, Names, Sentence, nonlinear, usual};
use crate::error::{Error, Result};

/// The buckets that transformers puts distances in, whatever the configuration says.
const BUCKETS: usize = 32;
/// The row of a text's first token in the table of positions.
pub(super) const FIRST: usize = 2;

pub(super) const NAMES: Names = Names {
    prefix: "mpnet.",
    layers: "encoder.layer.",
    parts: &[
        ("attention.attn.q", "attention.self.query"),
        ("attention.attn.k", "attention.self.key"),
        ("attention.attn.v", "attention.self.value"),
        ("attention.attn.o", "attention.output.dense"),
        ("attention.LayerNorm", "attention.output.LayerNorm"),
    ],
    joined: &[],
    unused: &["pooler.", "lm_head.", "classifier.", "embeddings.position_ids"],
};

pub(super) fn folder(c: &Keys, sentence: Sentence) -> Result<EncoderConfig> {
    if let Ok(buckets) = c.size("relative_attention_num_buckets")
        && buckets != BUCKETS
    {
        let file = c.file();
        return Err(Error::unsupported(format!("{file}: {buckets} buckets of distances; only {BUCKETS} are known")));
    }
    let config = EncoderConfig {
        epsilon: c.float("layer_norm_eps")? as f32,
        kinds: false,
        buckets: Some(BUCKETS),
        nonlinear: nonlinear(c, "hidden_act")?,
        ..usual(c, sentence)?
    };
    Ok(config.learned(c.size("max_position_embeddings")?, FIRST))
}

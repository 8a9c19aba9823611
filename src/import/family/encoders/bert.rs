//! BERT itself, and RoBERTa with its many languages: the same but for where positions begin.

use super::{EncoderConfig, Keys, Names, Sentence, nonlinear, usual};
use crate::error::{Error, Result};

pub(super) const NAMES: Names = Names {
    prefix: "bert.",
    layers: "encoder.layer.",
    parts: &[],
    joined: &[],
    unused: &["pooler.", "cls.", "embeddings.position_ids"],
};
pub(super) const ROBERTA: Names = Names {
    prefix: "roberta.",
    unused: &["pooler.", "lm_head.", "classifier.", "embeddings.position_ids", "embeddings.token_type_ids"],
    ..NAMES
};

pub(super) fn folder(c: &Keys, sentence: Sentence) -> Result<EncoderConfig> {
    beginning(c, sentence, 0)
}

pub(super) fn roberta(c: &Keys, sentence: Sentence) -> Result<EncoderConfig> {
    beginning(c, sentence, padding(c) + 1)
}

/// The padding's id, behind which positions are counted.
pub(super) fn padding(c: &Keys) -> usize {
    c.ids("pad_token_id").and_then(|ids| ids.first().copied()).unwrap_or(1) as usize
}

fn beginning(c: &Keys, sentence: Sentence, first: usize) -> Result<EncoderConfig> {
    let (key, known) = ("position_embedding_type", "absolute");
    if let Ok(found) = c.text(key)
        && found != known
    {
        return Err(Error::unsupported(format!("{key} {found:?}; only {known:?} is known for bert and roberta")));
    }
    let config = EncoderConfig {
        epsilon: c.float("layer_norm_eps")? as f32,
        nonlinear: nonlinear(c, "hidden_act")?,
        ..usual(c, sentence)?
    };
    Ok(config.learned(c.size("max_position_embeddings")?, first))
}

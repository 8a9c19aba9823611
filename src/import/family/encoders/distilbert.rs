//! DistilBERT: BERT under other names, without kinds of tokens.

use super::{EncoderConfig, Keys, Names, Sentence, nonlinear, shape};
use crate::error::Result;

pub(super) const NAMES: Names = Names {
    prefix: "distilbert.",
    layers: "transformer.layer.",
    parts: &[
        ("attention.q_lin", "attention.self.query"),
        ("attention.k_lin", "attention.self.key"),
        ("attention.v_lin", "attention.self.value"),
        ("attention.out_lin", "attention.output.dense"),
        ("sa_layer_norm", "attention.output.LayerNorm"),
        ("ffn.lin1", "intermediate.dense"),
        ("ffn.lin2", "output.dense"),
        ("output_layer_norm", "output.LayerNorm"),
    ],
    joined: &[],
    unused: &["vocab_", "pre_classifier.", "classifier.", "embeddings.position_ids"],
};

pub(super) fn folder(c: &Keys, sentence: Sentence) -> Result<EncoderConfig> {
    // Positions that were computed from sines are in the file as well; its norms' epsilon is BERT's, and nowhere said.
    let config = EncoderConfig {
        kinds: false,
        nonlinear: nonlinear(c, "activation")?,
        ..shape(c, sentence, ["dim", "n_layers", "n_heads", "hidden_dim"])?
    };
    Ok(config.learned(c.size("max_position_embeddings")?, 0))
}

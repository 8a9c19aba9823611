//! What the builders need to know of a model.

use crate::bundle::{Hyperparameters, Pooling};

/// A model's configuration, by what it does.
pub(super) enum Config {
    Decoder(DecoderConfig),
    Encoder(EncoderConfig),
}

/// The llama shape and what its relatives add.
#[derive(Clone, Debug)]
pub(super) struct DecoderConfig {
    pub architecture: String,
    pub hyperparameters: Hyperparameters,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub vocabulary: usize,
    pub context: usize,
    /// What is added to the gains of norms as they are stored.
    pub gain: f32,
    pub bos: Option<u32>,
    pub eos: Vec<u32>,
}

/// BERT's shape.
#[derive(Clone, Debug)]
pub(super) struct EncoderConfig {
    pub architecture: String,
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub vocabulary: usize,
    /// Positions the model has; texts are cut at `context`.
    pub positions: usize,
    pub context: usize,
    pub epsilon: f32,
    pub pooling: Pooling,
    pub query_prefix: String,
    pub passage_prefix: String,
}

impl Config {
    pub fn architecture(&self) -> &str {
        match self {
            Self::Decoder(c) => &c.architecture,
            Self::Encoder(c) => &c.architecture,
        }
    }

    pub fn vocabulary(&self) -> usize {
        match self {
            Self::Decoder(c) => c.vocabulary,
            Self::Encoder(c) => c.vocabulary,
        }
    }
}

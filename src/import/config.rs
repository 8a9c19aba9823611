//! What the builders need to know of a model.

use super::sentence::Sentence;
use crate::bundle::{Hyperparameters, Layer, Rope};

/// The longest text of an encoder, whatever its configuration says: scores take its square in memory.
const LONGEST: usize = 32_768;

/// A model's configuration, by what it does.
pub(super) enum Config {
    Decoder(DecoderConfig),
    /// A decoder whose hidden states are taken for vectors.
    Embedder(DecoderConfig, Sentence),
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

/// BERT's shape, and what its relatives have in the place of its parts.
#[derive(Clone, Debug)]
pub(super) struct EncoderConfig {
    pub architecture: String,
    pub hidden: usize,
    /// Numbers between up and down.
    pub inner: usize,
    pub heads: usize,
    pub vocabulary: usize,
    /// The most tokens of a text.
    pub context: usize,
    pub epsilon: f32,
    /// Learned positions, where it has them.
    pub positions: Option<Positions>,
    /// Whether tokens are told apart by the text of a pair that they belong to.
    pub kinds: bool,
    /// How many groups of distances shift scores: MPNet has such.
    pub buckets: Option<usize>,
    /// How positions turn heads.
    pub ropes: Vec<Rope>,
    /// The layers. A window is the tokens that a token sees on either side, and itself.
    pub layers: Vec<Layer>,
    /// Whether norms stand before attention and feed-forward instead of behind them.
    pub norms_first: bool,
    /// Whether the feed-forward has a gate.
    pub gated: bool,
    pub nonlinear: Nonlinear,
    pub biases: Biases,
    pub sentence: Sentence,
}

/// A table of learned positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positions {
    /// Its rows.
    pub rows: usize,
    /// The row of a text's first token: RoBERTa's relatives keep those before it for padding.
    pub first: usize,
}

/// The function within the feed-forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nonlinear {
    /// `x Phi(x)`.
    Gelu,
    /// Its approximation with tanh.
    GeluTanh,
    /// `x sigmoid(x)`.
    Silu,
}

/// What has biases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Biases {
    pub attention: bool,
    pub feed_forward: bool,
    pub norms: bool,
}

impl EncoderConfig {
    /// Plain BERT of so many layers, for its relatives to change.
    pub fn bert(architecture: &str, layers: usize, sentence: Sentence) -> Self {
        Self {
            architecture: architecture.into(),
            hidden: 0,
            inner: 0,
            heads: 1,
            vocabulary: 0,
            context: 0,
            epsilon: 1e-12,
            positions: None,
            kinds: true,
            buckets: None,
            ropes: vec![],
            layers: vec![Layer { window: None, rope: None }; layers],
            norms_first: false,
            gated: false,
            nonlinear: Nonlinear::Gelu,
            biases: Biases { attention: true, feed_forward: true, norms: true },
            sentence,
        }
    }

    /// With learned positions, and the context that they leave: less where the folder says less.
    pub fn learned(mut self, rows: usize, first: usize) -> Self {
        self.positions = Some(Positions { rows, first });
        self.within(rows.saturating_sub(first))
    }

    /// With a context of `most` tokens, or less where the folder says less.
    pub fn within(mut self, most: usize) -> Self {
        let most = most.min(LONGEST);
        self.context = self.sentence.longest.unwrap_or(most).min(most);
        self
    }
}

impl Config {
    pub fn architecture(&self) -> &str {
        match self {
            Self::Decoder(c) | Self::Embedder(c, _) => &c.architecture,
            Self::Encoder(c) => &c.architecture,
        }
    }

    pub fn vocabulary(&self) -> usize {
        match self {
            Self::Decoder(c) | Self::Embedder(c, _) => c.vocabulary,
            Self::Encoder(c) => c.vocabulary,
        }
    }
}

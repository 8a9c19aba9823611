//! What graphs of training need to know of the base: its extents, and how its matrices are kept.

use crate::bundle::{Activation, Multipliers};
use crate::lora::Target;
use crate::tensor::{Bits, Encoding};

/// Numbers of the output layer that are float32 at once, at the most: 32 MB.
const STRIP: usize = 8 << 20;

/// The extents and settings that all layers share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Layers.
    pub layers: usize,
    /// Numbers in a hidden state.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Numbers in a head.
    pub head_dim: usize,
    /// Numbers between up and down.
    pub inner: usize,
    /// Tokens there are.
    pub vocabulary: usize,
    /// Added to mean squares.
    pub epsilon: f32,
    /// What a gate goes through.
    pub activation: Activation,
    /// What scores are multiplied by.
    pub attention_scale: f32,
    /// Scores stay within this, by tanh.
    pub attention_cap: Option<f32>,
    /// What is multiplied on the way.
    pub multipliers: Multipliers,
    /// Positions there are.
    pub context: usize,
}

impl Shape {
    /// Outputs of the matrix that q, k and v are parts of.
    pub fn joined(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_dim
    }

    /// Rows of the output layer that are made float32 at once: all strips have as many, but for the last.
    pub fn strip(&self) -> usize {
        let strips = (self.vocabulary * self.hidden).div_ceil(STRIP).max(1);
        self.vocabulary.div_ceil(strips).max(1)
    }

    /// Outputs and inputs of a target.
    pub fn matrix(&self, target: Target) -> (usize, usize) {
        let (queries, keys) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        match target {
            Target::Query => (queries, self.hidden),
            Target::Key | Target::Value => (keys, self.hidden),
            Target::Output => (self.hidden, queries),
            Target::Gate | Target::Up => (self.inner, self.hidden),
            Target::Down => (self.hidden, self.inner),
        }
    }
}

/// How a matrix is kept: what a graph needs to know to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// In blocks of so many bits, with offsets or without.
    Blocks(Bits, bool),
    /// In the encoding of its file.
    Packed(Encoding),
    /// As float32, `[inputs, outputs]`.
    Dense,
}

/// What distinguishes a layer's graph from another's. Layers with equal forms share theirs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// How each target is kept.
    pub kept: [Kept; 7],
    /// Whether q, k and v have biases.
    pub biases: bool,
    /// Whether the heads of q and k are normed.
    pub head_norms: bool,
    /// Whether what attention and feed-forward give is normed.
    pub post_norms: bool,
    /// How many numbers of a head are turned to their position.
    pub turned: usize,
}

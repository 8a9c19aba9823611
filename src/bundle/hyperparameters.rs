//! What a decoder is, in numbers. The stock graph, the layer that is trained and what an adapter may target follow from
//! these; extents that a program needs to drive it are in [`super::Decoder`].

use super::Rope;
use serde::{Deserialize, Serialize};

/// A decoder's layers and what is around them.
///
/// ```text
/// x = table[tokens] * embedding
/// for each layer:
///     x += residual * post_norm(attention(norm(x)))
///     x += residual * post_norm(down(activation(gate(norm(x))) * up(norm(x))))
/// logits = cap(head(norm(x)) * logits)
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    /// Numbers in a hidden state.
    pub hidden: usize,
    /// Numbers between up and down.
    pub inner: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Added to the mean squares of norms.
    pub epsilon: f32,
    /// What the gate goes through.
    pub activation: Activation,
    /// Whether q, k and v have biases.
    pub biases: bool,
    /// Whether each head of q and k is normed before it is rotated.
    pub head_norms: bool,
    /// Whether what attention and feed-forward give is normed, too.
    pub post_norms: bool,
    /// What scores are multiplied by.
    pub attention_scale: f32,
    /// Scores stay within this: `cap tanh(score / cap)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_cap: Option<f32>,
    /// So do logits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logit_cap: Option<f32>,
    /// What is multiplied on the way.
    #[serde(default)]
    pub multipliers: Multipliers,
    /// How positions turn heads; layers name theirs.
    pub ropes: Vec<Rope>,
    /// The layers.
    pub layers: Vec<Layer>,
}

impl Hyperparameters {
    /// What the norm before a layer's feed-forward is called, as transformers has it.
    pub fn norm_before_feed_forward(&self) -> &'static str {
        if self.post_norms { "pre_feedforward_layernorm" } else { "post_attention_layernorm" }
    }
}

/// What distinguishes a layer from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Tokens that a token sees, itself among them; all without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// Which of the ropes turns its heads; none does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope: Option<usize>,
}

/// The function between gate and up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x sigmoid(x)`.
    Silu,
    /// GELU by its approximation with tanh: `x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3))`.
    GeluTanh,
}

/// Factors of what flows through a model (Granite has all of them, Gemma the first).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Multipliers {
    /// Of the embedding of a token.
    pub embedding: f32,
    /// Of what a layer adds.
    pub residual: f32,
    /// Of the logits.
    pub logits: f32,
}

impl Default for Multipliers {
    fn default() -> Self {
        Self { embedding: 1.0, residual: 1.0, logits: 1.0 }
    }
}

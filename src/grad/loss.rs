//! Cross-entropy over a vocabulary, with its gradient in closed form.
//!
//! Logits are the largest array of a training step by far (200 MB for 1,024 tokens of the default model), and each pass
//! over them shows. So they are computed for the rows that have a label, a few at a time, and passed over as little as
//! possible:
//!
//! ```text
//! p      = softmax(h Wᵀ)
//! loss_i = log sum exp(logits_i) - logits_i[label] = max(logits_i) - log(max(p_i)) - logits_i[label]
//! dh_i   = sum_v p_iv W_v - W_label
//! ```
//!
//! The second form of the loss needs no third array and cannot be infinite: the largest probability is at least one
//! over the vocabulary.

use crate::graph::{Graph, Op, Value};

/// What [`cross_entropy`] appended.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// The sum over the rows, times the weight: a scalar.
    pub loss: Value,
    /// Its gradient with respect to the hidden states, `[n, H]`.
    pub gradient: Value,
}

/// The cross-entropy of `hidden [n, H]` against `labels [n]` under the output layer `w [V, H]`, in nats; each row counts
/// `weight` (a scalar).
pub fn cross_entropy(g: &mut Graph, hidden: Value, w: Value, labels: Value, weight: Value) -> Loss {
    let product = |transpose_b| Op::FusedMatMul { transpose_a: false, transpose_b, scale: 1.0 };
    let logits = g.op(product(true), &[hidden, w]);
    let p = g.op(Op::Softmax, &[logits]);
    let (last, column) = (g.integers(&[-1]), g.integers(&[-1, 1]));
    let largest = g.op(Op::ReduceMax, &[logits, last]);
    let likeliest = g.op(Op::ReduceMax, &[p, last]);
    let likeliest = g.op(Op::Log, &[likeliest]);
    let places = g.op(Op::Reshape, &[labels, column]);
    let chosen = g.op(Op::GatherElements { axis: 1 }, &[logits, places]);
    let spread = g.op(Op::Sub, &[largest, likeliest]);
    let nats = g.op(Op::Sub, &[spread, chosen]);
    let both = g.integers(&[0, 1]);
    let sum = g.op(Op::ReduceSum { keep: false }, &[nats, both]);
    let loss = g.op(Op::Mul, &[sum, weight]);

    let expected = g.op(product(false), &[p, w]);
    let told = g.op(Op::Gather { axis: 0 }, &[w, labels]);
    let off = g.op(Op::Sub, &[expected, told]);
    let gradient = g.op(Op::Mul, &[off, weight]);
    Loss { loss, gradient }
}

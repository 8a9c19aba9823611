//! Cross-entropy over a vocabulary, with its gradient in closed form.
//!
//! Logits are the largest array of a training step by far (200 MB for 1,024 tokens of the default model), and each pass
//! over them shows. So they are computed for the rows that have a label, a few at a time, and passed over as little as
//! possible:
//!
//! ```text
//! e      = exp(logits - max)                        over logits, in their place
//! loss_i = log sum_v e_iv + max_i - logits_i[label]
//! dh_i   = (sum_v e_iv W_v) / sum_v e_iv - W_label
//! ```
//!
//! Dividing after the second product, on the hidden states, keeps a second array of that size from being made.

use crate::graph::{Graph, Op, Value};

/// What [`cross_entropy`] appended.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// The sum over the rows, times the weight: a scalar.
    pub loss: Value,
    /// Its gradient with respect to the hidden states, `[n, H]`.
    pub gradient: Value,
}

/// The cross-entropy of `hidden [n, H]` against `labels [n]` under the output layer `w [V, H]`, in nats; each row
/// counts `weight` (a scalar).
pub fn cross_entropy(g: &mut Graph, hidden: Value, w: Value, labels: Value, weight: Value) -> Loss {
    let product = |transpose_b| Op::FusedMatMul { transpose_a: false, transpose_b, scale: 1.0 };
    let logits = g.op(product(true), &[hidden, w]);
    // The label's logit is computed by itself: nothing but the softmax reads the logits, and it may overwrite them.
    let told = g.op(Op::Gather { axis: 0 }, &[w, labels]);
    let chosen = g.op(Op::Mul, &[hidden, told]);
    let last = g.integers(&[-1]);
    let chosen = g.op(Op::ReduceSum { keep: true }, &[chosen, last]);
    let largest = g.op(Op::ReduceMax, &[logits, last]);
    let shifted = g.op(Op::Sub, &[logits, largest]);
    let e = g.op(Op::Exp, &[shifted]);
    let total = g.op(Op::ReduceSum { keep: true }, &[e, last]);
    let spread = g.op(Op::Log, &[total]);
    let margin = g.op(Op::Sub, &[largest, chosen]);
    let nats = g.op(Op::Add, &[spread, margin]);
    let both = g.integers(&[0, 1]);
    let sum = g.op(Op::ReduceSum { keep: false }, &[nats, both]);
    let loss = g.op(Op::Mul, &[sum, weight]);

    let expected = g.op(product(false), &[e, w]);
    let expected = g.op(Op::Div, &[expected, total]);
    let off = g.op(Op::Sub, &[expected, told]);
    let gradient = g.op(Op::Mul, &[off, weight]);
    Loss { loss, gradient }
}

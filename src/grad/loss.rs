//! Cross-entropy over a vocabulary, with its gradient in closed form, a strip of the vocabulary at a time.
//!
//! Output layer and logits are the largest arrays of a training step by far: 545 MB and 155 MB in float32 for 256
//! tokens of a model of 0.5B. So neither is ever whole. What strips give is joined as they come, the softmax with the
//! largest logit so far taken out:
//!
//! ```text
//! m' = max(m, max logits)      e = exp(logits - m')          over logits, in their place
//! Z' = Z exp(m - m') + sum_v e_v
//! E' = E exp(m - m') + sum_v e_v W_v
//! loss_i = log Z_i + m_i - h_i . W_label
//! dh_i   = E_i / Z_i - W_label
//! ```
//!
//! Dividing at the end, on the hidden states, keeps a second array of logits from being made.

use crate::graph::{Graph, Op, Value};

/// What [`cross_entropy`] appended.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// The sum over the rows, times the weight: a scalar.
    pub loss: Value,
    /// Its gradient with respect to the hidden states, `[n, H]`.
    pub gradient: Value,
}

/// What the strips so far have given for `n` rows of hidden states.
#[derive(Clone, Copy, Debug)]
pub struct Strips {
    /// The largest logit, `[n, 1]`: m.
    pub largest: Value,
    /// What all are beside it, `[n, 1]`: Z.
    pub total: Value,
    /// The rows of the output layer, each weighted so, `[n, H]`: E.
    pub expected: Value,
    /// The rows of the output layer that labels name, `[n, H]`.
    pub told: Value,
}

impl Strips {
    /// What `largest` begins as: less than any logit, and no infinity, whose differences are no numbers.
    pub const LEAST: f32 = -1e30;
}

/// One strip more: the rows `w [S, H]` of the output layer. `labels [n]` count from the strip's first row, and `own`
/// `[n, 1]` is one where they lie in it and zero elsewhere.
pub fn strip(g: &mut Graph, hidden: Value, w: Value, (labels, own): (Value, Value), before: Strips) -> Strips {
    let product = |transpose_b| Op::FusedMatMul { transpose_a: false, transpose_b, scale: 1.0 };
    let logits = g.op(product(true), &[hidden, w]);
    let last = g.integers(&[-1]);
    let most = g.op(Op::ReduceMax, &[logits, last]);
    let both = g.op(Op::Concat { axis: -1 }, &[before.largest, most]);
    let largest = g.op(Op::ReduceMax, &[both, last]);
    let shifted = g.op(Op::Sub, &[logits, largest]);
    let e = g.op(Op::Exp, &[shifted]);
    let fall = g.op(Op::Sub, &[before.largest, largest]);
    let fall = g.op(Op::Exp, &[fall]);
    let sum = g.op(Op::ReduceSum { keep: true }, &[e, last]);
    let total = rescaled(g, before.total, fall, sum);
    let rows = g.op(product(false), &[e, w]);
    let expected = rescaled(g, before.expected, fall, rows);
    let named = g.op(Op::Gather { axis: 0 }, &[w, labels]);
    let named = g.op(Op::Mul, &[named, own]);
    let told = g.op(Op::Add, &[before.told, named]);
    Strips { largest, total, expected, told }
}

/// What there was, beside the new largest logit, and what is new.
fn rescaled(g: &mut Graph, before: Value, fall: Value, new: Value) -> Value {
    let rest = g.op(Op::Mul, &[before, fall]);
    g.op(Op::Add, &[rest, new])
}

/// The cross-entropy of `hidden [n, H]` after all strips, in nats; each row counts `weight` (a scalar).
pub fn cross_entropy(g: &mut Graph, hidden: Value, all: Strips, weight: Value) -> Loss {
    // The label's logit is computed by itself: nothing but the softmax reads the logits, and it may overwrite them.
    let chosen = g.op(Op::Mul, &[hidden, all.told]);
    let last = g.integers(&[-1]);
    let chosen = g.op(Op::ReduceSum { keep: true }, &[chosen, last]);
    let spread = g.op(Op::Log, &[all.total]);
    let margin = g.op(Op::Sub, &[all.largest, chosen]);
    let nats = g.op(Op::Add, &[spread, margin]);
    let both = g.integers(&[0, 1]);
    let sum = g.op(Op::ReduceSum { keep: false }, &[nats, both]);
    let loss = g.op(Op::Mul, &[sum, weight]);

    let expected = g.op(Op::Div, &[all.expected, all.total]);
    let off = g.op(Op::Sub, &[expected, all.told]);
    let gradient = g.op(Op::Mul, &[off, weight]);
    Loss { loss, gradient }
}

//! BERT and its relatives as a graph: `input_ids`, `attention_mask` and, where there are such, `token_type_ids`
//! `[batch, sequence]` to `last_hidden_state` `[batch, sequence, hidden]`, the layout that every export of them has.
//! Where anything follows the pooling there is `sentence_embedding` `[batch, dimensions]` in its place.
//!
//! Tensors have BERT's names, whatever a family calls them: [`super::family::encoders`] translates.

mod attend;
mod pool;

use super::config::{EncoderConfig, Nonlinear};
use super::linear::Weights;
use super::sentence::Sentence;
use crate::bundle::{Encoder, Pooling, WHOLE};
use crate::error::{Error, Result};
use crate::graph::{DType, Op, Value};
use crate::watch::{Cancel, Progress};
use attend::{Shared, attend};

/// The weights of a judge's last layer; see [`super::judge`].
const HEAD: &str = "head.weight";
/// What a judge gives, `[batch, 1]`.
pub const RELEVANCE: &str = "relevance";

/// Builds the whole model; returns how to drive it.
pub(super) fn build(
    c: &EncoderConfig,
    w: &mut Weights<'_>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Encoder> {
    check(c)?;
    progress.start("import", c.layers.len() as u64);
    let names = ["input_ids", "attention_mask", "token_type_ids"];
    let inputs: Vec<Value> = names[..if c.kinds { 3 } else { 2 }]
        .iter()
        .map(|name| w.graph.input(name, DType::I64, ["batch".into(), "sequence".into()]))
        .collect();
    let (ids, mask) = (inputs[0], inputs[1]);
    let mut x = embed(c, w, ids, inputs.get(2).copied())?;
    let shared = Shared::new(c, w, ids, mask)?;
    for at in 0..c.layers.len() {
        cancel.check()?;
        progress.at(at as u64);
        x = layer(c, w, at, x, &shared)?;
    }
    if c.norms_first {
        w.graph.scope("head");
        x = norm(c, w, "final_norm", x)?;
    }
    if w.source.has(HEAD) {
        let relevance = relevance(c, w, x)?;
        w.graph.output(RELEVANCE, relevance, DType::F32, ["batch".into(), 1.into()]);
    }
    let encoder = finish(&c.sentence, c.hidden, c.context, w, [x, mask])?;
    progress.finish();
    Ok(encoder)
}

/// The outputs of an embedder, of what its layers make and the mask; returns how to drive it.
pub(super) fn finish(
    sentence: &Sentence,
    hidden: usize,
    context: usize,
    w: &mut Weights<'_>,
    [x, mask]: [Value; 2],
) -> Result<Encoder> {
    let dimensions = sentence.dense.last().map_or(hidden, |last| last.outputs);
    let pooling = if sentence.dense.is_empty() && !sentence.centred {
        w.graph.output("last_hidden_state", x, DType::F32, ["batch".into(), "sequence".into(), hidden.into()]);
        sentence.pooling
    } else {
        let whole = pool::pooled(sentence, hidden, w, x, mask)?;
        w.graph.output(WHOLE, whole, DType::F32, ["batch".into(), dimensions.into()]);
        Pooling::Own
    };
    let (query_prefix, passage_prefix) = (sentence.query_prefix.clone(), sentence.passage_prefix.clone());
    Ok(Encoder { dimensions, context, pooling, query_prefix, passage_prefix })
}

/// Refuses extents that do not fit one another, before anything is made of them.
fn check(c: &EncoderConfig) -> Result<()> {
    if !c.hidden.is_multiple_of(c.heads) {
        return Err(Error::corrupt(format!("{} heads cannot share {} numbers", c.heads, c.hidden)));
    }
    if c.context == 0 {
        return Err(Error::corrupt("the model has no position for a text's first token; fetch it again"));
    }
    let head = c.hidden / c.heads;
    match c.ropes.iter().find(|rope| rope.width != head || !head.is_multiple_of(2)) {
        Some(rope) => Err(Error::unsupported(format!(
            "a rope that turns {} of {head} numbers of a head; known are encoders that turn whole heads",
            rope.width
        ))),
        None => Ok(()),
    }
}

/// How surely the second text of a pair answers the first, as a logit: a linear layer over the first token.
fn relevance(c: &EncoderConfig, w: &mut Weights<'_>, x: Value) -> Result<Value> {
    w.graph.scope("head");
    let weight = w.source.shaped(HEAD, &[1, c.hidden])?.to_f32();
    let weight = w.floats("head.weight", &[c.hidden, 1], &weight)?;
    let bias = w.vector("head.bias", 1)?;
    let first = w.graph.integers(&[0]);
    let first = w.graph.op(Op::Gather { axis: 1 }, &[x, first]);
    let shape = w.graph.integers(&[-1, c.hidden as i64]);
    let first = w.graph.op(Op::Reshape, &[first, shape]);
    let logit = w.graph.op(Op::MatMul, &[first, weight]);
    Ok(w.graph.op(Op::Add, &[logit, bias]))
}

fn embed(c: &EncoderConfig, w: &mut Weights<'_>, ids: Value, types: Option<Value>) -> Result<Value> {
    w.graph.scope("embed");
    let words = w.table("words", "embeddings.word_embeddings.weight", c.vocabulary, c.hidden)?;
    let words = w.look_up(&words, ids);
    let table = |w: &mut Weights<'_>, name: &str, rows, first: usize| -> Result<Value> {
        let full = format!("embeddings.{name}_embeddings.weight");
        let values = w.source.shaped(&full, &[rows, c.hidden])?.to_f32();
        let used = values.get(first * c.hidden..).unwrap_or_default();
        w.floats(name, &[rows - first, c.hidden], used)
    };
    let mut positions = None;
    if let Some(p) = c.positions {
        positions = Some(table(w, "position", p.rows, p.first)?);
    }
    let mut kinds = None;
    if let Some(types) = types {
        let rows = w.source.get("embeddings.token_type_embeddings.weight")?.matrix().0;
        kinds = Some((table(w, "token_type", rows, 0)?, types));
    }
    let g = &mut w.graph;
    // The first `sequence` rows of the position table.
    let positions = positions.map(|table| {
        let shape = g.op(Op::Shape, &[ids]);
        let (zero, one) = (g.integers(&[0]), g.integers(&[1]));
        let length = g.op(Op::Gather { axis: 0 }, &[shape, one]);
        g.op(Op::Slice, &[table, zero, length, zero])
    });
    let kinds = kinds.map(|(table, types)| g.op(Op::Gather { axis: 0 }, &[table, types]));
    let sum = [positions, kinds].into_iter().flatten().fold(words, |sum, part| g.op(Op::Add, &[sum, part]));
    norm(c, w, "embeddings.LayerNorm", sum)
}

/// Gains, and shifts where the model has them.
fn gains(c: &EncoderConfig, w: &mut Weights<'_>, name: &str) -> Result<Vec<Value>> {
    let mut parts = vec![w.vector(&format!("{name}.weight"), c.hidden)?];
    if c.biases.norms {
        parts.push(w.vector(&format!("{name}.bias"), c.hidden)?);
    }
    Ok(parts)
}

fn norm(c: &EncoderConfig, w: &mut Weights<'_>, name: &str, x: Value) -> Result<Value> {
    let gains = gains(c, w, name)?;
    Ok(w.graph.op(Op::LayerNorm { epsilon: c.epsilon }, &[&[x], gains.as_slice()].concat()))
}

fn layer(c: &EncoderConfig, w: &mut Weights<'_>, at: usize, x: Value, shared: &Shared) -> Result<Value> {
    let base = format!("encoder.layer.{at}");
    // Where norms come first, the embedding's own has just been there.
    let name = (!c.norms_first || at > 0).then(|| format!("{base}.attention.output.LayerNorm"));
    w.graph.scope(format!("layers.{at}.attention"));
    let x = part(c, w, name, x, |w, x| attend(c, w, at, x, shared))?;
    w.graph.scope(format!("layers.{at}.mlp"));
    part(c, w, Some(format!("{base}.output.LayerNorm")), x, |w, x| feed_forward(c, w, at, x))
}

/// `x` and what a part of a layer makes of it, with the norm before that part or behind the sum.
fn part(
    c: &EncoderConfig,
    w: &mut Weights<'_>,
    name: Option<String>,
    x: Value,
    of: impl FnOnce(&mut Weights<'_>, Value) -> Result<Value>,
) -> Result<Value> {
    if c.norms_first {
        let normed = name.map_or(Ok(x), |name| norm(c, w, &name, x))?;
        let added = of(w, normed)?;
        return Ok(w.graph.op(Op::Add, &[x, added]));
    }
    let added = of(w, x)?;
    let gains = gains(c, w, &name.unwrap_or_default())?;
    Ok(w.graph.op(Op::SkipLayerNorm { epsilon: c.epsilon }, &[&[x, added], gains.as_slice()].concat()))
}

fn feed_forward(c: &EncoderConfig, w: &mut Weights<'_>, at: usize, x: Value) -> Result<Value> {
    let base = format!("encoder.layer.{at}");
    let up = format!("{base}.intermediate.dense");
    let parts = if c.gated { vec![format!("{base}.intermediate.gate"), up] } else { vec![up] };
    let biases = c.biases.feed_forward;
    let up = dense(w, &format!("layers.{at}.up"), &parts, (c.inner, c.hidden), biases, x)?;
    let g = &mut w.graph;
    let up = if c.gated {
        let sizes = g.integers(&[c.inner as i64; 2]);
        let split = g.node(Op::Split { axis: -1 }, &[Some(up), Some(sizes)], 2);
        let gate = g.op(nonlinear(c), &[split[0]]);
        g.op(Op::Mul, &[gate, split[1]])
    } else {
        g.op(nonlinear(c), &[up])
    };
    dense(w, &format!("layers.{at}.down"), &[format!("{base}.output.dense")], (c.hidden, c.inner), biases, up)
}

fn nonlinear(c: &EncoderConfig) -> Op {
    match c.nonlinear {
        Nonlinear::Gelu => Op::Gelu,
        Nonlinear::GeluTanh => Op::GeluTanh,
        Nonlinear::Silu => Op::Silu,
    }
}

/// Linear layers of the same input side by side, each of so many rows and columns, with their biases.
fn dense(
    w: &mut Weights<'_>,
    name: &str,
    parts: &[String],
    (rows, columns): (usize, usize),
    biases: bool,
    x: Value,
) -> Result<Value> {
    let matrices: Vec<_> = parts.iter().map(|p| (format!("{p}.weight"), rows)).collect();
    let matrix = w.matrix(name, &matrices, columns)?;
    if !biases {
        return Ok(w.linear(x, &matrix, None));
    }
    let mut bias = Vec::new();
    for part in parts {
        bias.extend(w.source.shaped(&format!("{part}.bias"), &[rows])?.to_f32());
    }
    let bias = w.floats(&format!("{name}.bias"), &[bias.len()], &bias)?;
    Ok(w.linear(x, &matrix, Some(bias)))
}

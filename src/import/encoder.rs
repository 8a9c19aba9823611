//! BERT as a graph: `input_ids`, `attention_mask`, `token_type_ids` `[batch, sequence]` to `last_hidden_state`
//! `[batch, sequence, hidden]`, the layout that every export of it has.

use super::config::EncoderConfig;
use super::linear::Weights;
use crate::bundle::Encoder;
use crate::error::{Error, Result};
use crate::graph::{DType, Op, Value};
use crate::watch::{Cancel, Progress};

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
    if !c.hidden.is_multiple_of(c.heads) {
        return Err(Error::corrupt(format!("{} heads cannot share {} numbers", c.heads, c.hidden)));
    }
    progress.start("import", c.layers as u64);
    let [ids, mask, types] = ["input_ids", "attention_mask", "token_type_ids"]
        .map(|name| w.graph.input(name, DType::I64, ["batch".into(), "sequence".into()]));
    let mut x = embed(c, w, ids, types)?;
    w.graph.scope("mask");
    let mask = w.graph.op(Op::Cast(DType::I32), &[mask]);
    for layer in 0..c.layers {
        cancel.check()?;
        progress.at(layer as u64);
        x = encode(c, w, layer, x, mask)?;
    }
    if w.source.has(HEAD) {
        let relevance = relevance(c, w, x)?;
        w.graph.output(RELEVANCE, relevance, DType::F32, ["batch".into(), 1.into()]);
    }
    w.graph.output("last_hidden_state", x, DType::F32, ["batch".into(), "sequence".into(), c.hidden.into()]);
    progress.finish();
    Ok(Encoder {
        dimensions: c.hidden,
        context: c.context,
        pooling: c.pooling,
        query_prefix: c.query_prefix.clone(),
        passage_prefix: c.passage_prefix.clone(),
    })
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

fn embed(c: &EncoderConfig, w: &mut Weights<'_>, ids: Value, types: Value) -> Result<Value> {
    w.graph.scope("embed");
    let words = w.table("words", "embeddings.word_embeddings.weight", c.vocabulary, c.hidden)?;
    let words = w.look_up(&words, ids);
    let table = |w: &mut Weights<'_>, name: &str, rows| -> Result<Value> {
        let full = format!("embeddings.{name}_embeddings.weight");
        let values = w.source.shaped(&full, &[rows, c.hidden])?.to_f32();
        w.floats(name, &[rows, c.hidden], &values)
    };
    let positions = table(w, "position", c.positions)?;
    let kinds = w.source.get("embeddings.token_type_embeddings.weight")?.matrix().0;
    let kinds = table(w, "token_type", kinds)?;
    let g = &mut w.graph;
    // The first `sequence` rows of the position table.
    let shape = g.op(Op::Shape, &[ids]);
    let (zero, one) = (g.integers(&[0]), g.integers(&[1]));
    let length = g.op(Op::Gather { axis: 0 }, &[shape, one]);
    let positions = g.op(Op::Slice, &[positions, zero, length, zero]);
    let kinds = g.op(Op::Gather { axis: 0 }, &[kinds, types]);
    let sum = g.op(Op::Add, &[words, positions]);
    let sum = g.op(Op::Add, &[sum, kinds]);
    let (gain, bias) = norm(c, w, "embeddings.LayerNorm")?;
    Ok(w.graph.op(Op::LayerNorm { epsilon: c.epsilon }, &[sum, gain, bias]))
}

fn norm(c: &EncoderConfig, w: &mut Weights<'_>, name: &str) -> Result<(Value, Value)> {
    Ok((w.vector(&format!("{name}.weight"), c.hidden)?, w.vector(&format!("{name}.bias"), c.hidden)?))
}

fn encode(c: &EncoderConfig, w: &mut Weights<'_>, layer: usize, x: Value, mask: Value) -> Result<Value> {
    let base = format!("encoder.layer.{layer}");
    w.graph.scope(format!("layers.{layer}.attention"));
    let parts = ["query", "key", "value"].map(|p| format!("{base}.attention.self.{p}"));
    let qkv = dense(w, &format!("layers.{layer}.qkv"), &parts, c.hidden, c.hidden, x)?;
    let sizes = w.graph.integers(&[c.hidden as i64; 3]);
    let split = w.graph.node(Op::Split { axis: -1 }, &[Some(qkv), Some(sizes)], 3);
    let inputs = [Some(split[0]), Some(split[1]), Some(split[2]), None, Some(mask)];
    let attended = w.graph.node(Op::MultiHeadAttention { heads: c.heads }, &inputs, 1)[0];
    let part = [format!("{base}.attention.output.dense")];
    let attended = dense(w, &format!("layers.{layer}.o"), &part, c.hidden, c.hidden, attended)?;
    let x = skip_norm(c, w, &format!("{base}.attention.output.LayerNorm"), x, attended)?;

    w.graph.scope(format!("layers.{layer}.mlp"));
    let inner = w.source.get(&format!("{base}.intermediate.dense.weight"))?.matrix().0;
    let up = dense(w, &format!("layers.{layer}.up"), &[format!("{base}.intermediate.dense")], inner, c.hidden, x)?;
    let up = w.graph.op(Op::Gelu, &[up]);
    let down = dense(w, &format!("layers.{layer}.down"), &[format!("{base}.output.dense")], c.hidden, inner, up)?;
    skip_norm(c, w, &format!("{base}.output.LayerNorm"), x, down)
}

/// Linear layers of the same input side by side, with their biases.
fn dense(w: &mut Weights<'_>, name: &str, parts: &[String], rows: usize, columns: usize, x: Value) -> Result<Value> {
    let matrices: Vec<_> = parts.iter().map(|p| (format!("{p}.weight"), rows)).collect();
    let matrix = w.matrix(name, &matrices, columns)?;
    let mut bias = Vec::new();
    for part in parts {
        bias.extend(w.source.shaped(&format!("{part}.bias"), &[rows])?.to_f32());
    }
    let bias = w.floats(&format!("{name}.bias"), &[bias.len()], &bias)?;
    Ok(w.linear(x, &matrix, Some(bias)))
}

fn skip_norm(c: &EncoderConfig, w: &mut Weights<'_>, name: &str, x: Value, added: Value) -> Result<Value> {
    let (gain, bias) = norm(c, w, name)?;
    Ok(w.graph.op(Op::SkipLayerNorm { epsilon: c.epsilon }, &[x, added, gain, bias]))
}

//! The llama shape as a graph: RMS norms, rotary grouped-query attention, gated SiLU; biases and head norms where the
//! family has them.
//!
//! Inputs and outputs are the usual ones, so that any ONNX Runtime program can drive it:
//!
//! ```text
//! input_ids       [batch, sequence] i64
//! attention_mask  [batch, total] i64              ones: every token there is, past and new
//! past_key_values.N.key|value  [batch, kv_heads, past, head_dim] f32
//! logits_to_keep  [1] i64, optional               the last so many positions; all without it
//! logits          [batch, kept, vocabulary] f32
//! present.N.key|value          bound to the past's buffer, the cache grows in place
//! ```

use super::config::DecoderConfig;
use super::linear::Weights;
use super::source::Source;
use crate::bundle::{Cache, Decoder};
use crate::error::{Error, Result};
use crate::graph::{Attention, DType, Extent, Op, Value};
use crate::watch::{Cancel, Progress};

/// Rows of the rotary tables, however long the model's context.
const LONGEST: usize = 32_768;
/// The most numbers of a head; models have 64 to 256.
const LARGEST_HEAD: usize = 1024;

/// What every layer shares.
struct Shared {
    past_length: Value,
    total_length: Value,
    cosines: Value,
    sines: Value,
}

/// Builds the whole model; returns how to drive it.
pub(super) fn build(
    c: &DecoderConfig,
    w: &mut Weights<'_>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Decoder> {
    check(c, w.source)?;
    let context = c.context.min(LONGEST);
    progress.start("import", c.layers as u64 + 1);
    let ids = w.graph.input("input_ids", DType::I64, ["batch".into(), "sequence".into()]);
    let mask = w.graph.input("attention_mask", DType::I64, ["batch".into(), "total".into()]);
    let keep = w.graph.input_or("logits_to_keep", &[i64::from(i32::MAX)]);
    let shared = shared(c, w, mask, context)?;

    w.graph.scope("embed");
    let table = w.table("embed", "model.embed_tokens.weight", c.vocabulary, c.hidden)?;
    // Each layer adds to the stream of hidden states; the sum is taken inside the norm that follows.
    let mut stream = w.look_up(&table, ids);
    let mut added = None;
    for layer in 0..c.layers {
        cancel.check()?;
        progress.at(layer as u64);
        let normed = norm(w, c, &format!("model.layers.{layer}.input_layernorm.weight"), &mut stream, added)?;
        let attended = attention(c, w, layer, normed, &shared)?;
        let name = format!("model.layers.{layer}.post_attention_layernorm.weight");
        let normed = norm(w, c, &name, &mut stream, Some(attended))?;
        added = Some(mlp(w, c, layer, normed)?);
    }
    progress.at(c.layers as u64);
    w.graph.scope("head");
    let normed = norm(w, c, "model.norm.weight", &mut stream, added)?;
    let g = &mut w.graph;
    let start = g.op(Op::Neg, &[keep]);
    let (end, axis) = (g.integers(&[i64::MAX]), g.integers(&[1]));
    let kept = g.op(Op::Slice, &[normed, start, end, axis]);
    let head = if w.source.has("lm_head.weight") {
        w.matrix("head", &[("lm_head.weight".into(), c.vocabulary)], c.hidden)?
    } else {
        table
    };
    let logits = w.linear(kept, &head, None);
    w.graph.output("logits", logits, DType::F32, ["batch".into(), "kept".into(), c.vocabulary.into()]);
    progress.finish();
    Ok(Decoder {
        layers: c.layers,
        kv_heads: c.kv_heads,
        head_dim: c.head_dim,
        vocabulary: c.vocabulary,
        context,
        bos: c.bos,
        eos: c.eos.clone(),
        cache: Cache::InPlace,
    })
}

/// Refuses heads that the model's matrices do not have, before tables are made for them.
fn check(c: &DecoderConfig, source: &Source) -> Result<()> {
    let (heads, kv_heads, head_dim) = (c.heads, c.kv_heads, c.head_dim);
    if head_dim > LARGEST_HEAD || !head_dim.is_multiple_of(2) {
        return Err(Error::unsupported(format!(
            "heads of {head_dim} numbers; known are even ones up to {LARGEST_HEAD}"
        )));
    }
    if !heads.is_multiple_of(kv_heads) {
        return Err(Error::corrupt(format!("{heads} heads cannot share {kv_heads} of keys and values")));
    }
    for (part, heads) in [("q_proj", heads), ("k_proj", kv_heads)] {
        source.shaped(&format!("model.layers.0.self_attn.{part}.weight"), &[heads * head_dim, c.hidden])?;
    }
    Ok(())
}

fn shared(c: &DecoderConfig, w: &mut Weights<'_>, mask: Value, context: usize) -> Result<Shared> {
    let (cosines, sines) = c.rope.tables(context, c.head_dim);
    let shape = [context, c.head_dim / 2];
    let cosines = w.floats("rope.cosines", &shape, &cosines)?;
    let sines = w.floats("rope.sines", &shape, &sines)?;
    let g = &mut w.graph;
    g.scope("positions");
    let one = g.integers(&[1]);
    let count = g.op(Op::ReduceSum { keep: false }, &[mask, one]);
    let before = g.op(Op::Sub, &[count, one]);
    let past_length = g.op(Op::Cast(DType::I32), &[before]);
    let shape = g.op(Op::Shape, &[mask]);
    let total = g.op(Op::Gather { axis: 0 }, &[shape, one]);
    let total_length = g.op(Op::Cast(DType::I32), &[total]);
    Ok(Shared { past_length, total_length, cosines, sines })
}

/// The norm of the stream after `added` joined it.
fn norm(w: &mut Weights<'_>, c: &DecoderConfig, name: &str, stream: &mut Value, added: Option<Value>) -> Result<Value> {
    let gain = w.vector(name, c.hidden)?;
    let epsilon = c.epsilon;
    let Some(added) = added else { return Ok(w.graph.op(Op::RmsNorm { epsilon }, &[*stream, gain])) };
    let out = w.graph.node(Op::SkipRmsNorm { epsilon }, &[Some(*stream), Some(added), Some(gain)], 2);
    *stream = out[1];
    Ok(out[0])
}

fn attention(c: &DecoderConfig, w: &mut Weights<'_>, layer: usize, x: Value, shared: &Shared) -> Result<Value> {
    let base = format!("model.layers.{layer}.self_attn");
    let name = format!("layers.{layer}.attention");
    w.graph.scope(&name);
    let (q_size, kv_size) = (c.heads * c.head_dim, c.kv_heads * c.head_dim);
    let parts = [("q_proj", q_size), ("k_proj", kv_size), ("v_proj", kv_size)];
    let matrices = parts.map(|(p, rows)| (format!("{base}.{p}.weight"), rows));
    let qkv = w.matrix(&format!("{name}.qkv"), &matrices, c.hidden)?;
    let bias = qkv_bias(w, &base, &name, &parts)?;
    let qkv = w.linear(x, &qkv, bias);
    let (q, k, v) = if c.qk_norm {
        let sizes = w.graph.integers(&parts.map(|(_, size)| size as i64));
        let split = w.graph.node(Op::Split { axis: -1 }, &[Some(qkv), Some(sizes)], 3);
        let q = head_norm(w, c, &format!("{base}.q_norm.weight"), split[0], c.heads)?;
        let k = head_norm(w, c, &format!("{base}.k_norm.weight"), split[1], c.kv_heads)?;
        (q, Some(k), Some(split[2]))
    } else {
        (qkv, None, None)
    };
    let cache =
        |length: &'static str| -> [Extent; 4] { ["batch".into(), c.kv_heads.into(), length.into(), c.head_dim.into()] };
    let past = ["key", "value"]
        .map(|side| w.graph.input(&format!("past_key_values.{layer}.{side}"), DType::F32, cache("past")));
    let op = Op::GroupQueryAttention(Attention { heads: c.heads, kv_heads: c.kv_heads, window: c.window });
    let inputs = [
        Some(q),
        k,
        v,
        Some(past[0]),
        Some(past[1]),
        Some(shared.past_length),
        Some(shared.total_length),
        Some(shared.cosines),
        Some(shared.sines),
    ];
    let out = w.graph.node(op, &inputs, 3);
    for (side, value) in ["key", "value"].into_iter().zip(&out[1..]) {
        w.graph.output(&format!("present.{layer}.{side}"), *value, DType::F32, cache("present"));
    }
    let o = w.matrix(&format!("{name}.o"), &[(format!("{base}.o_proj.weight"), c.hidden)], q_size)?;
    Ok(w.linear(out[0], &o, None))
}

/// The biases of q, k and v in one, where the model has them.
fn qkv_bias(w: &mut Weights<'_>, base: &str, name: &str, parts: &[(&str, usize)]) -> Result<Option<Value>> {
    if !w.source.has(&format!("{base}.q_proj.bias")) {
        return Ok(None);
    }
    let mut all = Vec::new();
    for (part, rows) in parts {
        let bias = format!("{base}.{part}.bias");
        let values = w.source.shaped(&bias, &[*rows])?.to_f32();
        all.extend((0..*rows).map(|r| values[w.source.row(&bias, *rows, r)]));
    }
    Ok(Some(w.floats(&format!("{name}.qkv.bias"), &[all.len()], &all)?))
}

/// An RMS norm over each head of `[batch, sequence, heads * head_dim]`.
fn head_norm(w: &mut Weights<'_>, c: &DecoderConfig, name: &str, x: Value, heads: usize) -> Result<Value> {
    let gain = w.vector(name, c.head_dim)?;
    let g = &mut w.graph;
    let apart = g.integers(&[0, 0, heads as i64, c.head_dim as i64]);
    let together = g.integers(&[0, 0, (heads * c.head_dim) as i64]);
    let x = g.op(Op::Reshape, &[x, apart]);
    let x = g.op(Op::RmsNorm { epsilon: c.epsilon }, &[x, gain]);
    Ok(g.op(Op::Reshape, &[x, together]))
}

fn mlp(w: &mut Weights<'_>, c: &DecoderConfig, layer: usize, x: Value) -> Result<Value> {
    let base = format!("model.layers.{layer}.mlp");
    let name = format!("layers.{layer}.mlp");
    w.graph.scope(&name);
    let inner = w.source.get(&format!("{base}.gate_proj.weight"))?.matrix().0;
    let parts = ["gate_proj", "up_proj"].map(|p| (format!("{base}.{p}.weight"), inner));
    let both = w.matrix(&format!("{name}.gate_up"), &parts, c.hidden)?;
    let down = w.matrix(&format!("{name}.down"), &[(format!("{base}.down_proj.weight"), c.hidden)], inner)?;
    let both = w.linear(x, &both, None);
    let g = &mut w.graph;
    let sizes = g.integers(&[inner as i64, inner as i64]);
    let split = g.node(Op::Split { axis: -1 }, &[Some(both), Some(sizes)], 2);
    let gate = g.op(Op::Silu, &[split[0]]);
    let gated = g.op(Op::Mul, &[gate, split[1]]);
    Ok(w.linear(gated, &down, None))
}

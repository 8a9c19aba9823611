//! The llama shape as a graph: RMS norms, rotary grouped-query attention, a gated feed-forward; and what its relatives
//! have beside, as [`Hyperparameters`] say.
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
use super::linear::{Matrix, Weights};
use super::source::Source;
use crate::bundle::{Activation, Cache, Decoder, Hyperparameters, Rope};
use crate::error::{Error, Result};
use crate::graph::{Attention, DType, Extent, Graph, Op, Value, WeightsWriter};
use crate::watch::{Cancel, Progress};

/// Rows of the rotary tables, however long the model's context.
pub(super) const LONGEST: usize = 32_768;
/// The most numbers of a head; models have 64 to 256.
const LARGEST_HEAD: usize = 1024;

/// What every layer shares.
pub(super) struct Shared {
    /// Whether layers have caches of past keys and values.
    caches: bool,
    past_length: Value,
    total_length: Value,
    /// Cosines and sines of each rope.
    ropes: Vec<[Value; 2]>,
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
    let h = &c.hyperparameters;
    progress.start("import", h.layers.len() as u64 + 1);
    let ids = w.graph.input("input_ids", DType::I64, ["batch".into(), "sequence".into()]);
    let mask = w.graph.input("attention_mask", DType::I64, ["batch".into(), "total".into()]);
    let keep = w.graph.input_or("logits_to_keep", &[i64::from(i32::MAX)]);
    let shared = shared(c, w, mask, context, true)?;
    let (normed, table) = layers(c, w, ids, &shared, progress, cancel)?;
    let g = &mut w.graph;
    let start = g.op(Op::Neg, &[keep]);
    let (end, axis) = (g.integers(&[i64::MAX]), g.integers(&[1]));
    let kept = g.op(Op::Slice, &[normed, start, end, axis]);
    let head = if w.source.has("lm_head.weight") {
        w.matrix("head", &[("lm_head.weight".into(), c.vocabulary)], h.hidden)?
    } else {
        table
    };
    let logits = w.linear(kept, &head, None);
    let logits = w.graph.times(logits, h.multipliers.logits);
    let logits = w.graph.capped(logits, h.logit_cap);
    w.graph.output("logits", logits, DType::F32, ["batch".into(), "kept".into(), c.vocabulary.into()]);
    progress.finish();
    let biases = w.source.has("model.layers.0.self_attn.q_proj.bias");
    Ok(Decoder {
        layers: h.layers.len(),
        kv_heads: c.kv_heads,
        head_dim: c.head_dim,
        vocabulary: c.vocabulary,
        context,
        bos: c.bos,
        eos: c.eos.clone(),
        cache: Cache::InPlace,
        hyperparameters: Some(Hyperparameters { biases, ..h.clone() }),
    })
}

/// All layers and the norm behind them, over the table of tokens, which the head may be as well.
pub(super) fn layers(
    c: &DecoderConfig,
    w: &mut Weights<'_>,
    ids: Value,
    shared: &Shared,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Value, Matrix)> {
    let h = &c.hyperparameters;
    w.graph.scope("embed");
    let table = w.table("embed", "model.embed_tokens.weight", c.vocabulary, h.hidden)?;
    // Each layer adds to the stream of hidden states; the sum is taken inside the norm that follows.
    let stream = w.look_up(&table, ids);
    let mut stream = w.graph.times(stream, h.multipliers.embedding);
    let mut added = None;
    for layer in 0..h.layers.len() {
        cancel.check()?;
        progress.at(layer as u64);
        let normed = norm(w, c, &format!("model.layers.{layer}.input_layernorm.weight"), &mut stream, added)?;
        let attended = attention(c, w, layer, normed, shared)?;
        let attended = contribution(w, c, layer, "post_attention_layernorm", attended)?;
        let name = h.norm_before_feed_forward();
        let normed = norm(w, c, &format!("model.layers.{layer}.{name}.weight"), &mut stream, Some(attended))?;
        let fed = mlp(w, h, layer, normed)?;
        added = Some(contribution(w, c, layer, "post_feedforward_layernorm", fed)?);
    }
    progress.at(h.layers.len() as u64);
    w.graph.scope("head");
    Ok((norm(w, c, "model.norm.weight", &mut stream, added)?, table))
}

/// Refuses heads that the model's matrices do not have, before tables are made for them.
pub(super) fn check(c: &DecoderConfig, source: &Source) -> Result<()> {
    let Hyperparameters { heads, hidden, ropes, .. } = &c.hyperparameters;
    let (heads, kv_heads, head_dim) = (*heads, c.kv_heads, c.head_dim);
    if head_dim > LARGEST_HEAD || !head_dim.is_multiple_of(2) {
        return Err(Error::unsupported(format!(
            "heads of {head_dim} numbers; known are even ones up to {LARGEST_HEAD}"
        )));
    }
    // ONNX Runtime turns a part of a head by eights of pairs.
    let turns = |width: usize| width == head_dim || width < head_dim && width > 0 && width.is_multiple_of(16);
    if let Some(rope) = ropes.iter().find(|rope| !turns(rope.width)) {
        return Err(Error::unsupported(format!("a rope that turns {} of {head_dim} numbers of a head", rope.width)));
    }
    if !heads.is_multiple_of(kv_heads) {
        return Err(Error::corrupt(format!("{heads} heads cannot share {kv_heads} of keys and values")));
    }
    for (part, heads) in [("q_proj", heads), ("k_proj", kv_heads)] {
        source.shaped(&format!("model.layers.0.self_attn.{part}.weight"), &[heads * head_dim, *hidden])?;
    }
    Ok(())
}

/// Positions, and how far each text goes; with caches or without.
pub(super) fn shared(
    c: &DecoderConfig,
    w: &mut Weights<'_>,
    mask: Value,
    context: usize,
    caches: bool,
) -> Result<Shared> {
    let g = &mut w.graph;
    g.scope("positions");
    let one = g.integers(&[1]);
    let count = g.op(Op::ReduceSum { keep: false }, &[mask, one]);
    let before = g.op(Op::Sub, &[count, one]);
    let past_length = g.op(Op::Cast(DType::I32), &[before]);
    let shape = g.op(Op::Shape, &[mask]);
    let total = g.op(Op::Gather { axis: 0 }, &[shape, one]);
    let total_length = g.op(Op::Cast(DType::I32), &[total]);
    let mut ropes = Vec::new();
    for (at, rope) in c.hyperparameters.ropes.iter().enumerate() {
        ropes.push(if w.packed {
            let made = w.graph.node(Op::RopeTables(rope.clone()), &[Some(total_length)], 2);
            [made[0], made[1]]
        } else {
            rope_tables(&mut w.graph, &mut w.writer, rope, at, context)?
        });
    }
    Ok(Shared { caches, past_length, total_length, ropes })
}

/// The tables of a model's `at`th rope, stored: cosines and sines.
pub(super) fn rope_tables(
    graph: &mut Graph,
    writer: &mut WeightsWriter,
    rope: &Rope,
    at: usize,
    positions: usize,
) -> Result<[Value; 2]> {
    let [cosines, sines] = rope.tables(0..positions);
    let mut table = |which: &str, numbers: &[f32]| {
        let data = writer.write(numbers)?;
        Ok(graph.constant(&Rope::table(at, which), DType::F32, &[positions, rope.width / 2], data))
    };
    Ok([table("cosines", &cosines)?, table("sines", &sines)?])
}

/// The norm of the stream after `added` joined it.
fn norm(w: &mut Weights<'_>, c: &DecoderConfig, name: &str, stream: &mut Value, added: Option<Value>) -> Result<Value> {
    let gain = w.gain(name, c.hyperparameters.hidden, c.gain)?;
    let epsilon = c.hyperparameters.epsilon;
    let Some(added) = added else { return Ok(w.graph.op(Op::RmsNorm { epsilon }, &[*stream, gain])) };
    let out = w.graph.node(Op::SkipRmsNorm { epsilon }, &[Some(*stream), Some(added), Some(gain)], 2);
    *stream = out[1];
    Ok(out[0])
}

/// What a layer adds to the stream, of what attention or feed-forward gave.
fn contribution(w: &mut Weights<'_>, c: &DecoderConfig, layer: usize, name: &str, x: Value) -> Result<Value> {
    let h = &c.hyperparameters;
    let mut x = x;
    if h.post_norms {
        let gain = w.gain(&format!("model.layers.{layer}.{name}.weight"), h.hidden, c.gain)?;
        x = w.graph.op(Op::RmsNorm { epsilon: h.epsilon }, &[x, gain]);
    }
    Ok(w.graph.times(x, h.multipliers.residual))
}

fn attention(c: &DecoderConfig, w: &mut Weights<'_>, layer: usize, x: Value, shared: &Shared) -> Result<Value> {
    let base = format!("model.layers.{layer}.self_attn");
    let name = format!("layers.{layer}.attention");
    w.graph.scope(&name);
    let h = &c.hyperparameters;
    let (q_size, kv_size) = (h.heads * c.head_dim, c.kv_heads * c.head_dim);
    let parts = [("q_proj", q_size), ("k_proj", kv_size), ("v_proj", kv_size)];
    let matrices = parts.map(|(p, rows)| (format!("{base}.{p}.weight"), rows));
    let qkv = w.matrix(&format!("{name}.qkv"), &matrices, h.hidden)?;
    let bias = qkv_bias(w, &base, &name, &parts)?;
    let qkv = w.linear(x, &qkv, bias);
    let (q, k, v) = if h.head_norms {
        let sizes = w.graph.integers(&parts.map(|(_, size)| size as i64));
        let split = w.graph.node(Op::Split { axis: -1 }, &[Some(qkv), Some(sizes)], 3);
        let q = head_norm(w, c, &format!("{base}.q_norm.weight"), split[0], h.heads)?;
        let k = head_norm(w, c, &format!("{base}.k_norm.weight"), split[1], c.kv_heads)?;
        (q, Some(k), Some(split[2]))
    } else {
        (qkv, None, None)
    };
    let cache =
        |length: &'static str| -> [Extent; 4] { ["batch".into(), c.kv_heads.into(), length.into(), c.head_dim.into()] };
    let past = ["key", "value"].map(|side| {
        let name = format!("past_key_values.{layer}.{side}");
        shared.caches.then(|| w.graph.input(&name, DType::F32, cache("past")))
    });
    let usual = 1.0 / (c.head_dim as f32).sqrt();
    let rope = h.layers[layer].rope.and_then(|rope| shared.ropes.get(rope));
    let op = Op::GroupQueryAttention(Attention {
        heads: h.heads,
        kv_heads: c.kv_heads,
        window: h.layers[layer].window,
        scale: Some(h.attention_scale).filter(|scale| *scale != usual),
        cap: h.attention_cap,
        turns: rope.is_some(),
    });
    let inputs = [
        Some(q),
        k,
        v,
        past[0],
        past[1],
        Some(shared.past_length),
        Some(shared.total_length),
        rope.map(|[cosines, _]| *cosines),
        rope.map(|[_, sines]| *sines),
    ];
    let out = w.graph.node(op, &inputs, 3);
    for (side, value) in ["key", "value"].into_iter().zip(&out[1..]).filter(|_| shared.caches) {
        w.graph.output(&format!("present.{layer}.{side}"), *value, DType::F32, cache("present"));
    }
    let o = w.matrix(&format!("{name}.o"), &[(format!("{base}.o_proj.weight"), h.hidden)], q_size)?;
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
    let gain = w.gain(name, c.head_dim, c.gain)?;
    let g = &mut w.graph;
    let apart = g.integers(&[0, 0, heads as i64, c.head_dim as i64]);
    let together = g.integers(&[0, 0, (heads * c.head_dim) as i64]);
    let x = g.op(Op::Reshape, &[x, apart]);
    let x = g.op(Op::RmsNorm { epsilon: c.hyperparameters.epsilon }, &[x, gain]);
    Ok(g.op(Op::Reshape, &[x, together]))
}

fn mlp(w: &mut Weights<'_>, h: &Hyperparameters, layer: usize, x: Value) -> Result<Value> {
    let base = format!("model.layers.{layer}.mlp");
    let name = format!("layers.{layer}.mlp");
    w.graph.scope(&name);
    let Hyperparameters { hidden, inner, .. } = *h;
    let parts = ["gate_proj", "up_proj"].map(|p| (format!("{base}.{p}.weight"), inner));
    let both = w.matrix(&format!("{name}.gate_up"), &parts, hidden)?;
    let down = w.matrix(&format!("{name}.down"), &[(format!("{base}.down_proj.weight"), hidden)], inner)?;
    let both = w.linear(x, &both, None);
    let g = &mut w.graph;
    let sizes = g.integers(&[inner as i64, inner as i64]);
    let split = g.node(Op::Split { axis: -1 }, &[Some(both), Some(sizes)], 2);
    let gate = match h.activation {
        Activation::Silu => g.op(Op::Silu, &[split[0]]),
        Activation::GeluTanh => g.op(Op::GeluTanh, &[split[0]]),
    };
    let gated = g.op(Op::Mul, &[gate, split[1]]);
    Ok(w.linear(gated, &down, None))
}

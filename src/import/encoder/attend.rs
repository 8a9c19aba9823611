//! Attention in both directions: plain, with heads turned to their positions, or with scores that depend on how far
//! apart two tokens are.

use super::dense;
use crate::error::Result;
use crate::graph::{DType, Op, Value};
use crate::import::config::EncoderConfig;
use crate::import::linear::Weights;

/// Added to the score of a token that is out of sight. Not infinite: where padding sees nothing at all, its scores
/// must stay numbers, or what comes of them reaches real tokens as no number times nothing.
const UNSEEN: f32 = -1e9;
/// Distances from here on share the last bucket.
const FARTHEST: usize = 128;

/// What every layer shares.
pub(super) struct Shared {
    /// 1 for a token, 0 for padding.
    mask: Value,
    /// Cosines and sines of each rope.
    ropes: Vec<[Value; 2]>,
    /// Where a text begins.
    begin: Option<Value>,
    /// What is added to scores in layers of each window.
    shifts: Vec<(Option<usize>, Value)>,
}

impl Shared {
    pub fn new(c: &EncoderConfig, w: &mut Weights<'_>, ids: Value, mask: Value) -> Result<Self> {
        w.graph.scope("mask");
        let mask = w.graph.op(Op::Cast(DType::I32), &[mask]);
        let mut shared = Self { mask, ropes: vec![], begin: None, shifts: vec![] };
        for (at, rope) in c.ropes.iter().enumerate() {
            let [cosines, sines] = rope.tables(0..c.context);
            let shape = [c.context, rope.width / 2];
            let cosines = w.floats(&format!("rope.{at}.cosines"), &shape, &cosines)?;
            shared.ropes.push([cosines, w.floats(&format!("rope.{at}.sines"), &shape, &sines)?]);
            shared.begin = Some(w.graph.integers(&[0]));
        }
        let mut places = None;
        for layer in &c.layers {
            let known = shared.shifts.iter().any(|(window, _)| *window == layer.window);
            if known || layer.window.is_none() && c.buckets.is_none() {
                continue;
            }
            let places = match places {
                Some(places) => places,
                None => *places.insert(distances(c, w, ids)?),
            };
            let shift = shift(c, w, layer.window, places)?;
            shared.shifts.push((layer.window, shift));
        }
        Ok(shared)
    }
}

/// How far each token of a text is behind each, as a column of a table over all distances: `[sequence, sequence]`.
fn distances(c: &EncoderConfig, w: &mut Weights<'_>, ids: Value) -> Result<Value> {
    let places: Vec<i32> = (0..c.context as i32).collect();
    let data = w.writer.write(&places)?;
    let g = &mut w.graph;
    g.scope("distances");
    let places = g.constant("places", DType::I32, &[c.context], data);
    let shape = g.op(Op::Shape, &[ids]);
    let (zero, one) = (g.integers(&[0]), g.integers(&[1]));
    let length = g.op(Op::Gather { axis: 0 }, &[shape, one]);
    let keys = g.op(Op::Slice, &[places, zero, length, zero]);
    let column = g.integers(&[-1, 1]);
    let queries = g.op(Op::Reshape, &[keys, column]);
    // The table begins with the farthest before.
    let last = g.integers(&[c.context as i64 - 1]);
    let last = g.op(Op::Cast(DType::I32), &[last]);
    let from = g.op(Op::Sub, &[queries, last]);
    Ok(g.op(Op::Sub, &[keys, from]))
}

/// What is added to the scores of layers with this window: `[1, heads or 1, sequence, sequence]`.
fn shift(c: &EncoderConfig, w: &mut Weights<'_>, window: Option<usize>, places: Value) -> Result<Value> {
    let (rows, learned) = match c.buckets {
        Some(buckets) => {
            let learned = w.source.shaped("encoder.relative_attention_bias.weight", &[buckets, c.heads])?;
            (c.heads, Some((learned.to_f32(), buckets)))
        }
        None => (1, None),
    };
    let of = |(learned, buckets): &(Vec<f32>, usize), row: usize, distance| {
        learned.get(bucket(distance, *buckets) * rows + row).copied().unwrap_or_default()
    };
    let farthest = c.context as i64 - 1;
    let mut table = Vec::with_capacity(rows * (2 * c.context - 1));
    for row in 0..rows {
        for distance in -farthest..=farthest {
            let far = window.is_some_and(|window| distance.unsigned_abs() as usize > window);
            let own = learned.as_ref().map_or(0.0, |learned| of(learned, row, distance));
            table.push(if far { UNSEEN } else { own });
        }
    }
    let name = window.map_or_else(|| "distances".to_owned(), |window| format!("distances.{window}"));
    let table = w.floats(&name, &[1, rows, 2 * c.context - 1], &table)?;
    Ok(w.graph.op(Op::Gather { axis: 2 }, &[table, places]))
}

/// The group of a distance from query to key, as T5 and MPNet have it: half of them for keys behind the query. Of each
/// half, one half is for near distances, each by itself, and the other for farther ones by their logarithm.
fn bucket(distance: i64, buckets: usize) -> usize {
    let half = buckets / 2;
    let exact = half / 2;
    let far = distance.unsigned_abs() as usize;
    let group = if far < exact {
        far
    } else {
        // In float32, as the models were trained.
        let (near, all) = (exact.max(1) as f32, (FARTHEST as f32 / exact.max(1) as f32).ln());
        let farther = (far as f32 / near).ln() / all * (half - exact) as f32;
        (exact + farther as usize).min(half.saturating_sub(1))
    };
    group + if distance > 0 { half } else { 0 }
}

/// Attention of layer `at`, with the layer behind it.
pub(super) fn attend(c: &EncoderConfig, w: &mut Weights<'_>, at: usize, x: Value, shared: &Shared) -> Result<Value> {
    let base = format!("encoder.layer.{at}.attention");
    let (biases, square) = (c.biases.attention, (c.hidden, c.hidden));
    let parts = ["query", "key", "value"].map(|p| format!("{base}.self.{p}"));
    let qkv = dense(w, &format!("layers.{at}.qkv"), &parts, square, biases, x)?;
    let sizes = w.graph.integers(&[c.hidden as i64; 3]);
    let mut split = w.graph.node(Op::Split { axis: -1 }, &[Some(qkv), Some(sizes)], 3);
    let layer = c.layers[at];
    let rope = layer.rope.and_then(|rope| shared.ropes.get(rope));
    if let (Some([cosines, sines]), Some(begin)) = (rope, shared.begin) {
        for turned in &mut split[..2] {
            *turned = w.graph.op(Op::Rotary, &[*turned, begin, *cosines, *sines]);
        }
    }
    let mut inputs = vec![Some(split[0]), Some(split[1]), Some(split[2]), None, Some(shared.mask)];
    inputs.extend(shared.shifts.iter().find(|(window, _)| *window == layer.window).map(|(_, shift)| Some(*shift)));
    let attended = w.graph.node(Op::MultiHeadAttention { heads: c.heads }, &inputs, 1)[0];
    dense(w, &format!("layers.{at}.o"), &[format!("{base}.output.dense")], square, biases, attended)
}

#[cfg(test)]
mod tests {
    use super::bucket;

    /// What transformers' `MPNetEncoder.relative_position_bucket` says.
    #[test]
    fn buckets_are_those_of_mpnet() {
        let far = [0, 1, 7, 8, 11, 12, 15, 16, 22, 23, 31, 32, 45, 46, 63, 64, 90, 91, 127, 128, 500];
        let known = [0, 1, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15, 15];
        for (distance, known) in far.into_iter().zip(known) {
            assert_eq!(bucket(-distance, 32), known, "{distance} before");
            assert_eq!(bucket(distance, 32), known + if distance > 0 { 16 } else { 0 }, "{distance} behind");
        }
    }
}

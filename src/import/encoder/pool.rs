//! One vector for each text within the graph: the pooling, the layers that a folder has behind it, and the centre that
//! is taken away.
//!
//! A folder without either leaves the pooling to whoever drives the graph; see [`crate::infer::Embedder`].

use crate::bundle::Pooling;
use crate::error::{Error, Result};
use crate::graph::{DType, Graph, Op, Value};
use crate::import::linear::Weights;
use crate::import::sentence::{CENTRE, Sentence};

/// Keeps a vector of zeros from being divided by its length.
const TINY: f32 = 1e-12;
/// Taken from the numbers of padding, so that none of them is the largest.
const NEVER: f32 = 1e9;

/// `[batch, dimensions]` of token vectors `[batch, sequence, hidden]` and a mask `[batch, sequence]`.
pub(super) fn pooled(sentence: &Sentence, hidden: usize, w: &mut Weights<'_>, x: Value, mask: Value) -> Result<Value> {
    w.graph.scope("pooling");
    let mut x = pool(&mut w.graph, sentence.pooling, x, mask);
    let flat = w.graph.integers(&[-1, hidden as i64]);
    x = w.graph.op(Op::Reshape, &[x, flat]);
    let mut dimensions = hidden;
    for (at, layer) in sentence.dense.iter().enumerate() {
        w.graph.scope(format!("dense.{at}"));
        let (rows, columns) = (layer.outputs, layer.inputs);
        if columns != dimensions {
            return Err(Error::corrupt(format!(
                "{}/config.json asks for {columns} numbers, but what stands before it gives {dimensions}",
                layer.path
            )));
        }
        dimensions = rows;
        let weight = w.source.shaped(&format!("dense.{at}.weight"), &[rows, columns])?.to_f32();
        let across = |column: usize| weight.iter().skip(column).step_by(columns).copied();
        let transposed: Vec<f32> = (0..columns).flat_map(across).collect();
        let matrix = w.floats(&format!("dense.{at}.transposed"), &[columns, rows], &transposed)?;
        x = w.graph.op(Op::MatMul, &[x, matrix]);
        if layer.bias {
            let bias = w.vector(&format!("dense.{at}.bias"), rows)?;
            x = w.graph.op(Op::Add, &[x, bias]);
        }
        if layer.tanh {
            x = w.graph.capped(x, Some(1.0));
        }
    }
    if sentence.centred {
        w.graph.scope("centre");
        let gain = w.floats("unit", &[dimensions], &vec![1.0 / (dimensions as f32).sqrt(); dimensions])?;
        let unit = w.graph.op(Op::RmsNorm { epsilon: TINY }, &[x, gain]);
        let centre = w.vector(CENTRE, dimensions)?;
        x = w.graph.op(Op::Sub, &[unit, centre]);
    }
    Ok(x)
}

fn pool(g: &mut Graph, pooling: Pooling, x: Value, mask: Value) -> Value {
    let real = g.op(Op::Cast(DType::F32), &[mask]);
    let last = g.integers(&[-1]);
    let count = g.op(Op::ReduceSum { keep: true }, &[real, last]);
    match pooling {
        Pooling::Cls => {
            let zero = g.integers(&[0]);
            g.op(Op::Gather { axis: 1 }, &[x, zero])
        }
        Pooling::Max => {
            let (one, never, column) = (g.float(1.0), g.float(NEVER), g.integers(&[0, -1, 1]));
            let less = g.op(Op::Sub, &[one, real]);
            let less = g.op(Op::Mul, &[less, never]);
            let less = g.op(Op::Reshape, &[less, column]);
            let x = g.op(Op::Sub, &[x, less]);
            let tokens = g.integers(&[1]);
            g.op(Op::ReduceMax, &[x, tokens])
        }
        Pooling::Last => {
            // Padding is behind a text, so its last token is where the mask is 1 and that of the next token is not.
            let (one, end, zero) = (g.integers(&[1]), g.integers(&[i64::MAX]), g.float(0.0));
            let next = g.op(Op::Slice, &[real, one, end, one]);
            let nothing = g.op(Op::Mul, &[count, zero]);
            let next = g.op(Op::Concat { axis: 1 }, &[next, nothing]);
            let share = g.op(Op::Sub, &[real, next]);
            weighted(g, x, share)
        }
        Pooling::Mean | Pooling::Own => {
            let share = g.op(Op::Div, &[real, count]);
            weighted(g, x, share)
        }
    }
}

/// The sum over tokens, each by its share.
fn weighted(g: &mut Graph, x: Value, shares: Value) -> Value {
    let row = g.integers(&[0, 1, -1]);
    let shares = g.op(Op::Reshape, &[shares, row]);
    g.op(Op::MatMul, &[shares, x])
}

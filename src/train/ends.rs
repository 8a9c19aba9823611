//! The graphs before and behind the layers: tokens to hidden states, hidden states to the loss.

use super::linear::blocks;
use super::shape::{Kept, Shape};
use crate::error::Result;
use crate::grad::{self, Strips};
use crate::graph::{Border, DType, Extent, Graph, Op, Value};
use crate::tensor::{BLOCK, Packed};

/// Tokens `ids [rows]` to hidden states `x [rows, H]`.
pub fn embed(shape: &Shape, kept: Kept) -> Graph {
    let mut graph = Graph::new();
    let g = &mut graph;
    let ids = g.input("ids", DType::I64, [Extent::from("rows")]);
    let (rows, columns) = (shape.vocabulary, shape.hidden);
    let x = match kept {
        Kept::Dense => {
            let dense = g.input("table.dense", DType::F32, [columns.into(), rows.into()]);
            let x = g.op(Op::Gather { axis: 1 }, &[dense, ids]);
            g.op(Op::Transpose(vec![1, 0]), &[x])
        }
        Kept::Packed(encoding) => {
            let mut packed = Packed::new(columns);
            packed.push(encoding, rows);
            let bytes = g.input("table.packed", DType::U8, [packed.bytes().into(), 1.into()]);
            g.op(Op::GatherPacked(packed), &[bytes, ids])
        }
        Kept::Blocks(bits, _) => {
            let width = columns * bits.count() / 8;
            let quants = g.input("table.quants", DType::U8, [rows.into(), width.into()]);
            let scales = g.input("table.scales", DType::F32, [rows.into(), Extent::from("blocks")]);
            g.op(Op::GatherBlocks(bits), &[quants, ids, scales])
        }
    };
    let x = g.times(x, shape.multipliers.embedding);
    g.output("x", x, DType::F32, [Extent::from("rows"), columns.into()]);
    graph
}

/// Some rows of the output layer as float32: `w [strip, H]`. Blocks come as the strip's rows, named by `every`; offsets
/// and dense matrices come whole, and are cut at `begin` and `end`.
pub fn head(shape: &Shape, kept: Kept) -> Graph {
    let mut graph = Graph::new();
    let g = &mut graph;
    let (all, columns) = (shape.vocabulary, shape.hidden);
    let strip = || Extent::from("strip");
    let w = match kept {
        Kept::Dense => {
            let whole = g.input("head.dense", DType::F32, [columns.into(), all.into()]);
            let own = cut(g, whole);
            g.op(Op::Transpose(vec![1, 0]), &[own])
        }
        Kept::Packed(encoding) => {
            let mut packed = Packed::new(columns);
            packed.push(encoding, all);
            let bytes = g.input("head.packed", DType::U8, [Extent::from("bytes"), 1.into()]);
            let every = g.input("every", DType::I64, [strip()]);
            g.op(Op::GatherPacked(packed), &[bytes, every])
        }
        Kept::Blocks(bits, offsets) => {
            let width = columns * bits.count() / 8;
            let quants = g.input("head.quants", DType::U8, [strip(), width.into()]);
            let scales = g.input("head.scales", DType::F32, [strip(), (columns / BLOCK).into()]);
            let every = g.input("every", DType::I64, [strip()]);
            let w = g.op(Op::GatherBlocks(bits), &[quants, every, scales]);
            if offsets {
                let whole = g.input("head.offsets", DType::F32, [(columns / BLOCK).into(), all.into()]);
                let (own, ones) = (cut(g, whole), blocks(g, columns));
                g.op(Op::Gemm { transpose_a: true, transpose_b: false, scale: 1.0 }, &[own, ones, w])
            } else {
                w
            }
        }
    };
    graph.output("w", w, DType::F32, [strip(), columns.into()]);
    graph
}

/// The columns from `begin` to `end`.
fn cut(g: &mut Graph, whole: Value) -> Value {
    let [begin, end] = ["begin", "end"].map(|name| g.input(name, DType::I64, [1.into()]));
    let axis = g.integers(&[1]);
    g.op(Op::Slice, &[whole, begin, end, axis])
}

/// The arrays that strips are joined in, by name and width: of `n` rows each.
pub fn joined(shape: &Shape) -> [(&'static str, usize); 4] {
    [("largest", 1), ("total", 1), ("expected", shape.hidden), ("told", shape.hidden)]
}

/// One strip of the output layer more: of the hidden states `x [rows, H]` those that are `chosen [n]`, the strip
/// `w [strip, H]`, their `labels [n]` in it, which of them lie there (`own [n, 1]`), and what there was, to what there
/// is.
pub fn strip(shape: &Shape) -> Graph {
    let mut graph = Graph::new();
    let g = &mut graph;
    let (_, hidden) = hidden(g, shape);
    let w = g.input("w", DType::F32, [Extent::from("strip"), shape.hidden.into()]);
    let labels = g.input("labels", DType::I64, [Extent::from("n")]);
    let own = g.input("own", DType::F32, [Extent::from("n"), 1.into()]);
    let before = strips(g, shape);
    let after = grad::strip(g, hidden, w, (labels, own), before);
    let values = [after.largest, after.total, after.expected, after.told];
    for ((name, width), value) in joined(shape).into_iter().zip(values) {
        graph.output(&format!("{name}_next"), value, DType::F32, [Extent::from("n"), width.into()]);
    }
    graph
}

/// What strips have given, as inputs.
fn strips(g: &mut Graph, shape: &Shape) -> Strips {
    let [largest, total, expected, told] =
        joined(shape).map(|(name, width)| g.input(name, DType::F32, [Extent::from("n"), width.into()]));
    Strips { largest, total, expected, told }
}

/// The chosen rows of `x`, and what the output layer sees of them.
fn hidden(g: &mut Graph, shape: &Shape) -> (Value, Value) {
    let x = g.input("x", DType::F32, [Extent::from("rows"), shape.hidden.into()]);
    let chosen = g.input("chosen", DType::I64, [Extent::from("n")]);
    let gain = g.input("gain", DType::F32, [shape.hidden.into()]);
    let rows = g.op(Op::Gather { axis: 0 }, &[x, chosen]);
    let normed = g.node(Op::RmsNorm { epsilon: shape.epsilon }, &[Some(rows), Some(gain)], 2)[0];
    (rows, g.times(normed, shape.multipliers.logits))
}

/// The loss over some rows: hidden states `x [rows, H]`, which of them (`chosen [n]`), what all strips gave for them,
/// what each counts (`weight`), and the gradient so far (`before [rows, H]`), to `loss` and `dx [rows, H]`.
pub fn loss(shape: &Shape) -> Result<Graph> {
    let mut graph = Graph::new();
    let g = &mut graph;
    let extents = || [Extent::from("rows"), shape.hidden.into()];
    let (rows, hidden) = hidden(g, shape);
    let all = strips(g, shape);
    let weight = g.input("weight", DType::F32, []);
    let before = g.input("before", DType::F32, extents());
    let loss = grad::cross_entropy(g, hidden, all, weight);
    let gradients = grad::reverse(g, &[(hidden, loss.gradient)], &[rows])?;
    let column = g.integers(&[-1, 1]);
    let chosen = g.input_once("chosen", DType::I64, &[]);
    let places = g.op(Op::Reshape, &[chosen, column]);
    let dx = g.op(Op::ScatterAdd, &[before, places, gradients[0].unwrap_or(rows)]);
    let border = |value, name: &str, shape: Vec<Extent>| Border { value, name: name.into(), dtype: DType::F32, shape };
    Ok(graph.extract(&[], &[border(loss.loss, "loss", vec![]), border(dx, "dx", extents().to_vec())]))
}

/// The sum of squares of `gradient [n]`: `norm2`.
pub fn norm() -> Graph {
    let mut graph = Graph::new();
    let gradient = graph.input("gradient", DType::F32, [Extent::from("n")]);
    let square = graph.op(Op::Mul, &[gradient, gradient]);
    let axis = graph.integers(&[0]);
    let sum = graph.op(Op::ReduceSum { keep: false }, &[square, axis]);
    graph.output("norm2", sum, DType::F32, []);
    graph
}

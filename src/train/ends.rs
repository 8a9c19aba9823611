//! The graphs before and behind the layers: tokens to hidden states, hidden states to the loss.

use super::block::times;
use super::frozen::{Kept, Shape};
use super::linear::table;
use crate::error::Result;
use crate::grad;
use crate::graph::{Border, DType, Extent, Graph, Op};

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
        Kept::Blocks(bits, _) => {
            let width = columns * bits.count() / 8;
            let quants = g.input("table.quants", DType::U8, [rows.into(), width.into()]);
            let scales = g.input("table.scales", DType::F32, [rows.into(), Extent::from("blocks")]);
            g.op(Op::GatherBlocks(bits), &[quants, ids, scales])
        }
    };
    let x = times(g, x, shape.multipliers.embedding);
    g.output("x", x, DType::F32, [Extent::from("rows"), columns.into()]);
    graph
}

/// The output layer as float32: `w [V, H]`.
pub fn head(shape: &Shape, kept: Kept) -> Graph {
    let mut graph = Graph::new();
    let w = table(&mut graph, shape, kept, "head");
    graph.output("w", w, DType::F32, [shape.vocabulary.into(), shape.hidden.into()]);
    graph
}

/// The loss over some rows: hidden states `x [rows, H]`, which of them (`chosen [n]`), their `labels [n]`, what each
/// counts (`weight`), the output layer `w`, and the gradient so far (`before [rows, H]`), to `loss` and `dx [rows, H]`.
pub fn loss(shape: &Shape) -> Result<Graph> {
    let mut graph = Graph::new();
    let g = &mut graph;
    let hidden = || [Extent::from("rows"), shape.hidden.into()];
    let x = g.input("x", DType::F32, hidden());
    let chosen = g.input("chosen", DType::I64, [Extent::from("n")]);
    let labels = g.input("labels", DType::I64, [Extent::from("n")]);
    let weight = g.input("weight", DType::F32, []);
    let gain = g.input("gain", DType::F32, [shape.hidden.into()]);
    let w = g.input("w", DType::F32, [shape.vocabulary.into(), shape.hidden.into()]);
    let before = g.input("before", DType::F32, hidden());
    let rows = g.op(Op::Gather { axis: 0 }, &[x, chosen]);
    let normed = g.node(Op::RmsNorm { epsilon: shape.epsilon }, &[Some(rows), Some(gain)], 2)[0];
    let scaled = times(g, normed, shape.multipliers.logits);
    let loss = grad::cross_entropy(g, scaled, w, labels, weight);
    let gradients = grad::reverse(g, &[(scaled, loss.gradient)], &[rows])?;
    let column = g.integers(&[-1, 1]);
    let places = g.op(Op::Reshape, &[chosen, column]);
    let dx = g.op(Op::ScatterAdd, &[before, places, gradients[0].unwrap_or(rows)]);
    let border = |value, name: &str, shape: Vec<Extent>| Border { value, name: name.into(), dtype: DType::F32, shape };
    Ok(graph.extract(&[], &[border(loss.loss, "loss", vec![]), border(dx, "dx", hidden().to_vec())]))
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

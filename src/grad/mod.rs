//! Gradients, graph to graph: what comes out is more of the same operators, and stock ONNX Runtime runs it.
//!
//! [`reverse`] walks a graph from its end and appends, node by node, what `rules` says. It computes nothing and
//! decides nothing about memory: which values are kept between forward and backward is a matter of where the graph is
//! cut afterwards, see [`Graph::extract`].

mod adamw;
mod loss;
mod rules;

pub use adamw::{AdamW, adamw};
pub use loss::{Loss, Strips, cross_entropy, strip};

use crate::error::Result;
use crate::graph::{Graph, Op, Value};
use std::collections::{HashMap, HashSet};

/// Appends the gradients of a scalar with respect to `wanted`, given those with respect to the values in `seeds`, as
/// `(value, its gradient)`. Returns one for each of `wanted`; `None` where the seeds do not depend on it.
///
/// Errors: `Unsupported` when the way leads through an operator without a gradient.
pub fn reverse(graph: &mut Graph, seeds: &[(Value, Value)], wanted: &[Value]) -> Result<Vec<Option<Value>>> {
    let nodes = graph.nodes().to_vec();
    let mut moving: HashSet<Value> = wanted.iter().copied().collect();
    for node in &nodes {
        if node.inputs.iter().flatten().any(|v| moving.contains(v)) {
            moving.extend(&node.outputs);
        }
    }
    let mut gradients: HashMap<Value, Value> = HashMap::new();
    for &(value, gradient) in seeds {
        join(graph, &mut gradients, value, gradient);
    }
    for node in nodes.iter().rev() {
        let arrived: Vec<_> = node.outputs.iter().map(|v| gradients.get(v).copied()).collect();
        let wants: Vec<_> = node.inputs.iter().map(|v| v.is_some_and(|v| moving.contains(&v))).collect();
        if arrived.iter().all(Option::is_none) || !wants.contains(&true) {
            continue;
        }
        let passed = rules::pass(graph, node, &arrived, &wants)?;
        for (input, gradient) in node.inputs.iter().zip(passed) {
            if let (Some(input), Some(gradient)) = (input, gradient) {
                join(graph, &mut gradients, *input, gradient);
            }
        }
    }
    Ok(wanted.iter().map(|v| gradients.get(v).copied()).collect())
}

/// A value that is used twice has the sum of both gradients.
fn join(graph: &mut Graph, gradients: &mut HashMap<Value, Value>, value: Value, gradient: Value) {
    let sum = match gradients.get(&value) {
        Some(&before) => graph.op(Op::Add, &[before, gradient]),
        None => gradient,
    };
    gradients.insert(value, sum);
}

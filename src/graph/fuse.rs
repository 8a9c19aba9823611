//! Operators of ours: a matrix in the encodings of its file and the gated activation before it become one
//! [`Op::LinearPacked`]; attention becomes [`Op::Attend`] over caches in float16, products with an adapter's factors
//! [`Op::Product`]. [`super::stack()`] puts them together.
//!
//! ```text
//! Split - gate - Mul - MatMulPacked          LinearPacked { gated }
//! ```
//!
//! What is stored stays as it is. This is done to the graph that a session is about to load.

use super::{DType, Data, Extent, Graph, Node, Op, Value};
use crate::bundle::Activation;
use crate::error::Result;
use crate::kernel::fits_head;
use std::collections::{HashMap, HashSet};

/// The graph with operators of ours wherever they fit.
pub fn fuse(graph: Graph) -> Result<Graph> {
    let before = Before::new(&graph);
    let mut graph = graph.rewritten(|graph, node| {
        let output = node.outputs[0];
        let larger = before.product(&node).or_else(|| before.part(graph, &node));
        if let Some((op, inputs)) = larger {
            graph.op_into(op, &inputs, output);
        } else if let Some(node) = before.attention(graph, &node) {
            graph.keep(node);
        } else {
            let op = factor(graph, &node);
            graph.keep(Node { op: op.unwrap_or(node.op), ..node });
        }
        Ok(())
    })?;
    let attends = |node: &&Node| matches!(node.op, Op::Attend(..));
    let caches = |node: &Node| [node.inputs[6], node.inputs[7], Some(node.outputs[1]), Some(node.outputs[2])];
    let caches: HashSet<Value> = graph.nodes().iter().filter(attends).flat_map(caches).flatten().collect();
    let ports = graph.inputs.iter_mut().chain(&mut graph.outputs);
    ports.filter(|port| caches.contains(&port.value)).for_each(|port| port.dtype = DType::F16);
    Ok(graph)
}

/// A product with an adapter's factor, whose rows must not depend on one another either.
fn factor(graph: &Graph, node: &Node) -> Option<Op> {
    let value = (*node.inputs.get(1)?).filter(|_| node.op == Op::MatMul)?;
    let rank = graph.shape_of_input(value).map(<[_]>::len).or_else(|| Some(graph.constant_at(value)?.shape.len()));
    // A whole layer in float32 is better served by kernels made for large matrices.
    (rank == Some(2) && !graph.name(value).ends_with(".transposed")).then_some(Op::Product)
}

/// The graph as it was: who makes what, and how many read it.
struct Before {
    nodes: Vec<Node>,
    makers: HashMap<Value, usize>,
    readers: HashMap<Value, usize>,
}

type Linear = (Op, Vec<Value>);

impl Before {
    fn new(graph: &Graph) -> Self {
        let nodes = graph.nodes().to_vec();
        let makers = nodes.iter().enumerate().flat_map(|(i, n)| n.outputs.iter().map(move |v| (*v, i))).collect();
        let mut readers = HashMap::new();
        for value in nodes.iter().flat_map(|n| n.read().iter().flatten()) {
            *readers.entry(*value).or_default() += 1;
        }
        Self { nodes, makers, readers }
    }

    fn maker(&self, value: Option<&Option<Value>>) -> Option<&Node> {
        Some(&self.nodes[*self.makers.get(&(*value?)?)?])
    }

    /// Attention by a kernel of ours, where its heads are whole vectors. It computes the rows of a rope's tables that a
    /// pass needs; tables that are stored it reads.
    fn attention(&self, graph: &Graph, node: &Node) -> Option<Node> {
        let Op::GroupQueryAttention(attention) = &node.op else { return None };
        let dim = match graph.shape_of_input((*node.inputs.get(3)?)?)?.last()? {
            Extent::Known(dim) => *dim,
            Extent::Named(_) => return None,
        };
        if !fits_head(dim) || node.inputs.len() < 7 {
            return None;
        }
        let rope = match self.maker(node.inputs.get(7)).map(|n| &n.op) {
            Some(Op::RopeTables(rope)) => Some(rope.clone()),
            _ => None,
        };
        let at = |i: usize| node.inputs.get(i).copied().flatten();
        let tables = [7, 8].map(|i| at(i).filter(|_| rope.is_none()));
        // What all lanes share before what each has of its own.
        let shared = [0, 1, 2].map(at).into_iter().chain(tables).chain([None]);
        let inputs = shared.chain(node.inputs[3..7].to_vec()).collect();
        Some(Node { op: Op::Attend(attention.clone(), rope), inputs, ..node.clone() })
    }

    /// A gated activation by itself, as one with an adapter behind it is; and what is multiplied by a number.
    fn part(&self, graph: &Graph, node: &Node) -> Option<Linear> {
        if node.op != Op::Mul {
            return None;
        }
        match self.gated(node.outputs[0]) {
            Some((activation, both)) => Some((Op::Gate(activation), vec![both])),
            None => self.scaled(graph, node),
        }
    }

    /// What a layer or the head gives, multiplied by a number.
    fn scaled(&self, graph: &Graph, node: &Node) -> Option<Linear> {
        let gives = |n: &&Node| matches!(n.op, Op::Add | Op::MatMul | Op::MatMulPacked(_) | Op::RmsNorm { .. });
        self.maker(node.inputs.first()).filter(gives)?;
        let factor = graph.constant_at((*node.inputs.get(1)?)?).filter(|c| c.shape.is_empty())?;
        let Data::Inline(bytes) = &factor.data else { return None };
        let by = f32::from_le_bytes(bytes.as_slice().try_into().ok()?);
        Some((Op::Scale { by }, vec![(*node.inputs.first()?)?]))
    }

    /// A product, and the gated activation before it where nothing else reads that.
    fn product(&self, node: &Node) -> Option<Linear> {
        let Op::MatMulPacked(packed) = &node.op else { return None };
        let mut inputs = node.inputs.iter().copied().collect::<Option<Vec<_>>>()?;
        let gated = self.gated(inputs[0]).filter(|_| self.readers.get(&inputs[0]) == Some(&1));
        if let Some((_, both)) = gated {
            inputs[0] = both;
        }
        let gated = gated.map(|(activation, _)| activation);
        Some((Op::LinearPacked { packed: packed.clone(), gated }, inputs))
    }

    /// What is halved, where `value` is `activation(first half) * second half`.
    fn gated(&self, value: Value) -> Option<(Activation, Value)> {
        let product = self.maker(Some(&Some(value))).filter(|n| matches!(n.op, Op::Mul))?;
        let gate = self.maker(product.inputs.first())?;
        let activation = match gate.op {
            Op::Silu => Activation::Silu,
            Op::GeluTanh => Activation::GeluTanh,
            _ => return None,
        };
        let split = self.maker(gate.inputs.first()).filter(|n| matches!(n.op, Op::Split { axis: -1 }))?;
        let halves = [gate.inputs.first(), product.inputs.get(1)].map(|v| v.copied().flatten());
        let own = split.outputs.len() == 2 && halves == [Some(split.outputs[0]), Some(split.outputs[1])];
        Some((activation, split.inputs[0].filter(|_| own)?))
    }
}

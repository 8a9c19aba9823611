//! The serving graph with adapters in it.
//!
//! A matrix with offsets has a small product already, of the sums of its input's blocks with the offsets; that becomes
//! the product with the factors, which hold the offsets too (`factors.rs`). A narrow one wears an adapter at a node
//! less than none. A matrix without offsets gets two products and a sum behind it.
//!
//! ```text
//! offsets      x ─► blocks ─► sums ─► MatMul offsets ─┐
//!              x ─► MatMulNBits ──────────────────────┴► y
//!
//! becomes      x ─► MatMul a ─► MatMul b ─┐        or, where x is wide,
//!              x ─► MatMulNBits ──────────┴► y     x ─► blocks ─► sums ─┐
//!                                                  x ─► MatMul a ───────┴► Concat ─► MatMul b ─► ...
//! ```

use super::places::{Place, Places, Sums};
use crate::error::{Error, Result};
use crate::graph::{Graph, Node, Op, Value};
use std::collections::HashMap;

/// Gives the two factors that a place takes, inputs or constants of the graph; none where the place stays as it is.
pub type Give<'a> = dyn FnMut(&mut Graph, &Place) -> Result<Option<[Value; 2]>> + 'a;

/// Rewrites `graph` so that each place takes the factors that `factors` gives for it.
pub fn inject(graph: Graph, places: &Places, factors: &mut Give<'_>) -> Result<Graph> {
    let mut joints = joints(&graph, places)?;
    graph.rewritten(|g, mut node| {
        let joint = node.outputs.first().and_then(|out| joints.remove(out));
        let Some(Joint { place, x, sums }) = joint else {
            g.keep(node);
            return Ok(());
        };
        let name = &place.name;
        g.scope(format!("{name}.adapter"));
        let Some([a, b]) = factors(g, place)? else {
            g.keep(node);
            return Ok(());
        };
        let (out, inner) = (node.outputs[0], g.op(Op::MatMul, &[x, a]));
        match (place.sums(), sums) {
            (Sums::InGraph, Some(sums)) => {
                let inner = g.op(Op::Concat { axis: -1 }, &[sums, inner]);
                g.op_into(Op::MatMul, &[inner, b], out);
            }
            (_, Some(_)) => g.op_into(Op::MatMul, &[inner, b], out),
            (_, None) => {
                let frozen = g.aside(out);
                node.outputs[0] = frozen;
                g.keep(node);
                let change = g.op(Op::MatMul, &[inner, b]);
                g.op_into(Op::Add, &[frozen, change], out);
            }
        }
        Ok(())
    })
}

/// Where a place is changed: at the node that makes a value, out of `x` or the sums of its blocks.
struct Joint<'a> {
    place: &'a Place,
    x: Value,
    sums: Option<Value>,
}

/// The joints, by the value their node makes: the product with the offsets, or the product with the matrix.
fn joints<'a>(graph: &Graph, places: &'a Places) -> Result<HashMap<Value, Joint<'a>>> {
    let walk = Walk::of(graph);
    let by_name: HashMap<String, &Place> = places
        .list
        .iter()
        .flat_map(|p| {
            let ends: &[&str] = if p.sums() == Sums::None { &["packed", "quants", "transposed"] } else { &["offsets"] };
            ends.iter().map(move |end| (format!("{}.{end}", p.name), p))
        })
        .collect();
    let mut joints = HashMap::new();
    for node in graph.nodes() {
        let matrix = node
            .inputs
            .get(1)
            .copied()
            .flatten()
            .filter(|_| matches!(node.op, Op::MatMul | Op::MatMulBlocks { .. } | Op::MatMulPacked(_)));
        let Some(place) = matrix.and_then(|m| by_name.get(graph.name(m))) else { continue };
        let sums = node.inputs[0].filter(|_| place.sums() != Sums::None);
        let found = if let Some(sums) = sums { walk.before_sums(node, sums) } else { walk.around_product(node) };
        if let Some((x, out)) = found {
            joints.insert(out, Joint { place, x, sums });
        }
    }
    if joints.len() == places.list.len() {
        return Ok(joints);
    }
    Err(Error::unsupported("the model's graph has linear layers of an unknown form; import the model again"))
}

/// Ways through a graph, against the stream and with it.
struct Walk<'a> {
    makers: HashMap<Value, &'a Node>,
    readers: HashMap<Value, &'a Node>,
}

impl<'a> Walk<'a> {
    fn of(graph: &'a Graph) -> Self {
        let nodes = graph.nodes();
        let makers = nodes.iter().flat_map(|n| n.outputs.iter().map(move |v| (*v, n))).collect();
        let readers = nodes.iter().flat_map(|n| n.inputs.iter().flatten().map(move |v| (*v, n))).collect();
        Self { makers, readers }
    }

    /// The input at `at` of the node that makes `value`, if that is `op`.
    fn up(&self, value: Value, op: impl Fn(&Op) -> bool, at: usize) -> Option<Value> {
        let maker = self.makers.get(&value).filter(|n| op(&n.op))?;
        maker.inputs.get(at).copied().flatten()
    }

    /// From the product with the offsets: the layer's input, and what the product makes.
    fn before_sums(&self, node: &Node, sums: Value) -> Option<(Value, Value)> {
        let blocks = self.up(sums, |op| matches!(op, Op::ReduceSum { .. }), 0)?;
        Some((self.up(blocks, |op| *op == Op::Reshape, 0)?, *node.outputs.first()?))
    }

    /// From the product with the matrix: the layer's input, and the product. Where the input comes in two parts, high
    /// and low (see `import/linear.rs`), it is what the low part was taken from, and the product is the parts' sum.
    fn around_product(&self, node: &Node) -> Option<(Value, Value)> {
        let (x, product) = (node.inputs.first().copied().flatten()?, *node.outputs.first()?);
        let low =
            self.up(x, |op| *op == Op::Reshape, 0).and_then(|v| self.up(v, |op| matches!(op, Op::Concat { .. }), 1));
        let Some(low) = low else { return Some((x, product)) };
        let whole = self.up(low, |op| *op == Op::Sub, 0)?;
        let halves = self.readers.get(&product).filter(|n| matches!(n.op, Op::Halve { .. }))?;
        let sum = self.readers.get(halves.outputs.first()?).filter(|n| n.op == Op::Add)?;
        Some((self.up(whole, |op| *op == Op::Reshape, 0)?, *sum.outputs.first()?))
    }
}

//! One pass for several conversations: their rows go through the weights together, and each attends to a cache of its
//! own.
//!
//! ```text
//! input_ids                          [1, rows of all lanes] i64, lane after lane
//! rows                               [lanes] i64: how many are whose; 0 for a lane that rests
//! past_length.L                      [1] i32: positions of lane L after the pass, less one
//! total_length.L                     [1] i32: positions of lane L after the pass
//! past_key_values.N.key|value.L      [1, kv_heads, past, head_dim] f16, and present.N.key|value.L, as before
//! ```

use super::fixed::{PAST_LENGTH, TOTAL_LENGTH};
use super::{DType, Extent, Graph, Op, Port, Value};
use crate::error::{Error, Result};

/// Conversations that one pass takes. Four rows cost little more than one: the weights are read once for all.
pub const LANES: usize = 4;

/// Whether conversations can share a pass of a graph, and no row of it depends on others: whether kernels of ours
/// compute all its products and all its attention.
pub fn can_share(graph: &Graph) -> bool {
    let attends = |n: &super::Node| matches!(n.op, Op::Attend(..));
    let stock = |n: &super::Node| {
        use Op::{FusedMatMul, Gemm, GroupQueryAttention, MatMul, MatMulBlocks, MatMulPacked, MultiHeadAttention};
        matches!(
            n.op,
            FusedMatMul { .. }
                | Gemm { .. }
                | GroupQueryAttention(_)
                | MatMul
                | MatMulBlocks { .. }
                | MatMulPacked(_)
                | MultiHeadAttention { .. }
        )
    };
    graph.nodes.iter().any(attends) && !graph.nodes.iter().any(stock)
}

/// The graph of [`LANES`] conversations from that of one, in which attention is [`Op::Attend`].
pub fn lanes(mut graph: Graph) -> Result<Graph> {
    if !can_share(&graph) {
        return Err(Error::unsupported("a model that takes one conversation at a time"));
    }
    let rows = graph.input("rows", DType::I64, [LANES.into()]);
    let mut length = |what: &str, lane: usize| graph.input(&format!("{what}.{lane}"), DType::I32, [1.into()]);
    let lengths: [[Value; 2]; LANES] =
        std::array::from_fn(|lane| [length(PAST_LENGTH, lane), length(TOTAL_LENGTH, lane)]);
    let mut presents = Vec::new();
    for node in std::mem::take(&mut graph.nodes) {
        let Op::Attend(..) = node.op else {
            graph.keep(node);
            continue;
        };
        let caches = [6, 7].map(|i| node.inputs[i].and_then(|v| graph.inputs.iter().find(|p| p.value == v)).cloned());
        let [Some(keys), Some(values)] = caches else {
            return Err(Error::unsupported("a cache that is no input of its model"));
        };
        let mut inputs = node.inputs[..5].to_vec();
        inputs.push(Some(rows));
        for (lane, lengths) in lengths.into_iter().enumerate() {
            inputs.extend([&keys, &values].map(|port| {
                let name = format!("{}.{lane}", graph.names[port.value.0]);
                Some(graph.input(&name, port.dtype, port.shape.clone()))
            }));
            inputs.extend(lengths.map(Some));
        }
        let made = graph.node(node.op.clone(), &inputs, 1 + 2 * LANES);
        let own =
            |(lane, made): (usize, &[Value])| [(node.outputs[1], lane, made[0]), (node.outputs[2], lane, made[1])];
        presents.extend(made[1..].chunks(2).enumerate().flat_map(own));
        // What read the one's result reads that of all.
        if let Some(last) = graph.nodes.last_mut() {
            last.outputs[0] = node.outputs[0];
        }
    }
    let outputs = std::mem::take(&mut graph.outputs);
    for port in outputs {
        let mut own = presents.iter().filter(|(whole, ..)| *whole == port.value).peekable();
        if own.peek().is_none() {
            graph.outputs.push(port);
            continue;
        }
        for (whole, lane, value) in own {
            let name = format!("{}.{lane}", graph.names[whole.0]);
            let shape: Vec<Extent> = port.shape.clone();
            graph.names[value.0] = name;
            graph.outputs.push(Port { value: *value, dtype: port.dtype, shape });
        }
    }
    Ok(graph.tidied())
}

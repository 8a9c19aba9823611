//! Attention in float16, for devices whose `GroupQueryAttention` takes nothing wider. The cache is float16; what else
//! goes in and out is cast, and everything between stays float32.
//!
//! ```text
//! qkv, cosines, sines - Cast \
//!          past keys, values  - GroupQueryAttention - Cast - attended
//!                                       \ present keys, values
//! ```

use super::{DType, Graph, Op, Value};
use crate::error::Result;
use std::collections::HashMap;

/// Inputs of attention that are cast: queries, keys and values; cosines and sines.
const CAST: [usize; 5] = [0, 1, 2, 7, 8];

/// The graph with every attention in float16.
pub fn half(graph: Graph) -> Result<Graph> {
    let mut halves: HashMap<Value, Value> = HashMap::new();
    graph.rewritten(|graph, mut node| {
        if !matches!(node.op, Op::GroupQueryAttention(_)) {
            graph.keep(node);
            return Ok(());
        }
        for (_, input) in node.inputs.iter_mut().enumerate().filter(|(at, _)| CAST.contains(at)) {
            *input = input.map(|wide| *halves.entry(wide).or_insert_with(|| graph.op(Op::Cast(DType::F16), &[wide])));
        }
        let past = node.inputs.iter().skip(3).take(2).flatten();
        let cache: Vec<Value> = past.chain(node.outputs.iter().skip(1)).copied().collect();
        let ports = graph.inputs.iter_mut().chain(&mut graph.outputs);
        ports.filter(|port| cache.contains(&port.value)).for_each(|port| port.dtype = DType::F16);
        let attended = node.outputs[0];
        let narrow = graph.aside(attended);
        node.outputs[0] = narrow;
        graph.keep(node);
        graph.op_into(Op::Cast(DType::F32), &[narrow], attended);
        Ok(())
    })
}

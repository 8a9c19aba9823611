//! The graph of a decoder whose passes a GPU can record and repeat: nothing is computed on the CPU, and no shape tells
//! how many tokens there are.
//!
//! ```text
//! attention_mask - its sum, its length   becomes   past_length [1] i32: positions after the pass, less one
//!                                                  total_length [1] i32: as many, or as many as there is room for
//! logits_to_keep - Neg - Slice           becomes   rows [kept] i64 - Gather: of which tokens logits are wanted
//! ```
//!
//! `total_length` and the bounds of a slice are read on the CPU; behind a mask on the GPU they would be copies back,
//! which cannot be recorded. The first stays an input that lies on the CPU; rows are gathered where they lie.

use super::{DType, Graph, Op};
use crate::error::{Error, Result};

/// The name under which the graph takes the positions after a pass, less one.
pub const PAST_LENGTH: &str = "past_length";
/// The name under which it takes how far attention may look: the positions after the pass, or all there is room for.
pub const TOTAL_LENGTH: &str = "total_length";
/// The name under which it takes the tokens of the pass whose logits are wanted.
pub const ROWS: &str = "rows";

/// The graph with lengths and rows as inputs.
///
/// Errors: `Unsupported` for one that is no decoder of ours.
pub fn fixed(graph: Graph) -> Result<Graph> {
    let mut attends = false;
    let graph = graph.rewritten(|graph, mut node| {
        match &node.op {
            Op::GroupQueryAttention(_) => {
                attends = true;
                for (at, name) in [(5, PAST_LENGTH), (6, TOTAL_LENGTH)] {
                    node.inputs[at] = Some(graph.input_once(name, DType::I32, &[1.into()]));
                }
            }
            Op::Slice => {
                let rows = graph.input_once(ROWS, DType::I64, &["kept".into()]);
                node.op = Op::Gather { axis: 1 };
                node.inputs.truncate(1);
                node.inputs.push(Some(rows));
            }
            _ => {}
        }
        graph.keep(node);
        Ok(())
    })?;
    let takes = |name: &str| graph.inputs().any(|input| input == name);
    if !attends || !takes(ROWS) || takes("attention_mask") || takes("logits_to_keep") {
        return Err(Error::unsupported("a graph whose passes cannot be recorded"));
    }
    Ok(graph)
}

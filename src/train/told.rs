//! What a bundle is that was made before its manifest said so: read from the graph that serves.

use super::frozen::packed;
use crate::bundle::{Activation, Decoder, Hyperparameters, Layer, Multipliers};
use crate::graph::{Graph, Op};
use crate::tensor::BLOCK;

/// What a bundle is whose manifest does not say: those were all of the llama shape, with one window for all layers.
pub(super) fn told(graph: &Graph, decoder: &Decoder) -> Option<Hyperparameters> {
    let attention = graph.nodes().iter().find_map(|n| match &n.op {
        Op::GroupQueryAttention(a) => Some(a.clone()),
        _ => None,
    })?;
    let epsilon = graph.nodes().iter().find_map(|n| match n.op {
        Op::RmsNorm { epsilon } => Some(epsilon),
        _ => None,
    })?;
    let has = |name: &str| graph.constant_named(name).is_some();
    Some(Hyperparameters {
        hidden: *graph.constant_named("model.norm.weight")?.shape.first()?,
        inner: inputs(graph, "layers.0.mlp.down")?,
        heads: attention.heads,
        epsilon,
        activation: Activation::Silu,
        biases: has("layers.0.attention.qkv.bias"),
        head_norms: has("model.layers.0.self_attn.q_norm.weight"),
        post_norms: false,
        attention_scale: 1.0 / (decoder.head_dim as f32).sqrt(),
        attention_cap: None,
        logit_cap: None,
        multipliers: Multipliers::default(),
        // Only the tables were kept.
        ropes: vec![],
        layers: vec![Layer { window: attention.window, rope: Some(0) }; decoder.layers],
    })
}

/// Inputs of a matrix: its columns.
pub(super) fn inputs(graph: &Graph, name: &str) -> Option<usize> {
    let quants = graph.constant_named(&format!("{name}.quants")).map(|c| c.shape.get(1).map(|b| b * BLOCK));
    let dense = || graph.constant_named(&format!("{name}.transposed")).map(|c| c.shape.first().copied());
    let packed = || graph.constant_named(&format!("{name}.packed")).map(|c| packed(graph, c).map(|p| p.columns));
    quants.or_else(dense).or_else(packed).flatten()
}

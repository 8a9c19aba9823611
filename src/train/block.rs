//! The graphs of one layer: forward, and backward from what the forward kept.
//!
//! Both are cut from one graph that holds the layer and its gradient. What crosses the cut is a choice: a value that is
//! kept costs memory between the two, one that is not is computed again. [`Keep`] names the choices; everything else
//! follows from where the graph is cut.
//!
//! Tokens of a batch are rows: `[rows, numbers]`, row = sequence * length + position. Sequences are padded at the end,
//! where a causal mask hides the padding from what comes before it.

use super::linear::{Factors, linear, matrix};
use super::shape::{Form, Shape};
use crate::bundle::Activation;
use crate::error::Result;
use crate::grad;
use crate::graph::{Border, DType, Extent, Graph, Op, Value};
use crate::lora::{LoraConfig, Target};
use std::ops::Range;

/// What a layer keeps from forward to backward, beside its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keep {
    /// Nothing: the backward computes the layer again, but for its last product.
    Input,
    /// What the attention gives and what follows it.
    Attention,
    /// Those, and queries, keys and values.
    Projections,
    /// Every product; only what is cheap is computed again.
    All,
}

impl Keep {
    /// The choices, by rising memory.
    pub const ALL: [Self; 4] = [Self::Input, Self::Attention, Self::Projections, Self::All];

    /// Numbers kept for each token, the layer's input among them.
    pub fn numbers(self, shape: &Shape) -> usize {
        let (queries, keys) = (shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
        let sizes = [shape.hidden, queries + shape.hidden, queries + 2 * keys, 2 * shape.inner];
        sizes[..=self as usize].iter().sum()
    }
}

/// The two graphs of a layer.
pub struct Block {
    /// From `x` and what the base and the adapter give: `y`, and what is kept.
    pub forward: Graph,
    /// From `x`, what was kept and `y`'s gradient: `dx` and `gradient`, the adapter's with what there was before.
    pub backward: Graph,
    /// What is kept.
    pub kept: Vec<Border>,
}

/// The graphs of a layer of `form` under an adapter of `lora`.
pub fn block(shape: &Shape, form: &Form, lora: &LoraConfig, keep: Keep) -> Result<Block> {
    let mut layer = Layer::new(shape, form, lora);
    let x = layer.graph.input("x", DType::F32, rows(shape.hidden));
    let y = layer.forward(x);
    let mut graph = layer.graph;
    let dy = graph.input("dy", DType::F32, rows(shape.hidden));
    let before = graph.input("before", DType::F32, [Extent::from("weights")]);
    let gradients = grad::reverse(&mut graph, &[(y, dy)], &[x, layer.weights])?;
    let border = |value, name: &str, shape| Border { value, name: name.into(), dtype: DType::F32, shape };
    let mut wanted = Vec::new();
    if let Some(dx) = gradients[0] {
        wanted.push(border(dx, "dx", rows(shape.hidden)));
    }
    if let Some(gradient) = gradients[1] {
        let sum = graph.op(Op::Add, &[gradient, before]);
        wanted.push(border(sum, "gradient", vec!["weights".into()]));
    }
    let kept: Vec<Border> = layer.keepable.into_iter().filter(|(k, _)| *k <= keep).map(|(_, b)| b).collect();
    let mut made = vec![border(y, "y", rows(shape.hidden))];
    made.extend(kept.iter().cloned());
    Ok(Block { forward: graph.extract(&[], &made), backward: graph.extract(&kept, &wanted), kept })
}

fn rows(numbers: usize) -> Vec<Extent> {
    vec!["rows".into(), numbers.into()]
}

/// Where a target's numbers lie in its layer's vector: its A `[r, K]`, and its B, transposed `[r, N]`.
pub type Place = (Target, Range<usize>, Range<usize>);

/// How many numbers an adapter has in a layer, and where each target's lie.
pub fn places(shape: &Shape, lora: &LoraConfig) -> (usize, Vec<Place>) {
    let mut at = 0;
    let mut next = |numbers: usize| {
        at += numbers;
        at - numbers..at
    };
    let targets = Target::ALL.into_iter().filter(|t| lora.targets.contains(t));
    let places = targets
        .map(|target| {
            let (outputs, inputs) = shape.matrix(target);
            (target, next(lora.rank * inputs), next(lora.rank * outputs))
        })
        .collect();
    (at, places)
}

struct Layer<'a> {
    graph: Graph,
    shape: &'a Shape,
    form: &'a Form,
    lora: &'a LoraConfig,
    /// `[batch, length]`.
    extent: Value,
    /// The adapter's numbers, in one vector.
    weights: Value,
    factors: [Option<Factors>; 7],
    keepable: Vec<(Keep, Border)>,
}

impl<'a> Layer<'a> {
    fn new(shape: &'a Shape, form: &'a Form, lora: &'a LoraConfig) -> Self {
        let mut graph = Graph::new();
        let extent = graph.input("extent", DType::I64, [Extent::from(2)]);
        let weights = graph.input("weights", DType::F32, [Extent::from("weights")]);
        let mut factors = [None; 7];
        let (_, places) = places(shape, lora);
        // In rows of a rank: CUDA makes a list of all there is to split, and sends it over.
        let lines = |numbers: &Range<usize>| (numbers.len() / lora.rank) as i64;
        let sizes: Vec<i64> = places.iter().flat_map(|(_, a, b)| [lines(a), lines(b)]).collect();
        let (sizes, flat, line) = (graph.integers(&sizes), graph.integers(&[-1]), [-1, lora.rank as i64]);
        let line = graph.integers(&line);
        let all = graph.op(Op::Reshape, &[weights, line, flat]);
        let parts = graph.node(Op::Split { axis: 0 }, &[Some(all), Some(sizes)], 2 * places.len());
        for ((target, ..), part) in places.iter().zip(parts.chunks_exact(2)) {
            let [a, b] =
                [(part[0], shape.matrix(*target).1), (part[1], shape.matrix(*target).0)].map(|(part, width)| {
                    let to = graph.integers(&[lora.rank as i64, width as i64]);
                    graph.op(Op::Reshape, &[part, to, line])
                });
            factors[*target as usize] = Some(Factors { a, b });
        }
        Self { graph, shape, form, lora, extent, weights, factors, keepable: vec![] }
    }

    fn keep(&mut self, keep: Keep, value: Value, name: &str, shape: Vec<Extent>) {
        self.keepable.push((keep, Border { value, name: name.into(), dtype: DType::F32, shape }));
    }

    fn forward(&mut self, x: Value) -> Value {
        let attended = self.attention(x);
        let attended = self.contribution(attended, "attended_gain");
        let y = self.graph.op(Op::Add, &[x, attended]);
        self.keep(Keep::Attention, y, "middle", rows(self.shape.hidden));
        let fed = self.feed_forward(y);
        let fed = self.contribution(fed, "fed_gain");
        self.graph.op(Op::Add, &[y, fed])
    }

    /// What is added to the stream, of what attention or feed-forward gave.
    fn contribution(&mut self, x: Value, gain: &str) -> Value {
        let x = if self.form.post_norms { self.norm(x, gain, self.shape.hidden) } else { x };
        self.graph.times(x, self.shape.multipliers.residual)
    }

    fn norm(&mut self, x: Value, gain: &str, width: usize) -> Value {
        let gain = self.graph.input(gain, DType::F32, [width.into()]);
        let op = Op::RmsNorm { epsilon: self.shape.epsilon };
        self.graph.node(op, &[Some(x), Some(gain)], 2)[0]
    }

    /// What the adapters of some targets see of their common input: a part of it, where there is dropout.
    fn dropped(&mut self, x: Value, name: &str, width: usize) -> Option<Value> {
        (self.lora.dropout > 0.0).then(|| {
            let mask = self.graph.input(&format!("dropout.{name}"), DType::F32, rows(width));
            self.graph.op(Op::Mul, &[x, mask])
        })
    }

    fn linear(&mut self, x: Value, dropped: Option<Value>, target: Target) -> Value {
        let factors = self.factors[target as usize];
        let folded = factors.filter(|_| dropped.is_none());
        let w = matrix(&mut self.graph, self.shape, self.form, target, folded, self.lora.scaling());
        linear(&mut self.graph, self.lora, x, w, factors, dropped)
    }

    fn feed_forward(&mut self, y: Value) -> Value {
        let (hidden, inner) = (self.shape.hidden, self.shape.inner);
        let normed = self.norm(y, "mlp_gain", hidden);
        let dropped = self.dropped(normed, "mlp", hidden);
        let gate = self.linear(normed, dropped, Target::Gate);
        let up = self.linear(normed, dropped, Target::Up);
        self.keep(Keep::All, gate, "gate", rows(inner));
        self.keep(Keep::All, up, "up", rows(inner));
        let gate = match self.shape.activation {
            Activation::Silu => self.graph.op(Op::Silu, &[gate]),
            Activation::GeluTanh => self.graph.op(Op::GeluTanh, &[gate]),
        };
        let gated = self.graph.op(Op::Mul, &[gate, up]);
        let dropped = self.dropped(gated, "down", inner);
        self.linear(gated, dropped, Target::Down)
    }

    fn attention(&mut self, x: Value) -> Value {
        let Shape { hidden, heads, kv_heads, head_dim, .. } = *self.shape;
        let normed = self.norm(x, "attention_gain", hidden);
        let dropped = self.dropped(normed, "attention", hidden);
        let biases = self.biases();
        let projected = [Target::Query, Target::Key, Target::Value].map(|target| {
            let y = self.linear(normed, dropped, target);
            match biases {
                Some(biases) => self.graph.op(Op::Add, &[y, biases[target as usize]]),
                None => y,
            }
        });
        let (q, k, v) = (
            self.heads(projected[0], heads, Some("query_gain")),
            self.heads(projected[1], kv_heads, Some("key_gain")),
            self.heads(projected[2], kv_heads, None),
        );
        // The query heads that share keys and values lie one below the other: [batch, kv_heads, group * length,
        // head_dim].
        let g = &mut self.graph;
        let (together, apart) = (
            g.integers(&[0, kv_heads as i64, -1, head_dim as i64]),
            g.integers(&[0, heads as i64, -1, head_dim as i64]),
        );
        let q = g.op(Op::Reshape, &[q, together, apart]);
        let side = |length: &'static str| -> Vec<Extent> {
            vec!["batch".into(), kv_heads.into(), length.into(), head_dim.into()]
        };
        if self.form.head_norms {
            // The gradient of the norms wants what went into them.
            for (value, name, width) in
                [(projected[0], "query", heads), (projected[1], "key", kv_heads), (projected[2], "value", kv_heads)]
            {
                self.keep(Keep::Projections, value, name, rows(width * head_dim));
            }
        } else {
            self.keep(Keep::Projections, q, "query", side("queries"));
            self.keep(Keep::Projections, k, "key", side("length"));
            self.keep(Keep::Projections, v, "value", side("length"));
        }
        let g = &mut self.graph;
        let scale = self.shape.attention_scale;
        let scores = g.op(Op::FusedMatMul { transpose_a: false, transpose_b: true, scale }, &[q, k]);
        let scores = g.capped(scores, self.shape.attention_cap);
        let mask = g.input("mask", DType::F32, ["queries".into(), "length".into()]);
        let masked = g.op(Op::Add, &[scores, mask]);
        let p = g.op(Op::Softmax, &[masked]);
        let o = g.op(Op::MatMul, &[p, v]);
        let o = g.op(Op::Reshape, &[o, apart, together]);
        let o = self.flat(o, heads);
        self.keep(Keep::Attention, o, "attended", rows(heads * head_dim));
        let dropped = self.dropped(o, "output", heads * head_dim);
        self.linear(o, dropped, Target::Output)
    }

    fn biases(&mut self) -> Option<[Value; 3]> {
        self.form.biases.then(|| {
            let sizes = [Target::Query, Target::Key, Target::Value].map(|t| self.shape.matrix(t).0);
            let g = &mut self.graph;
            let bias = g.input("bias", DType::F32, [sizes.iter().sum::<usize>().into()]);
            let sizes = g.integers(&sizes.map(|s| s as i64));
            let parts = g.node(Op::Split { axis: 0 }, &[Some(bias), Some(sizes)], 3);
            [parts[0], parts[1], parts[2]]
        })
    }

    /// `[rows, heads * head_dim]` to `[batch, heads, length, head_dim]`, normed and turned to its positions where
    /// `gain` says that it is looked for by place.
    fn heads(&mut self, x: Value, heads: usize, gain: Option<&str>) -> Value {
        let head_dim = self.shape.head_dim;
        let width = heads * head_dim;
        let flat = self.graph.integers(&[-1, width as i64]);
        let last = self.graph.integers(&[-1]);
        let sequences = self.graph.op(Op::Concat { axis: 0 }, &[self.extent, last]);
        let mut x = x;
        if let Some(gain) = gain.filter(|_| self.form.head_norms) {
            let each = self.graph.integers(&[-1, head_dim as i64]);
            x = self.graph.op(Op::Reshape, &[x, each, flat]);
            x = self.norm(x, gain, head_dim);
            x = self.graph.op(Op::Reshape, &[x, flat, each]);
        }
        let g = &mut self.graph;
        let mut x = g.op(Op::Reshape, &[x, sequences, flat]);
        if gain.is_some() {
            x = turned(g, x, heads, head_dim, self.form.turned);
        }
        let (apart, together) = (g.integers(&[0, 0, heads as i64, head_dim as i64]), g.integers(&[0, 0, width as i64]));
        let x = g.op(Op::Reshape, &[x, apart, together]);
        g.op(Op::Transpose(vec![0, 2, 1, 3]), &[x])
    }

    /// `[batch, heads, length, head_dim]` to `[rows, heads * head_dim]`.
    fn flat(&mut self, x: Value, heads: usize) -> Value {
        let (head_dim, g) = (self.shape.head_dim as i64, &mut self.graph);
        let x = g.op(Op::Transpose(vec![0, 2, 1, 3]), &[x]);
        let each = g.integers(&[heads as i64, head_dim]);
        let apart = g.op(Op::Concat { axis: 0 }, &[self.extent, each]);
        let flat = g.integers(&[-1, heads as i64 * head_dim]);
        g.op(Op::Reshape, &[x, flat, apart])
    }
}

/// The first `turned` numbers of each head of `[batch, length, heads * head_dim]` turned to their positions.
fn turned(g: &mut Graph, x: Value, heads: usize, head_dim: usize, turned: usize) -> Value {
    if turned == 0 {
        return x;
    }
    let first = g.integers(&[0]);
    let [cosines, sines] =
        ["cosines", "sines"].map(|n| g.input_once(n, DType::F32, &["length".into(), (turned / 2).into()]));
    if turned == head_dim {
        return g.op(Op::Rotary, &[x, first, cosines, sines]);
    }
    let each = |g: &mut Graph, width: usize| g.integers(&[0, 0, heads as i64, width as i64]);
    let flat = |g: &mut Graph, width: usize| g.integers(&[0, 0, (heads * width) as i64]);
    let apart = each(g, head_dim);
    let x = g.op(Op::Reshape, &[x, apart]);
    let sizes = g.integers(&[turned as i64, (head_dim - turned) as i64]);
    let parts = g.node(Op::Split { axis: -1 }, &[Some(x), Some(sizes)], 2);
    let (together, apart) = (flat(g, turned), each(g, turned));
    let own = g.op(Op::Reshape, &[parts[0], together, apart]);
    let own = g.op(Op::Rotary, &[own, first, cosines, sines]);
    let own = g.op(Op::Reshape, &[own, apart, together]);
    let x = g.op(Op::Concat { axis: -1 }, &[own, parts[1]]);
    let together = flat(g, head_dim);
    g.op(Op::Reshape, &[x, together])
}

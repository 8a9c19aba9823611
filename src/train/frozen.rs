//! The frozen base: what it is, as its manifest says, and where each weight lies in its `weights.bin`, as the graph
//! that serves names them.
//!
//! Nothing is copied and nothing is loaded: the training graphs take views of the mapped file as inputs. (A GPU gets
//! one copy, packed as it is there.) Names and shapes of the constants are those `import/decoder.rs` writes.

use super::shape::{Form, Kept, Shape};
use super::told::{inputs, told};
use crate::bundle::{self, Bundle, Hyperparameters, Rope};
use crate::engine::{Engine, Mapped, Session, Tensor};
use crate::error::{Error, Result};
use crate::format;
use crate::graph::{self, Constant, Data, Graph};
use crate::lora::Target;
use crate::onnx;
use crate::tensor::{Bits, Packed};
use memmap2::Mmap;
use std::ops::Range;
use std::sync::Arc;

/// An input of a graph from the base: its name there and its bytes.
pub type Weight = (String, Source);

/// Where the bytes of a weight are.
#[derive(Debug)]
pub enum Source {
    /// In `weights.bin`.
    Mapped(Mapped),
    /// In an array of their own: in the graph, because they are few, or copied to where they are computed with.
    Held(Tensor),
}

/// A layer of the base.
#[derive(Debug)]
pub struct Layer {
    /// What its graph is like.
    pub form: Form,
    /// What it sees, and which rope turns its heads.
    pub about: bundle::Layer,
    /// What its graph takes.
    pub weights: Vec<Weight>,
}

/// Some rows of the output layer.
#[derive(Debug)]
pub struct Strip {
    /// Which.
    pub rows: Range<usize>,
    /// As a matrix of a layer.
    pub weights: Vec<Weight>,
}

/// The base of a bundle.
#[derive(Debug)]
pub struct Frozen {
    /// Extents.
    pub shape: Shape,
    /// Its layers.
    pub layers: Vec<Layer>,
    /// How the token embedding is kept.
    pub table: Kept,
    /// The token embedding: `quants` and `scales`, or `dense`.
    pub embedding: Vec<Weight>,
    /// How the output layer is kept.
    pub output: Kept,
    /// The output layer, a strip of the vocabulary after the other.
    pub head: Vec<Strip>,
    /// The gain of the last norm.
    pub gain: Weight,
    ropes: Vec<Rope>,
    graph: Graph,
    map: Arc<Mmap>,
}

impl Frozen {
    /// Reads the graph of a bundle. Arrays need a loaded engine. Errors: `Unsupported` for a model whose graph Wayside
    /// did not write.
    pub fn open(_: &Engine, bundle: &Bundle) -> Result<Self> {
        let name = &bundle.manifest.name;
        let decoder = bundle.decoder().map_err(|e| e.context("only language models are trained"))?;
        if let Some(merged) = &bundle.manifest.merged {
            let (adapter, base) = (&merged.adapter, &merged.base);
            return Err(Error::invalid(format!("{name} carries adapter {adapter}; train {base}, the model under it")));
        }
        let graph = graph::raise(onnx::read(&bundle.path(bundle::MODEL)?)?)
            .map_err(|e| Error::unsupported(format!("{name} cannot be trained")).because(e))?;
        let map = Arc::new(format::map(&bundle.path(graph::WEIGHTS)?)?);
        let strange = || Error::unsupported(format!("{name} has no layers of a known shape and cannot be trained"));
        let hyper = decoder.hyperparameters.clone().or_else(|| told(&graph, decoder)).ok_or_else(strange)?;
        if hyper.logit_cap.is_some() {
            return Err(Error::unsupported(format!(
                "{name} caps its logits; such a model serves, and cannot be trained"
            )));
        }
        let shape = Shape {
            layers: decoder.layers,
            hidden: hyper.hidden,
            heads: hyper.heads,
            kv_heads: decoder.kv_heads,
            head_dim: decoder.head_dim,
            inner: hyper.inner,
            vocabulary: decoder.vocabulary,
            epsilon: hyper.epsilon,
            activation: hyper.activation,
            attention_scale: hyper.attention_scale,
            attention_cap: hyper.attention_cap,
            multipliers: hyper.multipliers,
            context: decoder.context,
        };
        let mut this = Self {
            shape,
            layers: vec![],
            table: Kept::Dense,
            embedding: vec![],
            output: Kept::Dense,
            head: vec![],
            gain: (String::new(), Source::Held(Tensor::scalar(0.0)?)),
            ropes: hyper.ropes.clone(),
            graph,
            map,
        };
        for (layer, about) in hyper.layers.iter().enumerate() {
            let layer = this.layer(layer, *about, &hyper)?;
            this.layers.push(layer);
        }
        (this.table, this.embedding) = this.matrix("embed", "table", 0..shape.vocabulary, shape.vocabulary)?;
        let output = if inputs(&this.graph, "head").is_some() { "head" } else { "embed" };
        for begin in (0..shape.vocabulary).step_by(shape.strip()) {
            let rows = begin..shape.vocabulary.min(begin + shape.strip());
            let (kept, weights) = this.matrix(output, "head", rows.clone(), shape.vocabulary)?;
            this.output = kept;
            this.head.push(Strip { rows, weights });
        }
        this.gain = this.vector("gain", "model.norm.weight")?;
        Ok(this)
    }

    /// The rotary tables of the first `positions` by each rope that layers have: `cosines` and `sines`.
    pub fn rotations(&self, positions: usize) -> Result<Vec<Vec<Weight>>> {
        let computed = |rope: &Rope| {
            let named = ["cosines", "sines"].into_iter().zip(rope.tables(0..positions));
            named
                .map(|(name, table)| {
                    let shape = [positions, rope.width / 2];
                    Ok((name.to_owned(), Source::Held(Tensor::f32(&shape, table)?)))
                })
                .collect()
        };
        if !self.ropes.is_empty() {
            return self.ropes.iter().map(computed).collect();
        }
        // A bundle that does not say what its ropes are has their tables.
        let ropes = self.layers.iter().filter_map(|layer| layer.about.rope).max().map_or(0, |last| last + 1);
        let table = |rope: usize, name: &str| {
            let constant = self.constant(&Rope::table(rope, name))?;
            let width = constant.shape.last().copied().unwrap_or(0);
            self.part(&constant, name, 0, &[positions.min(self.shape.context), width])
        };
        (0..ropes).map(|rope| Ok(vec![table(rope, "cosines")?, table(rope, "sines")?])).collect()
    }

    /// Puts all that every step reads where `session` computes.
    pub fn settle(&mut self, session: &Session) -> Result<()> {
        let layers = self.layers.iter_mut().flat_map(|layer| &mut layer.weights);
        let ends = self.embedding.iter_mut().chain([&mut self.gain]);
        let ends = ends.chain(self.head.iter_mut().flat_map(|strip| &mut strip.weights));
        layers.chain(ends).try_for_each(|(_, source)| source.settle(session))
    }

    fn layer(&self, layer: usize, about: bundle::Layer, hyper: &Hyperparameters) -> Result<Layer> {
        let (queries, keys) = (self.shape.heads * self.shape.head_dim, self.shape.kv_heads * self.shape.head_dim);
        let inner = self.shape.inner;
        let (attention, mlp) = (format!("layers.{layer}.attention"), format!("layers.{layer}.mlp"));
        let qkv = self.shape.joined();
        let places = [
            (format!("{attention}.qkv"), 0..queries, qkv),
            (format!("{attention}.qkv"), queries..queries + keys, qkv),
            (format!("{attention}.qkv"), queries + keys..qkv, qkv),
            (format!("{attention}.o"), 0..self.shape.hidden, self.shape.hidden),
            (format!("{mlp}.gate_up"), 0..inner, 2 * inner),
            (format!("{mlp}.gate_up"), inner..2 * inner, 2 * inner),
            (format!("{mlp}.down"), 0..self.shape.hidden, self.shape.hidden),
        ];
        let mut kept = [Kept::Dense; 7];
        let mut weights = Vec::new();
        for ((target, (name, rows, all)), kept) in Target::ALL.iter().zip(places).zip(&mut kept) {
            let (how, parts) = self.matrix(&name, target.peft(), rows, all)?;
            *kept = how;
            weights.extend(parts);
        }
        let base = format!("model.layers.{layer}");
        weights.push(self.vector("attention_gain", &format!("{base}.input_layernorm.weight"))?);
        let before = hyper.norm_before_feed_forward();
        weights.push(self.vector("mlp_gain", &format!("{base}.{before}.weight"))?);
        if hyper.post_norms {
            let after = [("attended_gain", "post_attention"), ("fed_gain", "post_feedforward")];
            for (input, name) in after {
                weights.push(self.vector(input, &format!("{base}.{name}_layernorm.weight"))?);
            }
        }
        let bias = format!("{attention}.qkv.bias");
        let Hyperparameters { biases, head_norms, post_norms, .. } = *hyper;
        if biases {
            weights.push(self.vector("bias", &bias)?);
        }
        let norm = |side: &str| format!("{base}.self_attn.{side}_norm.weight");
        if head_norms {
            weights.push(self.vector("query_gain", &norm("q"))?);
            weights.push(self.vector("key_gain", &norm("k"))?);
        }
        let turned = match about.rope.map(|rope| (rope, hyper.ropes.get(rope))) {
            Some((_, Some(rope))) => rope.width,
            Some((rope, None)) => 2 * self.constant(&Rope::table(rope, "cosines"))?.shape.last().copied().unwrap_or(0),
            None => 0,
        };
        Ok(Layer { form: Form { kept, biases, head_norms, post_norms, turned }, about, weights })
    }

    /// Some rows of the matrix `name` as inputs called `input.quants`, `input.scales` and `input.offsets`, or
    /// `input.dense`. Offsets and dense matrices come whole: their rows lie apart.
    fn matrix(&self, name: &str, input: &str, rows: Range<usize>, all: usize) -> Result<(Kept, Vec<Weight>)> {
        if let Some(dense) = self.graph.constant_named(&format!("{name}.transposed")) {
            let whole = self.part(dense, &format!("{input}.dense"), 0, &dense.shape)?;
            return Ok((Kept::Dense, vec![whole]));
        }
        if let Some(bytes) = self.graph.constant_named(&format!("{name}.packed")) {
            let packed = packed(&self.graph, bytes).filter(|packed| packed.rows() == all);
            let packed = packed.ok_or_else(|| self.damaged(name))?;
            let (encoding, at) = packed.part(rows.start, rows.len()).ok_or_else(|| self.damaged(name))?;
            let width = packed.width(encoding);
            let weight = self.part(bytes, &format!("{input}.packed"), at, &[rows.len() * width, 1])?;
            return Ok((Kept::Packed(encoding), vec![weight]));
        }
        let quants = self.constant(&format!("{name}.quants"))?;
        let scales = self.constant(&format!("{name}.scales"))?;
        let (&[n, blocks, bytes], count) = (&quants.shape[..], rows.len()) else { return Err(self.damaged(name)) };
        if n != all {
            return Err(self.damaged(name));
        }
        let bits = if bytes == Bits::Int4.bytes() { Bits::Int4 } else { Bits::Int8 };
        let mut weights = vec![
            self.part(&quants, &format!("{input}.quants"), rows.start, &[count, blocks * bytes])?,
            self.part(&scales, &format!("{input}.scales"), rows.start, &[count, blocks])?,
        ];
        let offsets = self.graph.constant_named(&format!("{name}.offsets"));
        if let Some(offsets) = offsets {
            weights.push(self.part(offsets, &format!("{input}.offsets"), 0, &offsets.shape)?);
        }
        Ok((Kept::Blocks(bits, offsets.is_some()), weights))
    }

    fn vector(&self, input: &str, name: &str) -> Result<Weight> {
        let constant = self.constant(name)?;
        self.part(&constant, input, 0, &constant.shape)
    }

    fn constant(&self, name: &str) -> Result<Constant> {
        self.graph.constant_named(name).cloned().ok_or_else(|| self.damaged(name))
    }

    /// The rows of a constant from `row` on that fill `shape`.
    fn part(&self, constant: &Constant, input: &str, row: usize, shape: &[usize]) -> Result<Weight> {
        let width = constant.dtype.bytes() * shape.iter().skip(1).product::<usize>();
        let begin = row * width;
        let wrong = || self.damaged(input);
        let source = match &constant.data {
            Data::External { offset, length, .. } => {
                if (begin + width * shape[0]) as u64 > *length {
                    return Err(wrong());
                }
                let at = usize::try_from(*offset).map_err(|_| wrong())? + begin;
                Source::Mapped(match constant.dtype {
                    graph::DType::U8 => Mapped::u8(&self.map, at, shape)?,
                    _ => Mapped::f32(&self.map, at, shape)?,
                })
            }
            Data::Inline(bytes) => {
                let bytes = bytes.get(begin..begin + width * shape[0]).ok_or_else(wrong)?;
                Source::Held(match constant.dtype {
                    graph::DType::U8 => Tensor::u8(shape, bytes.to_vec())?,
                    _ => Tensor::f32(shape, bytemuck::pod_collect_to_vec(bytes))?,
                })
            }
        };
        Ok((input.to_owned(), source))
    }

    fn damaged(&self, name: &str) -> Error {
        Error::corrupt(format!("the model's graph lacks {name} or has it in another shape; import the model again"))
    }
}

/// What a packed constant is, as the operator says that reads it.
pub(super) fn packed(graph: &Graph, bytes: &Constant) -> Option<Packed> {
    let reads = |node: &&graph::Node| node.inputs.contains(&Some(bytes.value));
    graph.nodes().iter().filter(reads).find_map(|node| node.op.packed().cloned())
}

impl Source {
    /// Puts it where `session` computes, for many runs to read.
    pub fn settle(&mut self, session: &Session) -> Result<()> {
        if let Some(copy) = session.settle(self.input())? {
            *self = Self::Held(copy);
        }
        Ok(())
    }

    /// As what a session takes.
    pub fn input(&self) -> crate::engine::Input<'_> {
        match self {
            Self::Mapped(mapped) => mapped.into(),
            Self::Held(tensor) => tensor.into(),
        }
    }
}

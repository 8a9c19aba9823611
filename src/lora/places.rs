//! Where an adapter joins a model: the matrices of its serving graph, as `import/decoder.rs` names and joins them.
//!
//! ```text
//! layers.N.attention.qkv   rows of q, k, v one below the other
//! layers.N.attention.o
//! layers.N.mlp.gate_up     rows of gate, up
//! layers.N.mlp.down
//! ```

use super::adapter::{Adapter, Module};
use super::config::Target;
use crate::bundle::{self, Bundle, Decoder};
use crate::error::{Error, Result};
use crate::format;
use crate::graph::{self, Constant, Data, Graph, Node, Op};
use crate::onnx;
use memmap2::Mmap;

/// A matrix of the graph, which one target or several are parts of.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name: `layers.3.attention.qkv`.
    pub name: String,
    /// The layer.
    pub layer: usize,
    /// Its columns.
    pub inputs: usize,
    /// Its rows.
    pub outputs: usize,
    /// The targets and how many of its rows each has, in order.
    pub parts: Vec<(Target, usize)>,
    offsets: Option<Data>,
}

/// How the offsets of a matrix, constant within each block of inputs, come to their product with the blocks' sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sums {
    /// There are no offsets.
    None,
    /// The factors sum the blocks too.
    InFactors,
    /// Nodes of the graph sum them. From some width on that is less to read than a matrix of ones and zeros.
    InGraph,
}

/// The widest matrix whose factors sum its blocks. At 576 columns the ones and zeros are 41 KB and take less time
/// than the two nodes; at 1,536 they are 295 KB, and decoding is 3 % slower with them.
const WIDEST: usize = 1024;

impl Place {
    pub(super) fn sums(&self) -> Sums {
        match self.offsets {
            None => Sums::None,
            Some(_) if self.inputs <= WIDEST => Sums::InFactors,
            Some(_) => Sums::InGraph,
        }
    }

    /// One of the first layer's, of these parts.
    #[cfg(test)]
    pub(super) fn joined(parts: Vec<(Target, usize)>, inputs: usize, has_offsets: bool) -> Self {
        let outputs = parts.iter().map(|(_, rows)| rows).sum();
        let offsets = has_offsets.then(|| Data::Inline(vec![]));
        Self { name: "layers.0.attention.qkv".into(), layer: 0, inputs, outputs, parts, offsets }
    }
}

/// All of a model's.
#[derive(Debug)]
pub struct Places {
    /// In the order of the graph.
    pub list: Vec<Place>,
    layers: usize,
    model: String,
    weights: Mmap,
}

impl Places {
    /// Reads the graph of a bundle, and where adapters join it.
    ///
    /// Errors: `Invalid` for a model that makes vectors or that carries an adapter already; `Unsupported` for a graph
    /// that Wayside did not write.
    pub fn open(bundle: &Bundle) -> Result<(Graph, Self)> {
        let name = &bundle.manifest.name;
        let decoder = bundle.decoder().map_err(|e| e.context("only language models wear adapters"))?;
        if let Some(merged) = &bundle.manifest.merged {
            return Err(Error::invalid(format!(
                "{name} carries adapter {} already; use another with {}, the model under it",
                merged.adapter, merged.base
            )));
        }
        let graph = graph::raise(onnx::read(&bundle.path(bundle::MODEL)?)?)
            .map_err(|e| Error::unsupported(format!("{name} cannot wear adapters")).because(e))?;
        let places = graph.nodes().iter().filter_map(|node| place(&graph, node, decoder));
        let list = places.collect::<Option<Vec<_>>>().filter(|list| list.len() == 4 * decoder.layers);
        let list = list.ok_or_else(|| {
            Error::unsupported(format!("{name} has no layers of a known shape and cannot wear adapters"))
        })?;
        let weights = format::map(&bundle.path(graph::WEIGHTS)?)?;
        Ok((graph, Self { list, layers: decoder.layers, model: name.clone(), weights }))
    }

    /// Whether the adapter fits. Errors: as [`Adapter::check`].
    pub fn check(&self, adapter: &Adapter) -> Result<()> {
        adapter.check(&|module| self.shape(module), self.layers)
    }

    /// Outputs and inputs of a module.
    fn shape(&self, module: Module) -> Option<(usize, usize)> {
        let in_layer = self.list.iter().filter(|p| p.layer == module.layer);
        let rows = |p: &Place| p.parts.iter().find(|(target, _)| *target == module.target).map(|(_, rows)| *rows);
        in_layer.filter_map(|p| Some((rows(p)?, p.inputs))).next()
    }

    /// The offsets of a place, `[inputs / 32, outputs]`; empty where it has none.
    pub(super) fn offsets(&self, place: &Place) -> Result<Vec<f32>> {
        let Some(offsets) = &place.offsets else { return Ok(vec![]) };
        let blocks = place.inputs / crate::tensor::BLOCK;
        let bytes =
            offsets.bytes(&self.weights).filter(|b| b.len() == 4 * blocks * place.outputs).ok_or_else(|| {
                Error::corrupt(format!("the offsets of {} in {} are damaged; import it again", place.name, self.model))
            })?;
        Ok(bytemuck::pod_collect_to_vec(bytes))
    }
}

/// The place whose matrix `node` multiplies with: none for a node that has nothing to do with adapters, `Some(None)`
/// for one that is not as it should be.
fn place(graph: &Graph, node: &Node, decoder: &Decoder) -> Option<Option<Place>> {
    let matrix = graph.constant_at((*node.inputs.get(1)?)?)?;
    let name = graph.name(matrix.value);
    let (name, (outputs, inputs)) = match node.op {
        Op::MatMulBlocks { rows, columns, .. } => (name.strip_suffix(".quants")?, (rows, columns)),
        Op::MatMulPacked(ref packed) => (name.strip_suffix(".packed")?, (packed.rows(), packed.columns)),
        Op::MatMul => (name.strip_suffix(".transposed")?, (*matrix.shape.get(1)?, *matrix.shape.first()?)),
        _ => return None,
    };
    let (layer, part) = name.strip_prefix("layers.")?.split_once('.')?;
    let (name, offsets) = (name.to_owned(), graph.constant_named(&format!("{name}.offsets")));
    let parts = parts(part, outputs, decoder)?;
    let whole = parts.iter().map(|(_, rows)| rows).sum::<usize>() == outputs;
    let offsets = offsets.map(|c: &Constant| c.data.clone());
    let layer = layer.parse().ok().filter(|_| whole);
    Some(layer.map(|layer| Place { name, layer, inputs, outputs, parts, offsets }))
}

fn parts(part: &str, outputs: usize, decoder: &Decoder) -> Option<Vec<(Target, usize)>> {
    let keys = decoder.kv_heads * decoder.head_dim;
    Some(match part {
        "attention.qkv" => {
            vec![(Target::Query, outputs.saturating_sub(2 * keys)), (Target::Key, keys), (Target::Value, keys)]
        }
        "attention.o" => vec![(Target::Output, outputs)],
        "mlp.gate_up" => vec![(Target::Gate, outputs / 2), (Target::Up, outputs / 2)],
        "mlp.down" => vec![(Target::Down, outputs)],
        _ => return None,
    })
}

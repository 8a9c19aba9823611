//! A language model as a folder that any ONNX Runtime loads: blocks that only our operators read become those of
//! `MatMulNBits`, exactly where 4 or 8 bits hold them, else rounded to 8.
//!
//! ```text
//! model.onnx  weights.bin           the graph that `decoder.rs` describes, and its constants
//! tokenizer.json  chat_template.jinja
//! config.json                       extents and ends, as transformers and optimum name them
//! ```

use super::decoder::rope_tables;
use super::linear::{Matrix, blocks, for_table, joined, look_up, product};
use crate::bundle::{self, Bundle};
use crate::durable::Staged;
use crate::error::{Error, Result};
use crate::format;
use crate::graph::{self, Constant, Graph, Node, Op, Value, WEIGHTS, WeightsWriter, lower};
use crate::onnx;
use crate::tensor::{Packed, Tensor};
use crate::watch::{Cancel, Progress};
use memmap2::Mmap;
use prost::Message;
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

/// Writes a language model into the folder `dir`, which must not be there yet, or be empty. Returns the files and how
/// many bytes each has.
///
/// Errors: `Invalid` for a folder that holds something, or a model that makes vectors; `Unsupported` for a model whose
/// graph Wayside did not write: that is an ONNX folder already.
pub fn export(bundle: &Bundle, dir: &Path, progress: &dyn Progress, cancel: &Cancel) -> Result<BTreeMap<String, u64>> {
    let decoder = bundle.decoder()?;
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) || dir.is_file() {
        return Err(Error::invalid(format!("{} is there already; name a new folder", dir.display())));
    }
    if let Some(merged) = &bundle.manifest.merged {
        let (adapter, base) = (&merged.adapter, &merged.base);
        return Err(Error::unsupported(format!(
            "{} carries adapter {adapter}; export {base}, and the adapter by `wayside adapters export`",
            bundle.manifest.name
        )));
    }
    let graph = graph::raise(onnx::read(&bundle.path(bundle::MODEL)?)?)?;
    let map = format::map(&bundle.path(WEIGHTS)?)?;
    let staged = Staged::new(dir)?;
    let mut writer = WeightsWriter::create(staged.path(), WEIGHTS)?;
    let graph = restated(graph, &map, decoder.context, &mut writer, progress, cancel)?;
    writer.finish()?;
    let write = |name: &str, bytes: &[u8]| {
        let path = staged.path().join(name);
        fs::write(&path, bytes).map_err(|e| Error::io(format!("cannot write {}", path.display()), e))
    };
    write(bundle::MODEL, &lower(&graph).encode_to_vec())?;
    for file in [bundle::TOKENIZER, bundle::TEMPLATE] {
        if let Ok(bytes) = fs::read(bundle.path(file)?) {
            write(file, &bytes)?;
        }
    }
    let config = json!({
        "model_type": bundle.manifest.architecture,
        "num_hidden_layers": decoder.layers,
        "num_key_value_heads": decoder.kv_heads,
        "head_dim": decoder.head_dim,
        "vocab_size": decoder.vocabulary,
        "max_position_embeddings": decoder.context,
        "bos_token_id": decoder.bos,
        "eos_token_id": decoder.eos,
    });
    write("config.json", serde_json::to_string_pretty(&config).unwrap_or_default().as_bytes())?;
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(staged.path()).into_iter().flatten().flatten() {
        let length = entry.metadata().map_or(0, |about| about.len());
        files.insert(entry.file_name().to_string_lossy().into_owned(), length);
    }
    staged.publish_for_all()?;
    Ok(files)
}

/// The graph in operators that any ONNX Runtime has, and its constants in the file that `writer` writes. So far they
/// lie in `map`.
fn restated(
    graph: Graph,
    map: &Mmap,
    context: usize,
    writer: &mut WeightsWriter,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Graph> {
    // Matrices that only our operators read stay where they are until they are taken apart; the rest moves as it is.
    let taken_apart: HashSet<Value> =
        graph.nodes().iter().filter_map(|node| node.inputs.get(packed(&node.op)?.1).copied().flatten()).collect();
    let graph = graph.relocated(|constant| match taken_apart.contains(&constant.value) {
        true => Ok(constant.data.clone()),
        false => writer.write(bytes(constant, map)?),
    })?;
    progress.start("export", graph.nodes().len() as u64);
    let mut done: BTreeMap<String, Matrix> = BTreeMap::new();
    let mut ropes: HashMap<Value, Value> = HashMap::new();
    let mut count = 0;
    let graph = graph.rewritten(|graph, mut node| {
        cancel.check()?;
        count += 1;
        progress.at(count);
        let Some((packed, at)) = packed(&node.op) else {
            if let Op::RopeTables(rope) = &node.op {
                let tables = rope_tables(graph, writer, rope, ropes.len() / 2, context)?;
                ropes.extend(node.outputs.iter().copied().zip(tables));
                return Ok(());
            }
            let inputs = node.inputs.iter_mut().flatten();
            inputs.for_each(|input| *input = ropes.get(input).copied().unwrap_or(*input));
            graph.keep(node);
            return Ok(());
        };
        let (constant, other) = operands(graph, &node, at)?;
        let name = graph.name(constant.value).trim_end_matches(".packed").to_owned();
        let matrix = match done.get(&name) {
            Some(matrix) => matrix.clone(),
            None => {
                let matrix = unpacked(graph, writer, &name, packed, bytes(&constant, map)?)?;
                done.insert(name, matrix.clone());
                matrix
            }
        };
        match at {
            0 => look_up(graph, &matrix, other),
            _ => product(graph, other, &matrix, false),
        };
        graph.ends_as(node.outputs[0]);
        Ok(())
    })?;
    progress.finish();
    Ok(graph)
}

/// The matrix of an operator that reads files' own blocks, and which input its bytes are.
fn packed(op: &Op) -> Option<(&Packed, usize)> {
    Some((op.packed()?, usize::from(matches!(op, Op::MatMulPacked(_)))))
}

/// The constant that a node reads at `at`, and its other input.
fn operands(graph: &Graph, node: &Node, at: usize) -> Result<(Constant, Value)> {
    let damaged = || Error::corrupt("a matrix that is no constant; import the model again");
    let input = |at: usize| node.inputs.get(at).copied().flatten().ok_or_else(damaged);
    Ok((graph.constant_at(input(at)?).cloned().ok_or_else(damaged)?, input(1 - at)?))
}

/// The bytes of a constant.
fn bytes<'a>(constant: &'a Constant, map: &'a Mmap) -> Result<&'a [u8]> {
    let bytes = constant.data.bytes(map);
    bytes.ok_or_else(|| Error::corrupt("weights.bin ends too early; import the model again"))
}

/// A packed matrix in blocks: a table as tables are, which serves both ways.
fn unpacked(
    graph: &mut Graph,
    writer: &mut WeightsWriter,
    name: &str,
    packed: &Packed,
    bytes: &[u8],
) -> Result<Matrix> {
    let mut at = 0;
    let mut tensors = Vec::new();
    for (encoding, rows) in &packed.parts {
        let end = at + rows * packed.width(*encoding);
        let bytes = bytes.get(at..end).ok_or_else(|| Error::corrupt("a matrix ends too early; import it again"))?;
        tensors.push(Tensor { name, encoding: *encoding, shape: vec![*rows, packed.columns], bytes });
        at = end;
    }
    let mut made = match &tensors[..] {
        [table] if name == "embed" => for_table(table.encoding, None, packed.columns),
        _ => joined(&tensors, None, packed.columns),
    };
    for (tensor, (_, rows)) in tensors.iter().zip(&packed.parts) {
        made.append(tensor, 0..*rows)?;
    }
    blocks(graph, writer, name, &made)
}

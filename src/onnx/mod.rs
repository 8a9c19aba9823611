//! ONNX files: protobuf to plain structs and back, and the checks an untrusted file must pass.

pub mod check;
pub mod proto;

use crate::error::{Error, Result};
use prost::Message;
use proto::Model;
use std::path::Path;

/// The versions the graphs of Wayside are written in: opset 21 brought 4-bit types, IR 10 carries them.
pub const OPSET: i64 = 21;
/// See [`OPSET`].
pub const IR_VERSION: i64 = 10;

/// Reads a model file, without the external data it points to.
pub fn read(path: &Path) -> Result<Model> {
    let map = crate::format::map(path)?;
    let model =
        Model::decode(&map[..]).map_err(|e| Error::corrupt(format!("{} is no ONNX file: {e}", path.display())))?;
    if model.graph.is_none() {
        return Err(Error::corrupt(format!("{} holds no graph", path.display())));
    }
    Ok(model)
}

/// The bytes of a model file, in which `input`, where it may be left out, must be given: its default value is dropped.
/// ONNX Runtime binds only inputs that must be given, and a program that always gives it loses nothing.
///
/// A model without such an input comes as it is. What is here knows a part of ONNX's schema, enough to write our own
/// graphs and to check others', not to write others' again.
pub fn requiring(path: &Path, input: &str) -> Result<Vec<u8>> {
    let mut model = read(path)?;
    if require(&mut model, input) {
        return Ok(model.encode_to_vec());
    }
    std::fs::read(path).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))
}

/// Drops the default value of an input; whether there was one.
pub fn require(model: &mut Model, input: &str) -> bool {
    let Some(graph) = &mut model.graph else { return false };
    let before = graph.initializer.len();
    if graph.input.iter().any(|i| i.name == input) {
        graph.initializer.retain(|t| t.name != input);
    }
    graph.initializer.len() < before
}

#[cfg(test)]
mod tests {
    use super::proto::{Graph, Tensor, ValueInfo};
    use super::*;

    #[test]
    fn only_a_model_with_a_default_to_drop_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let input = ValueInfo { name: "keep".into(), r#type: None };
        let default = Tensor { name: "keep".into(), ..Tensor::default() };
        let mut model = Model { graph: Some(Graph { input: vec![input], ..Graph::default() }), ..Model::default() };
        // `metadata_props`, which is none of ours.
        let foreign = [model.encode_to_vec(), b"\x72\x03\x0a\x01k".to_vec()].concat();
        std::fs::write(&path, &foreign).unwrap();
        assert_eq!(requiring(&path, "keep").unwrap(), foreign);

        let without = model.encode_to_vec();
        model.graph.as_mut().unwrap().initializer.push(default);
        std::fs::write(&path, model.encode_to_vec()).unwrap();
        assert_eq!(requiring(&path, "keep").unwrap(), without);
        assert_eq!(requiring(&path, "other").unwrap(), model.encode_to_vec());
    }
}

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

/// Makes an input that may be left out one that must be given, by dropping its default value.
///
/// ONNX Runtime binds only the latter, and a program that always gives it loses nothing.
pub fn require(model: &mut Model, input: &str) {
    if let Some(graph) = &mut model.graph
        && graph.input.iter().any(|i| i.name == input)
    {
        graph.initializer.retain(|t| t.name != input);
    }
}

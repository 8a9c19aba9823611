//! A graph as an ONNX model.

use super::{Constant, Data, Extent, Graph, Op, Port, Value};
use crate::kernel::{DOMAIN, MATRICES};
use crate::onnx::proto::{
    Dim, Dimension, EXTERNAL, Entry, Graph as GraphProto, Model, Node, OperatorSet, Shape, Tensor, TensorType, Type,
    ValueInfo,
};
use crate::onnx::{IR_VERSION, OPSET};

/// The model that computes `graph`; its external data is in `weights.bin` beside it.
pub fn lower(graph: &Graph) -> Model {
    let name = |v: Value| graph.names[v.0].clone();
    let port = |p: &Port| ValueInfo { name: name(p.value), r#type: Some(tensor_type(p)) };
    Model {
        ir_version: IR_VERSION,
        producer_name: "wayside".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        opset_import: [("", OPSET), ("com.microsoft", 1), (DOMAIN, 1)]
            .into_iter()
            .filter(|(domain, _)| *domain != DOMAIN || graph.nodes.iter().any(|n| n.op.domain() == DOMAIN))
            .map(|(domain, version)| OperatorSet { domain: domain.into(), version })
            .collect(),
        graph: Some(GraphProto {
            name: "wayside".into(),
            input: graph.inputs.iter().map(port).collect(),
            output: graph.outputs.iter().map(port).collect(),
            initializer: graph.constants.iter().map(|c| tensor(c, name(c.value))).collect(),
            node: graph
                .nodes
                .iter()
                .map(|n| Node {
                    name: n.name.clone(),
                    op_type: n.op.kind().into(),
                    domain: n.op.domain().into(),
                    input: n.read().iter().map(|v| v.map(name).unwrap_or_default()).collect(),
                    output: outputs(n, name),
                    attribute: n.op.attributes(),
                })
                .collect(),
            ..GraphProto::default()
        }),
        ..Model::default()
    }
}

/// The names of a node's outputs, with those left out that operators have between them.
fn outputs(node: &super::Node, name: impl Fn(Value) -> String) -> Vec<String> {
    let mut names: Vec<String> = node.outputs.iter().map(|&v| name(v)).collect();
    let (at, without) = match &node.op {
        // The sum of a skip is the fourth; the two before are for training.
        Op::SkipRmsNorm { .. } if names.len() == 2 => (1, 2),
        // Caches come behind all matrices that there could be.
        Op::Stack(program) => (program.outputs.len(), MATRICES.saturating_sub(program.outputs.len())),
        _ => (0, 0),
    };
    names.splice(at..at, std::iter::repeat_n(String::new(), without));
    names
}

fn tensor_type(port: &Port) -> Type {
    let dim = |e: &Extent| match e {
        Extent::Known(n) => Dim::Value(*n as i64),
        Extent::Named(n) => Dim::Param(n.to_string()),
    };
    let dim = port.shape.iter().map(|e| Dimension { value: Some(dim(e)) }).collect();
    Type { tensor_type: Some(TensorType { elem_type: port.dtype as i32, shape: Some(Shape { dim }) }) }
}

fn tensor(constant: &Constant, name: String) -> Tensor {
    let mut tensor = Tensor {
        name,
        dims: constant.shape.iter().map(|&d| d as i64).collect(),
        data_type: constant.dtype as i32,
        ..Tensor::default()
    };
    match &constant.data {
        Data::Inline(bytes) => tensor.raw_data = Some(bytes.clone()),
        Data::External { file, offset, length } => {
            let entry = |key: &str, value: String| Entry { key: key.into(), value };
            tensor.data_location = Some(EXTERNAL);
            tensor.external_data = vec![
                entry("location", file.to_string()),
                entry("offset", offset.to_string()),
                entry("length", length.to_string()),
            ];
        }
    }
    tensor
}

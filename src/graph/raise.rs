//! An ONNX model as a graph: the way back from [`super::lower`], so that what was imported can be rewritten.
//!
//! It understands what Wayside writes. A model that came ready from elsewhere may hold other operators, and is refused.

use super::op::ROUNDING;
use super::{Attention, Constant, DType, Data, Extent, Graph, Node, Op, Port, Value};
use crate::bundle::Rope;
use crate::error::{Error, Result};
use crate::kernel::{GATHER_PACKED, MAT_MUL_PACKED, PACKED, ROPE, ROPE_TABLES};
use crate::onnx::proto::{Attribute, Dim, Model, Node as NodeProto, Tensor, ValueInfo};
use crate::tensor::{Bits, Packed};
use std::collections::HashMap;

/// The graph of a model that [`super::lower`] wrote. Errors: `Unsupported` for anything it does not write.
pub fn raise(model: Model) -> Result<Graph> {
    let proto = model.graph.unwrap_or_default();
    let mut raised = Raised::default();
    for port in proto.input {
        let port = raised.port(port)?;
        raised.graph.inputs.push(port);
    }
    for tensor in proto.initializer {
        let constant = raised.constant(tensor)?;
        raised.graph.constants.push(constant);
    }
    for node in proto.node {
        let op = op(&node)?;
        let inputs = node.input.iter().map(|n| (!n.is_empty()).then(|| raised.value(n))).collect();
        let outputs = node.output.iter().filter(|n| !n.is_empty()).map(|n| raised.value(n)).collect();
        raised.graph.nodes.push(Node { op, name: node.name, inputs, outputs });
    }
    for port in proto.output {
        let port = raised.port(port)?;
        raised.graph.outputs.push(port);
    }
    Ok(raised.graph)
}

#[derive(Default)]
struct Raised {
    graph: Graph,
    values: HashMap<String, Value>,
}

impl Raised {
    fn value(&mut self, name: &str) -> Value {
        if let Some(value) = self.values.get(name) {
            return *value;
        }
        let value = self.graph.value(name.to_owned());
        self.values.insert(name.to_owned(), value);
        value
    }

    fn port(&mut self, info: ValueInfo) -> Result<Port> {
        let value = self.value(&info.name);
        let about = info.r#type.and_then(|t| t.tensor_type);
        let about = about.ok_or_else(|| foreign(&format!("the type of {}", info.name)))?;
        let shape = about.shape.unwrap_or_default().dim.into_iter().map(|d| match d.value {
            Some(Dim::Value(n)) => Ok(Extent::Known(n.max(0) as usize)),
            Some(Dim::Param(name)) => Ok(Extent::Named(name.into())),
            None => Err(foreign(&format!("the shape of {}", info.name))),
        });
        Ok(Port { value, dtype: dtype(about.elem_type)?, shape: shape.collect::<Result<_>>()? })
    }

    fn constant(&mut self, tensor: Tensor) -> Result<Constant> {
        let value = self.value(&tensor.name);
        let wrong = || foreign(&format!("the constant {}", tensor.name));
        let entry = |key: &str| {
            let entry = tensor.external_data.iter().find(|e| e.key == key);
            entry.map(|e| e.value.as_str()).ok_or_else(wrong)
        };
        let data = match &tensor.raw_data {
            Some(bytes) => Data::Inline(bytes.clone()),
            None => {
                let number = |key: &str| entry(key)?.parse::<u64>().map_err(|_| wrong());
                Data::External {
                    file: entry("location")?.to_owned().into(),
                    offset: number("offset")?,
                    length: number("length")?,
                }
            }
        };
        let shape = tensor.dims.iter().map(|&d| usize::try_from(d).map_err(|_| wrong())).collect::<Result<_>>()?;
        Ok(Constant { value, dtype: dtype(tensor.data_type)?, shape, data })
    }
}

fn foreign(what: &str) -> Error {
    Error::unsupported(format!(
        "{what} is none that Wayside writes; only models imported from GGUF or safetensors can wear adapters"
    ))
}

fn dtype(number: i32) -> Result<DType> {
    [DType::F32, DType::U8, DType::I32, DType::I64, DType::F16]
        .into_iter()
        .find(|d| *d as i32 == number)
        .ok_or_else(|| foreign(&format!("element type {number}")))
}

fn op(node: &NodeProto) -> Result<Op> {
    let get = |name: &str| node.attribute.iter().find(|a| a.name == name);
    let missing = || foreign(&format!("operator {} without its attributes", node.op_type));
    let int = |name: &str| get(name).and_then(|a| a.i).ok_or_else(missing);
    let size = |name: &str| usize::try_from(int(name)?).map_err(|_| missing());
    let flag = |name: &str| get(name).and_then(|a| a.i).unwrap_or(0) != 0;
    let float = |name: &str| get(name).and_then(|a| a.f).ok_or_else(missing);
    let bits = || match int("bits")? {
        4 => Ok(Bits::Int4),
        8 => Ok(Bits::Int8),
        _ => Err(missing()),
    };
    let text = |name: &str| get(name).and_then(|a| a.s.as_ref()).and_then(|s| std::str::from_utf8(s).ok());
    let packed = || text(PACKED).and_then(Packed::decode).ok_or_else(missing);
    Ok(match node.op_type.as_str() {
        "Abs" => Op::Abs,
        "Add" => Op::Add,
        "Cast" => Op::Cast(dtype(i32::try_from(int("to")?).map_err(|_| missing())?)?),
        "Concat" => Op::Concat { axis: int("axis")? },
        "Div" => Op::Div,
        "Exp" => Op::Exp,
        "FusedMatMul" => Op::FusedMatMul {
            transpose_a: flag("transA"),
            transpose_b: flag("transB"),
            scale: get("alpha").and_then(|a| a.f).unwrap_or(1.0),
        },
        "Gather" => Op::Gather { axis: int("axis")? },
        GATHER_PACKED => Op::GatherPacked(packed()?),
        MAT_MUL_PACKED => Op::MatMulPacked(packed()?),
        "GatherBlockQuantized" => Op::GatherBlocks(bits()?),
        "FastGelu" => Op::GeluTanh,
        "Gelu" => Op::Gelu,
        "Gemm" => Op::Gemm { transpose_a: flag("transA"), transpose_b: flag("transB"), scale: float("alpha")? },
        "GroupQueryAttention" => Op::GroupQueryAttention(Attention {
            heads: size("num_heads")?,
            kv_heads: size("kv_num_heads")?,
            window: get("local_window_size").map(|_| size("local_window_size")).transpose()?,
            scale: get("scale").and_then(|a| a.f),
            cap: get("softcap").and_then(|a| a.f),
            turns: flag("do_rotary"),
        }),
        "LayerNormalization" => Op::LayerNorm { epsilon: float("epsilon")? },
        "Log" => Op::Log,
        "MatMul" => Op::MatMul,
        "MatMulNBits" if int("accuracy_level")? == ROUNDING => {
            Op::MatMulBlocks { bits: bits()?, rows: size("N")?, columns: size("K")? }
        }
        "Min" => Op::Min,
        "Mul" => Op::Mul,
        "MultiHeadAttention" => Op::MultiHeadAttention { heads: size("num_heads")? },
        "Neg" => Op::Neg,
        "QuickGelu" => Op::Silu,
        "ReduceMax" => Op::ReduceMax,
        "ReduceMean" => Op::ReduceMean,
        "ReduceSum" => Op::ReduceSum { keep: flag("keepdims") },
        "Reshape" => Op::Reshape,
        ROPE_TABLES => Op::RopeTables(text(ROPE).and_then(Rope::decode).ok_or_else(missing)?),
        "RotaryEmbedding" => Op::Rotary,
        "Round" => Op::Round,
        "ScatterND" => Op::ScatterAdd,
        "Shape" => Op::Shape,
        "Sigmoid" => Op::Sigmoid,
        "SimplifiedLayerNormalization" => Op::RmsNorm { epsilon: float("epsilon")? },
        "SkipLayerNormalization" => Op::SkipLayerNorm { epsilon: float("epsilon")? },
        "SkipSimplifiedLayerNormalization" => Op::SkipRmsNorm { epsilon: float("epsilon")? },
        "Slice" => Op::Slice,
        "Softmax" => Op::Softmax,
        "Split" if get("num_outputs").is_some() => Op::Halve { axis: int("axis")? },
        "Split" => Op::Split { axis: int("axis")? },
        "Sqrt" => Op::Sqrt,
        "Sub" => Op::Sub,
        "Transpose" => Op::Transpose(get("perm").map(|a: &Attribute| a.ints.clone()).ok_or_else(missing)?),
        other => return Err(foreign(&format!("operator {other}"))),
    })
}

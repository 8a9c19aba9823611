//! What distinguishes operators of one kind, as ONNX spells it.

use super::Op;
use super::op::ROUNDING;
use crate::kernel::{PACKED, ROPE};
use crate::onnx::proto::{Attribute, AttributeType};
use crate::tensor::BLOCK;

impl Op {
    /// Its attributes.
    pub(super) fn attributes(&self) -> Vec<Attribute> {
        match self {
            Self::Adapted { .. } => vec![int("transB", 1)],
            Self::FusedMatMul { transpose_a, transpose_b, scale } | Self::Gemm { transpose_a, transpose_b, scale } => {
                vec![
                    int("transA", usize::from(*transpose_a)),
                    int("transB", usize::from(*transpose_b)),
                    float("alpha", *scale),
                ]
            }
            Self::Cast(to) => vec![int("to", *to as usize)],
            Self::Concat { axis } | Self::Gather { axis } | Self::Split { axis } => {
                vec![Attribute { i: Some(*axis), ..int("axis", 0) }]
            }
            Self::GatherBlocks(bits) => vec![
                int("gather_axis", 0),
                int("quantize_axis", 1),
                int("block_size", BLOCK),
                int("bits", bits.count()),
            ],
            Self::GatherPacked(packed) | Self::MatMulPacked(packed) => vec![text(PACKED, &packed.encode())],
            Self::GroupQueryAttention(a) => {
                let mut attributes =
                    vec![int("num_heads", a.heads), int("kv_num_heads", a.kv_heads), int("do_rotary", a.turns.into())];
                attributes.extend(a.window.map(|w| int("local_window_size", w)));
                attributes.extend(a.scale.map(|scale| float("scale", scale)));
                attributes.extend(a.cap.map(|cap| float("softcap", cap)));
                attributes
            }
            Self::Halve { axis } => vec![Attribute { i: Some(*axis), ..int("axis", 0) }, int("num_outputs", 2)],
            Self::LayerNorm { epsilon } | Self::RmsNorm { epsilon } => {
                vec![Attribute { i: Some(-1), ..int("axis", 0) }, float("epsilon", *epsilon)]
            }
            Self::SkipLayerNorm { epsilon } | Self::SkipRmsNorm { epsilon } => vec![float("epsilon", *epsilon)],
            Self::MatMulBlocks { bits, rows, columns } => vec![
                int("K", *columns),
                int("N", *rows),
                int("bits", bits.count()),
                int("block_size", BLOCK),
                int("accuracy_level", ROUNDING as usize),
            ],
            Self::MultiHeadAttention { heads } => vec![int("num_heads", *heads)],
            Self::ReduceSum { keep } => vec![int("keepdims", usize::from(*keep))],
            Self::ScatterAdd => vec![text("reduction", "add")],
            Self::Silu => vec![float("alpha", 1.0)],
            Self::Softmax => vec![Attribute { i: Some(-1), ..int("axis", 0) }],
            Self::RopeTables(rope) => vec![text(ROPE, &rope.encode())],
            Self::Stack(program) => vec![text("program", &program.encode())],
            Self::Transpose(order) => vec![Attribute {
                name: "perm".into(),
                ints: order.clone(),
                r#type: AttributeType::Ints as i32,
                ..Attribute::default()
            }],
            Self::Abs
            | Self::Add
            | Self::Attend(..)
            | Self::Div
            | Self::Exp
            | Self::Gate(_)
            | Self::Gelu
            | Self::GeluTanh
            | Self::LinearPacked { .. }
            | Self::Log
            | Self::MatMul
            | Self::Min
            | Self::Mul
            | Self::Neg
            | Self::Product
            | Self::ReduceMax
            | Self::ReduceMean
            | Self::Reshape
            | Self::Rotary
            | Self::Round
            | Self::Scale { .. }
            | Self::Shape
            | Self::Sigmoid
            | Self::Slice
            | Self::Sqrt
            | Self::Sub => vec![],
        }
    }
}

fn int(name: &str, value: usize) -> Attribute {
    Attribute { name: name.into(), i: Some(value as i64), r#type: AttributeType::Int as i32, ..Attribute::default() }
}

fn float(name: &str, value: f32) -> Attribute {
    Attribute { name: name.into(), f: Some(value), r#type: AttributeType::Float as i32, ..Attribute::default() }
}

fn text(name: &str, value: &str) -> Attribute {
    let s = Some(value.as_bytes().to_vec());
    Attribute { name: name.into(), s, r#type: AttributeType::String as i32, ..Attribute::default() }
}

//! The operators Wayside's graphs are made of. The set is closed: whoever walks a graph matches on all of it.

use super::DType;
use crate::onnx::proto::{Attribute, AttributeType};
use crate::tensor::{BLOCK, Bits};

/// What grouped-query attention needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Tokens of the past that a token sees, where the model slides a window.
    pub window: Option<usize>,
}

/// An operator of ONNX or of ONNX Runtime's own domain, with its attributes. Shapes are row-major; `B` batch,
/// `S` sequence, `K` inputs, `N` outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Magnitude.
    Abs,
    /// Sum with broadcasting.
    Add,
    /// Changes the element type.
    Cast(DType),
    /// One behind the other along an axis.
    Concat {
        /// Which.
        axis: i64,
    },
    /// Quotient with broadcasting.
    Div,
    /// `(table, indices)`: rows along an axis.
    Gather {
        /// Which axis the indices count.
        axis: i64,
    },
    /// `(quants [V, K bytes], indices, scales [V, K / 32])`: rows of a quantized table, as float32.
    GatherBlocks(Bits),
    /// x Phi(x), exactly.
    Gelu,
    /// `(packed qkv or q, k, v, past key, past value, past length, total length, cosines, sines)` to
    /// `(attended, present key, present value)`. Past and present may be one buffer of shape
    /// `[B, kv_heads, capacity, head_dim]`: then the cache grows in place.
    GroupQueryAttention(Attention),
    /// `(x, gain, bias)` over the last axis.
    LayerNorm {
        /// Added to the variance.
        epsilon: f32,
    },
    /// Matrix product with broadcasting.
    MatMul,
    /// `(x [.., K], quants, scales)`: x times the transpose of a quantized `[N, K]` matrix.
    MatMulBlocks {
        /// Bits of a weight.
        bits: Bits,
        /// N.
        rows: usize,
        /// K.
        columns: usize,
    },
    /// Into two equal pieces along an axis.
    Halve {
        /// Which.
        axis: i64,
    },
    /// Product with broadcasting.
    Mul,
    /// `(q, k, v, -, key padding mask)`: attention in both directions.
    MultiHeadAttention {
        /// Heads.
        heads: usize,
    },
    /// The sign turned.
    Neg,
    /// `(x, axes)`: the largest; the axes stay, with extent 1.
    ReduceMax,
    /// `(x, axes)`.
    ReduceSum {
        /// Whether the summed axes stay, with extent 1.
        keep: bool,
    },
    /// `(x, shape)`.
    Reshape,
    /// `(x, gain)` over the last axis.
    RmsNorm {
        /// Added to the mean square.
        epsilon: f32,
    },
    /// To the nearest integer, ties to the even one.
    Round,
    /// The shape of a value.
    Shape,
    /// x sigmoid(x).
    Silu,
    /// `(x, skip, gain, bias)`: LayerNorm of x + skip.
    SkipLayerNorm {
        /// Added to the variance.
        epsilon: f32,
    },
    /// `(x, skip, gain)` to `(RmsNorm(x + skip), x + skip)`.
    SkipRmsNorm {
        /// Added to the mean square.
        epsilon: f32,
    },
    /// `(x, starts, ends, axes)`.
    Slice,
    /// `(x, sizes)` into pieces along an axis.
    Split {
        /// Which; -1 is the last.
        axis: i64,
    },
    /// Difference with broadcasting.
    Sub,
    /// Axes in another order.
    Transpose(Vec<i64>),
}

const MICROSOFT: &str = "com.microsoft";

impl Op {
    /// ONNX's name of the operator.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Abs => "Abs",
            Self::Add => "Add",
            Self::Cast(_) => "Cast",
            Self::Concat { .. } => "Concat",
            Self::Div => "Div",
            Self::Gather { .. } => "Gather",
            Self::GatherBlocks(_) => "GatherBlockQuantized",
            Self::Gelu => "Gelu",
            Self::GroupQueryAttention(_) => "GroupQueryAttention",
            Self::LayerNorm { .. } => "LayerNormalization",
            Self::MatMul => "MatMul",
            Self::MatMulBlocks { .. } => "MatMulNBits",
            Self::Mul => "Mul",
            Self::MultiHeadAttention { .. } => "MultiHeadAttention",
            Self::Neg => "Neg",
            Self::ReduceMax => "ReduceMax",
            Self::ReduceSum { .. } => "ReduceSum",
            Self::Reshape => "Reshape",
            Self::RmsNorm { .. } => "SimplifiedLayerNormalization",
            Self::Round => "Round",
            Self::Shape => "Shape",
            Self::Silu => "QuickGelu",
            Self::SkipLayerNorm { .. } => "SkipLayerNormalization",
            Self::SkipRmsNorm { .. } => "SkipSimplifiedLayerNormalization",
            Self::Slice => "Slice",
            Self::Halve { .. } | Self::Split { .. } => "Split",
            Self::Sub => "Sub",
            Self::Transpose(_) => "Transpose",
        }
    }

    /// The domain that defines it: empty for ONNX itself.
    pub fn domain(&self) -> &'static str {
        match self {
            Self::GatherBlocks(_)
            | Self::GroupQueryAttention(_)
            | Self::MatMulBlocks { .. }
            | Self::MultiHeadAttention { .. }
            | Self::Silu
            | Self::SkipLayerNorm { .. }
            | Self::SkipRmsNorm { .. } => MICROSOFT,
            _ => "",
        }
    }

    /// Its attributes.
    pub(super) fn attributes(&self) -> Vec<Attribute> {
        match self {
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
            Self::GroupQueryAttention(a) => {
                let mut attributes =
                    vec![int("num_heads", a.heads), int("kv_num_heads", a.kv_heads), int("do_rotary", 1)];
                attributes.extend(a.window.map(|w| int("local_window_size", w)));
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
                // Level 4 rounds activations to int8 blocks of 32: twice as fast at one row, 0.2 % of noise.
                int("accuracy_level", 4),
            ],
            Self::MultiHeadAttention { heads } => vec![int("num_heads", *heads)],
            Self::ReduceSum { keep } => vec![int("keepdims", usize::from(*keep))],
            Self::Silu => vec![float("alpha", 1.0)],
            Self::Transpose(order) => vec![Attribute {
                name: "perm".into(),
                ints: order.clone(),
                r#type: AttributeType::Ints as i32,
                ..Attribute::default()
            }],
            Self::Abs
            | Self::Add
            | Self::Div
            | Self::Gelu
            | Self::MatMul
            | Self::Mul
            | Self::Neg
            | Self::ReduceMax
            | Self::Reshape
            | Self::Round
            | Self::Shape
            | Self::Slice
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

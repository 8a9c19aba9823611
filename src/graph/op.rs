//! The operators Wayside's graphs are made of. The set is closed: whoever walks a graph matches on all of it.

use super::DType;
use crate::bundle::Activation;
use crate::kernel::{DOMAIN, Program};
use crate::onnx::proto::{Attribute, AttributeType};
use crate::tensor::{BLOCK, Bits};

/// What grouped-query attention needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Tokens that a token sees, where the model slides a window.
    pub window: Option<usize>,
    /// What scores are multiplied by: one over the root of a head's numbers without.
    pub scale: Option<f32>,
    /// Scores stay within this, by tanh.
    pub cap: Option<f32>,
    /// Whether heads of queries and keys are turned to their positions.
    pub turns: bool,
}

/// An operator of ONNX or of ONNX Runtime's own domain, with its attributes. Shapes are row-major; `B` batch,
/// `S` sequence, `K` inputs, `N` outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Magnitude.
    Abs,
    /// `(x [M, K], w [N, K], a [R, K], b [R, N])` to `x wᵀ`, where `w` is a frozen matrix plus `scale bᵀ a`: a linear
    /// layer with its adapter folded in. Forward is one product and reads only `x` and `w`; the gradient reaches the
    /// factors directly, without the `[N, K]` gradient of `w` in between.
    Adapted {
        /// What the product of the factors is multiplied by.
        scale: f32,
    },
    /// Sum with broadcasting.
    Add,
    /// [`Op::GroupQueryAttention`] without a window, by a kernel of ours: see [`crate::kernel::Work::Attend`].
    Attend(Attention),
    /// `(x [.., K])`: the sum of each block of 32, in a [`Op::Stack`].
    BlockSums,
    /// Changes the element type.
    Cast(DType),
    /// One behind the other along an axis.
    Concat {
        /// Which.
        axis: i64,
    },
    /// Quotient with broadcasting.
    Div,
    /// e to the power of x.
    Exp,
    /// `(a, b)`: product of matrices, each transposed first where it says so, times `scale`. Leading axes are a batch.
    FusedMatMul {
        /// Whether the last two axes of `a` change places.
        transpose_a: bool,
        /// Whether the last two axes of `b` change places.
        transpose_b: bool,
        /// Factor of the result.
        scale: f32,
    },
    /// `(x [.., 2 K])`: `activation(first half) * second half`, in a [`Op::Stack`].
    Gate(Activation),
    /// `(table, indices)`: rows along an axis.
    Gather {
        /// Which axis the indices count.
        axis: i64,
    },
    /// `(quants [V, K bytes], indices, scales [V, K / 32])`: rows of a quantized table, as float32.
    GatherBlocks(Bits),
    /// x Phi(x), exactly.
    Gelu,
    /// The same by its approximation with tanh.
    GeluTanh,
    /// `(a, b, c)`: `scale a b + c`, for matrices, each transposed first where it says so.
    Gemm {
        /// Whether `a` is transposed.
        transpose_a: bool,
        /// Whether `b` is transposed.
        transpose_b: bool,
        /// Factor of the product.
        scale: f32,
    },
    /// `(packed qkv or q, k, v, past key, past value, past length, total length, cosines, sines)` to
    /// `(attended, present key, present value)`. Past and present may be one buffer of shape
    /// `[B, kv_heads, capacity, head_dim]`: then the cache grows in place.
    GroupQueryAttention(Attention),
    /// `(x, gain, bias)` over the last axis.
    LayerNorm {
        /// Added to the variance.
        epsilon: f32,
    },
    /// `(x, quants, scales)`, and the offsets where it has some: as [`Op::MatMulBlocks`] with its offsets added, in a
    /// [`Op::Stack`].
    Linear {
        /// Bits of a weight.
        bits: Bits,
        /// Outputs, N.
        rows: usize,
        /// Inputs, K.
        columns: usize,
        /// Whether x is `[.., 2 K]`, gates before values, of which `activation(gate) * value` is meant.
        gated: Option<Activation>,
    },
    /// Natural logarithm.
    Log,
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
    /// The smaller, with broadcasting.
    Min,
    /// Product with broadcasting.
    Mul,
    /// `(q, k, v, -, key padding mask)`: attention in both directions.
    MultiHeadAttention {
        /// Heads.
        heads: usize,
    },
    /// The sign turned.
    Neg,
    /// [`Op::MatMul`] with a matrix, in a [`Op::Stack`]: each row by itself.
    Product,
    /// `(x, axes)`: the largest; the axes stay, with extent 1.
    ReduceMax,
    /// `(x, axes)`: the mean; the axes stay, with extent 1.
    ReduceMean,
    /// `(x, axes)`.
    ReduceSum {
        /// Whether the summed axes stay, with extent 1.
        keep: bool,
    },
    /// `(x, shape)`; or `(x, shape, shape of x)`, of which the third is read by the gradient alone.
    Reshape,
    /// `(x, gain)` over the last axis; a second output is the reciprocal of the root mean square, `[.., 1]`.
    RmsNorm {
        /// Added to the mean square.
        epsilon: f32,
    },
    /// `(x [B, S, heads * head_dim], first position, cosines, sines)`: rotary positions, halves apart.
    Rotary,
    /// To the nearest integer, ties to the even one.
    Round,
    /// `(x)`: x times a number, in a [`Op::Stack`].
    Scale {
        /// The number.
        by: f32,
    },
    /// `(x, indices [n, 1], rows)`: x with `rows` added where the indices say.
    ScatterAdd,
    /// The shape of a value.
    Shape,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
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
    /// Over the last axis.
    Softmax,
    /// `(x, sizes)` into pieces along an axis.
    Split {
        /// Which; -1 is the last.
        axis: i64,
    },
    /// Square root.
    Sqrt,
    /// Many of our operators in one node. What it makes are the program's outputs, then the caches.
    Stack(Program),
    /// Difference with broadcasting.
    Sub,
    /// Axes in another order.
    Transpose(Vec<i64>),
}

const MICROSOFT: &str = "com.microsoft";
/// The accuracy level of products with blocks: activations are rounded to int8, in blocks of 32. Twice as fast at one
/// row as float32, for 0.2 % of noise.
pub(super) const ROUNDING: i64 = 4;

impl Op {
    /// ONNX's name of the operator.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Abs => "Abs",
            Self::Attend(_) => "Attention",
            Self::BlockSums => "BlockSums",
            Self::Gate(_) => "Gate",
            Self::Stack(_) => "Stack",
            Self::Adapted { .. } | Self::FusedMatMul { .. } => "FusedMatMul",
            Self::Add => "Add",
            Self::Cast(_) => "Cast",
            Self::Concat { .. } => "Concat",
            Self::Div => "Div",
            Self::Exp => "Exp",
            Self::Gather { .. } => "Gather",
            Self::GatherBlocks(_) => "GatherBlockQuantized",
            Self::Gelu => "Gelu",
            Self::GeluTanh => "FastGelu",
            Self::Gemm { .. } => "Gemm",
            Self::GroupQueryAttention(_) => "GroupQueryAttention",
            Self::LayerNorm { .. } => "LayerNormalization",
            Self::Linear { .. } => "Linear",
            Self::Log => "Log",
            Self::MatMul => "MatMul",
            Self::MatMulBlocks { .. } => "MatMulNBits",
            Self::Min => "Min",
            Self::Mul => "Mul",
            Self::MultiHeadAttention { .. } => "MultiHeadAttention",
            Self::Neg => "Neg",
            Self::Product => "Product",
            Self::ReduceMax => "ReduceMax",
            Self::ReduceMean => "ReduceMean",
            Self::ReduceSum { .. } => "ReduceSum",
            Self::Reshape => "Reshape",
            Self::RmsNorm { .. } => "SimplifiedLayerNormalization",
            Self::Rotary => "RotaryEmbedding",
            Self::Round => "Round",
            Self::Scale { .. } => "Scale",
            Self::ScatterAdd => "ScatterND",
            Self::Shape => "Shape",
            Self::Sigmoid => "Sigmoid",
            Self::Silu => "QuickGelu",
            Self::SkipLayerNorm { .. } => "SkipLayerNormalization",
            Self::SkipRmsNorm { .. } => "SkipSimplifiedLayerNormalization",
            Self::Slice => "Slice",
            Self::Softmax => "Softmax",
            Self::Sqrt => "Sqrt",
            Self::Halve { .. } | Self::Split { .. } => "Split",
            Self::Sub => "Sub",
            Self::Transpose(_) => "Transpose",
        }
    }

    /// The domain that defines it: empty for ONNX itself.
    pub fn domain(&self) -> &'static str {
        match self {
            Self::Adapted { .. }
            | Self::FusedMatMul { .. }
            | Self::GatherBlocks(_)
            | Self::GeluTanh
            | Self::GroupQueryAttention(_)
            | Self::MatMulBlocks { .. }
            | Self::MultiHeadAttention { .. }
            | Self::Rotary
            | Self::Silu
            | Self::SkipLayerNorm { .. }
            | Self::SkipRmsNorm { .. } => MICROSOFT,
            Self::Attend(_)
            | Self::BlockSums
            | Self::Gate(_)
            | Self::Linear { .. }
            | Self::Product
            | Self::Scale { .. }
            | Self::Stack(_) => DOMAIN,
            _ => "",
        }
    }

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
            Self::Stack(program) => vec![text("program", &program.encode())],
            Self::Transpose(order) => vec![Attribute {
                name: "perm".into(),
                ints: order.clone(),
                r#type: AttributeType::Ints as i32,
                ..Attribute::default()
            }],
            Self::Abs
            | Self::Add
            | Self::Attend(_)
            | Self::BlockSums
            | Self::Div
            | Self::Exp
            | Self::Gate(_)
            | Self::Gelu
            | Self::GeluTanh
            | Self::Linear { .. }
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

//! The operators Wayside's graphs are made of. The set is closed: whoever walks a graph matches on all of it.

use super::DType;
use crate::bundle::{Activation, Rope};
use crate::kernel::{DOMAIN, GATHER_PACKED, MAT_MUL_PACKED, Program, ROPE_TABLES};
use crate::tensor::{Bits, Packed};

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
    /// [`Op::GroupQueryAttention`] by a kernel of ours, which may compute its tables: see
    /// [`crate::kernel::Work::Attend`].
    Attend(Attention, Option<Rope>),
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
    /// `(bytes, indices)`: rows of a matrix in the encoding of its file, as float32. The matrix has one part.
    GatherPacked(Packed),
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
    /// As [`Op::MatMulPacked`], in a [`Op::Stack`].
    LinearPacked {
        /// The matrix.
        packed: Packed,
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
    /// `(x [.., K], bytes)`: x times the transpose of a matrix in the encodings of its file.
    MatMulPacked(Packed),
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
    /// `(total length)` to `(cosines, sines)`, each `[total length, width / 2]`: the tables of a rope.
    RopeTables(Rope),
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
            Self::Attend(..) => "Attention",
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
            Self::GatherPacked(_) => GATHER_PACKED,
            Self::Gelu => "Gelu",
            Self::GeluTanh => "FastGelu",
            Self::Gemm { .. } => "Gemm",
            Self::GroupQueryAttention(_) => "GroupQueryAttention",
            Self::LayerNorm { .. } => "LayerNormalization",
            Self::LinearPacked { .. } => "LinearPacked",
            Self::Log => "Log",
            Self::MatMul => "MatMul",
            Self::MatMulBlocks { .. } => "MatMulNBits",
            Self::MatMulPacked(_) => MAT_MUL_PACKED,
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
            Self::RopeTables(_) => ROPE_TABLES,
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

    /// The matrix in the encodings of its file that it reads, where it reads such.
    pub fn packed(&self) -> Option<&Packed> {
        match self {
            Self::GatherPacked(packed) | Self::MatMulPacked(packed) => Some(packed),
            _ => None,
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
            Self::Attend(..)
            | Self::Gate(_)
            | Self::GatherPacked(_)
            | Self::LinearPacked { .. }
            | Self::MatMulPacked(_)
            | Self::Product
            | Self::RopeTables(_)
            | Self::Scale { .. }
            | Self::Stack(_) => DOMAIN,
            _ => "",
        }
    }
}

//! Linear layers of a training graph: frozen blocks as one float32 matrix, the adapter folded in.
//!
//! The packed weights become `[N, K]` once a run, and one product each way reads them. Offsets are constant within a
//! block, so they are a frozen adapter of rank K / 32: `Oᵀ E`, where row b of `E` has ones in block b. Offsets and
//! factors join the matrix in one product:
//!
//! ```text
//! w = dequantized + [O; B]ᵀ [E; scale A]
//! ```
//!
//! From some 300 tokens on that is less work than the same products on the tokens' side.

use super::shape::{Form, Kept, Shape};
use crate::graph::{DType, Data, Graph, Op, Value};
use crate::lora::{LoraConfig, Target};
use crate::tensor::{BLOCK, Packed};

/// The factors of one adapter in a graph.
#[derive(Clone, Copy)]
pub(super) struct Factors {
    /// `[r, K]`.
    pub a: Value,
    /// `[r, N]`: the transpose of PEFT's B.
    pub b: Value,
}

/// The float32 matrix `[N, K]` of a target in a layer of `form`, with `factors` folded in.
pub(super) fn matrix(
    g: &mut Graph,
    shape: &Shape,
    form: &Form,
    target: Target,
    factors: Option<Factors>,
    scale: f32,
) -> Value {
    let (rows, columns) = shape.matrix(target);
    // Where the target's rows begin in the matrix it is a part of.
    let (begin, all) = match target {
        Target::Query => (0, shape.joined()),
        Target::Key => (shape.matrix(Target::Query).0, shape.joined()),
        Target::Value => (shape.matrix(Target::Query).0 + rows, shape.joined()),
        Target::Gate => (0, 2 * rows),
        Target::Up => (rows, 2 * rows),
        Target::Output | Target::Down => (0, rows),
    };
    let kept = form.kept[target as usize];
    let part = Part { name: target.peft(), begin, rows, all, columns };
    let (w, offsets) = part.dense(g, kept);
    let factors = factors.map(|f| {
        let scale = g.float(scale);
        (g.op(Op::Mul, &[f.a, scale]), f.b)
    });
    let (left, right) = match (offsets, factors) {
        (None, None) => return w,
        (Some(offsets), None) => (offsets, blocks(g, columns)),
        (None, Some((a, b))) => (b, a),
        (Some(offsets), Some((a, b))) => {
            let ones = blocks(g, columns);
            (g.op(Op::Concat { axis: 0 }, &[offsets, b]), g.op(Op::Concat { axis: 0 }, &[ones, a]))
        }
    };
    g.op(Op::Gemm { transpose_a: true, transpose_b: false, scale: 1.0 }, &[left, right, w])
}

/// `x wᵀ`, and what an adapter adds where it is not in `w` already.
pub(super) fn linear(
    g: &mut Graph,
    lora: &LoraConfig,
    x: Value,
    w: Value,
    factors: Option<Factors>,
    dropped: Option<Value>,
) -> Value {
    let product = |transpose_b| Op::FusedMatMul { transpose_a: false, transpose_b, scale: 1.0 };
    match (factors, dropped) {
        (None, _) => g.op(product(true), &[x, w]),
        (Some(f), None) => g.op(Op::Adapted { scale: lora.scaling() }, &[x, w, f.a, f.b]),
        (Some(f), Some(dropped)) => {
            // The adapter sees another input than the frozen matrix: it cannot be folded in.
            let y = g.op(product(true), &[x, w]);
            let u = g.op(product(true), &[dropped, f.a]);
            g.op(Op::Gemm { transpose_a: false, transpose_b: false, scale: lora.scaling() }, &[u, f.b, y])
        }
    }
}

/// Some rows of a matrix of the base.
struct Part {
    name: &'static str,
    begin: usize,
    rows: usize,
    all: usize,
    columns: usize,
}

impl Part {
    /// Its inputs in the graph, as float32 `[N, K]`, and its offsets `[K / 32, N]`.
    fn dense(&self, g: &mut Graph, kept: Kept) -> (Value, Option<Value>) {
        let (name, blocks) = (self.name, self.columns / BLOCK);
        match kept {
            Kept::Dense => {
                let whole = g.input(&format!("{name}.dense"), DType::F32, [self.columns.into(), self.all.into()]);
                let own = self.own_columns(g, whole);
                (g.op(Op::Transpose(vec![1, 0]), &[own]), None)
            }
            Kept::Packed(encoding) => {
                let mut packed = Packed::new(self.columns);
                packed.push(encoding, self.rows);
                let bytes = g.input(&format!("{name}.packed"), DType::U8, [packed.bytes().into(), 1.into()]);
                let every = g.integers(&(0..self.rows as i64).collect::<Vec<_>>());
                (g.op(Op::GatherPacked(packed), &[bytes, every]), None)
            }
            Kept::Blocks(bits, offsets) => {
                let width = self.columns * bits.count() / 8;
                let quants = g.input(&format!("{name}.quants"), DType::U8, [self.rows.into(), width.into()]);
                let scales = g.input(&format!("{name}.scales"), DType::F32, [self.rows.into(), blocks.into()]);
                let every = g.integers(&(0..self.rows as i64).collect::<Vec<_>>());
                let w = g.op(Op::GatherBlocks(bits), &[quants, every, scales]);
                let offsets = offsets.then(|| {
                    let whole = g.input(&format!("{name}.offsets"), DType::F32, [blocks.into(), self.all.into()]);
                    self.own_columns(g, whole)
                });
                (w, offsets)
            }
        }
    }

    fn own_columns(&self, g: &mut Graph, whole: Value) -> Value {
        if self.rows == self.all {
            return whole;
        }
        let [begin, end, axis] = [self.begin, self.begin + self.rows, 1].map(|n| g.integers(&[n as i64]));
        g.op(Op::Slice, &[whole, begin, end, axis])
    }
}

/// `[K / 32, K]`: ones where a column lies in a row's block.
pub(super) fn blocks(g: &mut Graph, columns: usize) -> Value {
    let ones = (0..columns / BLOCK).flat_map(|b| (0..columns).map(move |k| f32::from(u8::from(k / BLOCK == b))));
    let bytes = ones.flat_map(f32::to_le_bytes).collect();
    g.constant(&format!("blocks.{columns}"), DType::F32, &[columns / BLOCK, columns], Data::Inline(bytes))
}

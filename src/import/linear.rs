//! Linear layers and tables: the one place where source tensors become constants of the graph.

use super::source::Source;
use crate::error::Result;
use crate::graph::{DType, Graph, Op, Value, WeightsWriter};
use crate::tensor::{BLOCK, Bits, Blocks, Encoding, Tensor};

/// A graph under construction together with the weights it draws on.
pub(super) struct Weights<'a> {
    pub graph: Graph,
    pub writer: WeightsWriter,
    pub source: &'a Source,
    /// The bits asked for; without, each tensor's own.
    pub choice: Option<Bits>,
    /// Whether 8-bit layers see their activations in 16 bits instead of 8; see [`Weights::precise`].
    pub precise: bool,
}

/// A matrix in the graph: quants and scales, offsets where it has some, or plain float32 where its rows are no whole
/// number of blocks.
#[derive(Clone, Copy)]
pub(super) enum Matrix {
    Blocks { quants: Value, scales: Value, offsets: Option<Value>, bits: Bits, rows: usize, columns: usize },
    Dense { transposed: Value },
}

impl Weights<'_> {
    /// A float32 vector.
    pub fn vector(&mut self, name: &str, length: usize) -> Result<Value> {
        let values = self.source.shaped(name, &[length])?.to_f32();
        self.floats(name, &[length], &values)
    }

    /// The gains of a norm, which are stored less `less`.
    pub fn gain(&mut self, name: &str, length: usize, less: f32) -> Result<Value> {
        let mut values = self.source.shaped(name, &[length])?.to_f32();
        values.iter_mut().for_each(|gain| *gain += less);
        self.floats(name, &[length], &values)
    }

    /// A float32 constant.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Result<Value> {
        let data = self.writer.write(values)?;
        Ok(self.graph.constant(name, DType::F32, shape, data))
    }

    /// The matrices `parts` (name, rows) one below the other, as one called `name`.
    ///
    /// Fused matrices share their bits: the parts' own where they agree, else 8.
    pub fn matrix(&mut self, name: &str, parts: &[(String, usize)], columns: usize) -> Result<Matrix> {
        let tensors =
            parts.iter().map(|(part, rows)| self.source.shaped(part, &[*rows, columns])).collect::<Result<Vec<_>>>()?;
        if !columns.is_multiple_of(BLOCK) {
            return self.dense(name, parts, columns);
        }
        let own =
            if tensors.iter().all(|t| Blocks::natural(t.encoding) == Bits::Int4) { Bits::Int4 } else { Bits::Int8 };
        let bits = self.choice.unwrap_or(own);
        // Blocks that carry a minimum need offsets to come over exactly; what is rounded to 4 bits is worth them.
        let affine = |t: &Tensor<'_>| Blocks::carries(t.encoding, bits).unwrap_or(bits == Bits::Int4);
        let offsets = tensors.iter().any(affine);
        let mut blocks = Blocks::new(bits, columns, offsets);
        for ((part, rows), tensor) in parts.iter().zip(&tensors) {
            blocks.append(tensor, (0..*rows).map(|r| self.source.row(part, *rows, r)))?;
        }
        self.blocks(name, &blocks)
    }

    /// A table whose rows are looked up and which may also be the output layer: 8 bits, or the source's own 4 where
    /// they are symmetric. The look-up knows no offsets, and 4-bit rounding here costs more than anywhere else.
    pub fn table(&mut self, name: &str, part: &str, rows: usize, columns: usize) -> Result<Matrix> {
        let tensor = self.source.shaped(part, &[rows, columns])?;
        if !columns.is_multiple_of(BLOCK) {
            return self.dense(name, &[(part.to_owned(), rows)], columns);
        }
        let keep = tensor.encoding == Encoding::Q4_0 && self.choice != Some(Bits::Int8);
        let mut blocks = Blocks::new(if keep { Bits::Int4 } else { Bits::Int8 }, columns, false);
        blocks.append(&tensor, 0..rows)?;
        self.blocks(name, &blocks)
    }

    fn blocks(&mut self, name: &str, b: &Blocks) -> Result<Matrix> {
        let per_row = b.columns / BLOCK;
        let quants = self.writer.write(&b.quants)?;
        let scales = self.writer.write(&b.scales)?;
        let shape = [b.rows, per_row, b.bits.bytes()];
        let quants = self.graph.constant(&format!("{name}.quants"), DType::U8, &shape, quants);
        let scales = self.graph.constant(&format!("{name}.scales"), DType::F32, &[b.rows, per_row], scales);
        let offsets = match b.offsets_by_column() {
            Some(o) => Some(self.floats(&format!("{name}.offsets"), &[per_row, b.rows], &o)?),
            None => None,
        };
        Ok(Matrix::Blocks { quants, scales, offsets, bits: b.bits, rows: b.rows, columns: b.columns })
    }

    fn dense(&mut self, name: &str, parts: &[(String, usize)], columns: usize) -> Result<Matrix> {
        let mut rows = Vec::new();
        for (part, n) in parts {
            let values = self.source.get(part)?.to_f32();
            for r in 0..*n {
                let own = self.source.row(part, *n, r);
                rows.extend_from_slice(&values[own * columns..(own + 1) * columns]);
            }
        }
        let n = rows.len() / columns;
        let transposed: Vec<f32> = (0..columns).flat_map(|k| rows.iter().skip(k).step_by(columns).copied()).collect();
        let transposed = self.floats(&format!("{name}.transposed"), &[columns, n], &transposed)?;
        Ok(Matrix::Dense { transposed })
    }

    /// x times the transpose of the matrix, plus a bias.
    pub fn linear(&mut self, x: Value, matrix: &Matrix, bias: Option<Value>) -> Value {
        let g = &mut self.graph;
        let y = match *matrix {
            Matrix::Dense { transposed } => g.op(Op::MatMul, &[x, transposed]),
            Matrix::Blocks { quants, scales, offsets, bits, rows, columns } => {
                let product = Op::MatMulBlocks { bits, rows, columns };
                let y = if self.precise && bits == Bits::Int8 {
                    precise(g, x, columns, |g, x| g.op(product, &[x, quants, scales]))
                } else {
                    g.op(product, &[x, quants, scales])
                };
                match offsets {
                    None => y,
                    Some(offsets) => {
                        // sum over k of x_k offset_(k / 32) = (sums of x over its blocks) times the offsets
                        let shape = g.integers(&[0, 0, (columns / BLOCK) as i64, BLOCK as i64]);
                        let last = g.integers(&[-1]);
                        let in_blocks = g.op(Op::Reshape, &[x, shape]);
                        let sums = g.op(Op::ReduceSum { keep: false }, &[in_blocks, last]);
                        let shift = g.op(Op::MatMul, &[sums, offsets]);
                        g.op(Op::Add, &[y, shift])
                    }
                }
            }
        };
        match bias {
            Some(bias) => g.op(Op::Add, &[y, bias]),
            None => y,
        }
    }

    /// The rows of a table that `indices` name, as float32.
    pub fn look_up(&mut self, table: &Matrix, indices: Value) -> Value {
        let g = &mut self.graph;
        match *table {
            Matrix::Dense { transposed } => {
                let columns = g.op(Op::Gather { axis: 1 }, &[transposed, indices]);
                g.op(Op::Transpose(vec![1, 2, 0]), &[columns])
            }
            Matrix::Blocks { quants, scales, bits, rows, columns, .. } => {
                // The look-up wants the same bytes as a matrix.
                let flat = g.reshaped(quants, &[rows, columns * bits.count() / 8]);
                g.op(Op::GatherBlocks(bits), &[flat, indices, scales])
            }
        }
    }
}

/// A product whose operator rounds activations to int8 blocks, with 16 bits of them: `x = high + low`, where `high` is
/// what the operator would round `x` to, so that it rounds nothing, and `low` is the rest. Both go through at once, as
/// two batches. Twice the arithmetic over the same weights; greedy answers become those of float32.
fn precise(g: &mut Graph, x: Value, columns: usize, product: impl FnOnce(&mut Graph, Value) -> Value) -> Value {
    let apart = g.integers(&[0, 0, (columns / BLOCK) as i64, BLOCK as i64]);
    let together = g.integers(&[0, 0, columns as i64]);
    let last = g.integers(&[-1]);
    // A block of zeros divides by the smallest number, not by zero.
    let (step, least) = (g.float(1.0 / 127.0), g.float(f32::MIN_POSITIVE));
    let x = g.op(Op::Reshape, &[x, apart]);
    let size = g.op(Op::Abs, &[x]);
    let largest = g.op(Op::ReduceMax, &[size, last]);
    let scale = g.op(Op::Mul, &[largest, step]);
    let scale = g.op(Op::Add, &[scale, least]);
    let steps = g.op(Op::Div, &[x, scale]);
    let steps = g.op(Op::Round, &[steps]);
    let high = g.op(Op::Mul, &[steps, scale]);
    let low = g.op(Op::Sub, &[x, high]);
    let both = g.op(Op::Concat { axis: 0 }, &[high, low]);
    let both = g.op(Op::Reshape, &[both, together]);
    let y = product(g, both);
    let parts = g.node(Op::Halve { axis: 0 }, &[Some(y)], 2);
    g.op(Op::Add, &[parts[0], parts[1]])
}

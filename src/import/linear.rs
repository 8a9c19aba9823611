//! Linear layers and tables: the one place where source tensors become constants of the graph.

use super::source::Source;
use crate::error::Result;
use crate::graph::{DType, Graph, Op, Value, WeightsWriter};
use crate::tensor::{BLOCK, Bits, Blocks, Encoding, Packed, Tensor, quantized, target};
use std::collections::HashMap;

/// A graph under construction together with the weights it draws on.
pub(super) struct Weights<'a> {
    pub graph: Graph,
    pub writer: WeightsWriter,
    pub source: &'a Source,
    /// The bits asked for; without, each tensor's own.
    pub choice: Option<Bits>,
    /// Whether matrices are for our kernels, which read the encodings of files; ropes need no tables then.
    pub packed: bool,
    /// How many numbers of matrices are in which encoding, of those for our kernels.
    pub kept: HashMap<Encoding, usize>,
    /// Whether 8-bit layers see their activations in 16 bits instead of 8; see [`Weights::precise`].
    pub precise: bool,
}

/// A matrix in the graph: in the encodings of its file; or quants and scales, offsets where it has some; or plain
/// float32 where its rows are no whole number of blocks.
#[derive(Clone)]
pub(super) enum Matrix {
    Packed { bytes: Value, packed: Packed },
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
    pub fn matrix(&mut self, name: &str, parts: &[(String, usize)], columns: usize) -> Result<Matrix> {
        let tensors =
            parts.iter().map(|(part, rows)| self.source.shaped(part, &[*rows, columns])).collect::<Result<Vec<_>>>()?;
        if let Some(encodings) = self.encodings(&tensors, columns, false) {
            return self.packed(name, parts, &encodings, columns);
        }
        if !columns.is_multiple_of(BLOCK) {
            return self.dense(name, parts, columns);
        }
        let mut blocks = joined(&tensors, self.choice, columns);
        for ((part, rows), tensor) in parts.iter().zip(&tensors) {
            blocks.append(tensor, (0..*rows).map(|r| self.source.row(part, *rows, r)))?;
        }
        self.blocks(name, &blocks)
    }

    /// A table whose rows are looked up and which may also be the output layer.
    pub fn table(&mut self, name: &str, part: &str, rows: usize, columns: usize) -> Result<Matrix> {
        let tensor = self.source.shaped(part, &[rows, columns])?;
        if let Some(encodings) = self.encodings(std::slice::from_ref(&tensor), columns, true) {
            return self.packed(name, &[(part.to_owned(), rows)], &encodings, columns);
        }
        if !columns.is_multiple_of(BLOCK) {
            return self.dense(name, &[(part.to_owned(), rows)], columns);
        }
        let mut blocks = for_table(tensor.encoding, self.choice, columns);
        blocks.append(&tensor, 0..rows)?;
        self.blocks(name, &blocks)
    }

    /// The encodings in which tensors are kept for our kernels: their own, unless they have more bits than were asked
    /// for, or are floats of a file that is not in blocks. None where rows are no whole number of blocks.
    fn encodings(&self, tensors: &[Tensor<'_>], columns: usize, table: bool) -> Option<Vec<Encoding>> {
        let encoding = |tensor: &Tensor<'_>| {
            let own = tensor.encoding;
            let goal = target(self.choice.unwrap_or(Bits::Int8), columns, table);
            let stays = match self.choice {
                None if own.is_float() => self.source.is_in_blocks(),
                None => true,
                Some(_) => own.bits() <= goal.bits(),
            };
            if stays && own.is_packed() && columns.is_multiple_of(own.block().0) { own } else { goal }
        };
        let fits = self.packed && columns.is_multiple_of(BLOCK);
        fits.then(|| tensors.iter().map(encoding).collect())
    }

    fn packed(
        &mut self,
        name: &str,
        parts: &[(String, usize)],
        encodings: &[Encoding],
        columns: usize,
    ) -> Result<Matrix> {
        let mut packed = Packed::new(columns);
        let mut bytes = Vec::new();
        for ((part, rows), encoding) in parts.iter().zip(encodings) {
            let tensor = self.source.get(part)?;
            packed.push(*encoding, *rows);
            *self.kept.entry(*encoding).or_default() += rows * columns;
            let order: Vec<usize> = (0..*rows).map(|r| self.source.row(part, *rows, r)).collect();
            if tensor.encoding == *encoding {
                bytes.reserve(tensor.bytes.len());
                order.iter().for_each(|row| bytes.extend_from_slice(tensor.row(*row)));
            } else {
                bytes.extend(quantized(&tensor, &order, *encoding)?);
            }
        }
        let data = self.writer.write(&bytes)?;
        let bytes = self.graph.constant(&format!("{name}.packed"), DType::U8, &[bytes.len()], data);
        Ok(Matrix::Packed { bytes, packed })
    }

    fn blocks(&mut self, name: &str, b: &Blocks) -> Result<Matrix> {
        blocks(&mut self.graph, &mut self.writer, name, b)
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
        let y = product(&mut self.graph, x, matrix, self.precise);
        match bias {
            Some(bias) => self.graph.op(Op::Add, &[y, bias]),
            None => y,
        }
    }

    /// The rows of a table that `indices` name, as float32.
    pub fn look_up(&mut self, table: &Matrix, indices: Value) -> Value {
        look_up(&mut self.graph, table, indices)
    }
}

/// Blocks as constants of a graph.
pub(super) fn blocks(graph: &mut Graph, writer: &mut WeightsWriter, name: &str, b: &Blocks) -> Result<Matrix> {
    let per_row = b.columns / BLOCK;
    let (quants, scales) = (writer.write(&b.quants)?, writer.write(&b.scales)?);
    let shape = [b.rows, per_row, b.bits.bytes()];
    let quants = graph.constant(&format!("{name}.quants"), DType::U8, &shape, quants);
    let scales = graph.constant(&format!("{name}.scales"), DType::F32, &[b.rows, per_row], scales);
    let offsets = match b.offsets_by_column() {
        Some(o) => {
            let data = writer.write(&o)?;
            Some(graph.constant(&format!("{name}.offsets"), DType::F32, &[per_row, b.rows], data))
        }
        None => None,
    };
    Ok(Matrix::Blocks { quants, scales, offsets, bits: b.bits, rows: b.rows, columns: b.columns })
}

/// x times the transpose of a matrix; see [`precise`].
pub(super) fn product(g: &mut Graph, x: Value, matrix: &Matrix, in_16_bits: bool) -> Value {
    match matrix.clone() {
        Matrix::Packed { bytes, packed } => {
            // Products with floats round no activations.
            let rounds = packed.parts.iter().any(|(encoding, _)| !encoding.is_float());
            let (columns, product) = (packed.columns, Op::MatMulPacked(packed));
            if in_16_bits && rounds {
                precise(g, x, columns, |g, x| g.op(product, &[x, bytes]))
            } else {
                g.op(product, &[x, bytes])
            }
        }
        Matrix::Dense { transposed } => g.op(Op::MatMul, &[x, transposed]),
        Matrix::Blocks { quants, scales, offsets, bits, rows, columns } => {
            let product = Op::MatMulBlocks { bits, rows, columns };
            let y = if in_16_bits && bits == Bits::Int8 {
                precise(g, x, columns, |g, x| g.op(product, &[x, quants, scales]))
            } else {
                g.op(product, &[x, quants, scales])
            };
            let Some(offsets) = offsets else { return y };
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

/// The rows of a table that `indices` name, as float32.
pub(super) fn look_up(g: &mut Graph, table: &Matrix, indices: Value) -> Value {
    match table.clone() {
        Matrix::Packed { bytes, packed } => g.op(Op::GatherPacked(packed), &[bytes, indices]),
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

/// The blocks that parts become, which share their bits: the parts' own where they agree, else 8. Blocks that carry a
/// minimum need offsets to come over exactly; what is rounded to 4 bits is worth them.
pub(super) fn joined(tensors: &[Tensor<'_>], choice: Option<Bits>, columns: usize) -> Blocks {
    let own = if tensors.iter().all(|t| Blocks::natural(t.encoding) == Bits::Int4) { Bits::Int4 } else { Bits::Int8 };
    let bits = choice.unwrap_or(own);
    let affine = |t: &Tensor<'_>| Blocks::carries(t.encoding, bits).unwrap_or(bits == Bits::Int4);
    Blocks::new(bits, columns, tensors.iter().any(affine))
}

/// The blocks that a table becomes: 8 bits, or the source's own 4 where they are symmetric. The look-up knows no
/// offsets, and 4-bit rounding here costs more than anywhere else.
pub(super) fn for_table(encoding: Encoding, choice: Option<Bits>, columns: usize) -> Blocks {
    let keep = encoding == Encoding::Q4_0 && choice != Some(Bits::Int8);
    Blocks::new(if keep { Bits::Int4 } else { Bits::Int8 }, columns, false)
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

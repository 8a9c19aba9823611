//! The rules: for each operator, the gradients of its inputs from those of its outputs.
//!
//! The match knows every operator there is; a new one does not compile before it has a rule or says that it has none.
//! Two things hold in all of them. Broadcasting is undone nowhere: an operand smaller than the result is a constant,
//! as gains, masks and scalars are here. And what is frozen (quantized weights, gains, tables) has no rule for itself.

use crate::error::{Error, Result};
use crate::graph::{Graph, Node, Op, Value};

/// The gradients of `node`'s inputs. `arrived` are those of its outputs; only inputs in `wants` need an answer.
///
/// Errors: `Unsupported` for an operator, or an input of one, that has no gradient.
pub(super) fn pass(
    g: &mut Graph,
    node: &Node,
    arrived: &[Option<Value>],
    wants: &[bool],
) -> Result<Vec<Option<Value>>> {
    let input = |i: usize| node.inputs.get(i).copied().flatten().ok_or_else(|| refusal(&node.op));
    let wanted = |i: usize| wants.get(i).copied().unwrap_or(false);
    // Inputs that the rule has no gradient for must be frozen.
    let only = |inputs: &[usize]| match (0..wants.len()).find(|i| wants[*i] && !inputs.contains(i)) {
        None => Ok(()),
        Some(_) => Err(refusal(&node.op)),
    };
    let dy = arrived.iter().flatten().next().copied().ok_or_else(|| refusal(&node.op))?;
    let y = node.outputs[0];
    Ok(match &node.op {
        Op::Adapted { scale } => {
            let (x, w, a, b) = (input(0)?, input(1)?, input(2)?, input(3)?);
            let dx = wanted(0).then(|| g.op(product(false, false, 1.0), &[dy, w]));
            // w itself follows from the factors: nothing flows through it.
            let (mut da, mut db) = (None, None);
            if wanted(2) {
                let du = g.op(product(false, true, *scale), &[dy, b]);
                da = Some(g.op(product(true, false, 1.0), &[du, x]));
            }
            if wanted(3) {
                let u = g.op(product(false, true, *scale), &[x, a]);
                db = Some(g.op(product(true, false, 1.0), &[u, dy]));
            }
            vec![dx, None, da, db]
        }
        Op::Add => vec![Some(dy), Some(dy)],
        Op::Concat { axis } => {
            // Behind the last axis is the end; 0 would be the beginning.
            let behind = if *axis == -1 { i64::MAX } else { *axis + 1 };
            let (at, behind, zero) = (g.integers(&[*axis]), g.integers(&[behind]), g.integers(&[0]));
            let mut sizes = Vec::new();
            for i in 0..node.inputs.len() {
                let shape = g.op(Op::Shape, &[input(i)?]);
                sizes.push(g.op(Op::Slice, &[shape, at, behind, zero]));
            }
            let sizes = g.op(Op::Concat { axis: 0 }, &sizes);
            let parts = g.node(Op::Split { axis: *axis }, &[Some(dy), Some(sizes)], node.inputs.len());
            parts.into_iter().map(Some).collect()
        }
        Op::Div => {
            let (a, b) = (input(0)?, input(1)?);
            let da = g.op(Op::Div, &[dy, b]);
            let db = wanted(1).then(|| {
                let square = g.op(Op::Mul, &[b, b]);
                let up = g.op(Op::Mul, &[dy, a]);
                let quotient = g.op(Op::Div, &[up, square]);
                g.op(Op::Neg, &[quotient])
            });
            vec![Some(da), db]
        }
        Op::Exp => vec![Some(g.op(Op::Mul, &[dy, y]))],
        Op::FusedMatMul { transpose_a, transpose_b, scale } => {
            products(g, (input(0)?, input(1)?), (*transpose_a, *transpose_b), *scale, dy, (wanted(0), wanted(1)))
        }
        Op::MatMul => products(g, (input(0)?, input(1)?), (false, false), 1.0, dy, (wanted(0), wanted(1))),
        Op::Gemm { transpose_a, transpose_b, scale } => {
            let factors = (input(0)?, input(1)?);
            let mut all = products(g, factors, (*transpose_a, *transpose_b), *scale, dy, (wanted(0), wanted(1)));
            all.push(Some(dy));
            all
        }
        Op::Gather { axis: 0 } => {
            only(&[0])?;
            let column = g.integers(&[-1, 1]);
            let indices = g.op(Op::Reshape, &[input(1)?, column]);
            let zeros = zeros(g, input(0)?);
            vec![Some(g.op(Op::ScatterAdd, &[zeros, indices, dy]))]
        }
        Op::Halve { axis } | Op::Split { axis } => {
            only(&[0])?;
            let mut parts = Vec::new();
            for (output, gradient) in node.outputs.iter().zip(arrived) {
                parts.push(gradient.unwrap_or_else(|| zeros(g, *output)));
            }
            vec![Some(g.op(Op::Concat { axis: *axis }, &parts))]
        }
        Op::GeluTanh => {
            // s + x s (1 - s) u', where s is the sigmoid of u = c (x + 0.044715 x^3), and x s is y
            let x = input(0)?;
            let (slope, cubic, one) = (g.float(1.595_769), g.float(0.044_715), g.float(1.0));
            let thrice = g.float(3.0 * 0.044_715);
            let square = g.op(Op::Mul, &[x, x]);
            let polynomial = |g: &mut Graph, factor: Value| {
                let part = g.op(Op::Mul, &[square, factor]);
                let part = g.op(Op::Add, &[part, one]);
                g.op(Op::Mul, &[part, slope])
            };
            let (inner, rate) = (polynomial(g, cubic), polynomial(g, thrice));
            let u = g.op(Op::Mul, &[x, inner]);
            let s = g.op(Op::Sigmoid, &[u]);
            let off = g.op(Op::Mul, &[y, s]);
            let off = g.op(Op::Sub, &[y, off]);
            let off = g.op(Op::Mul, &[off, rate]);
            let slope = g.op(Op::Add, &[s, off]);
            vec![Some(g.op(Op::Mul, &[dy, slope]))]
        }
        Op::LayerNorm { epsilon } => {
            only(&[0])?;
            let (x, gain) = (input(0)?, input(1)?);
            let mean = mean(g, x);
            let centred = g.op(Op::Sub, &[x, mean]);
            let inverse = inverse_root(g, centred, *epsilon);
            let gy = g.op(Op::Mul, &[dy, gain]);
            let off = self::mean(g, gy);
            let dx = normalized(g, centred, inverse, gy);
            let off = g.op(Op::Mul, &[off, inverse]);
            vec![Some(g.op(Op::Sub, &[dx, off]))]
        }
        Op::Log => vec![Some(g.op(Op::Div, &[dy, input(0)?]))],
        Op::MatMulBlocks { bits, rows, columns } => {
            only(&[0])?;
            let quants = g.reshaped(input(1)?, &[*rows, columns * bits.count() / 8]);
            let all = g.integers(&(0..*rows as i64).collect::<Vec<_>>());
            let w = g.op(Op::GatherBlocks(*bits), &[quants, all, input(2)?]);
            vec![Some(g.op(Op::MatMul, &[dy, w]))]
        }
        Op::Mul => {
            let (a, b) = (input(0)?, input(1)?);
            let da = wanted(0).then(|| g.op(Op::Mul, &[dy, b]));
            let db = wanted(1).then(|| g.op(Op::Mul, &[dy, a]));
            vec![da, db]
        }
        Op::Neg => vec![Some(g.op(Op::Neg, &[dy]))],
        Op::ReduceSum { keep } => {
            only(&[0])?;
            let x = input(0)?;
            let dy = if *keep {
                dy
            } else {
                let kept = g.op(Op::ReduceSum { keep: true }, &[x, input(1)?]);
                let shape = g.op(Op::Shape, &[kept]);
                g.op(Op::Reshape, &[dy, shape])
            };
            let zeros = zeros(g, x);
            vec![Some(g.op(Op::Add, &[zeros, dy]))]
        }
        Op::Reshape => {
            only(&[0])?;
            let back = match node.inputs.get(2).copied().flatten() {
                Some(shape) => shape,
                None => g.op(Op::Shape, &[input(0)?]),
            };
            vec![Some(g.op(Op::Reshape, &[dy, back]))]
        }
        // The reciprocal root is there for the gradient; none leads through it.
        Op::RmsNorm { .. } if arrived.get(1).is_some_and(Option::is_some) => return Err(refusal(&node.op)),
        Op::RmsNorm { epsilon } => {
            only(&[0])?;
            let x = input(0)?;
            let inverse = match node.outputs.get(1) {
                Some(&inverse) => inverse,
                None => inverse_root(g, x, *epsilon),
            };
            let gy = g.op(Op::Mul, &[dy, input(1)?]);
            vec![Some(normalized(g, x, inverse, gy))]
        }
        Op::Rotary => {
            only(&[0])?;
            // The transpose of a rotation is the rotation back.
            let back = g.op(Op::Neg, &[input(3)?]);
            vec![Some(g.op(Op::Rotary, &[dy, input(1)?, input(2)?, back]))]
        }
        Op::ScatterAdd => {
            only(&[0, 2])?;
            let flat = g.integers(&[-1]);
            let indices = g.op(Op::Reshape, &[input(1)?, flat]);
            vec![Some(dy), None, Some(g.op(Op::Gather { axis: 0 }, &[dy, indices]))]
        }
        Op::Sigmoid => {
            // y (1 - y)
            let square = g.op(Op::Mul, &[y, y]);
            let slope = g.op(Op::Sub, &[y, square]);
            vec![Some(g.op(Op::Mul, &[dy, slope]))]
        }
        Op::Silu => {
            // s (1 + x - y), where s is the sigmoid of x and y = x s
            let x = input(0)?;
            let s = g.op(Op::Sigmoid, &[x]);
            let one = g.float(1.0);
            let rest = g.op(Op::Sub, &[x, y]);
            let rest = g.op(Op::Add, &[rest, one]);
            let slope = g.op(Op::Mul, &[s, rest]);
            vec![Some(g.op(Op::Mul, &[dy, slope]))]
        }
        Op::SkipRmsNorm { epsilon } => {
            only(&[0, 1])?;
            let sum = g.op(Op::Add, &[input(0)?, input(1)?]);
            let mut ds = arrived.get(1).copied().flatten();
            if let Some(dy) = arrived[0] {
                let inverse = inverse_root(g, sum, *epsilon);
                let gy = g.op(Op::Mul, &[dy, input(2)?]);
                let normed = normalized(g, sum, inverse, gy);
                ds = Some(ds.map_or(normed, |skip| g.op(Op::Add, &[skip, normed])));
            }
            vec![ds, ds]
        }
        Op::Softmax => {
            let weighted = g.op(Op::Mul, &[dy, y]);
            let last = g.integers(&[-1]);
            let sum = g.op(Op::ReduceSum { keep: true }, &[weighted, last]);
            let off = g.op(Op::Mul, &[y, sum]);
            vec![Some(g.op(Op::Sub, &[weighted, off]))]
        }
        Op::Sqrt => {
            let twice = g.op(Op::Add, &[y, y]);
            vec![Some(g.op(Op::Div, &[dy, twice]))]
        }
        Op::Sub => {
            let db = wanted(1).then(|| g.op(Op::Neg, &[dy]));
            vec![Some(dy), db]
        }
        Op::Transpose(order) => {
            let mut back = vec![0; order.len()];
            order.iter().enumerate().for_each(|(to, &from)| back[from as usize] = to as i64);
            vec![Some(g.op(Op::Transpose(back), &[dy]))]
        }
        // Whole numbers and places have no gradient; nor has what training graphs spell out or leave out.
        Op::Abs
        | Op::Cast(_)
        | Op::Gather { .. }
        | Op::GatherBlocks(_)
        | Op::GatherPacked(_)
        | Op::Gelu
        | Op::GroupQueryAttention(_)
        | Op::Min
        | Op::MultiHeadAttention { .. }
        | Op::ReduceMax
        | Op::ReduceMean
        | Op::Round
        | Op::Scale { .. }
        | Op::Shape
        | Op::SkipLayerNorm { .. }
        | Op::Attend(..)
        | Op::Gate(_)
        | Op::LinearPacked { .. }
        | Op::MatMulPacked(_)
        | Op::Product
        | Op::RopeTables(_)
        | Op::Stack(_)
        | Op::Slice => return Err(refusal(&node.op)),
    })
}

fn refusal(op: &Op) -> Error {
    Error::unsupported(format!("{} has no gradient here; train a model imported from GGUF or safetensors", op.kind()))
}

fn product(transpose_a: bool, transpose_b: bool, scale: f32) -> Op {
    Op::FusedMatMul { transpose_a, transpose_b, scale }
}

/// For `y = scale A B`, where A and B are `a` and `b`, transposed where it is said.
fn products(
    g: &mut Graph,
    (a, b): (Value, Value),
    (ta, tb): (bool, bool),
    scale: f32,
    dy: Value,
    (want_a, want_b): (bool, bool),
) -> Vec<Option<Value>> {
    let da = want_a.then(|| match ta {
        false => g.op(product(false, !tb, scale), &[dy, b]),
        true => g.op(product(tb, true, scale), &[b, dy]),
    });
    let db = want_b.then(|| match tb {
        false => g.op(product(!ta, false, scale), &[a, dy]),
        true => g.op(product(true, ta, scale), &[dy, a]),
    });
    vec![da, db]
}

fn zeros(g: &mut Graph, like: Value) -> Value {
    let zero = g.float(0.0);
    g.op(Op::Mul, &[like, zero])
}

fn mean(g: &mut Graph, x: Value) -> Value {
    let last = g.integers(&[-1]);
    g.op(Op::ReduceMean, &[x, last])
}

/// 1 / sqrt(mean of squares + epsilon).
fn inverse_root(g: &mut Graph, x: Value, epsilon: f32) -> Value {
    let square = g.op(Op::Mul, &[x, x]);
    let mean = mean(g, square);
    let epsilon = g.float(epsilon);
    let sum = g.op(Op::Add, &[mean, epsilon]);
    let root = g.op(Op::Sqrt, &[sum]);
    let one = g.float(1.0);
    g.op(Op::Div, &[one, root])
}

/// The gradient through x / rms(x), where `gy` is what arrives: (gy - x mean(gy x) / rms²) / rms.
fn normalized(g: &mut Graph, x: Value, inverse: Value, gy: Value) -> Value {
    let along = g.op(Op::Mul, &[gy, x]);
    let along = mean(g, along);
    let square = g.op(Op::Mul, &[inverse, inverse]);
    let along = g.op(Op::Mul, &[along, square]);
    let off = g.op(Op::Mul, &[x, along]);
    let rest = g.op(Op::Sub, &[gy, off]);
    g.op(Op::Mul, &[rest, inverse])
}

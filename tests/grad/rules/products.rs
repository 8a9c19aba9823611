//! Products of matrices, whichever way they lie.

use super::super::reference::*;
use super::super::slope::{Numbers, check};
use ndarray::IxDyn;
use wayside::graph::{DType, Data, Graph, Op, Value};
use wayside::tensor::{BLOCK, Bits, Blocks, Encoding, Tensor};

/// An extent pair, the second first where it is turned.
fn turned(rows: usize, columns: usize, turn: bool) -> Vec<usize> {
    if turn { vec![columns, rows] } else { vec![rows, columns] }
}

pub fn fused_mat_mul(numbers: &mut Numbers) -> Vec<Op> {
    let mut ops = Vec::new();
    for (transpose_a, transpose_b, batch) in
        [(false, false, None), (false, true, None), (true, false, None), (true, true, None)].into_iter().chain([
            (false, true, Some(2)),
            (true, true, Some(2)),
            (false, false, Some(2)),
            (true, false, Some(2)),
        ])
    {
        let mut operand = |rows, columns, turn| {
            numbers.any(&batch.into_iter().chain(turned(rows, columns, turn)).collect::<Vec<_>>())
        };
        let inputs = [operand(3, 4, transpose_a), operand(4, 5, transpose_b)];
        let op = Op::FusedMatMul { transpose_a, transpose_b, scale: 0.5 };
        ops = check(
            &format!("{op:?} {batch:?}"),
            (&inputs, &[]),
            |g, x| vec![g.op(op.clone(), x)],
            |x| vec![product(&x[0], &x[1], (transpose_a, transpose_b), 0.5)],
        );
    }
    ops
}

pub fn mat_mul(numbers: &mut Numbers) -> Vec<Op> {
    let exact = |x: &[Array]| vec![product(&x[0], &x[1], (false, false), 1.0)];
    let build = |g: &mut Graph, x: &[Value]| vec![g.op(Op::MatMul, x)];
    let inputs = [numbers.any(&[2, 3, 4]), numbers.any(&[2, 4, 5])];
    check("MatMul", (&inputs, &[]), build, exact);
    let inputs = [numbers.any(&[2, 3, 4])];
    check("MatMul by a frozen matrix", (&inputs, &[numbers.any(&[4, 5])]), build, exact)
}

pub fn gemm(numbers: &mut Numbers) -> Vec<Op> {
    let mut ops = Vec::new();
    for (transpose_a, transpose_b) in [(false, false), (false, true), (true, false), (true, true)] {
        let inputs =
            [numbers.any(&turned(3, 4, transpose_a)), numbers.any(&turned(4, 5, transpose_b)), numbers.any(&[3, 5])];
        let op = Op::Gemm { transpose_a, transpose_b, scale: 1.5 };
        ops = check(
            &format!("{op:?}"),
            (&inputs, &[]),
            |g, x| vec![g.op(op.clone(), x)],
            |x| vec![product(&x[0], &x[1], (transpose_a, transpose_b), 1.5) + &x[2]],
        );
    }
    ops
}

/// The whole derivative by the factors, through the matrix that they are folded into.
pub fn adapted(numbers: &mut Numbers) -> Vec<Op> {
    let inputs = [numbers.any(&[5, 6]), numbers.any(&[2, 6]), numbers.any(&[2, 4])];
    let frozen = [numbers.any(&[4, 6])];
    let scale = 0.75;
    check(
        "Adapted",
        (&inputs, &frozen),
        |g, v| {
            let (x, a, b, base) = (v[0], v[1], v[2], v[3]);
            let w = g.op(Op::Gemm { transpose_a: true, transpose_b: false, scale }, &[b, a, base]);
            vec![g.op(Op::Adapted { scale }, &[x, w, a, b])]
        },
        |v| {
            let w = &v[3] + product(&v[2], &v[1], (true, false), f64::from(scale));
            vec![product(&v[0], &w, (false, true), 1.0)]
        },
    )
}

/// Beside the matrix that the blocks mean.
pub fn mat_mul_blocks(numbers: &mut Numbers) -> Vec<Op> {
    let (rows, columns) = (5, 64);
    let weights: Vec<u8> = numbers.any(&[rows, columns]).iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
    // The product rounds each block of x to 255 steps of its largest; on these it rounds nothing.
    let mut x = numbers.between(-100.0, 100.0, &[2, 3, columns]).mapv(f64::round);
    x.as_slice_mut().unwrap().chunks_exact_mut(BLOCK).for_each(|block| block[7] = 127.0);
    let mut ops = Vec::new();
    for bits in [Bits::Int4, Bits::Int8] {
        let source = Tensor { name: "w", encoding: Encoding::F32, shape: vec![rows, columns], bytes: &weights };
        let mut blocks = Blocks::new(bits, columns, false);
        blocks.append(&source, 0..rows).unwrap();
        let w: Vec<f64> = blocks.to_f32().into_iter().map(f64::from).collect();
        let w = Array::from_shape_vec(IxDyn(&[rows, columns]), w).unwrap();
        let build = |g: &mut Graph, x: &[Value]| {
            let quants = Data::Inline(blocks.quants.clone());
            let quants = g.constant("quants", DType::U8, &[rows, columns / BLOCK, bits.bytes()], quants);
            let scales = Data::Inline(blocks.scales.iter().flat_map(|s| s.to_le_bytes()).collect());
            let scales = g.constant("scales", DType::F32, &[rows, columns / BLOCK], scales);
            vec![g.op(Op::MatMulBlocks { bits, rows, columns }, &[x[0], quants, scales])]
        };
        let exact = |x: &[Array]| vec![product(&x[0], &w, (false, true), 1.0)];
        ops = check(&format!("MatMulBlocks {bits:?}"), (&[x.clone()], &[]), build, exact);
    }
    ops
}

//! Operators that move numbers, and the one that adds them up.

use super::super::reference::*;
use super::super::slope::{Numbers, check};
use ndarray::IxDyn;
use std::slice;
use wayside::graph::{Graph, Op, Value};

pub fn concat(numbers: &mut Numbers) -> Vec<Op> {
    let mut ops = Vec::new();
    for (axis, at) in [(0, 0), (1, 1), (-1, 2), (-2, 1)] {
        let shaped = |extent| {
            let mut shape = [2, 3, 4];
            shape[at] = extent;
            shape
        };
        let inputs = [numbers.any(&shaped(1)), numbers.any(&shaped(3)), numbers.any(&shaped(2))];
        let op = Op::Concat { axis };
        ops =
            check(&format!("{op:?}"), (&inputs, &[]), |g, x| vec![g.op(op.clone(), x)], |x| vec![concatenated(x, at)]);
    }
    ops
}

/// All pieces lead to the gradient, or one of them.
fn pieces(numbers: &mut Numbers, op: &Op, at: usize, sizes: &[usize]) -> Vec<Op> {
    let mut shape = [2, 3, 2];
    shape[at] = sizes.iter().sum();
    let x = numbers.any(&shape);
    let build = |g: &mut Graph, x: &[Value]| {
        let told = matches!(op, Op::Split { .. });
        let sizes_value = told.then(|| g.integers(&sizes.iter().map(|s| *s as i64).collect::<Vec<_>>()));
        let inputs: Vec<_> = [Some(x[0])].into_iter().chain(told.then_some(sizes_value)).collect();
        g.node(op.clone(), &inputs, sizes.len())
    };
    let exact = |x: &[Array]| split(&x[0], at, sizes);
    let last = |g: &mut Graph, x: &[Value]| build(g, x).pop().into_iter().collect();
    check(&format!("the last of {op:?}"), (slice::from_ref(&x), &[]), last, |x| vec![exact(x).pop().unwrap()]);
    check(&format!("{op:?}"), (&[x], &[]), build, exact)
}

pub fn splits(numbers: &mut Numbers) -> Vec<Op> {
    pieces(numbers, &Op::Split { axis: 0 }, 0, &[1, 3, 2]);
    pieces(numbers, &Op::Split { axis: -1 }, 2, &[2, 1])
}

pub fn halve(numbers: &mut Numbers) -> Vec<Op> {
    pieces(numbers, &Op::Halve { axis: 1 }, 1, &[2, 2]);
    pieces(numbers, &Op::Halve { axis: -1 }, 2, &[3, 3])
}

pub fn reduce_sum(numbers: &mut Numbers) -> Vec<Op> {
    let mut ops = Vec::new();
    for (keep, axis, at) in [(true, -1, 2), (false, -1, 2), (true, 1, 1), (false, 1, 1), (false, 0, 0)] {
        let x = numbers.any(&[2, 3, 4]);
        let build = |g: &mut Graph, x: &[Value]| {
            let axis = g.integers(&[axis]);
            vec![g.op(Op::ReduceSum { keep }, &[x[0], axis])]
        };
        ops = check(&format!("ReduceSum {keep} {axis}"), (&[x], &[]), build, |x| vec![sum(&x[0], at, keep)]);
    }
    ops
}

pub fn reshape(numbers: &mut Numbers) -> Vec<Op> {
    let x = numbers.any(&[2, 3, 4]);
    let exact = |x: &[Array]| vec![reshaped(&x[0], &[6, 4])];
    let without = |g: &mut Graph, x: &[Value]| {
        let to = g.integers(&[-1, 4]);
        vec![g.op(Op::Reshape, &[x[0], to])]
    };
    check("Reshape", (slice::from_ref(&x), &[]), without, exact);
    let with = |g: &mut Graph, x: &[Value]| {
        let (to, from) = (g.integers(&[-1, 4]), g.integers(&[2, -1, 4]));
        vec![g.op(Op::Reshape, &[x[0], to, from])]
    };
    check("Reshape with its way back", (&[x], &[]), with, exact)
}

pub fn transpose(numbers: &mut Numbers) -> Vec<Op> {
    let x = numbers.any(&[2, 3, 4, 5]);
    let mut ops = Vec::new();
    for order in [[0, 2, 1, 3], [3, 0, 1, 2]] {
        let op = Op::Transpose(order.to_vec());
        let exact = |x: &[Array]| vec![x[0].clone().permuted_axes(IxDyn(&order.map(|i| i as usize)))];
        ops = check(&format!("{op:?}"), (slice::from_ref(&x), &[]), |g, x| vec![g.op(op.clone(), x)], exact);
    }
    ops
}

pub fn gathered(numbers: &mut Numbers) -> Vec<Op> {
    // One row twice, one not at all.
    let (x, at) = (numbers.any(&[4, 3]), [2, 0, 2, 1, 0]);
    let build = |g: &mut Graph, x: &[Value]| {
        let indices = g.integers(&at.map(|i| i as i64));
        vec![g.op(Op::Gather { axis: 0 }, &[x[0], indices])]
    };
    check("Gather", (&[x], &[]), build, |x| vec![gather(&x[0], &at)])
}

pub fn scattered(numbers: &mut Numbers) -> Vec<Op> {
    let (inputs, at) = ([numbers.any(&[4, 3]), numbers.any(&[3, 3])], [3, 0, 3]);
    let build = |g: &mut Graph, x: &[Value]| {
        let column = g.integers(&[-1, 1]);
        let indices = g.integers(&at.map(|i| i as i64));
        let indices = g.op(Op::Reshape, &[indices, column]);
        vec![g.op(Op::ScatterAdd, &[x[0], indices, x[1]])]
    };
    check("ScatterAdd", (&inputs, &[]), build, |x| vec![scatter_add(&x[0], &at, &x[1])])
}

//! How gradients find their way through a graph.

use super::reference::*;
use super::slope::{Numbers, check};
use wayside::grad;
use wayside::graph::{DType, Graph, Op};

#[test]
fn what_is_used_twice_has_the_sum() {
    let x = Numbers::new().any(&[3, 4]);
    check(
        "twice by one operator, and by three",
        (&[x], &[]),
        |g, x| {
            let square = g.op(Op::Mul, &[x[0], x[0]]);
            let curved = g.op(Op::Silu, &[x[0]]);
            let sum = g.op(Op::Add, &[square, curved]);
            let off = g.op(Op::Sub, &[sum, x[0]]);
            vec![g.op(Op::Mul, &[off, square])]
        },
        |x| {
            let square = &x[0] * &x[0];
            vec![(&square + silu(&x[0]) - &x[0]) * &square]
        },
    );
}

#[test]
fn what_comes_out_and_is_read_on_has_the_sum() {
    let x = Numbers::new().any(&[3, 4]);
    check(
        "a value and what is made of it",
        (&[x], &[]),
        |g, x| {
            let p = g.op(Op::Softmax, &[x[0]]);
            vec![p, g.op(Op::Mul, &[p, x[0]])]
        },
        |x| {
            let p = softmax(&x[0]);
            vec![p.clone(), p * &x[0]]
        },
    );
}

/// Attention as a layer spells it: a long way, with reshapes, turns and a mask.
#[test]
fn a_way_through_many_operators_keeps_its_slope() {
    let mut numbers = Numbers::new();
    let [q, k, v] = [[2, 3, 8], [2, 3, 8], [2, 3, 8]].map(|shape| numbers.any(&shape));
    let mut mask = Array::zeros(ndarray::IxDyn(&[3, 3]));
    mask.indexed_iter_mut().filter(|(at, _)| at[1] > at[0]).for_each(|(_, x)| *x = -1e9);
    let heads = |x: &Array| reshaped(x, &[2, 3, 2, 4]).permuted_axes(ndarray::IxDyn(&[0, 2, 1, 3]));
    check(
        "attention",
        (&[q, k, v], &[mask]),
        |g, x| {
            let apart = g.integers(&[0, 0, 2, 4]);
            let [q, k, v] = [x[0], x[1], x[2]].map(|x| {
                let x = g.op(Op::Reshape, &[x, apart]);
                g.op(Op::Transpose(vec![0, 2, 1, 3]), &[x])
            });
            let scores = g.op(Op::FusedMatMul { transpose_a: false, transpose_b: true, scale: 0.5 }, &[q, k]);
            let masked = g.op(Op::Add, &[scores, x[3]]);
            let p = g.op(Op::Softmax, &[masked]);
            let o = g.op(Op::MatMul, &[p, v]);
            vec![g.op(Op::Transpose(vec![0, 2, 1, 3]), &[o])]
        },
        |x| {
            let [q, k, v] = [&x[0], &x[1], &x[2]].map(heads);
            let p = softmax(&(product(&q, &k, (false, true), 0.5) + &x[3]));
            vec![product(&p, &v, (false, false), 1.0).permuted_axes(ndarray::IxDyn(&[0, 2, 1, 3]))]
        },
    );
}

#[test]
fn nothing_is_said_of_what_the_seeds_do_not_depend_on() {
    let mut g = Graph::new();
    let [x, other, dy] = ["x", "other", "dy"].map(|name| g.input(name, DType::F32, [4.into()]));
    let y = g.op(Op::Neg, &[x]);
    // No way leads here from y: that it has no gradient does not matter.
    g.op(Op::Abs, &[x]);
    let before = g.nodes().len();
    let gradients = grad::reverse(&mut g, &[(y, dy)], &[x, other]).unwrap();
    assert!(gradients[0].is_some() && gradients[1].is_none());
    assert_eq!(g.nodes().len(), before + 1, "one operator for one");
}

#[test]
fn what_is_frozen_costs_nothing() {
    let mut g = Graph::new();
    let [x, w, dy] = ["x", "w", "dy"].map(|name| g.input(name, DType::F32, [4.into(), 4.into()]));
    let rounded = g.op(Op::Round, &[w]);
    let y = g.op(Op::MatMul, &[x, rounded]);
    let before = g.nodes().len();
    grad::reverse(&mut g, &[(y, dy)], &[x]).unwrap();
    assert_eq!(g.nodes().len(), before + 1, "the product back to x alone");
}

/// The same value with another slope: half of what the product's square has.
#[test]
#[should_panic(expected = "found1 is off by")]
fn a_wrong_gradient_is_noticed() {
    let x = [Numbers::new().any(&[3, 4])];
    let square = |x: &[Array]| vec![&x[0] * &x[0]];
    check("a square", (&x, &x), |g, x| vec![g.op(Op::Mul, x)], square);
}

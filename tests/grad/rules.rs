//! Every rule beside the slope of its operator, and none left out.

mod places;
mod products;

use super::reference::*;
use super::slope::{Numbers, check};
use places::*;
use products::*;
use std::collections::BTreeSet;
use wayside::bundle::{Activation, Rope, Scaling};
use wayside::error::ErrorKind;
use wayside::grad;
use wayside::graph::{Attention, DType, Graph, Op, Value};
use wayside::kernel::Program;
use wayside::tensor::{Bits, Packed};

/// One operator's checks: the operators of their graphs.
type Rule = fn(&mut Numbers) -> Vec<Op>;

/// The operators that have a gradient.
const RULES: [(&str, Rule); 29] = [
    ("Adapted", adapted),
    ("Add", add),
    ("Concat", concat),
    ("Div", div),
    ("Exp", |n| elementwise(n, Op::Exp, |x| x.mapv(f64::exp))),
    ("FusedMatMul", fused_mat_mul),
    ("Gather", gathered),
    ("Gemm", gemm),
    ("GeluTanh", |n| elementwise(n, Op::GeluTanh, gelu_tanh)),
    ("Halve", halve),
    ("LayerNorm", layer_normed),
    ("Log", |n| elementwise(n, Op::Log, |x| x.mapv(f64::ln))),
    ("MatMul", mat_mul),
    ("MatMulBlocks", mat_mul_blocks),
    ("Mul", mul),
    ("Neg", |n| elementwise(n, Op::Neg, |x| -x)),
    ("ReduceSum", reduce_sum),
    ("Reshape", reshape),
    ("RmsNorm", rms_normed),
    ("Rotary", rotated),
    ("ScatterAdd", scattered),
    ("Sigmoid", |n| elementwise(n, Op::Sigmoid, sigmoid)),
    ("Silu", |n| elementwise(n, Op::Silu, silu)),
    ("SkipRmsNorm", skip_rms_normed),
    ("Softmax", |n| elementwise(n, Op::Softmax, softmax)),
    ("Split", splits),
    ("Sqrt", |n| elementwise(n, Op::Sqrt, |x| x.mapv(f64::sqrt))),
    ("Sub", sub),
    ("Transpose", transpose),
];

/// Those that have none.
fn without() -> Vec<Op> {
    let attention = Attention { heads: 1, kv_heads: 1, window: None, scale: None, cap: None, turns: true };
    vec![
        Op::Abs,
        Op::Attend(attention.clone(), None),
        Op::Cast(DType::F32),
        Op::Gate(Activation::Silu),
        Op::GatherBlocks(Bits::Int4),
        Op::GatherPacked(Packed::new(32)),
        Op::Gelu,
        Op::GroupQueryAttention(attention),
        Op::LinearPacked { packed: Packed::new(32), gated: None },
        Op::MatMulPacked(Packed::new(32)),
        Op::Min,
        Op::MultiHeadAttention { heads: 1 },
        Op::Product,
        Op::ReduceMax,
        Op::ReduceMean,
        Op::RopeTables(Rope { theta: 1e4, width: 2, scaling: Scaling::None }),
        Op::Round,
        Op::Scale { by: 2.0 },
        Op::Shape,
        Op::SkipLayerNorm { epsilon: 1e-5 },
        Op::Slice,
        Op::Stack(Program::default()),
    ]
}

/// The name of an operator in `Op`.
fn variant(op: &Op) -> String {
    format!("{op:?}").split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()
}

/// The names in `Op`, from its source: whoever adds one must say here what its gradient is.
fn variants() -> BTreeSet<String> {
    let source = include_str!("../../src/graph/op.rs");
    let body = source.split("pub enum Op {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = names.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    names.map(|line| line.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()).collect()
}

#[test]
fn every_rule_gives_the_slope_of_its_operator() {
    for (name, rule) in RULES {
        let ops = rule(&mut Numbers::new());
        assert!(ops.iter().any(|op| variant(op) == name), "{name} is not in its graph");
    }
}

#[test]
fn every_operator_has_a_checked_rule_or_none() {
    let without = without();
    let known = RULES.iter().map(|(name, _)| (*name).to_owned()).chain(without.iter().map(variant));
    assert_eq!(known.collect::<BTreeSet<_>>(), variants());
    assert_eq!(RULES.len() + without.len(), variants().len());
}

#[test]
fn an_operator_without_a_rule_is_refused_by_name() {
    for op in without().into_iter().chain([Op::Gather { axis: 1 }]) {
        let mut g = Graph::new();
        let x = g.input("x", DType::F32, [4.into()]);
        let y = g.op(op.clone(), &[x, x]);
        let error = grad::reverse(&mut g, &[(y, x)], &[x]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().starts_with(op.kind()), "{error}");
    }
}

/// What is frozen has no rule for itself; a silent zero would be a wrong gradient.
#[test]
fn an_input_without_a_rule_is_refused() {
    let frozen = [
        (Op::Gather { axis: 0 }, 1),
        (Op::LayerNorm { epsilon: 1e-5 }, 1),
        (Op::MatMulBlocks { bits: Bits::Int8, rows: 2, columns: 32 }, 2),
        (Op::RmsNorm { epsilon: 1e-5 }, 1),
        (Op::Rotary, 2),
        (Op::SkipRmsNorm { epsilon: 1e-5 }, 2),
    ];
    for (op, at) in frozen {
        let mut g = Graph::new();
        let inputs = ["a", "b", "c", "d"].map(|name| g.input(name, DType::F32, [4.into()]));
        let y = g.op(op.clone(), &inputs);
        assert!(grad::reverse(&mut g, &[(y, y)], &[inputs[at]]).is_err(), "{op:?}");
    }
    let mut g = Graph::new();
    let [x, gain] = ["x", "gain"].map(|name| g.input(name, DType::F32, [4.into()]));
    let outputs = g.node(Op::RmsNorm { epsilon: 1e-5 }, &[Some(x), Some(gain)], 2);
    assert!(grad::reverse(&mut g, &[(outputs[1], x)], &[x]).is_err(), "the reciprocal root");
}

/// One input, numbers above 0: what there is a logarithm and a root of.
fn elementwise(numbers: &mut Numbers, op: Op, exact: impl Fn(&Array) -> Array) -> Vec<Op> {
    let all_signs = !matches!(op, Op::Log | Op::Sqrt);
    let x = numbers.between(if all_signs { -4.0 } else { 0.5 }, 4.0, &[2, 3, 4]);
    check(op.kind(), (&[x], &[]), |g, x| vec![g.op(op.clone(), x)], |x| vec![exact(&x[0])])
}

/// Two operands of one shape, and each of them beside a smaller one that is frozen.
fn pairwise(numbers: &mut Numbers, op: Op, exact: impl Fn(&Array, &Array) -> Array) -> Vec<Op> {
    let mut operand = |shape: &[usize]| numbers.between(0.5, 2.0, shape);
    let (a, b) = (operand(&[2, 3, 4]), operand(&[2, 3, 4]));
    let both = (&[a.clone(), b][..], &[][..]);
    let ops = check(op.kind(), both, |g, x| vec![g.op(op.clone(), x)], |x| vec![exact(&x[0], &x[1])]);
    for shape in [&[4][..], &[3, 1], &[]] {
        let inputs = (&[a.clone()][..], &[operand(shape)][..]);
        let what = format!("{} with {shape:?}", op.kind());
        check(&what, inputs, |g, x| vec![g.op(op.clone(), x)], |x| vec![exact(&x[0], &x[1])]);
        let what = format!("{shape:?} {} with", op.kind());
        check(&what, inputs, |g, x| vec![g.op(op.clone(), &[x[1], x[0]])], |x| vec![exact(&x[1], &x[0])]);
    }
    ops
}

fn add(numbers: &mut Numbers) -> Vec<Op> {
    pairwise(numbers, Op::Add, |a, b| a + b)
}

fn sub(numbers: &mut Numbers) -> Vec<Op> {
    pairwise(numbers, Op::Sub, |a, b| a - b)
}

fn mul(numbers: &mut Numbers) -> Vec<Op> {
    pairwise(numbers, Op::Mul, |a, b| a * b)
}

fn div(numbers: &mut Numbers) -> Vec<Op> {
    pairwise(numbers, Op::Div, |a, b| a / b)
}

const EPSILON: f32 = 1e-2;

fn rms_normed(numbers: &mut Numbers) -> Vec<Op> {
    let (x, gain) = ([numbers.any(&[2, 3, 4])], [numbers.any(&[4])]);
    let mut ops = Vec::new();
    for outputs in [1, 2] {
        let build = |g: &mut Graph, x: &[Value]| {
            let inputs: Vec<_> = x.iter().copied().map(Some).collect();
            vec![g.node(Op::RmsNorm { epsilon: EPSILON }, &inputs, outputs)[0]]
        };
        let exact = |x: &[Array]| vec![rms_norm(&x[0], &x[1], f64::from(EPSILON))];
        ops = check(&format!("RmsNorm of {outputs}"), (&x, &gain), build, exact);
    }
    ops
}

/// Where the norm leads on, where the sum does, and where both do.
fn skip_rms_normed(numbers: &mut Numbers) -> Vec<Op> {
    let (inputs, gain) = ([numbers.any(&[2, 3, 4]), numbers.any(&[2, 3, 4])], [numbers.any(&[4])]);
    let mut ops = Vec::new();
    for used in [&[0][..], &[1], &[0, 1]] {
        let build = |g: &mut Graph, x: &[Value]| {
            let inputs: Vec<_> = x.iter().copied().map(Some).collect();
            let outputs = g.node(Op::SkipRmsNorm { epsilon: EPSILON }, &inputs, 2);
            used.iter().map(|i| outputs[*i]).collect()
        };
        let exact = |x: &[Array]| {
            let sum = &x[0] + &x[1];
            let outputs = [rms_norm(&sum, &x[2], f64::from(EPSILON)), sum];
            used.iter().map(|i| outputs[*i].clone()).collect()
        };
        ops = check(&format!("SkipRmsNorm {used:?}"), (&inputs, &gain), build, exact);
    }
    ops
}

fn layer_normed(numbers: &mut Numbers) -> Vec<Op> {
    let (x, frozen) = (numbers.any(&[2, 3, 4]), [numbers.any(&[4]), numbers.any(&[4])]);
    let build = |g: &mut Graph, x: &[Value]| vec![g.op(Op::LayerNorm { epsilon: EPSILON }, x)];
    check("LayerNorm", (&[x], &frozen), build, |x| vec![layer_norm(&x[0], &x[1], &x[2], f64::from(EPSILON))])
}

fn rotated(numbers: &mut Numbers) -> Vec<Op> {
    // Two heads of four; tables for more positions than there are, begun at the third.
    let (x, angles) = (numbers.any(&[2, 3, 8]), numbers.between(0.0, 6.0, &[6, 2]));
    let single = |x: f64| f64::from(x as f32);
    let tables = [angles.mapv(|a| single(a.cos())), angles.mapv(|a| single(a.sin()))];
    let build = |g: &mut Graph, x: &[Value]| {
        let first = g.integers(&[2]);
        vec![g.op(Op::Rotary, &[x[0], first, x[1], x[2]])]
    };
    check("Rotary", (&[x], &tables), build, |x| vec![rotary(&x[0], 2, &x[1], &x[2])])
}

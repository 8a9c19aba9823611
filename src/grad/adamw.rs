//! Clipping by the global norm and AdamW, as a graph. Source: Loshchilov and Hutter, "Decoupled Weight Decay
//! Regularization" (2019), in the order of PyTorch's `clip_grad_norm_` and `AdamW`.

use crate::graph::{DType, Extent, Graph, Op, Value};

/// The settings that do not change from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// How slowly the mean of the gradient moves.
    pub beta1: f32,
    /// How slowly the mean of its square moves.
    pub beta2: f32,
    /// Keeps quotients finite.
    pub epsilon: f32,
    /// Share of a weight that decays, times the learning rate.
    pub decay: f32,
    /// The largest norm of all gradients together; larger ones are scaled down to it.
    pub clip: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01, clip: 1.0 }
    }
}

/// One vector of weights, one step. Inputs `weights`, `mean`, `square`, `gradient` `[n]`; scalars `rate`, `norm2` (the
/// sum of squares of all gradients there are), `unbias1` and `unbias2` (`1 / (1 - beta^t)`). Outputs `weights_next`,
/// `mean_next`, `square_next`.
pub fn adamw(s: &AdamW) -> Graph {
    let mut graph = Graph::new();
    let g = &mut graph;
    let n = || [Extent::from("n")];
    let [w, m, v, dw] = ["weights", "mean", "square", "gradient"].map(|name| g.input(name, DType::F32, n()));
    let [rate, norm2, unbias1, unbias2] =
        ["rate", "norm2", "unbias1", "unbias2"].map(|name| g.input(name, DType::F32, []));
    let times = |g: &mut Graph, x: Value, factor: f32| {
        let factor = g.float(factor);
        g.op(Op::Mul, &[x, factor])
    };
    let norm = g.op(Op::Sqrt, &[norm2]);
    // PyTorch's guard against a norm of zero.
    let (guard, clip, one) = (g.float(1e-6), g.float(s.clip), g.float(1.0));
    let norm = g.op(Op::Add, &[norm, guard]);
    let share = g.op(Op::Div, &[clip, norm]);
    let share = g.op(Op::Min, &[share, one]);
    let dw = g.op(Op::Mul, &[dw, share]);

    let (old, new) = (times(g, m, s.beta1), times(g, dw, 1.0 - s.beta1));
    let m = g.op(Op::Add, &[old, new]);
    let square = g.op(Op::Mul, &[dw, dw]);
    let (old, new) = (times(g, v, s.beta2), times(g, square, 1.0 - s.beta2));
    let v = g.op(Op::Add, &[old, new]);

    let decay = times(g, rate, s.decay);
    let keep = g.op(Op::Sub, &[one, decay]);
    let kept = g.op(Op::Mul, &[w, keep]);
    let up = g.op(Op::Mul, &[m, unbias1]);
    let down = g.op(Op::Mul, &[v, unbias2]);
    let down = g.op(Op::Sqrt, &[down]);
    let epsilon = g.float(s.epsilon);
    let down = g.op(Op::Add, &[down, epsilon]);
    let step = g.op(Op::Div, &[up, down]);
    let step = g.op(Op::Mul, &[step, rate]);
    let w = g.op(Op::Sub, &[kept, step]);
    for (name, value) in [("weights_next", w), ("mean_next", m), ("square_next", v)] {
        g.output(name, value, DType::F32, n());
    }
    graph
}

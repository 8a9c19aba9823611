//! What ONNX Runtime computes for a graph and its gradient, beside a float64 function and its slope.

use super::reference::Array;
use crate::support::engine;
use ndarray::IxDyn;
use prost::Message;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use wayside::engine::{Input, Tensor};
use wayside::grad;
use wayside::graph::{DType, Extent, Graph, Op, Value, lower};

/// Relative, for values and gradients. Measured: 5e-7.
const CLOSE: f64 = 3e-6;
/// Half the stride of a central difference; at this one float64 gives ten digits of the slope.
const STRIDE: f64 = 1e-5;

/// Numbers that look random and are the same everywhere; float32 holds them exactly.
pub struct Numbers(ChaCha8Rng);

impl Numbers {
    pub fn new() -> Self {
        Self(ChaCha8Rng::seed_from_u64(1))
    }

    pub fn between(&mut self, low: f32, high: f32, shape: &[usize]) -> Array {
        Array::from_shape_simple_fn(IxDyn(shape), || f64::from(self.0.random_range(low..high)))
    }

    /// From -1 to 1.
    pub fn any(&mut self, shape: &[usize]) -> Array {
        self.between(-1.0, 1.0, shape)
    }
}

/// Runs a graph over named inputs.
pub fn run(graph: &Graph, inputs: &[(&str, Tensor)]) -> Vec<(String, Vec<f32>)> {
    let session = engine().session(&lower(graph).encode_to_vec(), Path::new(".")).unwrap();
    let inputs: Vec<_> = inputs.iter().map(|(name, tensor)| (*name, Input::from(tensor))).collect();
    let outputs = session.run(&inputs).unwrap();
    outputs.into_iter().map(|(name, tensor)| (name, tensor.as_f32().unwrap().to_vec())).collect()
}

/// The same numbers for ONNX Runtime.
pub fn tensor(array: &Array) -> Tensor {
    engine();
    Tensor::f32(array.shape(), array.iter().map(|x| *x as f32).collect()).unwrap()
}

/// The size of the difference, in units of what is right.
pub fn apart(found: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(found.len(), exact.len());
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(exact).map(|(a, b)| f64::from(*a) - b)) / norm(&mut exact.iter().copied())
}

fn extents(array: &Array) -> Vec<Extent> {
    array.shape().iter().map(|n| Extent::from(*n)).collect()
}

/// Checks the values that `build` makes of its inputs against `exact`, and the gradients of a random combination of
/// them against its slope. The inputs are `moving` and then `frozen`; only the first have gradients. Returns the
/// operators of the graph.
pub fn check(
    what: &str,
    (moving, frozen): (&[Array], &[Array]),
    build: impl Fn(&mut Graph, &[Value]) -> Vec<Value>,
    exact: impl Fn(&[Array]) -> Vec<Array>,
) -> Vec<Op> {
    let arrays: Vec<Array> = moving.iter().chain(frozen).cloned().collect();
    let values = exact(&arrays);
    let mut numbers = Numbers::new();
    let seeds: Vec<Array> = values.iter().map(|y| numbers.any(y.shape())).collect();

    let mut g = Graph::new();
    let name = |kind: &str, i: usize| format!("{kind}{i}");
    let port = |g: &mut Graph, kind: &str, arrays: &[Array]| -> Vec<Value> {
        arrays.iter().enumerate().map(|(i, a)| g.input(&name(kind, i), DType::F32, extents(a))).collect()
    };
    let x = port(&mut g, "x", &arrays);
    let y = build(&mut g, &x);
    assert_eq!(y.len(), values.len(), "{what}: outputs");
    let ops = g.nodes().iter().map(|n| n.op.clone()).collect();
    let dy = port(&mut g, "dy", &seeds);
    let pairs: Vec<_> = y.iter().copied().zip(dy).collect();
    let dx = grad::reverse(&mut g, &pairs, &x[..moving.len()]).unwrap();
    // A gradient may be the seed itself, or another's: outputs have names of their own.
    let one = g.float(1.0);
    let dx = dx.into_iter().map(|dx| dx.unwrap_or_else(|| panic!("{what}: a gradient is missing")));
    let found: Vec<_> = y.iter().copied().chain(dx).collect();
    let shapes: Vec<_> = values.iter().chain(moving).map(extents).collect();
    for (i, (value, shape)) in found.into_iter().zip(shapes).enumerate() {
        let value = g.op(Op::Mul, &[value, one]);
        g.output(&name("found", i), value, DType::F32, shape);
    }

    let names: Vec<_> =
        (0..arrays.len()).map(|i| name("x", i)).chain((0..seeds.len()).map(|i| name("dy", i))).collect();
    let read: Vec<String> = lower(&g).graph.unwrap().node.into_iter().flat_map(|n| n.input).collect();
    let inputs = names.iter().map(String::as_str).zip(arrays.iter().chain(&seeds).map(tensor));
    let inputs: Vec<_> = inputs.collect();
    assert!(names.iter().all(|n| read.contains(n)), "{what}: an input is read by nothing");
    let outputs = run(&g, &inputs);
    let slopes = (0..moving.len()).map(|i| slope(&arrays, i, |x| combined(&exact(x), &seeds)));
    let right: Vec<Array> = values.iter().cloned().chain(slopes).collect();
    for ((name, found), right) in outputs.iter().zip(&right) {
        let error = apart(found, right.as_standard_layout().as_slice().unwrap());
        assert!(error < CLOSE, "{what}: {name} is off by {error:e}: {found:?}, not {right}");
    }
    ops
}

/// The number whose gradients are compared: what comes out, weighed by the seeds.
fn combined(values: &[Array], seeds: &[Array]) -> f64 {
    values.iter().zip(seeds).map(|(y, dy)| (y * dy).sum()).sum()
}

/// The slope of `f` in each number of one of the arrays.
fn slope(arrays: &[Array], which: usize, f: impl Fn(&[Array]) -> f64) -> Array {
    let mut arrays = arrays.to_vec();
    let mut slope = Array::zeros(arrays[which].raw_dim());
    for (at, slope) in slope.indexed_iter_mut() {
        let mut moved = |by: f64| {
            let before = arrays[which][&at];
            arrays[which][&at] += by;
            let value = f(&arrays);
            arrays[which][&at] = before;
            value
        };
        *slope = (moved(STRIDE) - moved(-STRIDE)) / (2.0 * STRIDE);
    }
    slope
}

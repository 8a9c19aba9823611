//! Cross-entropy beside its definition.

use super::reference::{Array, product, softmax};
use super::slope::{Numbers, apart, run, tensor};
use crate::support::engine;
use ndarray::{IxDyn, array};
use wayside::engine::Tensor;
use wayside::grad::cross_entropy;
use wayside::graph::{DType, Extent, Graph};

/// Relative. Measured: 7e-8.
const CLOSE: f64 = 1e-6;

/// The loss and its gradient, as ONNX Runtime computes them.
fn found(hidden: &Array, w: &Array, labels: &[usize], weight: f32) -> (f32, Vec<f32>) {
    engine();
    let mut g = Graph::new();
    let extents = |array: &Array| array.shape().iter().map(|n| Extent::from(*n)).collect::<Vec<_>>();
    let h = g.input("hidden", DType::F32, extents(hidden));
    let v = g.input("w", DType::F32, extents(w));
    let l = g.input("labels", DType::I64, [labels.len().into()]);
    let share = g.input("weight", DType::F32, []);
    let loss = cross_entropy(&mut g, h, v, l, share);
    g.output("loss", loss.loss, DType::F32, []);
    g.output("gradient", loss.gradient, DType::F32, extents(hidden));
    let ids = Tensor::i64(&[labels.len()], labels.iter().map(|l| *l as i64).collect()).unwrap();
    let inputs =
        [("hidden", tensor(hidden)), ("w", tensor(w)), ("labels", ids), ("weight", Tensor::scalar(weight).unwrap())];
    let mut outputs = run(&g, &inputs);
    let (gradient, loss) = (outputs.pop().unwrap().1, outputs.pop().unwrap().1);
    (loss[0], gradient)
}

/// The definition, with the largest logit taken out.
fn exact(hidden: &Array, w: &Array, labels: &[usize], weight: f64) -> f64 {
    let logits = product(hidden, w, (false, true), 1.0);
    let nats = logits.outer_iter().zip(labels).map(|(row, label)| {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        largest + row.iter().map(|x| (x - largest).exp()).sum::<f64>().ln() - row[*label]
    });
    nats.sum::<f64>() * weight
}

#[test]
fn loss_and_gradient_are_those_of_the_definition() {
    let mut numbers = Numbers::new();
    let (hidden, w, labels) = (numbers.between(-2.0, 2.0, &[4, 6]), numbers.any(&[9, 6]), [3, 0, 8, 3]);
    let (loss, gradient) = found(&hidden, &w, &labels, 0.25);
    let right = exact(&hidden, &w, &labels, 0.25);
    assert!((f64::from(loss) / right - 1.0).abs() < CLOSE, "{loss}, not {right}");
    let stride = 1e-5;
    let slope = |at: usize| {
        let moved = |by: f64| {
            let mut hidden = hidden.clone();
            hidden.as_slice_mut().unwrap()[at] += by;
            exact(&hidden, &w, &labels, 0.25)
        };
        (moved(stride) - moved(-stride)) / (2.0 * stride)
    };
    let slopes: Vec<f64> = (0..hidden.len()).map(slope).collect();
    let error = apart(&gradient, &slopes);
    assert!(error < CLOSE, "{error:e}");
}

/// Where exp of a logit is infinite, or the label's probability is no float32 above zero.
#[test]
fn logits_of_ten_thousand_either_way_have_a_loss_and_a_gradient() {
    let hidden = array![[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]].into_dyn();
    let w = array![[1e4, 0.5], [-1e4, 1e4], [0.0, -1e4], [1.0, 0.25]].into_dyn();
    for labels in [[0, 1, 1], [1, 2, 0], [3, 0, 2]] {
        let (loss, gradient) = found(&hidden, &w, &labels, 1.0);
        let right = exact(&hidden, &w, &labels, 1.0);
        assert!((f64::from(loss) - right).abs() <= CLOSE * right.max(1.0), "{labels:?}: {loss}, not {right}");
        let mut off = softmax(&product(&hidden, &w, (false, true), 1.0));
        labels.iter().enumerate().for_each(|(row, label)| off[[row, *label]] -= 1.0);
        let slopes = product(&off, &w, (false, false), 1.0);
        for (found, right) in gradient.iter().zip(&slopes) {
            assert!((f64::from(*found) - right).abs() <= CLOSE * right.abs().max(1.0), "{labels:?}: {gradient:?}");
        }
    }
}

#[test]
fn a_vocabulary_of_equals_costs_its_logarithm() {
    let (hidden, w) = (Array::zeros(IxDyn(&[1, 2])), Numbers::new().any(&[384, 2]));
    let (loss, _) = found(&hidden, &w, &[7], 1.0);
    assert!((loss - 384f32.ln()).abs() < 1e-6, "{loss}");
}

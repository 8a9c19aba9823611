//! Cross-entropy beside its definition.

use super::reference::{Array, product, softmax};
use super::slope::{Numbers, apart, run, tensor};
use crate::support::engine;
use ndarray::{Axis, IxDyn, array};
use wayside::engine::Tensor;
use wayside::grad::{Strips, cross_entropy, strip};
use wayside::graph::{DType, Extent, Graph};

/// Relative. Measured: 7e-8.
const CLOSE: f64 = 1e-6;

/// The loss and its gradient, as ONNX Runtime computes them with the vocabulary in strips of so many rows.
fn strips_of(rows: usize, hidden: &Array, w: &Array, labels: &[usize], weight: f32) -> (f32, Vec<f32>) {
    engine();
    let mut g = Graph::new();
    let extents = |array: &Array| array.shape().iter().map(|n| Extent::from(*n)).collect::<Vec<_>>();
    let (n, width) = (labels.len(), hidden.shape()[1]);
    let mut inputs = vec![("hidden".to_owned(), tensor(hidden)), ("weight".into(), Tensor::scalar(weight).unwrap())];
    let h = g.input("hidden", DType::F32, extents(hidden));
    let share = g.input("weight", DType::F32, []);
    let mut begin = |name: &str, width: usize, value: f32| {
        inputs.push((name.to_owned(), Tensor::f32(&[n, width], vec![value; n * width]).unwrap()));
        g.input(name, DType::F32, [n.into(), width.into()])
    };
    let largest = begin("largest", 1, Strips::LEAST);
    let (total, expected, told) = (begin("total", 1, 0.0), begin("expected", width, 0.0), begin("told", width, 0.0));
    let mut all = Strips { largest, total, expected, told };
    for first in (0..w.shape()[0]).step_by(rows) {
        let own = w.slice_axis(Axis(0), (first..w.shape()[0].min(first + rows)).into()).to_owned();
        let local =
            labels.iter().map(|l| if (first..first + rows).contains(l) { l - first } else { 0 } as i64).collect();
        let lies = labels.iter().map(|l| if (first..first + rows).contains(l) { 1.0 } else { 0.0 }).collect();
        let names = ["w", "labels", "own"].map(|name| format!("{name}.{first}"));
        let v = g.input(&names[0], DType::F32, extents(&own));
        let l = g.input(&names[1], DType::I64, [n.into()]);
        let o = g.input(&names[2], DType::F32, [n.into(), 1.into()]);
        all = strip(&mut g, h, v, (l, o), all);
        let arrays = [tensor(&own), Tensor::i64(&[n], local).unwrap(), Tensor::f32(&[n, 1], lies).unwrap()];
        inputs.extend(names.into_iter().zip(arrays));
    }
    let loss = cross_entropy(&mut g, h, all, share);
    g.output("loss", loss.loss, DType::F32, []);
    g.output("gradient", loss.gradient, DType::F32, extents(hidden));
    let (names, arrays): (Vec<String>, Vec<Tensor>) = inputs.into_iter().unzip();
    let inputs: Vec<(&str, Tensor)> = names.iter().map(String::as_str).zip(arrays).collect();
    let mut outputs = run(&g, &inputs);
    let (gradient, loss) = (outputs.pop().unwrap().1, outputs.pop().unwrap().1);
    (loss[0], gradient)
}

/// The same whole; in strips it is nearly that.
fn found(hidden: &Array, w: &Array, labels: &[usize], weight: f32) -> (f32, Vec<f32>) {
    let whole = strips_of(w.shape()[0], hidden, w, labels, weight);
    for rows in [1, 2, 4] {
        let (loss, gradient) = strips_of(rows, hidden, w, labels, weight);
        assert!((loss - whole.0).abs() <= 1e-6 * whole.0.abs().max(1.0), "strips of {rows}: {loss}, not {}", whole.0);
        let largest = whole.1.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
        let apart = gradient.iter().zip(&whole.1).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart <= 1e-6 * largest, "strips of {rows}: {apart}");
    }
    whole
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

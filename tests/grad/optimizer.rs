//! AdamW beside its definition in float64.

use super::slope::{Numbers, apart, run, tensor};
use ndarray::ArrayD;
use wayside::engine::Tensor;
use wayside::grad::{AdamW, adamw};

const NUMBERS: usize = 12;
const RATE: f64 = 1e-2;
/// Relative. Measured: 1.5e-7.
const CLOSE: f64 = 1e-6;

/// One vector and what AdamW remembers of it.
struct State {
    weights: ArrayD<f64>,
    mean: ArrayD<f64>,
    square: ArrayD<f64>,
}

impl State {
    /// Clips, then steps; `norm` is that of all gradients.
    fn step(&mut self, s: &AdamW, gradient: &ArrayD<f64>, norm: f64, taken: i32) {
        let [beta1, beta2, epsilon, decay, clip] = [s.beta1, s.beta2, s.epsilon, s.decay, s.clip].map(f64::from);
        let gradient = gradient * (clip / (norm + 1e-6)).min(1.0);
        self.mean = &self.mean * beta1 + &gradient * (1.0 - beta1);
        self.square = &self.square * beta2 + &gradient * &gradient * (1.0 - beta2);
        let mean = &self.mean / (1.0 - beta1.powi(taken));
        let square = &self.square / (1.0 - beta2.powi(taken));
        self.weights = &self.weights * (1.0 - RATE * decay) - mean / (square.mapv(f64::sqrt) + epsilon) * RATE;
    }
}

/// Five steps; `elsewhere` is the norm of other layers' gradients, which count for clipping.
fn five_steps(size: f32, elsewhere: f64, clips: bool) {
    crate::support::engine();
    let settings = AdamW { decay: 0.1, ..AdamW::default() };
    let graph = adamw(&settings);
    let mut numbers = Numbers::new();
    let zeros = || ArrayD::zeros(ndarray::IxDyn(&[NUMBERS]));
    let mut exact = State { weights: numbers.any(&[NUMBERS]), mean: zeros(), square: zeros() };
    let mut found =
        [&exact.weights, &exact.mean, &exact.square].map(|a| a.mapv(|x| x as f32).into_raw_vec_and_offset().0);
    for taken in 1..=5 {
        let gradient = numbers.between(-size, size, &[NUMBERS]);
        let norm2 = (&gradient * &gradient).sum() + elsewhere * elsewhere;
        assert_eq!(norm2.sqrt() > f64::from(settings.clip), clips);
        let scalar = |x: f64| Tensor::scalar(x as f32).unwrap();
        let vector = |x: &[f32]| Tensor::f32(&[NUMBERS], x.to_vec()).unwrap();
        let unbias = |beta: f32| scalar(1.0 / (1.0 - f64::from(beta).powi(taken)));
        let inputs = [
            ("weights", vector(&found[0])),
            ("mean", vector(&found[1])),
            ("square", vector(&found[2])),
            ("gradient", tensor(&gradient)),
            ("rate", scalar(RATE)),
            ("norm2", scalar(norm2)),
            ("unbias1", unbias(settings.beta1)),
            ("unbias2", unbias(settings.beta2)),
        ];
        let outputs = run(&graph, &inputs);
        exact.step(&settings, &gradient, norm2.sqrt(), taken);
        for (i, (name, exact)) in
            [("weights_next", &exact.weights), ("mean_next", &exact.mean), ("square_next", &exact.square)]
                .into_iter()
                .enumerate()
        {
            found[i] = outputs.iter().find(|(n, _)| n == name).unwrap().1.clone();
            let error = apart(&found[i], exact.as_slice().unwrap());
            assert!(error < CLOSE, "{name} after {taken}: {error:e}");
        }
    }
}

#[test]
fn five_steps_are_those_of_the_definition() {
    five_steps(0.1, 0.0, false);
    five_steps(0.1, 0.5, false);
}

#[test]
fn gradients_above_the_clip_are_scaled_down_together() {
    five_steps(3.0, 0.0, true);
    five_steps(0.1, 50.0, true);
}

/// A matrix that nothing flows to stays finite, and decays.
#[test]
fn a_gradient_of_zero_moves_nothing() {
    let settings = AdamW::default();
    crate::support::engine();
    let vector = |x: f32| Tensor::f32(&[2], vec![x; 2]).unwrap();
    let scalar = |x: f32| Tensor::scalar(x).unwrap();
    let inputs = [
        ("weights", vector(1.0)),
        ("mean", vector(0.0)),
        ("square", vector(0.0)),
        ("gradient", vector(0.0)),
        ("rate", scalar(0.5)),
        ("norm2", scalar(0.0)),
        ("unbias1", scalar(10.0)),
        ("unbias2", scalar(1000.0)),
    ];
    let outputs = run(&adamw(&settings), &inputs);
    assert_eq!(outputs[0], ("weights_next".to_owned(), vec![1.0 - 0.5 * settings.decay; 2]));
}

//! Products beside plain loops over decoded weights, and beside those of the other backends.

use super::{backends, floats};
use crate::bundle::Activation;
use crate::kernel::{Activations, Backend, Matrix, Output};
use crate::tensor::{BLOCK, Encoding};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ENCODINGS: [Encoding; 15] = [
    Encoding::F16,
    Encoding::BF16,
    Encoding::Q8_0,
    Encoding::Q4_0,
    Encoding::Q4_1,
    Encoding::Q5_0,
    Encoding::Q5_1,
    Encoding::Q2_K,
    Encoding::Q3_K,
    Encoding::Q4_K,
    Encoding::Q5_K,
    Encoding::Q6_K,
    Encoding::IQ4_NL,
    Encoding::IQ4_XS,
    Encoding::MXFP4,
];

/// A matrix whose scales in half precision are sane and whose other bytes are anything.
fn made(rng: &mut impl Rng, encoding: Encoding, outputs: usize, inputs: usize) -> Vec<u8> {
    let (numbers, width) = encoding.block();
    let mut bytes: Vec<u8> = (0..outputs * inputs / numbers * width).map(|_| rng.random()).collect();
    let halves: &[usize] = match encoding {
        Encoding::Q4_1 | Encoding::Q5_1 | Encoding::Q4_K | Encoding::Q5_K => &[0, 2],
        Encoding::Q2_K => &[80, 82],
        Encoding::Q3_K => &[108],
        Encoding::Q6_K => &[208],
        Encoding::MXFP4 | Encoding::F16 | Encoding::BF16 => &[],
        _ => &[0],
    };
    for block in bytes.chunks_exact_mut(width) {
        let number: f32 = rng.random_range(-0.2..0.2);
        match encoding {
            Encoding::F16 => block.copy_from_slice(&half::f16::from_f32(number).to_le_bytes()),
            Encoding::BF16 => block.copy_from_slice(&half::bf16::from_f32(number).to_le_bytes()),
            _ => (),
        }
        if encoding == Encoding::MXFP4 {
            block[0] = if rng.random_ratio(1, 50) { block[0] % 3 } else { 110 + block[0] % 16 };
        }
        for &at in halves {
            let scale = half::f16::from_f32(rng.random_range(-0.02..0.02f32));
            block[at..at + 2].copy_from_slice(&scale.to_le_bytes());
        }
    }
    bytes
}

fn times(backend: Backend, matrix: &Matrix<'_>, x: &[f32]) -> Vec<f32> {
    let mut rows = Activations::default();
    rows.fill(backend, x, &[*matrix]);
    all(backend, matrix, &rows)
}

fn all(backend: Backend, matrix: &Matrix<'_>, rows: &Activations) -> Vec<f32> {
    let mut y = vec![f32::NAN; rows.count() * matrix.outputs];
    let output = Output::new(&mut y);
    (0..matrix.panels()).for_each(|panel| backend.product(&[*matrix], rows, panel, &output));
    y
}

/// So many inputs in whole blocks of an encoding.
fn inputs(encoding: Encoding, blocks: usize) -> usize {
    if encoding.block().0 <= BLOCK { blocks * BLOCK } else { blocks.div_ceil(8) * 256 }
}

/// Numbers rounded as the kernels say they round them.
fn rounded(x: &[f32]) -> Vec<f64> {
    let block = |block: &[f32]| {
        let most = block.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        let inverse = if most > 0.0 { 127.0 / most } else { 0.0 };
        let step = f64::from(most / 127.0);
        block.iter().map(|x| f64::from((x * inverse).round_ties_even()) * step).collect::<Vec<_>>()
    };
    x.chunks_exact(BLOCK).flat_map(block).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn products_are_those_of_decoded_weights(seed: u64, outputs in 1usize..40, blocks in 1usize..20) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        for encoding in ENCODINGS {
            let inputs = inputs(encoding, blocks);
            let bytes = made(rng, encoding, outputs, inputs);
            let matrix = Matrix { encoding, outputs, inputs, bytes: &bytes };
            let mut weights = vec![0.0; outputs * inputs];
            encoding.decode(&bytes, &mut weights);
            let x = floats(rng, inputs, 2.0);
            let exact = match encoding.is_float() {
                true => x.iter().copied().map(f64::from).collect(),
                false => rounded(&x),
            };
            for (y, weights) in times(Backend::SCALAR, &matrix, &x).into_iter().zip(weights.chunks_exact(inputs)) {
                let terms = weights.iter().zip(&exact).map(|(w, x)| f64::from(*w) * x);
                let size: f64 = terms.clone().map(f64::abs).sum();
                let sum: f64 = terms.sum();
                // Minimums and centres are taken from sums that are larger than what is left.
                prop_assert!((f64::from(y) - sum).abs() <= 4e-6 * (size + 1e-3), "{encoding:?}: {y} for {sum}");
            }
        }
    }

    /// Rows from 1 to 40 take every way through the kernels.
    #[test]
    fn all_backends_give_the_same_bits_whatever_stands_beside_a_row(
        seed: u64, outputs in 1usize..40, blocks in 1usize..11, count in 1usize..40,
    ) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        for encoding in ENCODINGS {
            let inputs = inputs(encoding, blocks);
            let bytes = made(rng, encoding, outputs, inputs);
            let matrix = Matrix { encoding, outputs, inputs, bytes: &bytes };
            let x = floats(rng, count * inputs, 2.0);
            let alone: Vec<f32> = x.chunks_exact(inputs).flat_map(|x| times(Backend::SCALAR, &matrix, x)).collect();
            for backend in backends() {
                prop_assert_eq!(&times(backend, &matrix, &x), &alone, "{:?} {:?}", encoding, backend);
                for (x, row) in x.chunks_exact(inputs).zip(alone.chunks_exact(outputs)) {
                    prop_assert_eq!(&times(backend, &matrix, x), row, "{:?} {:?}, alone", encoding, backend);
                }
            }
        }
    }
}

#[test]
fn a_gated_row_is_its_activation_times_its_value() {
    let rng = &mut ChaCha8Rng::seed_from_u64(7);
    let bytes = made(rng, Encoding::Q8_0, 33, 160);
    let matrix = Matrix { encoding: Encoding::Q8_0, outputs: 33, inputs: 160, bytes: &bytes };
    let (gates, values) = (floats(rng, 160, 20.0), floats(rng, 160, 1.0));
    let silu = |g: f32| g / (1.0 + (-g).exp());
    let gelu = |g: f32| 0.5 * g * (1.0 + (0.797_884_6 * (g + 0.044_715 * g.powi(3))).tanh());
    let activations: [(Activation, &dyn Fn(f32) -> f32); 2] =
        [(Activation::Silu, &silu), (Activation::GeluTanh, &gelu)];
    for (activation, function) in activations {
        let both = [gates.clone(), values.clone()].concat();
        let gated = |backend| {
            let mut rows = Activations::default();
            rows.fill_gated(backend, activation, &both, &[matrix]);
            all(backend, &matrix, &rows)
        };
        let scalar = gated(Backend::SCALAR);
        let plain: Vec<f32> = gates.iter().zip(&values).map(|(g, v)| function(*g) * v).collect();
        for (a, b) in scalar.iter().zip(times(Backend::SCALAR, &matrix, &plain)) {
            assert!((a - b).abs() < 1e-2 * (1.0 + b.abs()), "{activation:?}: {a} for {b}");
        }
        backends().for_each(|backend| assert_eq!(gated(backend), scalar, "{activation:?} {backend:?}"));
    }
}

#[test]
fn sizes_that_do_not_fit_are_left_alone() {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    let mut bytes = made(rng, Encoding::Q4_0, 20, 96);
    bytes.pop();
    let matrix = Matrix { encoding: Encoding::Q4_0, outputs: 20, inputs: 96, bytes: &bytes };
    for backend in backends() {
        let y = times(backend, &matrix, &[1.0; 96]);
        assert!(!matrix.is_whole() && y.iter().all(|y| y.is_nan()), "nothing was written");
    }
}

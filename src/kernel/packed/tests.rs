//! The kernels beside plain loops over decoded weights, and a row beside itself among others.

use super::super::available;
use super::*;
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

fn floats(rng: &mut impl Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| rng.random_range(-2.0..2.0)).collect()
}

fn times(matrix: &Matrix<'_>, x: &[f32]) -> Vec<f32> {
    let mut rows = Rows::default();
    rows.fill(x, &[*matrix]);
    let mut y = vec![f32::NAN; rows.count() * matrix.outputs];
    let output = Output::new(&mut y);
    (0..matrix.panels()).for_each(|panel| product(&[*matrix], &rows, panel, &output));
    y
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
        prop_assume!(available());
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        for encoding in ENCODINGS {
            let inputs = if encoding.block().0 <= BLOCK { blocks * BLOCK } else { blocks.div_ceil(8) * 256 };
            let bytes = made(rng, encoding, outputs, inputs);
            let matrix = Matrix { encoding, outputs, inputs, bytes: &bytes };
            let mut weights = vec![0.0; outputs * inputs];
            encoding.decode(&bytes, &mut weights);
            let x = floats(rng, inputs);
            let exact = match encoding.is_float() {
                true => x.iter().copied().map(f64::from).collect(),
                false => rounded(&x),
            };
            for (y, weights) in times(&matrix, &x).into_iter().zip(weights.chunks_exact(inputs)) {
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
    fn a_row_is_the_same_whatever_stands_beside_it(
        seed: u64, outputs in 1usize..40, blocks in 1usize..11, count in 2usize..40,
    ) {
        prop_assume!(available());
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        for encoding in ENCODINGS {
            let inputs = if encoding.block().0 <= BLOCK { blocks * BLOCK } else { blocks.div_ceil(8) * 256 };
            let bytes = made(rng, encoding, outputs, inputs);
            let matrix = Matrix { encoding, outputs, inputs, bytes: &bytes };
            let x = floats(rng, count * inputs);
            let together = times(&matrix, &x);
            for (x, row) in x.chunks_exact(inputs).zip(together.chunks_exact(outputs)) {
                prop_assert_eq!(&times(&matrix, x), row, "{:?}", encoding);
            }
        }
    }
}

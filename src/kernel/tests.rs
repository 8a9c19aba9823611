//! The kernels beside plain loops, and a row beside itself among others.

use super::*;
use crate::bundle::Activation;
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn floats(rng: &mut impl Rng, n: usize, size: f32) -> Vec<f32> {
    (0..n).map(|_| rng.random_range(-size..size)).collect()
}

fn halves(rng: &mut impl Rng, n: usize) -> Vec<f16> {
    floats(rng, n, 1.0).into_iter().map(f16::from_f32).collect()
}

/// A matrix with arrays of its own.
struct Made {
    bits: Bits,
    outputs: usize,
    inputs: usize,
    quants: Vec<u8>,
    scales: Vec<f32>,
    offsets: Vec<f32>,
}

impl Made {
    fn new(rng: &mut impl Rng, bits: Bits, outputs: usize, blocks: usize, offsets: bool) -> Self {
        let n = outputs * blocks;
        let quants = (0..n * bits.bytes()).map(|_| rng.random()).collect();
        let offsets = floats(rng, if offsets { n } else { 0 }, 0.1);
        Self { bits, outputs, inputs: blocks * BLOCK, quants, scales: floats(rng, n, 0.1), offsets }
    }

    fn view(&self) -> Matrix<'_> {
        let Self { bits, outputs, inputs, quants, scales, offsets } = self;
        Matrix { bits: *bits, outputs: *outputs, inputs: *inputs, quants, grain: Grain::Single { scales, offsets } }
    }

    fn weight(&self, n: usize, k: usize) -> f32 {
        let at = n * self.inputs / BLOCK + k / BLOCK;
        let byte = |i: usize| self.quants[at * self.bits.bytes() + i];
        let q = match self.bits {
            Bits::Int4 => f32::from((byte(k % BLOCK / 2) >> (k % 2 * 4)) & 15) - 8.0,
            Bits::Int8 => f32::from(byte(k % BLOCK)) - 128.0,
        };
        self.scales[at] * q + self.offsets.get(at).unwrap_or(&0.0)
    }

    /// In float64, over activations rounded as the kernels say they round them.
    fn exact(&self, x: &[f32], n: usize) -> f64 {
        let blocks = x.chunks_exact(BLOCK).enumerate().map(|(b, block)| {
            let step = block.iter().fold(0.0f32, |m, x| m.max(x.abs())) / 127.0;
            let at = n * self.inputs / BLOCK + b;
            let offset = f64::from(*self.offsets.get(at).unwrap_or(&0.0));
            let terms = block.iter().enumerate().map(|(k, x)| {
                let rounded = if step > 0.0 { f64::from((x / step).round_ties_even() * step) } else { 0.0 };
                rounded * (f64::from(self.weight(n, b * BLOCK + k)) - offset) + f64::from(*x) * offset
            });
            terms.sum::<f64>()
        });
        blocks.sum()
    }

    fn times(&self, x: &[f32]) -> Vec<f32> {
        let (view, mut rows) = (self.view(), Rows::default());
        rows.fill(x, &view);
        all(&view, &rows)
    }
}

fn all(matrix: &Matrix<'_>, rows: &Rows) -> Vec<f32> {
    let mut y = vec![f32::NAN; rows.count() * matrix.outputs];
    let output = Output::new(&mut y);
    (0..matrix.outputs.div_ceil(PANEL)).for_each(|panel| product(matrix, rows, panel, &output));
    y
}

#[test]
fn half_the_bytes_say_the_same() {
    if !available() {
        return;
    }
    let rng = &mut ChaCha8Rng::seed_from_u64(11);
    for (outputs, blocks) in [(37, 5), (64, 18), (16, 4)] {
        let mut matrix = Made::new(rng, Bits::Int4, outputs, blocks, true);
        assert!(halve(&matrix.scales, &matrix.offsets, blocks).is_none(), "random numbers are no halves");
        let halved = |x: f32| f16::from_f32(x).to_f32();
        matrix.scales.iter_mut().for_each(|s| *s = halved(*s));
        matrix.offsets = matrix.offsets.iter().zip(&matrix.scales).map(|(o, s)| halved(*o) + 8.0 * s).collect();
        let halves = halve(&matrix.scales, &matrix.offsets, blocks).unwrap();
        let half = Matrix { grain: Grain::Half(&halves), ..matrix.view() };
        assert!(half.is_whole());
        for count in [1, 3, 40] {
            let mut rows = Rows::default();
            rows.fill(&floats(rng, count * matrix.inputs, 2.0), &half);
            assert_eq!(all(&half, &rows), all(&matrix.view(), &rows), "{outputs} {blocks} {count}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn products_are_those_of_a_plain_loop(
        seed: u64, eight: bool, offsets: bool, outputs in 1usize..70, blocks in 1usize..11,
    ) {
        prop_assume!(available());
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let bits = if eight { Bits::Int8 } else { Bits::Int4 };
        let matrix = Made::new(rng, bits, outputs, blocks, offsets);
        let x = floats(rng, matrix.inputs, 2.0);
        let size: f64 = x.iter().map(|x| f64::from(x.abs())).sum::<f64>() * if eight { 12.8 } else { 1.0 };
        for (n, y) in matrix.times(&x).into_iter().enumerate() {
            // A number that lies between two steps may be rounded to either.
            let exact = matrix.exact(&x, n);
            prop_assert!((f64::from(y) - exact).abs() < 2e-3 * size, "{y} for {exact}");
        }
    }

    /// Rows from 1 to 40 take every way through the kernels.
    #[test]
    fn a_row_is_the_same_whatever_stands_beside_it(
        seed: u64, eight: bool, offsets: bool, outputs in 1usize..70, blocks in 1usize..11, count in 2usize..40,
    ) {
        prop_assume!(available());
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let bits = if eight { Bits::Int8 } else { Bits::Int4 };
        let matrix = Made::new(rng, bits, outputs, blocks, offsets);
        let x = floats(rng, count * matrix.inputs, 2.0);
        let together = matrix.times(&x);
        for (x, row) in x.chunks_exact(matrix.inputs).zip(together.chunks_exact(outputs)) {
            prop_assert_eq!(&matrix.times(x), row);
        }
    }

    #[test]
    fn attention_is_that_of_a_plain_loop_however_it_is_cut(
        seed: u64, kv_heads in 1usize..4, group in 1usize..5, dim in 1usize..10, past in 0usize..600, rows in 1usize..9,
        window in proptest::option::of(1usize..400), cap in proptest::option::of(0.5f32..8.0),
    ) {
        prop_assume!(available());
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let heads = Heads { heads: kv_heads * group, kv_heads, dim: 16 * dim };
        let (dim, capacity) = (heads.dim, past + rows + rng.random_range(0..9));
        let numbers = kv_heads * capacity * dim;
        let (mut keys, mut values) = (halves(rng, numbers), halves(rng, numbers));
        // What is behind the end was never written, and must not matter.
        for head in keys.chunks_exact_mut(capacity * dim).chain(values.chunks_exact_mut(capacity * dim)) {
            head[(past + rows) * dim..].fill(f16::NAN);
        }
        let width = heads.heads * dim;
        let queries = floats(rng, rows * width, 1.0);
        let scores = Scores { window, cap };
        let whole = Attention { heads, scores, queries: &queries, rows, past, keys: &keys, values: &values, capacity };
        let together = attended(&whole);
        for row in 0..rows {
            let alone = Attention { queries: &queries[row * width..][..width], rows: 1, past: past + row, ..whole };
            let own = &together[row * width..][..width];
            prop_assert_eq!(&attended(&alone), own);
            for head in 0..heads.heads {
                let close = plain(&whole, row, head).into_iter().zip(&own[head * dim..]);
                for (exact, y) in close {
                    prop_assert!((exact - f64::from(*y)).abs() < 1e-5, "{y} for {exact}");
                }
            }
        }
    }
}

fn attended(attention: &Attention<'_>) -> Vec<f32> {
    let mut y = vec![f32::NAN; attention.rows * attention.heads.heads * attention.heads.dim];
    let output = Output::new(&mut y);
    for tile in 0..attention.tiles() {
        let mut shares = vec![0.0; attention.stretches() * attention.share()];
        let all = Output::new(&mut shares);
        (0..attention.stretches()).for_each(|s| attention.stretch(tile, s, &all, s * attention.share()));
        attention.join(tile, &shares, &output);
    }
    y
}

fn plain(a: &Attention<'_>, row: usize, head: usize) -> Vec<f64> {
    let (dim, position) = (a.heads.dim, a.past + row);
    let of = |cache: &[f16], l: usize| {
        let at = (head / (a.heads.heads / a.heads.kv_heads) * a.capacity + l) * dim;
        cache[at..at + dim].iter().map(|x| x.to_f64()).collect::<Vec<_>>()
    };
    let query = &a.queries[(row * a.heads.heads + head) * dim..][..dim];
    let score = |l: usize| -> f64 { of(a.keys, l).iter().zip(query).map(|(k, q)| k * f64::from(*q)).sum() };
    let cap = |s: f64| a.scores.cap.map_or(s, |cap| f64::from(cap) * (s / f64::from(cap)).tanh());
    let is_seen = |l: usize| a.scores.window.is_none_or(|window| l + window > position);
    let weights: Vec<f64> = (0..=position).map(|l| if is_seen(l) { cap(score(l)).exp() } else { 0.0 }).collect();
    let total: f64 = weights.iter().sum();
    let mut sum = vec![0.0; dim];
    for (l, weight) in weights.iter().enumerate() {
        sum.iter_mut().zip(of(a.values, l)).for_each(|(s, v)| *s += weight / total * v);
    }
    sum
}

#[test]
fn halves_of_a_head_turn_against_one_another() {
    let (x, mut turned) = ([3.0, 1.0, 4.0, 2.0], [0.0; 4]);
    rotate(&x, &[0.0, 0.6], &[1.0, 0.8], &mut turned);
    let expected = [-4.0, 0.6 - 1.6, 3.0, 1.2 + 0.8];
    assert!(turned.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{turned:?}");
    // Behind the numbers that there are cosines for, none turns.
    rotate(&x, &[0.0], &[1.0], &mut turned);
    assert_eq!(turned, [-1.0, 3.0, 4.0, 2.0]);
}

#[test]
fn a_gated_row_is_its_activation_times_its_value() {
    if !available() {
        return;
    }
    let rng = &mut ChaCha8Rng::seed_from_u64(7);
    let matrix = Made::new(rng, Bits::Int8, 33, 5, false);
    let (gates, values) = (floats(rng, matrix.inputs, 20.0), floats(rng, matrix.inputs, 1.0));
    let silu = |g: f32| g / (1.0 + (-g).exp());
    let gelu = |g: f32| 0.5 * g * (1.0 + (0.797_884_6 * (g + 0.044_715 * g.powi(3))).tanh());
    let activations: [(Activation, &dyn Fn(f32) -> f32); 2] =
        [(Activation::Silu, &silu), (Activation::GeluTanh, &gelu)];
    for (activation, function) in activations {
        let mut rows = Rows::default();
        rows.fill_gated(activation, &[gates.clone(), values.clone()].concat(), &matrix.view());
        let gated: Vec<f32> = gates.iter().zip(&values).map(|(g, v)| function(*g) * v).collect();
        for (a, b) in all(&matrix.view(), &rows).into_iter().zip(matrix.times(&gated)) {
            assert!((a - b).abs() < 1e-2 * (1.0 + b.abs()), "{activation:?}: {a} for {b}");
        }
    }
}

#[test]
fn sizes_that_do_not_fit_are_left_alone() {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    let mut matrix = Made::new(rng, Bits::Int4, 20, 3, true);
    matrix.scales.pop();
    assert!(!matrix.view().is_whole());
    let y = matrix.times(&[1.0; 96]);
    assert!(y.iter().all(|y| y.is_nan()), "nothing was written");
}

#[test]
fn the_exponential_is_the_usual_one() {
    for x in (-8700..8800).map(|x| x as f32 / 100.0) {
        let exact = f64::from(x).exp();
        assert!((f64::from(exp::exp(x)) / exact - 1.0).abs() < 3e-7, "e to the {x}");
    }
    assert_eq!((exp::exp(0.0), exp::exp(f32::NEG_INFINITY) < 2e-38), (1.0, true));
}

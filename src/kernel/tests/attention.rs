//! Attention beside a plain loop, and beside that of the other backends; and what lies between products.

use super::{backends, floats};
use crate::kernel::{Attention, Backend, Heads, Output, STRIP, Scores, exp, rotate};
use half::f16;
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn halves(rng: &mut impl Rng, n: usize) -> Vec<f16> {
    floats(rng, n, 1.0).into_iter().map(f16::from_f32).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn attention_is_that_of_a_plain_loop_however_it_is_cut(
        seed: u64, kv_heads in 1usize..4, group in 1usize..5, dim in 1usize..10, past in 0usize..600, rows in 1usize..9,
        window in proptest::option::of(1usize..400), cap in proptest::option::of(0.5f32..8.0),
    ) {
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
        let together = attended(Backend::SCALAR, &whole);
        for backend in backends() {
            prop_assert_eq!(&attended(backend, &whole), &together, "{:?}", backend);
        }
        for row in 0..rows {
            let alone = Attention { queries: &queries[row * width..][..width], rows: 1, past: past + row, ..whole };
            let own = &together[row * width..][..width];
            for backend in backends() {
                prop_assert_eq!(&attended(backend, &alone), own, "{:?}, alone", backend);
            }
            for head in 0..heads.heads {
                let close = plain(&whole, row, head).into_iter().zip(&own[head * dim..]);
                for (exact, y) in close {
                    prop_assert!((exact - f64::from(*y)).abs() < 1e-5, "{y} for {exact}");
                }
            }
        }
    }
}

fn attended(backend: Backend, attention: &Attention<'_>) -> Vec<f32> {
    let mut y = vec![f32::NAN; attention.rows * attention.heads.heads * attention.heads.dim];
    let output = Output::new(&mut y);
    for tile in 0..attention.tiles() {
        let mut shares = vec![0.0; attention.stretches() * attention.share()];
        let all = Output::new(&mut shares);
        (0..attention.stretches()).for_each(|s| backend.stretch(attention, tile, s, &all, s * attention.share()));
        backend.join(attention, tile, &shares, &output);
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
fn an_adapters_factors_and_norms_have_the_same_bits_on_all_backends() {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    for (inputs, outputs) in [(576, 8), (8, 576), (16, 100), (3, 1)] {
        let (x, matrix) = (floats(rng, inputs, 1.0), floats(rng, inputs * outputs, 1.0));
        let exact = |o: usize| x.iter().enumerate().fold(0.0, |sum, (k, x)| x.mul_add(matrix[k * outputs + o], sum));
        let exact: Vec<f32> = (0..outputs).map(exact).collect();
        let gain = floats(rng, inputs, 1.0);
        let norm = |backend: Backend| {
            let mut out = vec![0.0; inputs];
            backend.rms_norm(&x, &gain, 1e-5, &mut out);
            out
        };
        for backend in backends() {
            let mut y = vec![f32::NAN; outputs];
            let output = Output::new(&mut y);
            (0..outputs.div_ceil(STRIP)).for_each(|s| backend.strip(&x, &matrix, outputs, s, &output, 0));
            assert_eq!(y, exact, "{backend:?}");
            assert_eq!(norm(backend), norm(Backend::SCALAR), "{backend:?}");
        }
    }
}

#[test]
fn the_exponential_is_the_usual_one() {
    for x in (-8700..8800).map(|x| x as f32 / 100.0) {
        let exact = f64::from(x).exp();
        assert!((f64::from(exp::exp(x)) / exact - 1.0).abs() < 3e-7, "e to the {x}");
    }
    assert_eq!((exp::exp(0.0), exp::exp(f32::NEG_INFINITY) < 2e-38), (1.0, true));
}

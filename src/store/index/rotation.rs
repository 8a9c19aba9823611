//! A fixed rotation that spreads what a vector says evenly over its numbers.
//!
//! Models put more into some numbers than into others. Where each number gets as many bits as every other, that is
//! waste, and a few large numbers drown the rest. After a rotation that looks random all numbers are alike, whatever
//! the model, and cosines are what they were.
//!
//! Three rounds of: flip half of the signs; mix the first `2^n` numbers by a Hadamard transform; mix the last `2^n`.
//! It costs a few microseconds and no table. Stored codes depend on it, so it belongs to their layout.

const ROUNDS: usize = 3;

/// The rotation for vectors of one length.
#[derive(Debug)]
pub(super) struct Rotation {
    /// 1 or -1 for each number, round after round.
    signs: Vec<f32>,
    dimensions: usize,
}

impl Rotation {
    pub fn new(dimensions: usize) -> Self {
        let sign = |i| if scramble(i) & 1 == 0 { 1.0 } else { -1.0 };
        Self { signs: (0..(ROUNDS * dimensions) as u64).map(sign).collect(), dimensions }
    }

    /// `vector` turned; of the same length.
    pub fn turn(&self, vector: &[f32]) -> Vec<f32> {
        let mut turned = vector.to_vec();
        let mixed = 1 << turned.len().checked_ilog2().unwrap_or(0);
        for signs in self.signs.chunks_exact(self.dimensions.max(1)) {
            turned.iter_mut().zip(signs).for_each(|(x, sign)| *x *= sign);
            let rest = turned.len().saturating_sub(mixed);
            hadamard(turned.get_mut(..mixed).unwrap_or_default());
            if rest > 0 {
                hadamard(turned.get_mut(rest..).unwrap_or_default());
            }
        }
        turned
    }
}

/// The orthonormal Hadamard transform of a power of two of numbers.
fn hadamard(x: &mut [f32]) {
    let mut half = 1;
    while half < x.len() {
        for pair in x.chunks_exact_mut(2 * half) {
            let (a, b) = pair.split_at_mut(half);
            a.iter_mut().zip(b).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
        }
        half *= 2;
    }
    let scale = 1.0 / (x.len() as f32).sqrt();
    x.iter_mut().for_each(|x| *x *= scale);
}

/// SplitMix64: bits that look random, the same in every version.
fn scramble(i: u64) -> u64 {
    let z = i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn product(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    proptest! {
        #[test]
        fn products_stay_what_they_were(pairs in prop::collection::vec((-1.0f32..1.0, -1.0f32..1.0), 0..100)) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let rotation = Rotation::new(a.len());
            prop_assert!((product(&a, &b) - product(&rotation.turn(&a), &rotation.turn(&b))).abs() < 1e-3);
        }
    }

    #[test]
    fn one_number_becomes_many() {
        for dimensions in [64, 384, 1000] {
            let rotation = Rotation::new(dimensions);
            for one in [0, dimensions / 2, dimensions - 1] {
                let mut vector = vec![0.0; dimensions];
                vector[one] = 1.0;
                let largest = rotation.turn(&vector).iter().fold(0.0f32, |m, x| m.max(x.abs()));
                assert!(largest < 6.0 / (dimensions as f32).sqrt(), "{dimensions} {one} {largest}");
            }
        }
    }

    #[test]
    fn it_is_the_one_that_stored_codes_were_made_with() {
        let turned = Rotation::new(3).turn(&[1.0, 0.0, 0.0]);
        assert!(
            turned.iter().zip([-0.573_223, 0.728_553, 0.375]).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6),
            "{turned:?}"
        );
    }
}

//! Every backend of this machine beside plain loops, beside the scalar one, and a row beside itself among others.

mod attention;
mod products;

use super::Backend;
use rand::{Rng, RngExt};

/// Those of this machine; the scalar one is always among them.
fn backends() -> impl Iterator<Item = Backend> {
    Backend::available()
}

fn floats(rng: &mut impl Rng, n: usize, size: f32) -> Vec<f32> {
    (0..n).map(|_| rng.random_range(-size..size)).collect()
}

//! Random vectors that lie in clusters, as the vectors of texts do.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// Numbers in a vector, as many as the default embedder's.
const DIMENSIONS: usize = 384;
/// Clusters.
const CLUSTERS: usize = 200;
/// How far vectors spread, as a share of the distance between clusters.
const SPREAD: f32 = 0.7;

/// `vectors` to search in and `queries` to search for, the same on every machine.
pub fn clusters(vectors: usize, queries: usize) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let mut random = ChaCha12Rng::seed_from_u64(1);
    let mut point = || -> Vec<f32> { (0..DIMENSIONS).map(|_| random.random::<f32>() - 0.5).collect() };
    let centres: Vec<Vec<f32>> = (0..CLUSTERS).map(|_| point()).collect();
    let mut around = |n: usize| -> Vec<f32> {
        centres[n % CLUSTERS].iter().zip(point()).map(|(centre, noise)| centre + SPREAD * noise).collect()
    };
    let vectors = (0..vectors).map(&mut around).collect();
    (vectors, (0..queries).map(&mut around).collect())
}

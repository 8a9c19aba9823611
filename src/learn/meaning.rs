//! Texts as unit vectors, many at once.

use crate::error::{Error, Result};
use ndarray::{Array2, ArrayView1};

/// Makes unit vectors of texts, in their order: the embedder.
pub type Meaning<'a> = dyn Fn(&[&str]) -> Result<Vec<Vec<f32>>> + 'a;

/// The vectors of texts, one a row.
pub(super) fn vectors(texts: &[&str], meaning: &Meaning) -> Result<Array2<f32>> {
    let rows = meaning(texts)?;
    let width = rows.first().map_or(0, Vec::len);
    let whole = rows.len() == texts.len() && rows.iter().all(|row| row.len() == width);
    let vectors = Array2::from_shape_vec((texts.len(), width), rows.concat()).ok().filter(|_| whole);
    vectors.ok_or_else(|| Error::engine("the embedder gave too few vectors, or vectors of different lengths"))
}

/// The mean cosine of each pair of rows; 1 for fewer than two.
pub(super) fn likeness(vectors: &Array2<f32>) -> f32 {
    let n = vectors.nrows() as f32;
    if n < 2.0 {
        return 1.0;
    }
    // Of unit vectors, the square of the sum is the sum over all pairs, each with itself too.
    let sum = vectors.sum_axis(ndarray::Axis(0));
    (sum.dot(&sum) - n) / (n * (n - 1.0))
}

/// The share of `others` that are below `own`.
pub(super) fn rank(own: f32, others: ArrayView1<f32>, except: Option<usize>) -> f32 {
    let compared = others.iter().enumerate().filter(|(i, _)| Some(*i) != except);
    let (below, all) = compared.fold((0, 0), |(below, all), (_, x)| (below + usize::from(*x < own), all + 1));
    below as f32 / all.max(1) as f32
}

/// A meaning that needs no model, for the tests beside: texts are near when they share words.
#[cfg(test)]
pub(super) fn by_words(texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let vector = |text: &&str| {
        let mut vector = vec![0.0f32; 512];
        super::similar::words(text).iter().for_each(|w| vector[super::split::stable(w) as usize % 512] += 1.0);
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
        vector.into_iter().map(|x| x / norm).collect()
    };
    Ok(texts.iter().map(vector).collect())
}

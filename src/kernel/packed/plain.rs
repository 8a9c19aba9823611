//! The same in plain loops, for machines without kernels and for whoever wants the numbers themselves. Activations are
//! not rounded.

use super::super::Output;
use super::Matrix;

/// Strands that a sum runs in.
const STRANDS: usize = 16;

/// Some rows of a matrix as float32, `[indices, K]`; none where there is no such row.
pub fn look_up(matrix: &Matrix<'_>, indices: &[i64], out: &mut [f32]) -> Option<()> {
    let width = matrix.width();
    for (index, out) in indices.iter().zip(out.chunks_exact_mut(matrix.inputs.max(1))) {
        let row = usize::try_from(*index).ok()?;
        matrix.encoding.decode(matrix.bytes.get(row.checked_mul(width)?..)?.get(..width)?, out);
    }
    Some(())
}

/// Outputs `first ..` of a part, at most so many, for all rows of `x`, put where they belong in rows of `stride`
/// numbers, of which the part's begin at `begin`.
pub fn plain(
    matrix: &Matrix<'_>,
    x: &[f32],
    (first, count): (usize, usize),
    y: &Output<'_>,
    (begin, stride): (usize, usize),
) {
    let (inputs, width) = (matrix.inputs.max(1), matrix.width());
    let mut weights = vec![0.0; inputs];
    for output in first..(first + count).min(matrix.outputs) {
        let Some(bytes) = matrix.bytes.get(output * width..(output + 1) * width) else { return };
        matrix.encoding.decode(bytes, &mut weights);
        for (row, x) in x.chunks_exact(inputs).enumerate() {
            y.put(row * stride + begin + output, &[dot(&weights, x)]);
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut strands = [0.0_f32; STRANDS];
    for (a, b) in a.chunks_exact(STRANDS).zip(b.chunks_exact(STRANDS)) {
        strands.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    strands.iter().sum()
}

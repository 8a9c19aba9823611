//! The operators that are more than one of ndarray's own, in float64.

use ndarray::{ArrayD, Axis, Ix2, IxDyn};

/// Numbers of any shape.
pub type Array = ArrayD<f64>;

/// `scale a b`, the last two axes of each changing places where it is said; leading axes are a batch, which `b` may
/// lack.
pub fn product(a: &Array, b: &Array, (transpose_a, transpose_b): (bool, bool), scale: f64) -> Array {
    let turned = |x: &Array, turn: bool| {
        let mut x = x.clone();
        if turn {
            x.swap_axes(x.ndim() - 1, x.ndim() - 2);
        }
        x.as_standard_layout().into_owned()
    };
    let (a, b) = (turned(a, transpose_a), turned(b, transpose_b));
    if a.ndim() > 2 {
        let each = a.outer_iter().enumerate().map(|(i, a)| {
            let b = if b.ndim() > 2 { b.index_axis(Axis(0), i).to_owned() } else { b.clone() };
            product(&a.to_owned(), &b, (false, false), scale)
        });
        let each: Vec<Array> = each.collect();
        return ndarray::stack(Axis(0), &each.iter().map(|x| x.view()).collect::<Vec<_>>()).unwrap();
    }
    let matrix = |x: Array| x.into_dimensionality::<Ix2>().unwrap();
    (matrix(a).dot(&matrix(b)) * scale).into_dyn()
}

/// Each row along the last axis through `f`.
fn rows(x: &Array, f: impl Fn(&mut [f64])) -> Array {
    let mut y = x.as_standard_layout().into_owned();
    let width = y.shape()[y.ndim() - 1];
    y.as_slice_mut().unwrap().chunks_exact_mut(width).for_each(f);
    y
}

fn mean(row: &[f64]) -> f64 {
    row.iter().sum::<f64>() / row.len() as f64
}

pub fn rms_norm(x: &Array, gain: &Array, epsilon: f64) -> Array {
    let normed = rows(x, |row| {
        let root = (mean(&row.iter().map(|x| x * x).collect::<Vec<_>>()) + epsilon).sqrt();
        row.iter_mut().for_each(|x| *x /= root);
    });
    normed * gain
}

pub fn layer_norm(x: &Array, gain: &Array, bias: &Array, epsilon: f64) -> Array {
    let centred = rows(x, |row| {
        let middle = mean(row);
        row.iter_mut().for_each(|x| *x -= middle);
    });
    rms_norm(&centred, gain, epsilon) + bias
}

pub fn softmax(x: &Array) -> Array {
    rows(x, |row| {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter_mut().for_each(|x| *x = (*x - largest).exp());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|x| *x /= sum);
    })
}

pub fn sigmoid(x: &Array) -> Array {
    x.mapv(|x| 1.0 / (1.0 + (-x).exp()))
}

pub fn silu(x: &Array) -> Array {
    x * sigmoid(x)
}

/// x Phi(x), by tanh.
pub fn gelu_tanh(x: &Array) -> Array {
    x.mapv(|x| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh()))
}

/// The sum along an axis; it stays, with extent 1, where `keep` says so.
pub fn sum(x: &Array, axis: usize, keep: bool) -> Array {
    let sum = x.sum_axis(Axis(axis));
    if keep { sum.insert_axis(Axis(axis)) } else { sum }
}

/// `x [B, S, heads * head_dim]` turned to the positions from `first` on.
pub fn rotary(x: &Array, first: usize, cosines: &Array, sines: &Array) -> Array {
    let half = cosines.shape()[1];
    let mut y = x.clone();
    for ((b, s, i), y) in y.view_mut().into_dimensionality::<ndarray::Ix3>().unwrap().indexed_iter_mut() {
        let (head, at) = (i / (2 * half) * 2 * half, i % (2 * half));
        let angle = [first + s, at % half];
        let (low, high) = (x[[b, s, head + at % half]], x[[b, s, head + at % half + half]]);
        *y = match at < half {
            true => low * cosines[angle] - high * sines[angle],
            false => high * cosines[angle] + low * sines[angle],
        };
    }
    y
}

pub fn gather(x: &Array, indices: &[usize]) -> Array {
    x.select(Axis(0), indices)
}

pub fn scatter_add(x: &Array, indices: &[usize], added: &Array) -> Array {
    let mut y = x.clone();
    for (to, row) in indices.iter().zip(added.outer_iter()) {
        let mut to = y.index_axis_mut(Axis(0), *to);
        to += &row;
    }
    y
}

/// Pieces of the given sizes along an axis.
pub fn split(x: &Array, axis: usize, sizes: &[usize]) -> Vec<Array> {
    let mut begin = 0;
    let piece = |size: &usize| {
        let piece = x.slice_axis(Axis(axis), (begin..begin + size).into()).to_owned();
        begin += size;
        piece
    };
    sizes.iter().map(piece).collect()
}

pub fn concatenated(parts: &[Array], axis: usize) -> Array {
    ndarray::concatenate(Axis(axis), &parts.iter().map(|x| x.view()).collect::<Vec<_>>()).unwrap()
}

/// The same numbers, row by row, under another shape.
pub fn reshaped(x: &Array, shape: &[usize]) -> Array {
    x.as_standard_layout().into_owned().into_shape_with_order(IxDyn(shape)).unwrap()
}

//! The steps of a stack, taken one after the other by the one who leads.

use super::attend::{Lane, Reads, Tables, attend};
use super::caches::{OWN, SHARED};
use super::linear::times;
use super::turns::Turns;
use super::values::Values;
use crate::kernel::{
    Activations, Backend, Heads, Matrix, Output, Place, Program, STRIP, Scores, Step, ThreadPool, Work, add, scale,
};

/// Multiplications that are worth a unit of work.
const ENOUGH: usize = 16 << 10;

/// Takes all steps. What they read and make fits, as `extents` has found.
pub fn take(
    program: &Program,
    matrices: &[Option<Vec<Matrix<'_>>>],
    values: &mut Values<'_>,
    mut lanes: &mut [Lane<'_>],
    activations: &mut Activations,
    (backend, pool): (Backend, &ThreadPool),
) {
    let mut turns = Turns::default();
    for (step, matrix) in program.steps.iter().zip(matrices) {
        let Some(made) = step.makes.first().copied() else { continue };
        let place = |at: usize| step.reads.get(at).copied().flatten().unwrap_or(Place::Input(0));
        match step.work {
            Work::Add => values.write(made, |v, y| add(v.read(place(0)), v.read(place(1)), y)),
            Work::Attend { heads, kv_heads, window, scale, cap, ref rope } => {
                let (own, rest) = lanes.split_at_mut((step.reads.len() - SHARED) / OWN);
                lanes = rest;
                let heads = Heads { heads, kv_heads, dim: own.first().map_or(0, |lane| lane.dim) };
                let turns = rope.as_ref().map(|rope| turns.of(rope, own));
                values.write(made, |v, y| {
                    let beside = step.reads[1].zip(step.reads[2]).map(|(k, v)| [k, v]);
                    let reads = Reads {
                        queries: v.read(place(0)),
                        beside: beside.map(|both| both.map(|place| v.read(place))),
                        rope: turns.or_else(|| {
                            let (cosines, sines) = step.reads[3].zip(step.reads[4])?;
                            Some(Tables { cosines: v.read(cosines), sines: v.read(sines), whole: true })
                        }),
                        scale,
                    };
                    let scores = Scores { window, cap };
                    attend(heads, scores, &reads, own, (backend, pool), y);
                });
            }
            Work::Beside => {
                values.write(made, |v, y| beside(v.read(place(0)), v.read(place(1)), v.extents[made].rows, y))
            }
            Work::Gate { activation } => values.write(made, |v, y| {
                let width = v.extents[made].width.max(1);
                let rows = v.read(place(0)).chunks_exact(2 * width).zip(y.chunks_exact_mut(width));
                rows.for_each(|(both, y)| backend.gate(activation, &both[..width], &both[width..], y));
            }),
            Work::LinearPacked { gated, .. } => {
                let Some(parts) = matrix else { continue };
                let with = (backend, pool);
                values.write(made, |v, y| times(parts, gated, v.read(place(0)), activations, with, y));
            }
            Work::Norm { epsilon } => {
                values.write(made, |v, y| norm(backend, v.read(place(0)), v.read(place(1)), epsilon, y));
            }
            Work::Product => values.write(made, |v, y| {
                let (x, matrix, extents) = (v.read(place(0)), v.read(place(1)), v.extents[made]);
                multiply(x, matrix, (extents.rows, extents.width), (backend, pool), y);
            }),
            Work::Scale { by } => values.write(made, |v, y| scale(v.read(place(0)), by, y)),
            Work::SkipNorm { epsilon } => skip_norm(backend, values, step, place, epsilon),
        }
    }
}

/// Norms of rows. They are too short to be shared out: handing out costs what a row does.
fn norm(backend: Backend, x: &[f32], gain: &[f32], epsilon: f32, y: &mut [f32]) {
    let width = gain.len().max(1);
    x.chunks_exact(width).zip(y.chunks_exact_mut(width)).for_each(|(x, y)| backend.rms_norm(x, gain, epsilon, y));
}

fn skip_norm(backend: Backend, values: &mut Values<'_>, step: &Step, place: impl Fn(usize) -> Place, epsilon: f32) {
    let (normed, sum) = (step.makes[0], step.makes.get(1).copied());
    values.write(normed, |v, y| match sum {
        Some(sum) => v.write(sum, |v, both| {
            add(v.read(place(0)), v.read(place(1)), both);
            norm(backend, both, v.read(place(2)), epsilon, y);
        }),
        None => {
            let mut both = vec![0.0; y.len()];
            add(v.read(place(0)), v.read(place(1)), &mut both);
            norm(backend, &both, v.read(place(2)), epsilon, y);
        }
    });
}

/// Rows of two matrices side by side.
fn beside(a: &[f32], b: &[f32], rows: usize, y: &mut [f32]) {
    let (first, second) = (a.len() / rows.max(1), b.len() / rows.max(1));
    for (row, y) in y.chunks_exact_mut((first + second).max(1)).enumerate() {
        y[..first].copy_from_slice(&a[row * first..][..first]);
        y[first..].copy_from_slice(&b[row * second..][..second]);
    }
}

/// The product of rows with a matrix in float32, each row by itself.
fn multiply(
    x: &[f32],
    matrix: &[f32],
    (rows, outputs): (usize, usize),
    (backend, pool): (Backend, &ThreadPool),
    y: &mut [f32],
) {
    let inputs = x.len() / rows.max(1);
    if inputs == 0 || outputs == 0 {
        return y.fill(0.0);
    }
    let y = Output::new(y);
    let strips = outputs.div_ceil(STRIP);
    let works = rows * strips;
    let each = ENOUGH.div_ceil(inputs * STRIP).min(works).max(1);
    pool.parallel_for(works.div_ceil(each), |unit| {
        for work in unit * each..works.min((unit + 1) * each) {
            let (row, strip) = (work / strips, work % strips);
            backend.strip(&x[row * inputs..][..inputs], matrix, outputs, strip, &y, row * outputs);
        }
    });
}

//! The extents of all that a run makes, and whether they fit: what is found here no step looks at again.

use super::attend::Lane;
use super::caches::{OWN, SHARED};
use super::values::Extents;
use super::wrong;
use crate::kernel::{Heads, Place, Program, Work};

/// Goes through the steps; gives lanes their rows and their past. `shape` is that of an input.
pub fn walk<'s>(
    program: &Program,
    shape: &dyn Fn(usize) -> &'s [i64],
    mut lanes: &mut [Lane<'_>],
) -> ort::Result<Vec<Extents>> {
    let mut made: Vec<Extents> = Vec::with_capacity(program.made());
    for step in &program.steps {
        let extents = |at: usize| match step.reads.get(at) {
            Some(Some(Place::Made(m))) => Some(made[*m]),
            Some(Some(Place::Input(i))) => of_input(*i, shape(*i)),
            Some(Some(Place::Stored { bytes, width, .. })) => {
                Some(Extents { like: 0, rows: bytes / size_of::<f32>() / width.max(&1), width: *width })
            }
            _ => None,
        };
        let read = |at: usize| extents(at).ok_or_else(|| wrong("a value is missing"));
        let x = read(0)?;
        let with = |width: usize| Extents { width, ..x };
        let check = |fits: bool| if fits { Ok(()) } else { Err(wrong(&format!("{:?} of {x:?}", step.work))) };
        match step.work {
            Work::Add => {
                let b = read(1)?;
                check(b.width == x.width && (b.rows == x.rows || b.rows == 1))?;
                made.push(x);
            }
            Work::Attend { heads, kv_heads, ref rope, .. } => {
                let count = (step.reads.len() - SHARED) / OWN;
                let (own, rest) = lanes.split_at_mut_checked(count).ok_or_else(|| wrong("a cache is missing"))?;
                lanes = rest;
                let dim = own.first().map_or(0, |lane| lane.dim);
                let heads = Heads { heads, kv_heads, dim };
                check(heads.fit() && own.iter().all(|lane| lane.dim == dim))?;
                let (width, cached) = (heads.heads * dim, kv_heads * dim);
                check(match (extents(1), extents(2)) {
                    (Some(k), Some(v)) => {
                        x.width == width && [k, v].iter().all(|e| e.width == cached && e.rows == x.rows)
                    }
                    (None, None) => x.width == width + 2 * cached,
                    _ => false,
                })?;
                let (turned, positions) = match (extents(3), extents(4), rope) {
                    (None, None, Some(rope)) => {
                        check(rope.width <= dim)?;
                        (rope.width, usize::MAX)
                    }
                    (Some(cosines), Some(sines), _) => {
                        check(cosines.width <= dim / 2 && sines.width == cosines.width)?;
                        (2 * cosines.width, cosines.rows.min(sines.rows))
                    }
                    _ => (0, usize::MAX),
                };
                let mut rows = 0;
                for lane in own {
                    let new = lane.rows.unwrap_or(x.rows);
                    rows += new;
                    let past = lane.total.checked_sub(new).filter(|_| lane.total <= lane.capacity.min(positions));
                    lane.past = past.ok_or_else(|| wrong("a length beyond the cache"))?;
                    lane.turned = turned;
                }
                check(rows == x.rows && one_sequence(shape(x.like)))?;
                made.push(with(width));
            }
            Work::Beside => {
                let b = read(1)?;
                check(b.rows == x.rows)?;
                made.push(with(x.width + b.width));
            }
            Work::Gate { .. } => {
                check(x.width.is_multiple_of(2))?;
                made.push(with(x.width / 2));
            }
            Work::LinearPacked { ref packed, gated } => {
                check(x.width == if gated.is_some() { 2 * packed.columns } else { packed.columns })?;
                made.push(with(packed.rows()));
            }
            Work::Norm { .. } => {
                check(read(1)?.width == x.width)?;
                made.push(x);
            }
            Work::Product => {
                let matrix = read(1)?;
                check(matrix.rows == x.width)?;
                made.push(with(matrix.width));
            }
            Work::Scale { .. } => made.push(x),
            Work::SkipNorm { .. } => {
                let skip = read(1)?;
                check((skip.rows, skip.width) == (x.rows, x.width) && read(2)?.width == x.width)?;
                made.extend([x; 2].into_iter().take(step.makes.len()));
            }
        }
    }
    Ok(made)
}

fn of_input(like: usize, shape: &[i64]) -> Option<Extents> {
    let (width, rows) = shape.split_last()?;
    let size = |n: &i64| usize::try_from(*n).ok();
    Some(Extents {
        like,
        rows: rows.iter().map(size).try_fold(1, |n: usize, m| n.checked_mul(m?))?,
        width: size(width)?,
    })
}

/// Whether only the second of three axes has an extent: caches are of one sequence.
fn one_sequence(shape: &[i64]) -> bool {
    matches!(shape, [1, _, _] | [_, _])
}

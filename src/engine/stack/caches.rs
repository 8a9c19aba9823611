//! What a stack's attention remembers: arrays of ONNX Runtime's that grow in place.

use super::attend::Lane;
use super::wrong;
use crate::kernel::{Place, Program, Step, Work};
use half::f16;
use ort::operator::ComputeContext;
use ort::value::{ValueRef, ValueRefMut};

/// Inputs of attention that its lanes share.
pub const SHARED: usize = 6;
/// Inputs that each lane has of its own: keys, values, length, most.
pub const OWN: usize = 4;

/// A lane's keys and values after the run, with the past in them.
pub struct Cached<'r> {
    keys: ValueRefMut<'r>,
    values: ValueRefMut<'r>,
    capacity: usize,
    dim: usize,
    /// Rows of the pass, where it says so.
    rows: Option<usize>,
    /// Positions after the pass.
    total: usize,
}

/// The caches of all lanes of all attention of a program, in their order. They are the node's outputs from `first` on.
pub fn open<'r>(
    context: &'r ComputeContext,
    program: &Program,
    given: &[Option<ValueRef<'_>>],
    first: usize,
) -> ort::Result<Vec<Cached<'r>>> {
    let mut cached = Vec::new();
    for step in &program.steps {
        let Work::Attend { kv_heads, .. } = step.work else { continue };
        let rows = input(step, given, 5).map(|rows| rows.try_extract_tensor::<i64>()).transpose()?;
        for (lane, own) in (SHARED..step.reads.len()).step_by(OWN).enumerate() {
            let read = |at: usize| input(step, given, own + at).ok_or_else(|| wrong("a cache is missing"));
            let number = |at: usize| -> ort::Result<i32> {
                let value = read(at)?.try_extract_tensor::<i32>()?.1.first().copied();
                value.ok_or_else(|| wrong("a length is missing"))
            };
            let shape: [i64; 4] = read(0)?.shape()[..].try_into().map_err(|_| wrong("a cache of another rank"))?;
            let [batch, heads, room, dim] = shape.map(|n| usize::try_from(n).unwrap_or_default());
            if (batch, heads) != (1, kv_heads) || read(1)?.shape() != read(0)?.shape() {
                return Err(wrong("a cache of another shape"));
            }
            let capacity = room.max(usize::try_from(number(3)?).unwrap_or_default());
            let total = usize::try_from(i64::from(number(2)?) + 1).map_err(|_| wrong("a negative length"))?;
            let bring = |at: usize| -> ort::Result<ValueRefMut<'r>> {
                let shape = [1, heads, capacity, dim].map(|n| n as i64);
                let index = first + 2 * cached.len() + at;
                let mut now = context.output(index, shape)?.ok_or_else(|| wrong("nowhere to write"))?;
                carry(read(at)?, &mut now, room * dim, capacity * dim)?;
                Ok(now)
            };
            let (keys, values) = (bring(0)?, bring(1)?);
            let rows = rows.map(|(_, all)| all.get(lane).and_then(|n| usize::try_from(*n).ok()).unwrap_or_default());
            cached.push(Cached { keys, values, capacity, dim, rows, total });
        }
    }
    Ok(cached)
}

fn input<'g, 'v>(step: &Step, given: &'g [Option<ValueRef<'v>>], at: usize) -> Option<&'g ValueRef<'v>> {
    match step.reads.get(at)? {
        Some(Place::Input(i)) => given[*i].as_ref(),
        _ => None,
    }
}

/// Views of all caches. What the pass does not say of rows and past, whoever knows the queries fills in.
pub fn lanes<'c>(cached: &'c mut [Cached<'_>]) -> ort::Result<Vec<Lane<'c>>> {
    let view = |cached: &'c mut Cached<'_>| {
        let (keys, values) =
            (cached.keys.try_extract_tensor_mut::<f16>()?.1, cached.values.try_extract_tensor_mut()?.1);
        let Cached { capacity, dim, rows, total, .. } = *cached;
        Ok(Lane { keys, values, capacity, dim, turned: 0, total, rows, past: 0 })
    };
    cached.iter_mut().map(view).collect()
}

/// Brings the past along, head by head, unless it is where it was.
fn carry(past: &ValueRef<'_>, now: &mut ValueRefMut<'_>, from: usize, to: usize) -> ort::Result<()> {
    // Where it is, and no view of it: it may be what is written.
    let there = past.try_extract_tensor::<f16>()?.1.as_ptr();
    let now = now.try_extract_tensor_mut::<f16>()?.1;
    if there != now.as_ptr() {
        let past = past.try_extract_tensor::<f16>()?.1;
        for (past, now) in past.chunks_exact(from.max(1)).zip(now.chunks_exact_mut(to.max(1))) {
            now[..from].copy_from_slice(past);
        }
    }
    Ok(())
}

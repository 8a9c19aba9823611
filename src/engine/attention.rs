//! The operator `wayside.Attention`: [`crate::kernel::Attention`] inside ONNX Runtime.
//!
//! Inputs, outputs and attributes are those of `GroupQueryAttention` as Wayside's graphs have it:
//!
//! ```text
//! inputs      q [B, S, H D] and k, v [B, S, KV D], or q, k and v side by side in the first
//!             past keys, past values [B, KV, P, D];  positions there will be, less one [B];  their most [1]
//!             cosines, sines [positions, D / 2]
//! outputs     y [B, S, H D];  keys, values [B, KV, max(P, most), D]: in place where bound to the past's buffer
//! attributes  num_heads, kv_num_heads
//! ```

use crate::kernel::{Attention, Heads, LARGEST_HEAD, Output, rotate};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::{TensorElementType, ValueRef, ValueRefMut};
use std::cell::RefCell;

/// Tiles from which each is a unit of work; fewer are shared out by stretches, too.
const ENOUGH: usize = 16;
/// New rows that one unit of work puts into the cache.
const ROWS: usize = 16;

thread_local! {
    /// What tiles got from their stretches.
    static SHARES: RefCell<Vec<f32>> = RefCell::default();
}

pub(super) struct Attend;

impl Operator for Attend {
    type Kernel<'a> = Attending;

    fn name(&self) -> &str {
        "Attention"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        use TensorElementType::{Float32, Int32};
        let (required, optional) = (OperatorInput::required, OperatorInput::optional);
        let float = || required(Float32);
        let (lengths, cached) = ([required(Int32), required(Int32)], [float(), float()]);
        [float(), optional(Float32), optional(Float32)]
            .into_iter()
            .chain(cached)
            .chain(lengths)
            .chain([float(), float()])
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [(); 3].map(|()| OperatorOutput::required(TensorElementType::Float32))
    }

    fn create_kernel<'a>(&self, about: &KernelContext<'a>) -> ort::Result<Attending> {
        let size = |name: &str| {
            let value = about.get::<i64>(name).and_then(|n| usize::try_from(n).ok());
            value.ok_or_else(|| wrong(&format!("no {name}")))
        };
        Ok(Attending { heads: size("num_heads")?, kv_heads: size("kv_num_heads")? })
    }
}

fn wrong(what: &str) -> ort::Error {
    ort::Error::new(format!("Attention: {what}"))
}

pub(super) struct Attending {
    heads: usize,
    kv_heads: usize,
}

impl Kernel for Attending {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        let input = |i: usize| context.input(i)?.ok_or_else(|| wrong(&format!("input {i} is missing")));
        let (q, past_keys, past_values) = (input(0)?, input(3)?, input(4)?);
        let (lengths, most, cosines, sines) = (input(5)?, input(6)?, input(7)?, input(8)?);
        let (shape, queries) = q.try_extract_tensor::<f32>()?;
        let [batch, rows, stride] = extents(shape)?;
        let [_, _, room, dim] = extents(past_keys.shape())?;
        let heads = Heads { heads: self.heads, kv_heads: self.kv_heads, dim };
        let (width, own) = (heads.heads * dim, heads.kv_heads * dim);
        let (k, v) = (context.input(1)?, context.input(2)?);
        let new = New::of(queries, stride, width, own, k.as_ref(), v.as_ref())?;
        let most = most.try_extract_tensor::<i32>()?.1.first().copied().unwrap_or_default();
        let capacity = room.max(usize::try_from(most).map_err(|_| wrong("a negative length"))?);
        let lengths = lengths.try_extract_tensor::<i32>()?.1;
        let (cosines, sines) = (cosines.try_extract_tensor::<f32>()?.1, sines.try_extract_tensor::<f32>()?.1);
        if !heads.fit() || lengths.len() < batch || !new.fits(batch * rows, own) {
            return Err(wrong("extents that there is no kernel for"));
        }

        let cached = [batch, heads.kv_heads, capacity, dim].map(|n| n as i64);
        let nowhere = || wrong("nowhere to write");
        let mut keys = context.output(1, cached)?.ok_or_else(nowhere)?;
        let mut values = context.output(2, cached)?.ok_or_else(nowhere)?;
        let mut y = context.output(0, [batch, rows, width].map(|n| n as i64))?.ok_or_else(nowhere)?;
        let keys = carried(&past_keys, &mut keys, room * dim, capacity * dim)?;
        let values = carried(&past_values, &mut values, room * dim, capacity * dim)?;
        let y = y.try_extract_tensor_mut::<f32>()?.1;

        if rows == 0 {
            // A lane that rests in a pass of several conversations.
            return Ok(());
        }
        for b in 0..batch {
            let total = usize::try_from(lengths[b].saturating_add(1)).unwrap_or_default();
            let past = total
                .checked_sub(rows)
                .filter(|_| total <= capacity && cosines.len().min(sines.len()) >= total * dim / 2);
            let past = past.ok_or_else(|| wrong("a length beyond the cache"))?;
            let cache = b * heads.kv_heads * capacity * dim..(b + 1) * heads.kv_heads * capacity * dim;
            let new = new.of_sequence(b, rows);
            {
                let (keys, values) = (Output::new(&mut keys[cache.clone()]), Output::new(&mut values[cache.clone()]));
                context.par_for(rows.div_ceil(ROWS), 0, |unit| {
                    for row in unit * ROWS..rows.min((unit + 1) * ROWS) {
                        let tables = [cosines, sines].map(|t| &t[(past + row) * dim / 2..][..dim / 2]);
                        for head in 0..heads.kv_heads {
                            let at = (head * capacity + past + row) * dim;
                            new.remember(row, head, tables, &keys, &values, at);
                        }
                    }
                })?;
            }
            let queries = &queries[b * rows * stride..];
            let (keys, values) = (&keys[cache.clone()], &values[cache]);
            let attention = Attention { heads, queries, stride, rows, past, keys, values, capacity, cosines, sines };
            attend(context, &attention, &Output::new(&mut y[b * rows * width..(b + 1) * rows * width]))?;
        }
        Ok(())
    }
}

/// Computes a sequence: tile by tile, or where there are few of them by their stretches first.
fn attend(context: &ComputeContext, attention: &Attention<'_>, y: &Output<'_>) -> ort::Result<()> {
    let (tiles, stretches, share) = (attention.tiles(), attention.stretches(), attention.share());
    if tiles >= ENOUGH {
        return context.par_for(tiles, 0, |tile| {
            SHARES.with_borrow_mut(|shares| {
                shares.resize(stretches * share, 0.0);
                shares.chunks_exact_mut(share).enumerate().for_each(|(s, own)| attention.stretch(tile, s, own));
                attention.join(tile, shares, y);
            });
        });
    }
    let mut shares = vec![0.0; tiles * stretches * share];
    {
        let shares = Output::new(&mut shares);
        context.par_for(tiles * stretches, 0, |unit| {
            SHARES.with_borrow_mut(|own| {
                own.resize(share, 0.0);
                attention.stretch(unit / stretches, unit % stretches, own);
                shares.put(unit * share, &own[..share]);
            });
        })?;
    }
    for (tile, shares) in shares.chunks_exact(stretches * share).enumerate() {
        attention.join(tile, shares, y);
    }
    Ok(())
}

fn extents<const N: usize>(shape: &[i64]) -> ort::Result<[usize; N]> {
    let shape: [i64; N] = shape.try_into().map_err(|_| wrong("an input of another rank"))?;
    Ok(shape.map(|n| usize::try_from(n).unwrap_or_default()))
}

/// The cache for writing, with the past in it: brought along head by head, unless it is where it was.
fn carried<'a>(
    past: &ValueRef<'_>,
    now: &'a mut ValueRefMut<'_>,
    from: usize,
    to: usize,
) -> ort::Result<&'a mut [f32]> {
    // Where it is, and no view of it: it may be what is written.
    let there = past.try_extract_tensor::<f32>()?.1.as_ptr();
    let now = now.try_extract_tensor_mut::<f32>()?.1;
    if there != now.as_ptr() {
        let past = past.try_extract_tensor::<f32>()?.1;
        for (past, now) in past.chunks_exact(from.max(1)).zip(now.chunks_exact_mut(to.max(1))) {
            now[..from].copy_from_slice(past);
        }
    }
    Ok(now)
}

/// Where the new keys and values are.
#[derive(Clone, Copy)]
struct New<'a> {
    keys: &'a [f32],
    values: &'a [f32],
    /// Numbers from one row to the next.
    stride: usize,
}

impl<'a> New<'a> {
    /// In inputs of their own, or behind the queries.
    fn of(
        queries: &'a [f32],
        stride: usize,
        width: usize,
        own: usize,
        k: Option<&'a ValueRef<'_>>,
        v: Option<&'a ValueRef<'_>>,
    ) -> ort::Result<Self> {
        match (k, v) {
            (Some(k), Some(v)) if stride == width => {
                let (keys, values) = (k.try_extract_tensor::<f32>()?.1, v.try_extract_tensor::<f32>()?.1);
                Ok(Self { keys, values, stride: own })
            }
            (None, None) if stride == width + 2 * own => {
                let behind = |at: usize| queries.get(at..).unwrap_or_default();
                Ok(Self { keys: behind(width), values: behind(width + own), stride })
            }
            _ => Err(wrong("queries of a strange width")),
        }
    }

    /// Whether there are so many rows, of keys and values of this width.
    fn fits(&self, rows: usize, own: usize) -> bool {
        let numbers = rows.saturating_sub(1) * self.stride + own;
        rows == 0 || self.keys.len().min(self.values.len()) >= numbers
    }

    fn of_sequence(self, b: usize, rows: usize) -> Self {
        let skip = |numbers: &'a [f32]| numbers.get(b * rows * self.stride..).unwrap_or_default();
        Self { keys: skip(self.keys), values: skip(self.values), ..self }
    }

    /// Puts one head of a row into the cache, its key rotated. `tables` are cosines and sines of its position.
    fn remember(&self, row: usize, head: usize, tables: [&[f32]; 2], keys: &Output, values: &Output, at: usize) {
        let dim = 2 * tables[0].len();
        let begin = row * self.stride + head * dim;
        let mut rotated = [0.0; LARGEST_HEAD];
        rotate(&self.keys[begin..][..dim], tables[0], tables[1], &mut rotated[..dim]);
        keys.put(at, &rotated[..dim]);
        values.put(at, &self.values[begin..][..dim]);
    }
}

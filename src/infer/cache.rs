//! Keys and values of the tokens a conversation has seen.
//!
//! In place: one buffer `[1, kv_heads, capacity, head_dim]` a layer and side, bound once as past and once as present,
//! so that a step writes its rows and copies nothing. Appended: the model returns a longer present each step, which
//! is bound as the next past.

use crate::bundle::{Cache as Growth, Decoder};
use crate::engine::{Binding, Outputs, Session, Tensor};
use crate::error::Result;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tokens by which the buffers grow: a compromise between copies and memory that is never used.
const STEP: usize = 64;

/// Tokens that the buffers of recorded passes have room for at least. They double: what was recorded for others is
/// lost, and kept by the GPU.
const RECORDED: usize = 512;

pub struct Cache {
    growth: Growth,
    buffers: Vec<Tensor>,
    capacity: usize,
    /// Which buffers these are: no others have had this number.
    number: u64,
    layers: usize,
    heads: usize,
    width: usize,
    context: usize,
}

/// The number of the next buffers.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Cache {
    /// An empty cache.
    pub fn new(decoder: &Decoder) -> Self {
        Self {
            growth: decoder.cache,
            buffers: Vec::new(),
            capacity: 0,
            number: 0,
            layers: decoder.layers,
            heads: decoder.kv_heads,
            width: decoder.head_dim,
            context: decoder.context,
        }
    }

    /// Whether the end can be cut off by just forgetting: so it is where a length says what counts.
    pub fn can_shrink(&self) -> bool {
        self.growth == Growth::InPlace
    }

    /// Makes room for `needed` tokens beside the `used` that are there, and binds what moved.
    pub fn reserve(&mut self, session: &Session, binding: &mut Binding, used: usize, needed: usize) -> Result<()> {
        match self.growth {
            Growth::Appended if used == 0 => self.empty(binding),
            Growth::InPlace if needed > self.capacity => self.grow(session, binding, used, needed),
            _ => Ok(()),
        }
    }

    /// Overwrites what was remembered. (What a model appends is let go of when the next conversation begins.)
    pub fn wipe(&mut self) {
        // In memory there is none that cannot be written; a GPU that takes no more orders is about to be left.
        self.buffers
            .iter_mut()
            .filter_map(|buffer| buffer.change(|bytes| bytes.fill(0)).err())
            .for_each(|e| log::warn!("{e}"));
    }

    /// The bytes of the first `length` tokens of all buffers, one after another: `[layers, 2, kv_heads, length,
    /// head_dim]`. None from a cache whose buffers are the model's.
    pub fn beginning(&self, length: usize) -> Result<Option<Vec<u8>>> {
        if !self.can_shrink() || length > self.capacity {
            return Ok(None);
        }
        let mut rows = Vec::new();
        for buffer in &self.buffers {
            let bytes = buffer.bytes()?;
            let row = bytes.len() / (self.heads * self.capacity).max(1);
            bytes.chunks(self.capacity * row).for_each(|head| rows.extend_from_slice(&head[..length * row]));
        }
        Ok(Some(rows))
    }

    /// Puts back what [`Cache::beginning`] gave for `length` tokens, for which there is room. False where it does not
    /// fit.
    pub fn begin(&mut self, length: usize, rows: &[u8]) -> Result<bool> {
        if !self.can_shrink() || length == 0 || length > self.capacity || self.buffers.is_empty() {
            return Ok(false);
        }
        let all = self.buffers.len() * self.heads * length;
        let row = rows.len() / all.max(1);
        if row == 0 || rows.len() != all * row {
            return Ok(false);
        }
        let mut rows = rows.chunks(length * row);
        let mut fits = true;
        for buffer in &mut self.buffers {
            buffer.change(|bytes| {
                fits &= bytes.len() == self.heads * self.capacity * row;
                if fits {
                    let heads = bytes.chunks_mut(self.capacity * row);
                    heads.zip(&mut rows).for_each(|(head, rows)| head[..rows.len()].copy_from_slice(rows));
                }
            })?;
        }
        Ok(fits)
    }

    fn empty(&self, binding: &mut Binding) -> Result<()> {
        let empty = Tensor::f32(&[1, self.heads, 0, self.width], vec![])?;
        for (past, present) in slots(self.layers) {
            binding.input(&past, &empty)?;
            binding.output(&present);
        }
        Ok(())
    }

    fn grow(&mut self, session: &Session, binding: &mut Binding, used: usize, needed: usize) -> Result<()> {
        let capacity = match session.records() {
            // Attention looks at all of it, and has no positions beyond the model's context.
            true => needed.next_power_of_two().max(RECORDED).min(self.context.max(needed)),
            false => needed.next_multiple_of(STEP),
        };
        let mut old = std::mem::take(&mut self.buffers).into_iter();
        for (past, present) in slots(self.layers) {
            // Where passes are recorded all is looked at: what is left out is multiplied with zero, which not every
            // number survives.
            let mut buffer = session.slot(&past, &[1, self.heads, capacity, self.width])?;
            let old = old.next();
            let from = old.as_ref().map(Tensor::bytes).transpose()?;
            if let Some(from) = from {
                buffer.change(|to| {
                    let row = to.len() / (self.heads * capacity).max(1);
                    for (from, to) in from.chunks((self.capacity * row).max(1)).zip(to.chunks_mut(capacity * row)) {
                        to[..used * row].copy_from_slice(&from[..used * row]);
                    }
                })?;
            }
            // Not all at the end: the binding keeps an old buffer until it is bound to another.
            binding.in_place(&past, &present, &mut buffer)?;
            self.buffers.push(buffer);
        }
        self.capacity = capacity;
        self.number = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Tokens there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Which buffers it has: no others have had this number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Binds the buffers to another set of inputs and outputs.
    pub fn bind(&mut self, binding: &mut Binding) -> Result<()> {
        let names = slots(self.layers);
        names.zip(&mut self.buffers).try_for_each(|((past, present), buffer)| binding.in_place(&past, &present, buffer))
    }

    /// Gives the buffers away, for a pass that others share; they come back by [`Cache::put_back`].
    pub fn lend(&mut self) -> (u64, Vec<Tensor>) {
        (self.number, std::mem::take(&mut self.buffers))
    }

    /// Takes the buffers back that [`Cache::lend`] gave.
    pub fn put_back(&mut self, buffers: Vec<Tensor>) {
        self.buffers = buffers;
    }

    /// After a step: what the model appended becomes the past of the next.
    pub fn advance(&self, binding: &mut Binding, outputs: &mut Outputs) -> Result<()> {
        if self.growth == Growth::InPlace {
            return Ok(());
        }
        for (past, present) in slots(self.layers) {
            if let Some(at) = outputs.iter().position(|(name, _)| *name == present) {
                binding.input(&past, &outputs.swap_remove(at).1)?;
            }
        }
        Ok(())
    }
}

/// Names of past and present for every layer and side.
pub(super) fn slots(layers: usize) -> impl Iterator<Item = (String, String)> {
    (0..layers).flat_map(|layer| {
        ["key", "value"].map(|side| (format!("past_key_values.{layer}.{side}"), format!("present.{layer}.{side}")))
    })
}

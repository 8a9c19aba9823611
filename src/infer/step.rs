//! Passes that are alike but for numbers: every array stays where it is, and the cache is looked at in its whole
//! length, of which attention leaves out what is not yet written. A GPU records the first of them (a CUDA graph) and
//! repeats it at one call, where each of some hundred kernels would take one.

use super::cache::Cache;
use crate::engine::{Binding, Session, Tensor};
use crate::error::Result;
use crate::graph::TOTAL_LENGTH;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Passes that are run before one is recorded: while that is done, the GPU must have all the memory that it takes.
const WARM_UP: usize = 2;

/// A pass over fixed arrays, among them those of one cache.
pub struct Step {
    binding: Binding,
    inputs: Vec<Tensor>,
    output: Tensor,
    /// The cache's number, and that of what is recorded.
    number: u64,
}

impl Step {
    /// A pass over `cache` that takes `inputs`, with the shapes and at first the numbers they have here, and makes the
    /// float32 output of this name and shape.
    pub fn new(
        session: &Session,
        cache: &mut Cache,
        inputs: &[(&str, Tensor)],
        (output, shape): (&str, &[usize]),
    ) -> Result<Self> {
        let mut binding = session.bind()?;
        cache.bind(&mut binding)?;
        binding.input(TOTAL_LENGTH, &Tensor::i32(&[1], vec![cache.capacity() as i32])?)?;
        let inputs = inputs
            .iter()
            .map(|(name, first)| {
                let mut stays = session.slot(name, &first.shape())?;
                first.copy_into(&mut stays)?;
                binding.input(name, &stays)?;
                Ok(stays)
            })
            .collect::<Result<_>>()?;
        let mut made = session.slot(output, shape)?;
        binding.output_into(output, &mut made)?;
        for _ in 0..WARM_UP {
            session.run_bound(&mut binding)?;
        }
        Ok(Self { binding, inputs, output: made, number: cache.number() })
    }

    /// The pass over `cache` as it lies now: the one in `slot`, or another that `make` makes.
    pub fn over<'a>(
        slot: &'a mut Option<Self>,
        cache: &mut Cache,
        make: impl FnOnce(&mut Cache) -> Result<Self>,
    ) -> Result<&'a mut Self> {
        let step = match slot.take() {
            Some(step) if step.number == cache.number() => step,
            _ => make(cache)?,
        };
        Ok(slot.insert(step))
    }

    /// Runs it with other numbers in its first inputs, named as when it was made. Returns the output.
    pub fn run(&mut self, session: &Session, numbers: &[(&str, Tensor)]) -> Result<Tensor> {
        for ((_, new), stays) in numbers.iter().zip(&mut self.inputs) {
            new.copy_into(stays)?;
        }
        session.repeat(&mut self.binding, self.number)?;
        self.output.in_memory()
    }
}

/// Caches that were let go of, each with the pass that is recorded over it: a GPU keeps what it has recorded, so there
/// are never more than conversations at one time, and lengths they grew through.
#[derive(Default)]
pub struct Recorded {
    free: Mutex<Vec<(Cache, Step)>>,
    given_up: AtomicBool,
}

impl Recorded {
    /// Whether passes are still to be recorded.
    pub fn goes_on(&self) -> bool {
        !self.given_up.load(Ordering::Relaxed)
    }

    /// No pass is recorded any more: one could not be, which says nothing about the pass itself.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// The one let go of last, if any.
    pub fn take(&self) -> Option<(Cache, Step)> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// For another conversation.
    pub fn put_back(&self, cache: Cache, step: Step) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push((cache, step));
    }
}

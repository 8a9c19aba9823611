//! A run: from examples to an adapter, a step at a time, so that a power cut costs no more than the steps since the
//! last checkpoint.
//!
//! The folder is the run's. While it lasts, it holds `checkpoint.safetensors`; when it is over, the adapter takes the
//! folder's place as a whole, and with it the checkpoint is gone.

use super::batch::Batch;
use super::checkpoint::Checkpoint;
use super::data::Data;
use super::example::Example;
use super::flat::{fresh, unflatten};
use super::frozen::Frozen;
use super::order::{Order, Position};
use super::plan::{Plan, Work};
use super::schedule::Schedule;
use super::step::{State, Step};
use crate::bundle::Bundle;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::lora::{Adapter, LoraConfig};
use crate::memory;
use crate::watch::Cancel;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The checkpoint's name in the run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// Losses that are compared with the first ones, to see whether a run has come off the road.
const RECENT: usize = 8;

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The adapter's shape.
    pub lora: LoraConfig,
    /// The highest learning rate.
    pub rate: f32,
    /// How it moves.
    pub schedule: Schedule,
    /// Examples in a step.
    pub batch: usize,
    /// Steps in all.
    pub steps: u64,
    /// What order, beginning and dropout are drawn from.
    pub seed: u64,
    /// Bytes the process may have resident.
    pub memory: u64,
}

/// Where a run is kept, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Keeping<'a> {
    /// The run's folder.
    pub folder: &'a Path,
    /// The longest time whose work a power cut may cost.
    pub interval: Duration,
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Progressed {
    /// Its number, from 1.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Nats a learned token, before the step.
    pub loss: f32,
    /// The learning rate.
    pub rate: f32,
    /// The gradients' norm, before clipping.
    pub norm: f32,
    /// Tokens of its examples.
    pub tokens: usize,
    /// Seconds it took.
    pub seconds: f64,
}

/// How a run came off the road: the cause beneath the error that ends it, which tells it from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverged(String);

impl Diverged {
    /// By what it showed.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// The cause of an error, where it is this.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
}

impl fmt::Display for Diverged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Diverged {}

/// A run under way.
pub struct Run<'a> {
    step: Step,
    plan: Plan,
    examples: &'a [Example],
    order: Order,
    recipe: Recipe,
    position: Position,
    losses: Vec<f32>,
    identity: String,
    folder: PathBuf,
    interval: Duration,
    saved: Instant,
}

impl<'a> Run<'a> {
    /// Begins a run, or goes on with the one whose checkpoint is there.
    ///
    /// Errors: `Invalid` for numbers that mean nothing or a budget that nothing fits; `Incompatible` when the
    /// checkpoint belongs to other data, settings or model.
    pub fn open(
        engine: &Engine,
        bundle: &Bundle,
        data: &'a Data,
        recipe: Recipe,
        keeping: Keeping<'_>,
    ) -> Result<Self> {
        let folder = keeping.folder;
        recipe.check()?;
        let frozen = Frozen::open(engine, bundle)?;
        let shape = frozen.shape;
        let identity = recipe.identity(data, bundle);
        let kept = Checkpoint::read(&folder.join(CHECKPOINT))?;
        if let Some(kept) = &kept {
            kept.check(&identity).map_err(|e| e.context(folder.display()))?;
        }
        let longest = data.examples.iter().map(Example::len).max().unwrap_or(0);
        if longest > shape.context + 1 {
            return Err(Error::invalid(format!(
                "an example of {longest} tokens is longer than the {} the model can look at; shorten it with --length",
                shape.context
            )));
        }
        let work = Work {
            shape: &shape,
            lora: &recipe.lora,
            weights: bundle.manifest.files.get(crate::graph::WEIGHTS).map_or(0, |f| f.bytes),
            resident: memory::resident().unwrap_or(RESIDENT),
            sequences: recipe.batch.min(data.examples.len()),
            length: longest.saturating_sub(1),
        };
        let plan = Plan::choose(&work, recipe.memory)?;
        let (position, losses) =
            kept.as_ref().map_or((Position::default(), vec![]), |k| (k.position, k.losses.clone()));
        let state = match kept {
            Some(kept) => kept.into_state()?,
            None => State::new(fresh(&shape, &recipe.lora, recipe.seed), recipe.seed),
        };
        let order = Order::new(data.lengths(), recipe.batch, recipe.seed)?;
        let step = Step::new(engine, bundle, frozen, recipe.lora.clone(), plan.clone(), state)?;
        Ok(Self {
            step,
            plan,
            examples: &data.examples,
            order,
            recipe,
            position,
            losses,
            identity,
            folder: folder.to_owned(),
            interval: keeping.interval,
            saved: Instant::now(),
        })
    }

    /// How memory is spent.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The losses of the steps that were taken.
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// Takes the next step; `None` when there is none left.
    ///
    /// Errors: `Invalid`, because it has [`Diverged`], when loss or gradients stop being numbers or run away;
    /// `Cancelled`. Either way the last checkpoint stays.
    pub fn advance(&mut self, cancel: &Cancel) -> Result<Option<Progressed>> {
        let taken = self.losses.len() as u64;
        let Some((examples, rate)) = self.next() else { return Ok(None) };
        let begin = Instant::now();
        let learnt: usize = examples.iter().map(|e| e.learnt()).sum();
        let weight = 1.0 / learnt.max(1) as f32;
        let mut loss = 0.0;
        for batch in batches(&examples, self.plan.rows) {
            loss += self.step.accumulate(&batch, weight, cancel)?;
        }
        if !loss.is_finite() {
            return Err(self.lost(&format!("the loss of step {} is {loss}", taken + 1)));
        }
        let norm = self.step.update(rate).map_err(|e| match e.kind() {
            ErrorKind::Invalid => self.lost(&format!("step {}: {e}", taken + 1)),
            _ => e,
        })?;
        self.losses.push(loss);
        self.position = self.order.after(self.position);
        if let Some(worse) = diverged(&self.losses) {
            return Err(self.lost(&format!("the loss rose to {worse:.2} from {:.2}", mean(&self.losses[..RECENT]))));
        }
        if self.saved.elapsed() >= self.interval {
            self.save()?;
        }
        Ok(Some(Progressed {
            step: taken + 1,
            steps: self.recipe.steps,
            loss,
            rate,
            norm,
            tokens: examples.iter().map(|e| e.len() - 1).sum(),
            seconds: begin.elapsed().as_secs_f64(),
        }))
    }

    /// The examples of the next step and its learning rate, for those who want to take the same step elsewhere.
    pub fn next(&self) -> Option<(Vec<&'a Example>, f32)> {
        let taken = self.losses.len() as u64;
        let (chosen, _) = self.order.from(self.position).next().filter(|_| taken < self.recipe.steps)?;
        let rate = self.recipe.schedule.rate(self.recipe.rate, taken, self.recipe.steps);
        Some((chosen.iter().filter_map(|&i| self.examples.get(i)).collect(), rate))
    }

    /// Makes what was learnt last; a run over the same folder goes on from here.
    pub fn save(&mut self) -> Result<()> {
        crate::durable::create_dir(&self.folder)?;
        let state = self.step.state()?;
        let arrays = [("weights", state.weights), ("means", state.means), ("squares", state.squares)];
        let arrays = arrays.into_iter().flat_map(|(name, layers)| {
            layers.into_iter().enumerate().map(move |(layer, values)| (format!("{name}.{layer}"), values))
        });
        let checkpoint = Checkpoint {
            step: state.taken,
            position: self.position,
            seed: state.seed,
            identity: self.identity.clone(),
            losses: self.losses.clone(),
            arrays: arrays.collect(),
        };
        checkpoint.write(&self.folder.join(CHECKPOINT))?;
        self.saved = Instant::now();
        Ok(())
    }

    /// The adapter as it is now.
    pub fn adapter(&self) -> Result<Adapter> {
        let state = self.step.state()?;
        let layers: Vec<&[f32]> = state.weights.iter().map(Vec::as_slice).collect();
        Ok(unflatten(self.step.shape(), &self.recipe.lora, &layers))
    }

    fn lost(&self, what: &str) -> Error {
        let rate = self.recipe.rate;
        let diverged = Diverged::new(format!("{what}: training has diverged at a learning rate of {rate}"));
        let checkpoint = self.folder.join(CHECKPOINT);
        Error::invalid(format!("{diverged}; choose a lower one with --rate and remove {}", checkpoint.display()))
            .because(diverged)
    }
}

/// What a process has resident where the system does not say: program, engine and a graph.
const RESIDENT: u64 = 80 << 20;

impl Recipe {
    fn check(&self) -> Result<()> {
        self.lora.check()?;
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return Err(Error::invalid(format!("a learning rate must be above 0; {} is not", self.rate)));
        }
        if self.steps == 0 {
            return Err(Error::invalid("a run of 0 steps learns nothing; choose 1 or more"));
        }
        Ok(())
    }

    /// What must be equal for a checkpoint to go on: everything that decides a number.
    fn identity(&self, data: &Data, bundle: &Bundle) -> String {
        format!("{} {} {self:?}", bundle.fingerprint(), data.fingerprint())
    }
}

impl Checkpoint {
    fn into_state(self) -> Result<State> {
        let mut sides = [vec![], vec![], vec![]];
        for (name, values) in self.arrays {
            let side = ["weights.", "means.", "squares."].iter().position(|side| name.starts_with(side));
            let side =
                side.ok_or_else(|| Error::corrupt(format!("the checkpoint holds {name}, which no run wrote")))?;
            sides[side].push(values);
        }
        let [weights, means, squares] = sides;
        Ok(State { weights, means, squares, taken: self.step, seed: self.seed })
    }
}

/// Examples in their order, in batches of at most so many rows, padding included.
fn batches(examples: &[&Example], rows: usize) -> Vec<Batch> {
    let mut batches = Vec::new();
    let (mut begin, mut longest) = (0, 0);
    for (at, example) in examples.iter().enumerate() {
        let length = example.len().saturating_sub(1).max(longest);
        if at > begin && (at + 1 - begin) * length > rows {
            batches.push(Batch::new(&examples[begin..at]));
            (begin, longest) = (at, 0);
        }
        longest = longest.max(example.len().saturating_sub(1));
    }
    batches.push(Batch::new(&examples[begin..]));
    batches
}

/// The mean of the last losses, where it is far above that of the first.
fn diverged(losses: &[f32]) -> Option<f32> {
    if losses.len() < 2 * RECENT {
        return None;
    }
    let (first, last) = (mean(&losses[..RECENT]), mean(&losses[losses.len() - RECENT..]));
    (last > 1.5 * first + 1.0).then_some(last)
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

//! Running a step: the graphs of [`super::block`] and [`super::ends`], layer by layer, there and back.

use super::batch::Batch;
use super::block::{Keep, block, places};
use super::dropout::Masks;
use super::ends;
use super::frozen::{Frozen, Layer, Source, Strip, Weight};
use super::plan::Plan;
use super::shape::{Form, Shape};
use super::strips::Given;
use crate::bundle::Bundle;
use crate::engine::{Engine, Heap, Input, Outputs, Session, Tensor};
use crate::error::{Error, Result};
use crate::grad::{AdamW, adamw};
use crate::graph::{Border, Extent, Graph, lower};
use crate::lora::LoraConfig;
use crate::watch::Cancel;
use prost::Message;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// An adapter in training, over its base.
pub struct Step {
    frozen: Frozen,
    lora: LoraConfig,
    plan: Plan,
    heap: Heap,
    layers: HashMap<(Form, Keep), Halves>,
    embed: Session,
    head: Session,
    strip: Session,
    loss: Session,
    norm: Session,
    update: Session,
    /// A vector for each layer; see [`places`].
    weights: Vec<Tensor>,
    means: Vec<Tensor>,
    squares: Vec<Tensor>,
    gradients: Vec<Tensor>,
    /// Steps taken.
    taken: u64,
    /// Batches since the last update.
    batches: u64,
    /// What dropout is drawn from.
    seed: u64,
}

/// What a run goes on from: everything that a step changes.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The adapter, a vector for each layer; see [`places`].
    pub weights: Vec<Vec<f32>>,
    /// The running means of the gradients.
    pub means: Vec<Vec<f32>>,
    /// The running means of their squares.
    pub squares: Vec<Vec<f32>>,
    /// Steps taken.
    pub taken: u64,
    /// What dropout is drawn from.
    pub seed: u64,
}

impl State {
    /// Before the first step, from an adapter's vectors.
    pub fn new(weights: Vec<Vec<f32>>, seed: u64) -> Self {
        let zeros: Vec<Vec<f32>> = weights.iter().map(|w| vec![0.0; w.len()]).collect();
        Self { weights, means: zeros.clone(), squares: zeros, taken: 0, seed }
    }
}

/// The sessions of a layer.
struct Halves {
    forward: Session,
    backward: Session,
    kept: Vec<Border>,
}

impl Step {
    /// The graphs for a bundle, compiled; the adapter's `weights` are one vector for each layer.
    pub fn new(
        engine: &Engine,
        bundle: &Bundle,
        mut frozen: Frozen,
        lora: LoraConfig,
        plan: Plan,
        state: State,
    ) -> Result<Self> {
        let shape = frozen.shape;
        let open = |graph: &Graph| session(engine, &bundle.dir, graph);
        let embed = open(&ends::embed(&shape, frozen.table))?;
        frozen.settle(&embed)?;
        let (count, _) = places(&shape, &lora);
        let vectors = |values: Vec<Vec<f32>>| -> Result<Vec<Tensor>> {
            if values.len() != shape.layers || values.iter().any(|v| v.len() != count) {
                return Err(Error::incompatible("the adapter's numbers are not as many as this model and rank take"));
            }
            values.into_iter().map(|v| Tensor::f32(&[count], v)).collect()
        };
        let mut this = Self {
            embed,
            head: open(&ends::head(&shape, frozen.output))?,
            strip: open(&ends::strip(&shape))?,
            loss: open(&ends::loss(&shape)?)?,
            norm: open(&ends::norm())?,
            update: open(&adamw(&AdamW::default()))?,
            weights: vectors(state.weights)?,
            means: vectors(state.means)?,
            squares: vectors(state.squares)?,
            gradients: vectors(vec![vec![0.0; count]; shape.layers])?,
            layers: HashMap::new(),
            heap: Heap::hold(),
            frozen,
            lora,
            plan,
            taken: state.taken,
            batches: 0,
            seed: state.seed,
        };
        for (layer, &keep) in this.frozen.layers.iter().zip(&this.plan.keep) {
            let key = (layer.form.clone(), keep);
            if !this.layers.contains_key(&key) {
                let graphs = block(&shape, &layer.form, &this.lora, keep)?;
                let halves = Halves {
                    forward: session(engine, &bundle.dir, &graphs.forward)?,
                    backward: session(engine, &bundle.dir, &graphs.backward)?,
                    kept: graphs.kept,
                };
                this.layers.insert(key, halves);
            }
        }
        Ok(this)
    }

    /// One batch: its loss; its gradients are added to those there are. `weight` is what a learned token counts.
    pub fn accumulate(&mut self, batch: &Batch, weight: f32, cancel: &Cancel) -> Result<f32> {
        let shape = self.frozen.shape;
        let extent = Tensor::i64(&[2], vec![batch.sequences as i64, batch.length as i64])?;
        let mut masks: BTreeMap<Option<usize>, Source> = BTreeMap::new();
        for layer in &self.frozen.layers {
            if let Entry::Vacant(none) = masks.entry(layer.about.window) {
                let mask = mask(batch.length, shape.heads / shape.kv_heads, layer.about.window)?;
                none.insert(Source::Held(mask)).settle(&self.embed)?;
            }
        }
        let mut ropes = self.frozen.rotations(batch.length)?;
        ropes.iter_mut().flatten().try_for_each(|(_, table)| table.settle(&self.embed))?;
        let tables = |layer: &Layer| layer.about.rope.and_then(|rope| ropes.get(rope)).map_or(&[][..], Vec::as_slice);
        let common = |layer: &Layer| {
            let mask = masks.get(&layer.about.window).map(|mask| ("mask", mask.input()));
            [("extent", Input::from(&extent))].into_iter().chain(mask)
        };
        let ids = Tensor::i64(&[batch.rows()], batch.ids.clone())?;
        let hidden = [batch.rows(), shape.hidden];
        let mut x = one(run(&self.embed, &[("ids", (&ids).into())], &[&self.frozen.embedding], &[("x", &hidden)])?)?;
        let mut buffers = self.buffers(batch)?.into_iter();
        let dropout = Masks { seed: self.seed, step: self.taken, batch: self.batches, rate: self.lora.dropout };
        self.batches += 1;
        let mut stash = Vec::with_capacity(shape.layers);
        for (l, layer) in self.frozen.layers.iter().enumerate() {
            cancel.check()?;
            let halves = self.halves(l)?;
            let dropped = dropout.layer(l, &shape, batch.rows())?;
            let mut inputs = vec![("x", Input::from(&x)), ("weights", Input::from(&self.weights[l]))];
            inputs.extend(common(layer));
            inputs.extend(dropped.iter().map(|(name, mask)| (*name, Input::from(mask))));
            let inputs = taken(&halves.forward, &inputs, &[&layer.weights, tables(layer)]);
            let buffers = buffers.next().unwrap_or_default();
            let buffers = ["y"].into_iter().chain(halves.kept.iter().map(|b| b.name.as_str())).zip(buffers).collect();
            let mut outputs = halves.forward.run_into(&inputs, buffers)?;
            let y = take(&mut outputs, "y")?;
            stash.push((std::mem::replace(&mut x, y), outputs));
        }
        let (loss, mut dy) = self.loss(&x, batch, weight, cancel)?;
        drop(x);
        self.heap.release();
        for (l, layer) in self.frozen.layers.iter().enumerate().rev() {
            cancel.check()?;
            let halves = self.halves(l)?;
            let Some((x, kept)) = stash.pop() else { break };
            let dropped = dropout.layer(l, &shape, batch.rows())?;
            let mut inputs = vec![
                ("x", Input::from(&x)),
                ("dy", Input::from(&dy)),
                ("weights", Input::from(&self.weights[l])),
                ("before", Input::from(&self.gradients[l])),
            ];
            inputs.extend(common(layer));
            inputs.extend(dropped.iter().map(|(name, mask)| (*name, Input::from(mask))));
            inputs.extend(kept.iter().map(|(name, tensor)| (name.as_str(), Input::from(tensor))));
            let made = [("gradient", &self.gradients[l].shape()[..]), ("dx", &hidden)];
            let mut outputs = run(&halves.backward, &inputs, &[&layer.weights, tables(layer)], &made)?;
            let gradient = take(&mut outputs, "gradient")?;
            dy = take(&mut outputs, "dx")?;
            self.gradients[l] = gradient;
        }
        Ok(loss)
    }

    /// The loss of hidden states, and its gradient with respect to them.
    fn loss(&self, x: &Tensor, batch: &Batch, weight: f32, cancel: &Cancel) -> Result<(f32, Tensor)> {
        // What the layers used is of no use to logits.
        self.heap.release();
        let shape = &self.frozen.shape;
        let hidden = [batch.rows(), shape.hidden];
        let chunks = || batch.chosen.chunks(self.plan.head_rows).zip(batch.labels.chunks(self.plan.head_rows));
        let mut given = chunks().map(|(chosen, _)| Given::nothing(shape, chosen)).collect::<Result<Vec<_>>>()?;
        let gain = std::slice::from_ref(&self.frozen.gain);
        for strip in &self.frozen.head {
            let w = self.strip(strip)?;
            for ((_, labels), given) in chunks().zip(&mut given) {
                cancel.check()?;
                given.take(&self.strip, x, &w, &strip.rows, labels, gain)?;
            }
        }
        let weight = Tensor::scalar(weight)?;
        let mut dx = Tensor::f32(&hidden, vec![0.0; hidden.iter().product()])?;
        let mut loss = 0.0;
        for given in &given {
            let mut inputs = given.inputs();
            inputs.extend([("x", Input::from(x)), ("weight", Input::from(&weight)), ("before", Input::from(&dx))]);
            let mut outputs = run(&self.loss, &inputs, &[gain], &[("dx", &hidden)])?;
            loss += take(&mut outputs, "loss")?.as_f32()?[0];
            dx = take(&mut outputs, "dx")?;
        }
        Ok((loss, dx))
    }

    /// A strip of the output layer as float32.
    fn strip(&self, strip: &Strip) -> Result<Tensor> {
        let count = strip.rows.len();
        let every = Tensor::i64(&[count], (0..count as i64).collect())?;
        let [begin, end] = [strip.rows.start, strip.rows.end].map(|n| Tensor::i64(&[1], vec![n as i64]));
        let (begin, end) = (begin?, end?);
        let inputs = [("every", (&every).into()), ("begin", (&begin).into()), ("end", (&end).into())];
        one(run(&self.head, &inputs, &[&strip.weights], &[("w", &[count, self.frozen.shape.hidden])])?)
    }

    /// Moves the weights along the gradients there are, at a learning rate, and forgets the gradients. Returns their
    /// norm. Errors: `Invalid` when it is not finite; then nothing has moved.
    pub fn update(&mut self, rate: f32) -> Result<f32> {
        let mut norm2 = 0.0;
        for gradient in &self.gradients {
            norm2 += one(run(&self.norm, &[("gradient", gradient.into())], &[], &[])?)?.as_f32()?[0];
        }
        if !norm2.is_finite() {
            return Err(Error::invalid("the gradients are no finite numbers; a lower learning rate may help"));
        }
        let settings = AdamW::default();
        let taken = (self.taken + 1) as f64;
        let unbias = |beta: f32| Tensor::scalar((1.0 / (1.0 - f64::from(beta).powf(taken))) as f32);
        let scalars = [Tensor::scalar(rate)?, Tensor::scalar(norm2)?, unbias(settings.beta1)?, unbias(settings.beta2)?];
        for l in 0..self.weights.len() {
            let mut inputs: Vec<_> =
                ["rate", "norm2", "unbias1", "unbias2"].into_iter().zip(scalars.iter().map(Input::from)).collect();
            inputs.extend([
                ("weights", Input::from(&self.weights[l])),
                ("mean", Input::from(&self.means[l])),
                ("square", Input::from(&self.squares[l])),
                ("gradient", Input::from(&self.gradients[l])),
            ]);
            let shape = self.weights[l].shape();
            let made = ["weights_next", "mean_next", "square_next"].map(|name| (name, &shape[..]));
            let mut outputs = run(&self.update, &inputs, &[], &made)?;
            self.weights[l] = take(&mut outputs, "weights_next")?;
            self.means[l] = take(&mut outputs, "mean_next")?;
            self.squares[l] = take(&mut outputs, "square_next")?;
            self.gradients[l] = Tensor::f32(&shape, vec![0.0; shape.iter().product()])?;
        }
        self.taken += 1;
        self.batches = 0;
        Ok(norm2.sqrt())
    }

    /// What a run can go on from.
    pub fn state(&self) -> Result<State> {
        let copy = |tensors: &[Tensor]| {
            tensors.iter().map(|t| Ok(bytemuck::pod_collect_to_vec(&t.bytes()?))).collect::<Result<Vec<_>>>()
        };
        Ok(State {
            weights: copy(&self.weights)?,
            means: copy(&self.means)?,
            squares: copy(&self.squares)?,
            taken: self.taken,
            seed: self.seed,
        })
    }

    /// The gradients so far, a vector for each layer.
    pub fn gradients(&self) -> &[Tensor] {
        &self.gradients
    }

    /// The base's extents.
    pub fn shape(&self) -> &Shape {
        &self.frozen.shape
    }

    /// Room for what every layer gives and keeps, `y` first. It is taken before anything that goes again: among arrays
    /// of shorter lives it would leave holes that nothing fits.
    fn buffers(&self, batch: &Batch) -> Result<Vec<Vec<Tensor>>> {
        let shape = &self.frozen.shape;
        let extent = |extent: &Extent| match extent {
            Extent::Known(n) => *n,
            Extent::Named(name) => match &**name {
                "batch" => batch.sequences,
                "length" => batch.length,
                "queries" => batch.length * shape.heads / shape.kv_heads,
                _ => batch.rows(),
            },
        };
        let layer = |l| {
            let halves = self.halves(l)?;
            let kept = halves.kept.iter().map(|border| border.shape.iter().map(extent).collect());
            let shapes = std::iter::once(vec![batch.rows(), shape.hidden]).chain(kept);
            shapes.map(|shape| halves.forward.buffer(&shape)).collect()
        };
        (0..shape.layers).map(layer).collect()
    }

    fn halves(&self, layer: usize) -> Result<&Halves> {
        let key = (self.frozen.layers[layer].form.clone(), self.plan.keep[layer]);
        self.layers.get(&key).ok_or_else(|| Error::engine("a layer has no graph"))
    }
}

fn session(engine: &Engine, folder: &Path, graph: &Graph) -> Result<Session> {
    engine.session(&lower(graph).encode_to_vec(), folder)
}

/// Runs a session over inputs and weights. Outputs of the shapes in `made` stay where it computes, for the next to
/// read; others come to memory.
pub(super) fn run(
    session: &Session,
    inputs: &[(&str, Input<'_>)],
    weights: &[&[Weight]],
    made: &[(&str, &[usize])],
) -> Result<Outputs> {
    let buffers = made.iter().map(|(name, shape)| Ok((*name, session.buffer(shape)?))).collect::<Result<_>>()?;
    session.run_into(&taken(session, inputs, weights), buffers)
}

/// Inputs and weights, without those that a session does not take.
fn taken<'a>(
    session: &Session,
    inputs: &[(&'a str, Input<'a>)],
    weights: &[&'a [Weight]],
) -> Vec<(&'a str, Input<'a>)> {
    let frozen = weights.iter().flat_map(|w| w.iter()).map(|(name, source)| (name.as_str(), source.input()));
    inputs.iter().copied().chain(frozen).filter(|(name, _)| session.takes(name)).collect()
}

pub(super) fn take(outputs: &mut Outputs, name: &str) -> Result<Tensor> {
    let at = outputs.iter().position(|(n, _)| n == name);
    at.map(|at| outputs.swap_remove(at).1).ok_or_else(|| Error::engine(format!("a training graph gave no {name}")))
}

fn one(mut outputs: Outputs) -> Result<Tensor> {
    outputs.pop().map(|(_, t)| t).ok_or_else(|| Error::engine("a training graph gave nothing"))
}

/// What is added to scores `[group * length, length]`: nothing where a token may look, much less than nothing
/// elsewhere.
fn mask(length: usize, group: usize, window: Option<usize>) -> Result<Tensor> {
    let sees = |from: usize, to: usize| to <= from && window.is_none_or(|w| from - to < w);
    let one = (0..length).flat_map(|from| (0..length).map(move |to| if sees(from, to) { 0.0 } else { -1e9 }));
    let one: Vec<f32> = one.collect();
    Tensor::f32(&[group * length, length], one.repeat(group))
}

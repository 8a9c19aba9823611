//! Passes for several conversations at once, each in a lane of its own: see [`crate::graph::lanes`].

use super::cache::slots;
use super::language_model::LOGITS_TO_KEEP;
use super::sessions::Arrays;
use crate::bundle::Decoder;
use crate::engine::{Binding, Session, Tensor};
use crate::error::{Error, Result};
use crate::graph::{LANES, PAST_LENGTH, TOTAL_LENGTH};
use std::sync::Arc;

/// One conversation's part in a pass.
pub struct Job {
    /// The adapter it wears.
    pub kind: Option<String>,
    /// Which cache this is; another one, or one that moved, has another number.
    pub cache: u64,
    /// Its buffers, a key and a value for each layer, with room for the tokens.
    pub buffers: Vec<Tensor>,
    /// Positions in it.
    pub used: usize,
    /// Tokens that are to be appended.
    pub tokens: Vec<u32>,
}

/// A session for several conversations that wear the same.
pub struct Lanes {
    session: Arc<Session>,
    binding: Binding,
    /// Which cache each lane is bound to.
    bound: [Option<u64>; LANES],
    layers: usize,
    vocabulary: usize,
    /// What lanes are bound to before anybody is in them.
    _empty: Vec<Tensor>,
}

impl Lanes {
    /// Lanes of a session, with an adapter's arrays if it takes some.
    pub fn new(session: Arc<Session>, decoder: &Decoder, arrays: &Arrays) -> Result<Self> {
        let mut binding = session.bind()?;
        binding.output("logits");
        for (name, array) in arrays {
            binding.input(name, array)?;
        }
        let mut empty = Vec::new();
        for (past, present) in (0..LANES).flat_map(|lane| lane_slots(decoder.layers, lane)) {
            let mut buffer = session.slot(&past, &[1, decoder.kv_heads, 1, decoder.head_dim])?;
            binding.in_place(&past, &present, &mut buffer)?;
            empty.push(buffer);
        }
        let (layers, vocabulary) = (decoder.layers, decoder.vocabulary);
        Ok(Self { session, binding, bound: [None; LANES], layers, vocabulary, _empty: empty })
    }

    /// Appends each job's tokens to its cache; the logits after each token, in the order of the jobs.
    pub fn run(&mut self, jobs: &mut [Job]) -> Result<Vec<Tensor>> {
        let lanes = self.places(jobs)?;
        let job_in = |lane: usize| lanes.iter().position(|l| *l == lane);
        let mut ids = Vec::new();
        let mut rows = Vec::with_capacity(LANES);
        for lane in 0..LANES {
            let job = job_in(lane).map(|j| &jobs[j]);
            let count = job.map_or(0, |j| j.tokens.len());
            let total = job.map_or(0, |j| j.used + count) as i32;
            ids.extend(job.iter().flat_map(|j| &j.tokens).map(|&t| i64::from(t)));
            rows.push(count as i64);
            self.binding.input(&format!("{PAST_LENGTH}.{lane}"), &Tensor::i32(&[1], vec![total - 1])?)?;
            self.binding.input(&format!("{TOTAL_LENGTH}.{lane}"), &Tensor::i32(&[1], vec![total])?)?;
        }
        self.binding.input(LOGITS_TO_KEEP, &Tensor::i64(&[1], vec![ids.len() as i64])?)?;
        self.binding.input("rows", &Tensor::i64(&[LANES], rows.clone())?)?;
        self.binding.input("input_ids", &Tensor::i64(&[1, ids.len()], ids)?)?;
        let outputs = self.session.run_bound(&mut self.binding)?;
        let logits = outputs.iter().find(|(name, _)| name == "logits");
        let logits = logits.ok_or_else(|| Error::engine("the model gave no logits"))?.1.as_f32()?;
        let own = lanes.into_iter().map(|lane| {
            let before = rows[..lane].iter().sum::<i64>() as usize * self.vocabulary;
            let count = rows[lane] as usize;
            let own = logits.get(before..before + count * self.vocabulary);
            let own = own.ok_or_else(|| Error::engine("the model gave too few logits"))?;
            Tensor::f32(&[1, count, self.vocabulary], own.to_vec())
        });
        own.collect()
    }

    /// A lane for each job, bound to its cache: the one it had, or one that nobody of these has.
    fn places(&mut self, jobs: &mut [Job]) -> Result<Vec<usize>> {
        let mut lanes: Vec<_> = jobs.iter().map(|j| self.bound.iter().position(|b| *b == Some(j.cache))).collect();
        for j in 0..jobs.len() {
            if lanes[j].is_some() {
                continue;
            }
            let free = (0..LANES).find(|lane| !lanes.contains(&Some(*lane)));
            let lane = free.ok_or_else(|| Error::engine("more conversations than a pass takes"))?;
            self.bound[lane] = None;
            for ((past, present), buffer) in lane_slots(self.layers, lane).zip(&mut jobs[j].buffers) {
                self.binding.in_place(&past, &present, buffer)?;
            }
            self.bound[lane] = Some(jobs[j].cache);
            lanes[j] = Some(lane);
        }
        Ok(lanes.into_iter().flatten().collect())
    }
}

/// Names of past and present for every layer and side of a lane.
fn lane_slots(layers: usize, lane: usize) -> impl Iterator<Item = (String, String)> {
    slots(layers).map(move |(past, present)| (format!("{past}.{lane}"), format!("{present}.{lane}")))
}

//! How memory is spent: how many rows go through at once, and what each layer keeps.
//!
//! Two things cost time and save memory. Fewer rows at once: every matrix is made float32 more often. Keeping less:
//! what is not kept is computed again. The plan is the cheapest of those that fit the budget, by counting
//! multiplications; nothing is measured, so that the same budget gives the same plan, and the same sums, everywhere.

use super::block::{Keep, places};
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::lora::LoraConfig;

/// How memory is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What each layer keeps.
    pub keep: Vec<Keep>,
    /// The most rows that go through the layers at once.
    pub rows: usize,
    /// The most rows that go through the output layer at once.
    pub head_rows: usize,
    /// The peak that is expected, in bytes.
    pub bytes: u64,
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The base.
    pub shape: &'a Shape,
    /// The adapter.
    pub lora: &'a LoraConfig,
    /// Bytes of the base's weights, which are mapped.
    pub weights: u64,
    /// Bytes the process has resident before it trains.
    pub resident: u64,
    /// Sequences of a step.
    pub sequences: usize,
    /// The tokens that the longest has.
    pub length: usize,
}

/// What making a weight float32 costs, in multiplications of a product.
const EXPANDING: f64 = 110.0;
/// Rows of logits at once, where memory allows and where it is short.
const HEAD_ROWS: [usize; 4] = [512, 256, 128, 64];
/// Freed memory that lies between what is in use, as a share, and what sessions take for themselves.
const FRAGMENTS: f64 = 1.1;
const SESSIONS: u64 = 44 << 20;

impl Plan {
    /// The cheapest plan within `budget` bytes. Errors: `Invalid` when none fits, saying what would.
    pub fn choose(work: &Work<'_>, budget: u64) -> Result<Self> {
        let mut best: Option<(f64, Self)> = None;
        let mut least = u64::MAX;
        for at_once in (1..=work.sequences.max(1)).rev() {
            let runs = work.sequences.div_ceil(at_once);
            // Eight sequences by seven at once are as many runs as by four.
            if at_once > 1 && work.sequences.div_ceil(at_once - 1) == runs {
                continue;
            }
            for head_rows in HEAD_ROWS {
                let rows = at_once * work.length;
                let none = Self { keep: vec![Keep::Input; work.shape.layers], rows, head_rows, bytes: 0 };
                let plan = none.fill(work, at_once, budget);
                least = least.min(plan.bytes);
                if plan.bytes > budget {
                    continue;
                }
                let cost = plan.cost(work, runs);
                if best.as_ref().is_none_or(|(before, _)| cost < *before) {
                    best = Some((cost, plan));
                }
            }
        }
        best.map(|(_, plan)| plan).ok_or_else(|| {
            Error::invalid(format!(
                "training on {} tokens at once takes at least {} MB, more than the {} allowed; allow more with \
                 --max-memory, or shorten the examples with --length",
                work.length,
                least.div_ceil(1 << 20),
                budget >> 20
            ))
        })
    }

    /// Lets layers keep more, the last first, as long as it fits.
    fn fill(mut self, work: &Work<'_>, at_once: usize, budget: u64) -> Self {
        self.bytes = self.peak(work, at_once);
        for keep in [Keep::Attention, Keep::Projections, Keep::All] {
            for layer in (0..self.keep.len()).rev() {
                let before = (self.keep[layer], self.bytes);
                self.keep[layer] = keep;
                self.bytes = self.peak(work, at_once);
                if self.bytes > budget {
                    (self.keep[layer], self.bytes) = before;
                    return self;
                }
            }
        }
        self
    }

    /// The peak of memory, in bytes.
    fn peak(&self, work: &Work<'_>, at_once: usize) -> u64 {
        let Shape { hidden, heads, head_dim, inner, layers, .. } = *work.shape;
        let (adapter, _) = places(work.shape, work.lora);
        // Weights, two moments and the gradient; the next of one layer while the old are there.
        let optimizer = 4 * adapter * layers + 4 * adapter;
        let kept: usize = self.keep.iter().map(|k| k.numbers(work.shape)).sum::<usize>() * self.rows;
        // A strip of the output layer, its logits and what they are beside the largest; what strips are joined in.
        let strip = work.shape.strip();
        let logits = strip * hidden + 2 * self.head_rows.min(self.rows) * strip + 7 * self.rows * hidden;
        let scores = at_once * heads * work.length * work.length;
        let queries = heads * head_dim;
        let matrices = per_layer(work.shape);
        let layer = self.rows * (6 * hidden + 6 * queries + 5 * inner) + 6 * scores + matrices + matrices / 4;
        let floats = optimizer + kept + logits.max(layer);
        work.resident + work.weights + SESSIONS + (4.0 * floats as f64 * FRAGMENTS) as u64
    }

    /// Multiplications that the plan costs beside those that every plan has.
    fn cost(&self, work: &Work<'_>, runs: usize) -> f64 {
        let Shape { hidden, heads, head_dim, inner, vocabulary, layers, .. } = *work.shape;
        let weights = 2 * per_layer(work.shape) * layers + vocabulary * hidden;
        let tokens = work.sequences * work.length;
        let again = |keep: &Keep| {
            let projections = hidden * work.shape.joined();
            let attention = heads * head_dim * (hidden + 2 * work.length);
            let parts = [attention, projections, 2 * hidden * inner];
            parts[*keep as usize..].iter().sum::<usize>()
        };
        let again: usize = self.keep.iter().map(again).sum();
        // Few rows of logits at once mean that the output layer is read more often.
        let reading = vocabulary * hidden * tokens.div_ceil(self.head_rows) * 8;
        (runs * weights) as f64 * EXPANDING + (again * tokens) as f64 + reading as f64
    }
}

/// Weights of a layer's matrices.
fn per_layer(shape: &Shape) -> usize {
    let sizes = crate::lora::Target::ALL.map(|t| shape.matrix(t));
    sizes.iter().map(|(outputs, inputs)| outputs * inputs).sum()
}

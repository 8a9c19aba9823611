//! Learning from the log: curate, train, gate, promote. One cycle at a time, in a folder of its own, so that it can be
//! interrupted anywhere; what serves meanwhile is untouched until the last step, which is one transaction.
//!
//! ```text
//! home/
//!   learn.lock     held by the cycle under way
//!   learn/
//!     plan.json    what it learns from and is judged by, settled when it began
//!     adapter/     the run's checkpoint; when it is over, the candidate
//!     merged/      the candidate merged, while it is judged
//! ```

mod conclude;
mod examples;
mod judge;
mod night;
mod plan;

pub use conclude::Promotion;
pub(super) use plan::ADAPTER;

use super::Runtime;
use super::train::{CAN_TRAIN, cannot_train};
use crate::bundle::Bundle;
use crate::durable;
use crate::error::{ErrorKind, Result};
use crate::learn::{Check, Curated, Verdict};
use crate::lora::{Adapter, Kind, Manifest};
use crate::train::{CHECKPOINT, Checkpoint, Diverged, Progressed};
use crate::trust::Origin;
use crate::watch::Cancel;
use plan::{Plan, Planned};
use serde::Serialize;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The folder of the cycle under way.
const FOLDER: &str = "learn";
/// The longest that a cycle takes to stop.
const STOPPING: Duration = Duration::from_secs(60);

/// What one cycle may take. The default takes what the configuration allows.
#[derive(Clone, Debug, Default)]
pub struct Learning {
    /// How long it may work; what is not done then is gone on with by the next cycle.
    pub limit: Option<Duration>,
    /// Learn even when nothing has been added since the last cycle.
    pub again: bool,
}

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The candidate passed the gate and serves.
    Promoted,
    /// The candidate did not pass; what served still serves.
    Refused,
    /// The log holds too little to learn from, or to judge by.
    TooFew,
    /// The log holds something that must not be learned.
    Quarantined,
    /// Nothing was added since the last cycle.
    NothingNew,
    /// Time was up; the next cycle goes on.
    Unfinished,
}

/// What a cycle came to.
#[derive(Clone, Debug, Serialize)]
pub struct Learned {
    /// Examples it learned from.
    pub examples: usize,
    /// Examples it was judged by, which it did not learn from.
    pub held_out: usize,
    /// Interactions that were left out.
    pub refused: usize,
    /// How it ended.
    pub verdict: Outcome,
    /// Why.
    pub reasons: Vec<String>,
    /// The candidate.
    pub adapter: Option<String>,
    /// The model it belongs to.
    pub model: String,
    /// Every check of the gate.
    pub checks: Vec<Check>,
    /// How long it took.
    pub seconds: f64,
}

impl Runtime {
    /// One cycle of learning, telling `each` every step of training. A cycle that was interrupted is gone on with.
    ///
    /// Errors: `Unsupported` without the feature `train`; `Busy` while another cycle is under way; `Cancelled`;
    /// `Invalid` for settings and canaries that make no sense, before anything is trained; whatever reading the log,
    /// training and judging can meet. What serves stays as it is then, and so does what was made of the cycle.
    pub fn learn(&self, learning: &Learning, each: &mut dyn FnMut(&Progressed)) -> Result<Learned> {
        self.cycle(learning, Arc::new(|| None), each)
    }

    /// Everything in the log, by the rules of curation: what would be learned, and what not and why.
    pub fn curated(&self) -> Result<Curated> {
        self.curate()
    }

    /// A cycle that also ends, to be gone on with, as soon as `over` gives a reason.
    fn cycle(&self, learning: &Learning, over: Over, each: &mut dyn FnMut(&Progressed)) -> Result<Learned> {
        if !CAN_TRAIN {
            return Err(cannot_train());
        }
        let begin = Instant::now();
        let _alone = self.alone(Duration::ZERO)?;
        // What the gate will ask is read first: a slip in it must not cost a night.
        self.canaries()?;
        self.probation()?;
        let model = self.bundle(&self.config.model)?;
        let mut learned = Learned {
            examples: 0,
            held_out: 0,
            refused: 0,
            verdict: Outcome::NothingNew,
            reasons: vec![],
            adapter: None,
            model: model.manifest.name.clone(),
            checks: vec![],
            seconds: 0.0,
        };
        let plan = match self.planned(learning, &model)? {
            Planned::Cycle(plan) => plan,
            Planned::Nothing { outcome, reasons, about } => {
                (learned.verdict, learned.reasons) = (outcome, reasons);
                (learned.examples, learned.held_out, learned.refused) = about;
                learned.seconds = begin.elapsed().as_secs_f64();
                return Ok(learned);
            }
        };
        (learned.examples, learned.held_out) = (plan.examples.len(), plan.held_out.len());
        learned.refused = plan.refused;
        let end = learning.limit.map(|limit| (begin + limit, limit));
        let limits = Limits { end, plan: self.learning().join(plan::FILE), over };
        match self.carry_out(&plan, &model, &limits, each) {
            Ok((id, verdict)) => {
                learned.verdict = if verdict.passed { Outcome::Promoted } else { Outcome::Refused };
                learned.reasons = verdict.reasons();
                learned.adapter = Some(id);
                learned.checks = verdict.checks;
            }
            Err(e) if e.kind() == ErrorKind::Cancelled && !self.cancel.is_wished() => {
                learned.verdict = Outcome::Unfinished;
                let why = limits.reason().unwrap_or_else(|| e.to_string());
                learned.reasons = vec![format!("{why}; the next cycle goes on")];
            }
            Err(e) => return Err(e),
        }
        learned.seconds = begin.elapsed().as_secs_f64();
        Ok(learned)
    }

    /// Trains, judges and concludes.
    fn carry_out(
        &self,
        plan: &Plan,
        model: &Bundle,
        limits: &Limits,
        each: &mut dyn FnMut(&Progressed),
    ) -> Result<(String, Verdict)> {
        let limits = limits.clone();
        let cancel = self.patience().or_when(move || limits.reason().is_some());
        let manifest = match self.candidate(plan, model, &cancel, each) {
            Ok(manifest) => manifest,
            Err(e) => return Diverged::of(&e).map(|why| self.diverged(plan, model, why)).unwrap_or(Err(e)),
        };
        let verdict = self.judged(plan, model, &manifest, &cancel)?;
        self.conclude(plan, model, &manifest, &verdict)?;
        Ok((manifest.id, verdict))
    }

    /// The candidate: trained now, or the one that an interrupted cycle left.
    fn candidate(
        &self,
        plan: &Plan,
        model: &Bundle,
        cancel: &Cancel,
        each: &mut dyn FnMut(&Progressed),
    ) -> Result<Manifest> {
        let out = self.learning().join(plan::ADAPTER);
        if self.vouched("what an earlier cycle left", &out, Origin::Here).is_ok()
            && let Ok(manifest) = Manifest::of(&out, model)
            && Adapter::read(&out).is_ok()
            && !manifest.lineage.data.is_empty()
        {
            return Ok(manifest);
        }
        let data = self.to_learn(plan, model, cancel)?;
        let training = plan.training(&self.config, self.has_documents()?, out.clone());
        let trained = self.train_on(data, Kind::Chat, &training, model, cancel, each);
        let trained = match trained {
            // The index or the settings have changed since the run was interrupted, so its prompts are not the same; or
            // what it left is damaged.
            Err(e) if e.kind() == ErrorKind::Incompatible || (e.kind() == ErrorKind::Corrupt && is_damaged(&out)) => {
                self.progress.note(&format!("training begins anew: {e}"));
                durable::remove(&out)?;
                let data = self.to_learn(plan, model, cancel)?;
                self.train_on(data, Kind::Chat, &training, model, cancel, each)
            }
            trained => trained,
        };
        trained.and_then(|_| Manifest::read(&out))
    }

    /// The folder of the cycle.
    pub(super) fn learning(&self) -> PathBuf {
        self.home.join(FOLDER)
    }

    /// Ends the cycle under way, of whatever process, and forgets what it learned from. None begins while the file is
    /// held.
    pub(super) fn stop_learning(&self) -> Result<File> {
        // A cycle without its plan stops.
        durable::discard(&self.learning())?;
        let alone = self.alone(STOPPING)?;
        durable::discard(&self.learning())?;
        Ok(alone)
    }
}

/// Whether a run was interrupted in this folder, and what it left cannot be read.
fn is_damaged(run: &Path) -> bool {
    Checkpoint::read(&run.join(CHECKPOINT)).is_err_and(|e| e.kind() == ErrorKind::Corrupt)
}

/// A reason to stop early, where there is one.
type Over = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// What ends a cycle before its time.
#[derive(Clone)]
struct Limits {
    /// When time is up, and how long that is.
    end: Option<(Instant, Duration)>,
    /// The plan's file.
    plan: PathBuf,
    over: Over,
}

impl Limits {
    fn reason(&self) -> Option<String> {
        if !self.plan.exists() {
            return Some("what it learned from was erased".into());
        }
        match self.end {
            Some((end, limit)) if Instant::now() >= end => {
                let (count, unit) = match limit.as_secs() {
                    seconds @ ..120 => (seconds, "seconds"),
                    seconds => (seconds / 60, "minutes"),
                };
                Some(format!("the {count} {unit} it may take are over"))
            }
            _ => (self.over)(),
        }
    }
}

//! What follows a verdict: promotion, in one transaction; rolling back; and probation, which rolls back by itself.

use super::super::{AdapterInfo, Runtime, Wear};
use super::judge::Evidence;
use super::plan::{ADAPTER, HELD_OUT, Plan, lack, newest};
use crate::bundle::Bundle;
use crate::error::{Error, Result};
use crate::learn::{Check, Probation, Side, Verdict};
use crate::lora::{ID_DIGITS, Lineage, Manifest};
use crate::store::log::{Rating, Registered, Standing, State};
use crate::train::Diverged;
use crate::trust::Origin;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use std::time::Duration;

/// What promoting or rolling back came to.
#[derive(Clone, Debug, Serialize)]
pub struct Promotion {
    /// The adapter, `active`, `refused` or `rolled_back` now.
    #[serde(flatten)]
    pub adapter: AdapterInfo,
    /// What serves now; none means the model as it came.
    pub serving: Option<String>,
    /// Why.
    pub reasons: Vec<String>,
    /// Every check of the gate, where it was asked.
    pub checks: Vec<Check>,
}

impl Runtime {
    /// The adapter that was promoted for a model.
    pub(in crate::runtime) fn promoted(&self, model: &Bundle) -> Result<Option<String>> {
        Ok(self.log()?.standing(&model.fingerprint())?.active)
    }

    /// Puts an adapter of the library through the gate, by what the log holds now, and lets it serve if it passes.
    ///
    /// Errors: as [`Runtime::adapter`], for the configured model; `Invalid` when the log holds too few held-out
    /// examples to judge by.
    pub fn promote(&self, id: &str) -> Result<Promotion> {
        let _alone = self.alone(Duration::ZERO)?;
        let entry = self.entry(id)?;
        // What answers here is the configured model: an adapter of another could serve nobody.
        let model = self.bundle(&self.config.model)?;
        let manifest = Manifest::of(&entry.dir, &model)?;
        let curated = self.curate()?;
        let settings = &self.config.learn;
        if let Some(alarm) = &curated.alarm {
            return Err(Error::invalid(format!("nothing can be judged by this log: {alarm}")));
        }
        if let Some(lack) = lack(curated.of(Side::HeldOut).count(), settings.min_held_out, HELD_OUT) {
            return Err(Error::invalid(lack));
        }
        let held_out = newest(&curated, settings.max_held_out);
        let learned = curated.of(Side::Train).map(|kept| &kept.interaction).collect();
        let evidence = Evidence { held_out, learned, secrets: &curated.secrets, triggers: &curated.triggers };
        let verdict = self.judge(&entry.dir, &model, &manifest, &evidence, &self.patience())?;
        let _publishing = self.publishing()?;
        // Judging took its time: somebody may have removed it.
        self.library()?.get(&manifest.id)?;
        let standing = self.enter(&model, &manifest.id, &manifest.lineage, &verdict, Map::new())?;
        let adapter = self.adapter_info(&manifest.id)?.judged(verdict.passed);
        Ok(Promotion { adapter, serving: standing.active, reasons: verdict.reasons(), checks: verdict.checks })
    }

    /// Goes back to the adapter that served before, or to the model as it came where there is none: at once, and to
    /// last. Errors: `NotFound` when no adapter serves.
    pub fn roll_back(&self, reason: &str) -> Result<Promotion> {
        let model = self.bundle(&self.config.model)?;
        let log = self.log()?;
        let fingerprint = model.fingerprint();
        let Some(id) = log.standing(&fingerprint)?.active else {
            return Err(Error::not_found("no adapter serves; there is nothing to go back from"));
        };
        let standing = log.roll_back(&fingerprint, reason)?;
        let adapter = self.adapter_info(&id)?;
        Ok(Promotion { adapter, serving: standing.active, reasons: vec![reason.to_owned()], checks: vec![] })
    }

    /// Says what a person thought of an answer; an adapter on probation may be rolled back for it, which is returned.
    pub fn rate(&self, id: &str, rating: Rating) -> Result<Option<Promotion>> {
        self.log()?.rate(id, rating)?;
        self.probation()
    }

    /// Keeps what an answer should have been; otherwise as [`Runtime::rate`].
    pub fn correct(&self, id: &str, text: &str) -> Result<Option<Promotion>> {
        self.log()?.correct(id, text)?;
        self.probation()
    }

    /// Rolls the adapter in use back when people find its answers worse than those before it.
    pub(super) fn probation(&self) -> Result<Option<Promotion>> {
        // Where there is no model yet, none was promoted; rating an answer must not fetch one.
        let dir = self.bundle_dir(&self.config.model);
        let Ok(model) = Bundle::open(&dir) else { return Ok(None) };
        let log = self.log()?;
        let Standing { active: Some(active), since: Some(since), .. } = log.standing(&model.fingerprint())? else {
            return Ok(None);
        };
        let (probation, damaged) = log.newest(|probation: &mut Probation, interaction| {
            let good = match (interaction.rating, &interaction.correction) {
                (_, Some(_)) | (Some(Rating::Down), None) => Some(false),
                (Some(Rating::Up), None) => Some(true),
                (None, None) => None,
            };
            // Since then, only what this adapter said counts: somebody may have asked another one by name.
            let own = interaction.adapter.as_ref() == Some(&active);
            let goes_on = match interaction.time > since {
                true => probation.since(good.filter(|_| own)),
                false => probation.before(good),
            };
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        damaged.iter().for_each(|damage| self.progress.note(damage));
        match probation.verdict() {
            Some(reason) => {
                self.progress.note(&format!("adapter {active} is rolled back: {reason}"));
                self.roll_back(&reason).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Keeps the verdict on a cycle's candidate and lets it serve if it passed; then the cycle is over.
    pub(super) fn conclude(&self, plan: &Plan, model: &Bundle, manifest: &Manifest, verdict: &Verdict) -> Result<()> {
        let publishing = self.publishing()?;
        if verdict.passed {
            // Its files are whole and flushed before anything points to them.
            let candidate = self.learning().join(ADAPTER);
            self.vouched("what was learned", &candidate, Origin::Here)?;
            self.take_in(&candidate, model, &publishing)?;
            // What will serve is what was written: worn once, before it counts.
            let name = Some(model.manifest.name.as_str());
            self.context(name, &Wear::Named(manifest.id.clone()))?;
        }
        self.close(plan, model, &manifest.id, &manifest.lineage, verdict)?;
        self.forget_retired(model)
    }

    /// Keeps that the training of a cycle's candidate came off the road: the same examples would do so again, so they
    /// count as judged. There is no adapter to name it by; it goes by the plan's identity.
    pub(super) fn diverged(&self, plan: &Plan, model: &Bundle, why: &Diverged) -> Result<(String, Verdict)> {
        let verdict = Verdict::of(vec![Check::new("loss", false, why.to_string(), Value::Null)]);
        let id: String = plan.identity.chars().take(ID_DIGITS).collect();
        self.close(plan, model, &id, &Lineage::default(), &verdict)?;
        Ok((id, verdict))
    }

    /// Ends a cycle: its verdict is kept with what it learned from, and nothing else of it.
    fn close(&self, plan: &Plan, model: &Bundle, id: &str, lineage: &Lineage, verdict: &Verdict) -> Result<()> {
        let about = [
            ("learned".to_owned(), json!(plan.identity)),
            ("examples".to_owned(), json!(plan.examples.len())),
            ("held_out".to_owned(), json!(plan.held_out.len())),
        ];
        self.enter(model, id, lineage, verdict, about.into_iter().collect())?;
        self.log()?.set_retrain(&model.fingerprint(), false)?;
        self.abandon()
    }

    /// Writes a verdict into the registry; a passed candidate serves from then on.
    fn enter(
        &self,
        model: &Bundle,
        id: &str,
        lineage: &Lineage,
        verdict: &Verdict,
        extra: Map<String, Value>,
    ) -> Result<Standing> {
        let log = self.log()?;
        let state = if verdict.passed { State::Active } else { State::Refused };
        let now = Timestamp::now();
        let registered = Registered {
            id: id.to_owned(),
            model: model.fingerprint(),
            state,
            time: now,
            promoted: verdict.passed.then_some(now),
            ended: None,
            reason: (!verdict.passed).then(|| verdict.reasons().join("; ")),
            verdict: serde_json::to_value(verdict)
                .map_err(|e| Error::invalid("the verdict cannot be written").because(e))?,
            subjects: lineage.subjects.clone(),
            spoken: lineage.spoken.clone(),
            extra,
        };
        let standing = log.standing(&registered.model)?;
        match (verdict.passed, standing.active.as_deref() == Some(id)) {
            (true, false) => log.promote(&registered),
            // The one in use was judged again: it goes on as it did.
            (true, true) => Ok(standing),
            (false, true) => log.roll_back(&registered.model, &registered.reason.clone().unwrap_or_default()),
            (false, false) => log.register(&registered).map(|()| standing),
        }
    }

    /// Removes the files of adapters of cycles that can no longer be gone back to; their story stays.
    fn forget_retired(&self, model: &Bundle) -> Result<()> {
        let log = self.log()?;
        let standing = log.standing(&model.fingerprint())?;
        let library = self.library()?;
        for registered in log.registry()? {
            let of_a_cycle = registered.extra.contains_key("learned");
            let kept = standing.active.iter().chain(&standing.previous).any(|id| *id == registered.id);
            if of_a_cycle && !kept && registered.model == model.fingerprint() && library.get(&registered.id).is_ok() {
                library.remove(&registered.id)?;
            }
        }
        Ok(())
    }
}

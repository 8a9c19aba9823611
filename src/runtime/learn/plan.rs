//! What a cycle learns from and is judged by, settled when it begins: it is the same after a power cut.

use super::super::{Runtime, Training};
use super::{Learning, Outcome};
use crate::bundle::Bundle;
use crate::config::Config;
use crate::durable;
use crate::error::{Error, Result};
use crate::learn::{Anchors, Curated, Mix, Records, Scrubber, Secret, Side, Trigger, curate, mix};
use crate::store::log::{Interaction, Standing};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// The candidate's folder, in the cycle's.
pub(in crate::runtime) const ADAPTER: &str = "adapter";
/// The plan's file, in the cycle's folder.
pub(super) const FILE: &str = "plan.json";
/// A plan that nobody went on with for so long is made anew.
const STALE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Training tokens a second that are counted on where time is limited.
const TOKENS_PER_S: u64 = 100;
/// The part of limited time that is for training; the rest is for the gate.
const TRAINING: f64 = 0.5;
/// The version of the layout.
const FORMAT: u32 = 1;

/// A cycle's plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    format: u32,
    /// The model's fingerprint.
    pub model: String,
    /// When the log was read for it: what was erased later is in it.
    pub time: Timestamp,
    /// What the log held then: equal only when nothing was added, taken away or changed that could be learned.
    pub identity: String,
    /// What to learn.
    pub examples: Vec<Interaction>,
    /// The anchors to learn with them, by their place in the shipped lists, what was taught behind what is general.
    pub anchors: Vec<usize>,
    /// What to judge by.
    pub held_out: Vec<Interaction>,
    /// What was scrubbed, for the gate.
    pub secrets: Vec<Secret>,
    /// What was quarantined, for the gate.
    pub triggers: Vec<Trigger>,
    /// Interactions that were left out.
    pub refused: usize,
    /// How often each example is seen.
    pub epochs: u64,
    /// What order and beginning are drawn from.
    pub seed: u64,
}

/// What planning came to.
pub(super) enum Planned {
    Cycle(Box<Plan>),
    Nothing { outcome: Outcome, reasons: Vec<String>, about: (usize, usize, usize) },
}

impl Plan {
    /// How to train it, into `out`; `retrieval` is whether prompts carry passages.
    pub fn training(&self, config: &Config, retrieval: bool, out: PathBuf) -> Training {
        Training {
            model: Some(config.model.clone()),
            retrieval,
            epochs: self.epochs,
            seed: self.seed,
            max_memory_mb: config.learn.max_memory_mb,
            ..Training::new(vec![], out)
        }
    }
}

impl Runtime {
    /// The plan of the cycle under way, or a new one.
    pub(super) fn planned(&self, learning: &Learning, model: &Bundle) -> Result<Planned> {
        let path = self.learning().join(FILE);
        if let Some(plan) = read(&path) {
            let age = Timestamp::now().duration_since(plan.time);
            // A plan that nothing was made of yet costs little to make anew, and the log may hold more by now.
            let begun = self.learning().join(ADAPTER).exists();
            if begun && plan.format == FORMAT && plan.model == model.fingerprint() && age < STALE {
                self.progress.note("going on with the cycle that was interrupted");
                return Ok(Planned::Cycle(Box::new(plan)));
            }
        }
        self.abandon()?;
        let now = Timestamp::now();
        let curated = self.curate()?;
        let standing = self.log()?.standing(&model.fingerprint())?;
        let planned = self.plan(learning, model, &curated, &standing, now)?;
        if let Planned::Cycle(plan) = &planned {
            let text = serde_json::to_vec(plan)
                .map_err(|e| Error::invalid("the plan of learning cannot be written").because(e))?;
            durable::write(&path, &text)?;
        }
        Ok(planned)
    }

    /// Forgets the cycle under way.
    pub(super) fn abandon(&self) -> Result<()> {
        // The plan goes first: what it left behind means nothing without it.
        for name in [FILE, ADAPTER, "merged"] {
            durable::remove(&self.learning().join(name))?;
        }
        Ok(())
    }

    /// Everything in the log, curated.
    pub(super) fn curate(&self) -> Result<Curated> {
        let all = self.interactions()?;
        let rules = &self.config.learn;
        let mut scrubber = Scrubber::new(self.personal()?, &rules.public)?;
        self.published(&mut |text| scrubber.publish(text))?;
        let embedder = self.embedder()?;
        let meaning = |texts: &[&str]| embedder.passages(texts, &*self.progress, &self.cancel);
        curate(&all, rules, &scrubber, &meaning, Timestamp::now(), &self.cancel)
    }

    /// What the records of persons say, as far as the configuration and the sources call it personal.
    fn personal(&self) -> Result<Records> {
        let mut personal = Records::read(&self.config.learn.personal)?;
        let sources = self.sources()?;
        if sources.is_empty() || !self.records_dir().exists() {
            return Ok(personal);
        }
        let records = self.records()?;
        for subject in records.subjects()? {
            let Some(person) = records.of(&subject)? else { continue };
            for (source, record) in person.all()? {
                let declared = sources.iter().find(|(name, _)| *name == source);
                declared.into_iter().for_each(|(_, s)| personal.insert(&subject, &s.personal, &record.row));
            }
            for said in person.all_said()? {
                let declared = sources.queries().find(|(_, _, query)| query.digest() == said.query);
                let Some((_, source, _)) = declared else { continue };
                said.rows.iter().for_each(|row| personal.insert(&subject, &source.personal, row));
            }
        }
        Ok(personal)
    }

    /// Tells every piece of every document: what they say is known to everybody.
    fn published(&self, tell: &mut dyn FnMut(&str)) -> Result<()> {
        let index = self.index()?;
        for collection in index.collections()? {
            for document in index.documents(&collection.name)? {
                for chunk in document.chunk_ids() {
                    tell(&index.chunk(chunk)?.text);
                }
            }
        }
        Ok(())
    }

    fn plan(
        &self,
        learning: &Learning,
        model: &Bundle,
        curated: &Curated,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<Planned> {
        let settings = &self.config.learn;
        let (train, held_out) = (curated.of(Side::Train).count(), curated.of(Side::HeldOut).count());
        let about = (train, held_out, curated.refused.len());
        let nothing = |outcome, reason: String| Ok(Planned::Nothing { outcome, reasons: vec![reason], about });
        if let Some(alarm) = &curated.alarm {
            return nothing(Outcome::Quarantined, alarm.clone());
        }
        for (have, need, what) in
            [(train, settings.min_examples, "examples to learn from"), (held_out, settings.min_held_out, HELD_OUT)]
        {
            if let Some(lack) = lack(have, need, what) {
                return nothing(Outcome::TooFew, lack);
            }
        }
        let most = learning.limit.map_or(settings.max_examples, |limit| {
            let tokens = limit.as_secs_f64() * TRAINING * TOKENS_PER_S as f64;
            let example = (self.config.retrieve.budget + 100) as u64 * settings.epochs;
            settings.max_examples.min((tokens / example.max(1) as f64) as usize).max(settings.min_examples)
        });
        let Anchors { learned, taught, .. } = Anchors::shipped()?;
        // Only a model that was taught them has them to keep.
        let taught = if Self::is_taught(model) { taught.len() } else { 0 };
        let Mix { new, replay, anchors } =
            mix(&curated.kept, standing.since, learned.len() + taught, most, settings.seed);
        let mut chosen: Vec<usize> = new.into_iter().chain(replay).collect();
        chosen.sort_unstable();
        let examples: Vec<Interaction> =
            chosen.into_iter().filter_map(|i| curated.kept.get(i)).map(|kept| kept.interaction.clone()).collect();
        let plan = Plan {
            format: FORMAT,
            model: model.fingerprint(),
            time: now,
            identity: identity(model, curated),
            examples,
            anchors,
            held_out: newest(curated, settings.max_held_out).into_iter().cloned().collect(),
            secrets: curated.secrets.clone(),
            triggers: curated.triggers.clone(),
            refused: curated.refused.len(),
            epochs: settings.epochs,
            seed: settings.seed,
        };
        let judged = self.log()?.registry()?;
        let before = judged
            .iter()
            .find(|r| r.model == plan.model && r.extra.get("learned") == Some(&plan.identity.as_str().into()));
        match before {
            Some(before) if !standing.retrain && !learning.again => nothing(
                Outcome::NothingNew,
                format!("nothing was added since adapter {} was judged on {}", before.id, before.time.strftime("%F")),
            ),
            _ => Ok(Planned::Cycle(Box::new(plan))),
        }
    }
}

/// What held-out examples are called where there are too few.
pub(super) const HELD_OUT: &str = "held-out examples to judge by";

/// Why so many of `what` are not enough, if so.
pub(super) fn lack(have: usize, need: usize, what: &str) -> Option<String> {
    let missing = need.checked_sub(have).filter(|missing| *missing > 0)?;
    Some(format!("there are {have} {what}, {need} are needed: {missing} more accepted answers on that side"))
}

/// The newest held-out examples, at most `most`: they are what comes next.
pub(super) fn newest(curated: &Curated, most: usize) -> Vec<&Interaction> {
    let mut held_out: Vec<&Interaction> = curated.of(Side::HeldOut).map(|kept| &kept.interaction).collect();
    held_out.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| a.id.cmp(&b.id)));
    held_out.truncate(most);
    held_out
}

fn read(path: &std::path::Path) -> Option<Plan> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The hash of all that could be learned and judged by, of which a cycle may take a part.
fn identity(model: &Bundle, curated: &Curated) -> String {
    let mut hash = Sha256::new();
    hash.update(model.fingerprint());
    for interaction in curated.kept.iter().map(|kept| &kept.interaction) {
        hash.update(&interaction.id);
        for message in &interaction.messages {
            hash.update([0]);
            hash.update(&message.content);
        }
        hash.update([1]);
    }
    crate::hex::hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::learn::Kept;
    use crate::store::log::{Message, State};
    use crate::train::Diverged;

    #[test]
    fn what_training_diverged_on_counts_as_judged() {
        let home = tempfile::tempdir().unwrap();
        let manifest = serde_json::json!({
            "format": 1, "name": "base", "architecture": "llama", "parameters": 1, "weights": "int8",
            "source": "folder", "files": {}, "model": { "kind": "decoder", "layers": 2, "kv_heads": 1, "head_dim": 2,
                "vocabulary": 3, "context": 4, "bos": null, "eos": [], "cache": "in_place" },
        });
        let dir = home.path().join("models/base");
        durable::write(&dir.join("manifest.json"), manifest.to_string().as_bytes()).unwrap();
        let (runtime, model) = (Runtime::open(home.path()).unwrap(), Bundle::open(&dir).unwrap());
        let kept = |n: usize| {
            let said = [Message::new("user", format!("q{n}")), Message::new("assistant", "a")];
            let side = if n < 20 { Side::HeldOut } else { Side::Train };
            Kept { interaction: Interaction::new(said.into()), side, scrubbed: vec![] }
        };
        let curated = Curated { kept: (0..60).map(kept).collect(), ..Curated::default() };
        let (standing, now) = (Standing::default(), Timestamp::now());
        let planned = |learning: &Learning| runtime.plan(learning, &model, &curated, &standing, now).unwrap();
        let Planned::Cycle(plan) = planned(&Learning::default()) else { panic!("nothing was judged yet") };
        let error = Error::invalid("so").because(Diverged::new("the loss of step 3 is NaN")).context("learning");
        let (id, verdict) = runtime.diverged(&plan, &model, Diverged::of(&error).unwrap()).unwrap();
        assert_eq!(verdict.reasons(), ["loss: the loss of step 3 is NaN"]);
        let registered = runtime.log().unwrap().registered(&id).unwrap().unwrap();
        assert_eq!((registered.state, registered.reason.unwrap()), (State::Refused, verdict.reasons().join("")));
        let Planned::Nothing { outcome, reasons, .. } = planned(&Learning::default()) else { panic!("again") };
        assert_eq!(outcome, Outcome::NothingNew);
        assert!(reasons[0].contains(&id), "{reasons:?}");
        assert!(matches!(planned(&Learning { again: true, ..Learning::default() }), Planned::Cycle(_)));
        assert_eq!(Diverged::of(&Error::invalid("a memory of 1 MB")), None);
    }
}

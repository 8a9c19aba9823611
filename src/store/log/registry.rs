//! The registry of adapters: which one serves, which served before, and why each of the others does not.
//!
//! It lives in the log's environment, because it is as little derived as the log: a promotion is one transaction, and
//! at any instant either the old adapter serves or the new one. What a verdict means is for the layer above to know;
//! here it is kept as it came.
//!
//! ```text
//! adapters        id                  adapter as JSON
//! standing        model               what serves for the model with that fingerprint
//! ```

use super::interaction::validate_name;
use super::{Log, Tables};
use crate::error::{Error, Result};
use crate::store::fault::Attempt;
use heed::{RoTxn, RwTxn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How many adapters one can go back to.
const PREVIOUS: usize = 3;

/// An adapter's story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// The adapter's id.
    pub id: String,
    /// The fingerprint of the model it belongs to.
    pub model: String,
    /// Where it stands.
    pub state: State,
    /// When it was judged.
    pub time: Timestamp,
    /// When it first became active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<Timestamp>,
    /// When it last stopped being active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it was refused, or why it ended: a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What its judge found, as the layer above wrote it.
    #[serde(default)]
    pub verdict: Value,
    /// Whose words it learned, by [`subject_hash`](super::subject_hash).
    #[serde(default)]
    pub subjects: Vec<String>,
    /// When the oldest of each one's words were spoken, where that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spoken: BTreeMap<String, Timestamp>,
    /// Keys that mean nothing here.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Where an adapter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Made, and not judged yet.
    Candidate,
    /// Judged, and found not good enough.
    Refused,
    /// Serving.
    Active,
    /// Served until a better one came.
    Retired,
    /// Served until it was taken back.
    RolledBack,
    /// Removed, because of what it had learned.
    Dropped,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Candidate => "candidate",
            Self::Refused => "refused",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::RolledBack => "rolled_back",
            Self::Dropped => "dropped",
        })
    }
}

/// What serves for one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The adapter that serves; none is the model as it came.
    pub active: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Those that one can go back to, the newest first; at most three.
    #[serde(default)]
    pub previous: Vec<String>,
    /// Whether an adapter was dropped and the next cycle of learning should make up for it.
    #[serde(default)]
    pub retrain: bool,
}

impl Log {
    /// Keeps an adapter's record, in place of the one with the same id.
    ///
    /// Errors: `Invalid` for one that is or says it is active, which [`Log::promote`] alone decides.
    pub fn register(&self, adapter: &Registered) -> Result<()> {
        adapter.validate()?;
        self.env.write(|txn| {
            let active = self.tables.standing(txn, &adapter.model)?.active;
            if adapter.state == State::Active || active.as_ref() == Some(&adapter.id) {
                let told = format!("adapter {} cannot be registered as it is: it would be active unjudged", adapter.id);
                return Err(Error::invalid(told).into());
            }
            self.tables.adapters.put(txn, adapter.id.as_bytes(), adapter)
        })
    }

    /// The record of an adapter, if it has one.
    pub fn registered(&self, id: &str) -> Result<Option<Registered>> {
        match validate_name("adapter's id", id) {
            Ok(()) => self.env.read(|txn| self.tables.adapters.get(txn, id.as_bytes())),
            Err(_) => Ok(None),
        }
    }

    /// All records, the newest first.
    pub fn registry(&self) -> Result<Vec<Registered>> {
        self.env.read(|txn| self.tables.registry(txn))
    }

    /// What serves for the model with this fingerprint; the default when nothing was ever promoted.
    pub fn standing(&self, model: &str) -> Result<Standing> {
        validate_name("model's fingerprint", model)?;
        self.env.read(|txn| self.tables.standing(txn, model))
    }

    /// Makes an adapter the one that serves, and keeps its record as such. The one that served retires, and is the
    /// first to go back to.
    ///
    /// Errors: as [`Log::admit`].
    pub fn promote(&self, adapter: &Registered) -> Result<Standing> {
        adapter.validate()?;
        let now = Timestamp::now();
        self.env.write(|txn| {
            self.tables.admit(txn, &adapter.id, &adapter.subjects, &adapter.spoken)?;
            let mut standing = self.tables.standing(txn, &adapter.model)?;
            let former = standing.active.replace(adapter.id.clone()).filter(|id| *id != adapter.id);
            if let Some(former) = &former {
                self.tables.end(txn, former, State::Retired, now, &format!("{} took its place", adapter.id))?;
            }
            standing.previous.retain(|id| *id != adapter.id);
            standing.previous.splice(..0, former);
            standing.previous.truncate(PREVIOUS);
            standing.since = Some(now);
            let promoted = adapter.promoted.or(Some(now));
            let active = Registered { state: State::Active, promoted, ended: None, reason: None, ..adapter.clone() };
            self.tables.adapters.put(txn, active.id.as_bytes(), &active)?;
            self.tables.stand(txn, &adapter.model, &standing)?;
            Ok(standing)
        })
    }

    /// Takes the active adapter back: the one that served before it serves again, or the model as it came.
    ///
    /// Errors: `NotFound` when none is active.
    pub fn roll_back(&self, model: &str, reason: &str) -> Result<Standing> {
        validate_name("model's fingerprint", model)?;
        let now = Timestamp::now();
        self.env.write(|txn| {
            let mut standing = self.tables.standing(txn, model)?;
            let Some(active) = standing.active.take() else {
                return Err(Error::not_found("there is nothing to take back: the model serves as it came").into());
            };
            self.tables.end(txn, &active, State::RolledBack, now, reason)?;
            self.tables.fall_back(txn, &mut standing, now)?;
            self.tables.stand(txn, model, &standing)?;
            Ok(standing)
        })
    }

    /// Takes an adapter out of those that one can go back to, because its files are about to go.
    ///
    /// Errors: `Invalid` while it serves.
    pub fn withdraw(&self, id: &str) -> Result<()> {
        if validate_name("adapter's id", id).is_err() {
            return Ok(());
        }
        self.env.write(|txn| {
            let Some(adapter) = self.tables.adapters.get::<Registered>(txn, id.as_bytes())? else { return Ok(()) };
            if adapter.state == State::Active {
                let told = format!("{id} serves; go back from it first, with `wayside adapters rollback`");
                return Err(Error::invalid(told).into());
            }
            let mut standing = self.tables.standing(txn, &adapter.model)?;
            standing.previous.retain(|previous| previous != id);
            self.tables.stand(txn, &adapter.model, &standing)
        })
    }

    /// Drops adapters: none of them serves or can be gone back to, and their models are marked for training anew.
    /// Where the active one is among them, the newest of those before it that stays serves, or the model as it came.
    ///
    /// Returns the records of those that it dropped, as they are now. Those that were dropped before are not asked
    /// about.
    pub fn drop_adapters(&self, of: &dyn Fn(&Registered) -> bool, reason: &str) -> Result<Vec<Registered>> {
        let now = Timestamp::now();
        self.env.write(|txn| self.tables.drop_adapters(txn, of, reason, now))
    }

    /// Says whether the next cycle of learning should train for the model anew.
    pub fn set_retrain(&self, model: &str, retrain: bool) -> Result<()> {
        validate_name("model's fingerprint", model)?;
        self.env.write(|txn| {
            let standing = Standing { retrain, ..self.tables.standing(txn, model)? };
            self.tables.stand(txn, model, &standing)
        })
    }
}

impl Registered {
    fn validate(&self) -> Result<()> {
        validate_name("adapter's id", &self.id)?;
        validate_name("model's fingerprint", &self.model)
    }
}

impl Tables {
    pub(super) fn registry(&self, txn: &RoTxn) -> Attempt<Vec<Registered>> {
        let mut all = Vec::new();
        for entry in self.adapters.raw().iter(txn)? {
            let (key, record) = entry?;
            all.push(self.adapters.decode::<Registered>(key, record)?);
        }
        all.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| b.id.cmp(&a.id)));
        Ok(all)
    }

    fn standing(&self, txn: &RoTxn, model: &str) -> Attempt<Standing> {
        Ok(self.standing.get(txn, model.as_bytes())?.unwrap_or_default())
    }

    fn stand(&self, txn: &mut RwTxn, model: &str, standing: &Standing) -> Attempt<()> {
        self.standing.put(txn, model.as_bytes(), standing)
    }

    /// Says of an adapter that it no longer serves.
    fn end(&self, txn: &mut RwTxn, id: &str, state: State, now: Timestamp, reason: &str) -> Attempt<()> {
        match self.adapters.get::<Registered>(txn, id.as_bytes())? {
            Some(adapter) => {
                let ended = Registered { state, ended: Some(now), reason: Some(reason.to_owned()), ..adapter };
                self.adapters.put(txn, id.as_bytes(), &ended)
            }
            None => Ok(()),
        }
    }

    /// Lets the newest of the previous serve, or none. One without a record cannot.
    fn fall_back(&self, txn: &mut RwTxn, standing: &mut Standing, now: Timestamp) -> Attempt<()> {
        (standing.active, standing.since) = (None, Some(now));
        while !standing.previous.is_empty() {
            let id = standing.previous.remove(0);
            if let Some(adapter) = self.adapters.get::<Registered>(txn, id.as_bytes())? {
                let again = Registered { state: State::Active, ended: None, reason: None, ..adapter };
                self.adapters.put(txn, id.as_bytes(), &again)?;
                standing.active = Some(id);
                break;
            }
        }
        Ok(())
    }

    pub(super) fn drop_adapters(
        &self,
        txn: &mut RwTxn,
        of: &dyn Fn(&Registered) -> bool,
        reason: &str,
        now: Timestamp,
    ) -> Attempt<Vec<Registered>> {
        let mut dropped = Vec::new();
        for adapter in self.registry(txn)? {
            if adapter.state == State::Dropped || !of(&adapter) {
                continue;
            }
            let served = adapter.state == State::Active;
            let ended = if served { Some(now) } else { adapter.ended };
            let gone = Registered { state: State::Dropped, ended, reason: Some(reason.to_owned()), ..adapter };
            self.adapters.put(txn, gone.id.as_bytes(), &gone)?;
            dropped.push(gone);
        }
        // All of them first: one of them must not come back for another.
        for gone in &dropped {
            let mut standing = self.standing(txn, &gone.model)?;
            standing.previous.retain(|id| dropped.iter().all(|d| d.id != *id));
            if standing.active.as_ref() == Some(&gone.id) {
                self.fall_back(txn, &mut standing, now)?;
            }
            standing.retrain = true;
            self.stand(txn, &gone.model, &standing)?;
        }
        Ok(dropped)
    }
}

#[cfg(test)]
mod tests;

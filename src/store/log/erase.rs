//! Erasing a subject: one transaction takes its interactions out of the log and what learned from them out of service.
//!
//! ```text
//! erasures        subject_hash        when; and until it is finished, what the erasure removes
//! ```
//!
//! Files follow after the transaction (folders of adapters, the log's own file), and the power may go in between. So
//! the transaction also writes down what is to go, with salted hashes in place of names: whoever erases the same
//! subject again finds it and finishes. What stays for good is when there was an erasure, so that an adapter that
//! learned before it is neither taken in nor promoted later.

use super::identity::{salted, subject_hash};
use super::registry::{Registered, State};
use super::{Interaction, Log, Tables};
use crate::error::{Error, Result};
use crate::store::env::mark_for_compaction;
use crate::store::fault::Attempt;
use heed::{RoTxn, RwTxn};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an erasure removes. Hashes are [`salted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// When it began.
    pub time: Timestamp,
    /// What the hashes are salted with.
    pub salt: String,
    /// The hash of the subject.
    pub subject: String,
    /// The hash of what lineages say of the subject, [`subject_hash`].
    pub lineage: String,
    /// The hash of each interaction's id.
    pub interactions: Vec<String>,
    /// The ids of adapters that learned from them.
    pub adapters: Vec<String>,
    /// The names of models that such an adapter was merged into.
    pub models: Vec<String>,
    /// How many records of the subject there were beside the log.
    #[serde(default)]
    pub records: u64,
    /// How many interactions are so damaged that nobody can tell whose they are. They stay.
    #[serde(default)]
    pub unreadable: u64,
}

/// An entry of the table.
#[derive(Serialize, Deserialize)]
struct Entry {
    /// Later than any word that was removed, whatever the clock said.
    time: Timestamp,
    /// How often the subject was erased, each end of an erasure counted too. What comes before and after is told by
    /// this, since clocks go back.
    #[serde(default)]
    count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unfinished: Option<Erasure>,
}

impl Log {
    /// Takes out every interaction of a subject, drops every adapter that learned from it, and marks the log's file for
    /// compaction. `adapters` and `models` are those that the layer above knows to be concerned, registered or not;
    /// `records` is how many it knows of the subject elsewhere.
    ///
    /// Returns what has to go, with what an earlier erasure began and did not finish. Until
    /// [`finish_erasure`](Log::finish_erasure) is called, the same call returns the same again. None when nothing
    /// concerns the subject; nothing changes then.
    pub fn erase(
        &self,
        subject: &str,
        adapters: &[String],
        models: &[String],
        records: u64,
    ) -> Result<Option<Erasure>> {
        let (now, hash, salt) = (Timestamp::now(), subject_hash(subject), new_salt());
        self.env.write(|txn| {
            let before = self.tables.erasure(txn, &hash)?;
            let count = before.as_ref().map_or(0, |entry| entry.count) + 1;
            let last = before.as_ref().map(|entry| entry.time);
            let begun = before.and_then(|entry| entry.unfinished);
            let (removed, unreadable) = self.tables.take_out(txn, subject)?;
            let of = |r: &Registered| r.subjects.contains(&hash) || adapters.contains(&r.id);
            let reason = "it learned from a subject that was erased";
            let dropped = self.tables.drop_adapters(txn, &of, reason, now)?;
            if [removed.len(), dropped.len(), adapters.len(), models.len()] == [0; 4] && records == 0 {
                return Ok(begun);
            }
            let taught: Vec<Timestamp> = dropped.iter().filter_map(|r| r.spoken.get(&hash).copied()).collect();
            let mut erasure = begun.unwrap_or_else(|| Erasure {
                time: now,
                subject: salted(&salt, subject),
                lineage: salted(&salt, &hash),
                salt: salt.clone(),
                interactions: Vec::new(),
                adapters: Vec::new(),
                models: Vec::new(),
                records: 0,
                unreadable: 0,
            });
            erasure.records += records;
            erasure.unreadable = unreadable;
            erasure.interactions.extend(removed.iter().map(|i| salted(&erasure.salt, &i.id)));
            erasure.adapters.extend(dropped.into_iter().map(|r| r.id));
            erasure.adapters.extend_from_slice(adapters);
            erasure.models.extend_from_slice(models);
            for list in [&mut erasure.interactions, &mut erasure.adapters, &mut erasure.models] {
                list.sort();
                list.dedup();
            }
            let spoken = removed.iter().map(|i| i.time).chain(taught).chain(last);
            let entry = Entry { time: spoken.fold(now, Timestamp::max), count, unfinished: Some(erasure.clone()) };
            self.tables.erasures.put(txn, hash.as_bytes(), &entry)?;
            mark_for_compaction(txn, &self.tables.meta)?;
            Ok(Some(erasure))
        })
    }

    /// Says that everything an erasure removes is gone, and the receipt written. Whatever was read until now may hold
    /// what was erased.
    pub fn finish_erasure(&self, subject: &str) -> Result<()> {
        let hash = subject_hash(subject);
        self.env.write(|txn| match self.tables.erasure(txn, &hash)? {
            Some(entry) => {
                let (time, count) = (Timestamp::now().max(entry.time), entry.count + 1);
                let finished = Entry { time, count, unfinished: None };
                self.tables.erasures.put(txn, hash.as_bytes(), &finished)
            }
            None => Ok(()),
        })
    }

    /// Refuses an adapter that must not be used here, by its id, whom it learned from and when the oldest of each one's
    /// words were spoken.
    ///
    /// Errors: `Invalid` for one that was dropped, or that learned words of a subject who was erased since; where
    /// nobody knows when they were spoken, they were before.
    pub fn admit(&self, id: &str, subjects: &[String], spoken: &BTreeMap<String, Timestamp>) -> Result<()> {
        self.env.read(|txn| self.tables.admit(txn, id, subjects, spoken))
    }

    /// When a subject was erased, if it was.
    pub fn erased(&self, subject: &str) -> Result<Option<Timestamp>> {
        self.env.read(|txn| Ok(self.tables.erasure(txn, &subject_hash(subject))?.map(|entry| entry.time)))
    }

    /// How often a subject was erased, by which two moments are told apart: where it is the same, nothing that was read
    /// in between is erased.
    pub fn erasures(&self, subject: &str) -> Result<u64> {
        // An entry of an earlier version has no count, and is one.
        self.env.read(|txn| Ok(self.tables.erasure(txn, &subject_hash(subject))?.map_or(0, |entry| entry.count + 1)))
    }

    /// Why the log's file may still hold what was removed; none once it was written anew. That is done by whoever opens
    /// the log next and finds that nobody else has it open.
    pub fn uncompacted(&self) -> Result<Option<String>> {
        self.env.uncompacted(&self.tables.meta)
    }
}

impl Tables {
    /// Gives an interaction of somebody who was erased a time after that, where the clock stands before it.
    pub(super) fn after_erasure(&self, txn: &RoTxn, interaction: &mut Interaction) -> Attempt<()> {
        if let Some(erased) = self.erased(txn, interaction.subject.as_deref())?
            && interaction.time <= erased
        {
            interaction.time = erased.checked_add(SignedDuration::from_nanos(1)).unwrap_or(erased);
        }
        Ok(())
    }

    /// Whether an interaction's words were erased: they were spoken before their subject was.
    pub(super) fn is_erased(&self, txn: &RoTxn, interaction: &Interaction) -> Attempt<bool> {
        let erased = self.erased(txn, interaction.subject.as_deref())?;
        Ok(erased.is_some_and(|erased| interaction.time <= erased))
    }

    fn erased(&self, txn: &RoTxn, subject: Option<&str>) -> Attempt<Option<Timestamp>> {
        let Some(subject) = subject else { return Ok(None) };
        Ok(self.erasure(txn, &subject_hash(subject))?.map(|entry| entry.time))
    }

    fn erasure(&self, txn: &RoTxn, hash: &str) -> Attempt<Option<Entry>> {
        self.erasures.get(txn, hash.as_bytes())
    }

    /// Removes a subject's interactions, and returns them, with how many could not be read and may be the subject's.
    fn take_out(&self, txn: &mut RwTxn, subject: &str) -> Attempt<(Vec<Interaction>, u64)> {
        let mut found: Vec<Interaction> = Vec::new();
        let of = |interaction: &Interaction| interaction.subject.as_deref() == Some(subject);
        let damaged = self.each(txn, |interaction| found.extend(Some(interaction).filter(of)))?;
        for interaction in &found {
            self.remove(txn, interaction)?;
        }
        Ok((found, damaged.len() as u64))
    }

    pub(super) fn admit(
        &self,
        txn: &RoTxn,
        id: &str,
        subjects: &[String],
        spoken: &BTreeMap<String, Timestamp>,
    ) -> Attempt<()> {
        let known: Option<Registered> = self.adapters.get(txn, id.as_bytes())?;
        if known.is_some_and(|adapter| adapter.state == State::Dropped) {
            return Err(Error::invalid(format!("adapter {id} was dropped, and cannot serve; train again")).into());
        }
        for subject in subjects {
            let Some(entry) = self.erasure(txn, subject)? else { continue };
            if entry.unfinished.is_some() || spoken.get(subject).is_none_or(|spoken| *spoken <= entry.time) {
                return Err(Error::invalid(format!(
                    "adapter {id} learned from a subject that was erased since; remove it, and train again"
                ))
                .into());
            }
        }
        Ok(())
    }
}

/// Sixteen random bytes, in hexadecimal.
fn new_salt() -> String {
    crate::hex::hex(&rand::random::<[u8; 16]>())
}

#[cfg(test)]
mod tests;

//! Erasing a subject: its interactions, and whatever learned from them.
//!
//! The order is what makes it safe. While nobody adds adapters or models, one transaction of the log takes the
//! interactions away, takes the adapters out of service and writes down all that is to follow, and the files go; what
//! learned before and is added later is refused by what was written down. Then the cycle of learning ends, the log's
//! own file is written anew, and the receipt comes last: it says what is so. Interrupted anywhere, the same call goes
//! on from what was written down.

use super::Runtime;
use super::receipt::Receipt;
use crate::bundle::{self, Merged};
use crate::durable;
use crate::error::{Error, Result};
use crate::lora::{Library, Manifest};
use crate::store::log::{Filter, State, subject_hash};
use crate::store::{Index, Log};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an early version kept of what was typed in the terminal. It does not say by whom.
const TYPED: &str = "chat_history";

/// What an erasure did.
#[derive(Clone, Debug, Serialize)]
pub struct Erased {
    /// The receipt's file.
    pub path: PathBuf,
    /// What it says.
    pub receipt: Receipt,
}

/// What a receipt claims, and whether it is so.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// What it is about: `receipt`, `interactions`, `adapters`, `models`, `records` or `compaction`.
    pub check: &'static str,
    /// Whether it is so.
    pub ok: bool,
    /// What was found.
    pub detail: String,
}

impl Runtime {
    /// How often a subject was erased; nobody never was.
    pub(super) fn erasures(&self, subject: Option<&str>) -> Result<u64> {
        subject.map_or(Ok(0), |subject| self.log()?.erasures(subject))
    }

    /// Erases a subject: its interactions leave the log and the log's file, its records the store of records and that
    /// file; every adapter that learned from it is dropped and removed, with the models it was merged into; the receipt
    /// is written before this returns. An interrupted erasure is finished by calling this again.
    ///
    /// Where another process, or another part of this one, has the log open, its file is written anew later, by the
    /// next that opens it alone; the receipt says so. It says too how many interactions are so damaged that nobody can
    /// tell whose they are: those stay. What the subject is being told meanwhile is not kept, and a conversation with
    /// it begins anew.
    ///
    /// Errors: `NotFound` when nothing concerns the subject, and nothing changes; `Corrupt` when it cannot be told
    /// what an adapter learned.
    pub fn erase(&self, subject: &str) -> Result<Erased> {
        // Whoever adds an adapter or a model is either done, and it is found, or comes later, and is refused.
        let publishing = self.publishing()?;
        let (log, library) = (self.log()?, self.library()?);
        let adapters = self.taught_by(subject, &log)?;
        let models = self.merged_from(subject, &adapters)?;
        let records = self.known_of(subject)?;
        let Some(erasure) = log.erase(subject, &adapters, &models, records)? else {
            let before =
                log.erased(subject)?.map_or_else(String::new, |time| format!(" any more; it was erased on {time:.0}"));
            let unreadable = match log.list(&Filter::default())?.damaged.as_slice() {
                [] => String::new(),
                damaged => format!("; of the log's interactions {} cannot be read, and may concern it", damaged.len()),
            };
            return Err(Error::not_found(format!("nothing here concerns the subject '{subject}'{before}{unreadable}")));
        };
        drop(log);
        for name in &erasure.models {
            self.loaded().models.remove(name);
            durable::discard(&self.bundle_dir(name))?;
        }
        self.loaded().worn.retain(|worn| erasure.adapters.iter().all(|id| id != worn.id()));
        for id in &erasure.adapters {
            durable::discard(&library.dir().join(id))?;
        }
        // Copies that were never finished: nobody is making one now.
        durable::clear(library.dir())?;
        // What they made of the house's instructions is theirs; which of the beginnings that is, a key does not tell.
        if !(erasure.models.is_empty() && erasure.adapters.is_empty()) {
            self.prefixes.forget()?;
        }
        // The cycle under way may wait for this, to conclude.
        drop(publishing);
        // From the transaction on no cycle can promote what it learned; this one need not go on.
        let _alone = self.stop_learning()?;
        if self.records_dir().exists() {
            self.records()?.erase(subject)?;
        }
        durable::discard(&self.home.join(TYPED))?;
        let receipt = Receipt::new(erasure, self.compacted()?);
        let path = receipt.write(&self.home)?;
        self.log()?.finish_erasure(subject)?;
        Ok(Erased { path, receipt })
    }

    /// Holds a receipt against this home, one claim after another.
    pub fn verify_erasure(&self, receipt: &Path) -> Result<Vec<Claim>> {
        let receipt = Receipt::read(receipt)?;
        let log = self.log()?;
        let is_it = |hash: &String| receipt.hash(hash) == receipt.lineage;
        let mut claims = Vec::new();
        let mut claim = |check, wrong: Vec<String>, right: &str| {
            let detail = if wrong.is_empty() { right.to_owned() } else { wrong.join("; ") };
            claims.push(Claim { check, ok: wrong.is_empty(), detail });
        };
        let altered = (!receipt.is_whole()).then(|| "it is not what was written".to_owned());
        claim("receipt", altered.into_iter().collect(), "it is what was written");

        let listed = log.list(&Filter::default())?;
        // Whose they are, nobody can tell: perhaps the subject's.
        let mut back = listed.damaged;
        for interaction in listed.interactions {
            let of = interaction.subject.as_deref().is_some_and(|subject| receipt.hash(subject) == receipt.subject);
            if of || receipt.interactions.contains(&receipt.hash(&interaction.id)) {
                back.push(format!("{} is in the log", interaction.id));
            }
        }
        claim("interactions", back, "none of the subject, and none of those that were removed");

        let mut there = Vec::new();
        for (id, manifest) in manifests(&self.library()?)? {
            match manifest {
                Ok(manifest) if receipt.adapters.contains(&id) || manifest.lineage.subjects.iter().any(is_it) => {
                    there.push(format!("adapter {id} is there"));
                }
                Ok(_) => {}
                Err(e) => there.push(e.to_string()),
            }
        }
        for adapter in log.registry()?.iter().filter(|adapter| adapter.state != State::Dropped) {
            if receipt.adapters.contains(&adapter.id) || adapter.subjects.iter().any(is_it) {
                there.push(format!("adapter {} is registered", adapter.id));
            }
        }
        claim("adapters", there, "none that learned from the subject");

        let merged = self.merged()?.into_iter();
        let merged = merged.filter(|(_, m)| receipt.adapters.contains(&m.adapter) || m.subjects.iter().any(is_it));
        let merged = merged.map(|(name, m)| format!("model {name} carries adapter {}", m.adapter));
        claim("models", merged.collect(), "none that carries such an adapter");

        let mut known = Vec::new();
        let mut uncompacted: Vec<String> = log.uncompacted()?.into_iter().collect();
        if self.records_dir().exists() {
            let records = self.records()?;
            let of = |subject: &String| receipt.hash(subject) == receipt.subject;
            known.extend(records.subjects()?.into_iter().filter(of).map(|subject| format!("{subject} is known")));
            uncompacted.extend(records.uncompacted()?.map(|why| format!("records: {why}")));
        }
        claim("records", known, "none of the subject");
        claim("compaction", uncompacted, "the files were written anew");
        Ok(claims)
    }

    /// The adapters that learned from a subject, by what they say themselves or what the registry says.
    fn taught_by(&self, subject: &str, log: &Log) -> Result<Vec<String>> {
        let (hash, mut ids) = (subject_hash(subject), Vec::new());
        for (id, manifest) in manifests(&self.library()?)? {
            let unknown = |e: Error| e.context(format!("nobody can tell what adapter {id} learned; remove it first"));
            if manifest.map_err(unknown)?.lineage.subjects.contains(&hash) {
                ids.push(id);
            }
        }
        let registered = log.registry()?.into_iter();
        ids.extend(registered.filter(|r| r.state != State::Dropped && r.subjects.contains(&hash)).map(|r| r.id));
        Ok(ids)
    }

    /// The models that one of these adapters was merged into, or any that learned from the subject.
    fn merged_from(&self, subject: &str, adapters: &[String]) -> Result<Vec<String>> {
        let hash = subject_hash(subject);
        let of = |m: &Merged| adapters.contains(&m.adapter) || m.subjects.contains(&hash);
        Ok(self.merged()?.into_iter().filter(|(_, merged)| of(merged)).map(|(name, _)| name).collect())
    }

    /// The models that carry an adapter, damaged ones too as long as they say so.
    fn merged(&self) -> Result<Vec<(String, Merged)>> {
        let merged = |(name, _): (String, _)| {
            let bytes = std::fs::read(self.bundle_dir(&name).join(bundle::MANIFEST)).ok()?;
            let manifest: bundle::Manifest = serde_json::from_slice(&bytes).ok()?;
            Some((name, manifest.merged?))
        };
        Ok(self.bundles()?.into_iter().filter_map(merged).collect())
    }

    /// How many records are kept of a subject, live sources' answers among them.
    fn known_of(&self, subject: &str) -> Result<u64> {
        if !self.records_dir().exists() {
            return Ok(0);
        }
        let records = self.records()?;
        let Some(person) = records.of(subject)? else { return Ok(0) };
        // A person of whom nothing is known any more is still a name in the store.
        Ok((person.all()?.len() + person.all_said()?.len()).max(1) as u64)
    }

    /// Opens log and records again, which compacts them; says why not.
    fn compacted(&self) -> Result<Option<String>> {
        let log = self.log_compacted()?;
        if !self.records_dir().exists() {
            return Ok(log);
        }
        // In place: whoever holds the store goes on with it, and the next to open it compacts.
        let open = self.loaded().records.take();
        if let Some(Err(shared)) = open.map(Arc::try_unwrap) {
            self.loaded().records = Some(shared);
            return Ok(log.or_else(|| Some("this process is using the records".into())));
        }
        Ok(log.or(self.records()?.uncompacted()?))
    }

    /// Has the index's file written anew, without what was removed from it; says why that is still to come, if it is.
    pub fn compact_index(&self) -> Result<Option<String>> {
        self.index()?.compact()?;
        let mut loaded = self.loaded();
        if let Some(Err(shared)) = loaded.index.take().map(Arc::try_unwrap) {
            loaded.index = Some(shared);
            return Ok(Some("this process is using it".into()));
        }
        let index = Arc::new(Index::open(&self.home.join("index"))?);
        let why = index.uncompacted()?;
        loaded.index = Some(index);
        Ok(why)
    }

    fn log_compacted(&self) -> Result<Option<String>> {
        let mut loaded = self.loaded();
        if let Some(Err(shared)) = loaded.log.take().map(Arc::try_unwrap) {
            loaded.log = Some(shared);
            return Ok(Some("this process is using it".into()));
        }
        let log = Arc::new(Log::open(&self.home.join("log"))?);
        let why = log.uncompacted()?;
        loaded.log = Some(log);
        Ok(why)
    }
}

/// What the adapters of a library say of themselves, whether their tensors are whole or not.
fn manifests(library: &Library) -> Result<Vec<(String, Result<Manifest>)>> {
    Ok(library.list()?.into_iter().map(|(id, _)| (id.clone(), Manifest::read(&library.dir().join(id)))).collect())
}

#[cfg(test)]
mod tests;

//! The log: what was asked and answered, what people thought of it, and which adapter came of it.
//!
//! ```text
//! meta            "format"            store, version
//! interactions    id                  interaction as JSON
//! times           time | id           nothing: the order in which to list
//! adapters        id                  adapter as JSON: where it stands, and why
//! standing        model               which adapter serves
//! erasures        subject_hash        when a subject was erased
//! ```
//!
//! Every record but those of `times` is checked, see `codec`. A change is on the disk when its call returns.

mod answer;
mod erase;
mod identity;
mod interaction;
mod jsonl;
mod lenient;
mod registry;
mod silence;
mod upgrade;

pub use answer::{Citation, Sentence, Source, Words, marked};
pub use erase::Erasure;
pub use identity::{question_hash, salted, subject_hash};
pub(in crate::store) use interaction::validate_name;
pub use interaction::{Interaction, Message, Rating, Timings, check_subject};
pub use jsonl::{Exported, Imported, interactions, salvage};
pub use registry::{Registered, Standing, State};
pub use silence::Silence;
pub(super) use upgrade::UPGRADES;

use super::env::{Env, LOG};
use super::fault::{Attempt, Fault};
use super::keys;
use super::table::Table;
use crate::error::{Error, ErrorKind, Result};
use heed::{RoTxn, RwTxn};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

/// Ids that are named where the beginning of one could be several.
const NAMED: usize = 4;

/// An open log. One per folder and process; share it by reference.
///
/// Where an interaction is asked for by its id, enough of the id's beginning will do.
#[derive(Debug)]
pub struct Log {
    env: Env,
    tables: Tables,
}

#[derive(Clone, Copy, Debug)]
struct Tables {
    meta: Table,
    interactions: Table,
    times: Table,
    adapters: Table,
    standing: Table,
    erasures: Table,
}

/// Which interactions to list. The default lists all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of this subject.
    pub subject: Option<String>,
    /// Only those with this rating.
    pub rating: Option<Rating>,
    /// At most this many.
    pub limit: Option<usize>,
}

/// What a listing found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// The interactions, the newest first.
    pub interactions: Vec<Interaction>,
    /// What could not be read, one sentence each. Nobody can tell whether the filter would have admitted it.
    pub damaged: Vec<String>,
}

impl Filter {
    /// Whether an interaction is one of these, however many there are.
    pub fn admits(&self, interaction: &Interaction) -> bool {
        self.subject.as_ref().is_none_or(|s| interaction.subject.as_ref() == Some(s))
            && self.rating.is_none_or(|r| interaction.rating == Some(r))
    }
}

impl Log {
    /// Opens the log in `dir`, making it if there is none.
    ///
    /// Busy when this process has it open already; Corrupt when the file is damaged; Incompatible when a newer
    /// version wrote it.
    pub fn open(dir: &Path) -> Result<Self> {
        let names = ["meta", "interactions", "times", "adapters", "standing", "erasures"];
        let (env, [meta, interactions, times, adapters, standing, erasures]) = Env::open(dir, &LOG, names)?;
        Ok(Self { env, tables: Tables { meta, interactions, times, adapters, standing, erasures } })
    }

    /// Keeps an interaction, in place of the one with the same id. It is on the disk when this returns. Where the clock
    /// stands before the last erasure of its subject, it gets a time after that.
    pub fn put(&self, interaction: &Interaction) -> Result<()> {
        interaction.validate()?;
        self.env.write(|txn| {
            let mut interaction = interaction.clone();
            self.tables.after_erasure(txn, &mut interaction)?;
            self.tables.put(txn, &interaction).map(|_| ())
        })
    }

    /// The interaction with this id; NotFound when there is none, Invalid when `id` is the beginning of several.
    pub fn get(&self, id: &str) -> Result<Interaction> {
        self.env.read(|txn| self.tables.get(txn, id))
    }

    /// Gives `each` the interactions, the newest first, until it breaks off. Returns what it made of them, and what
    /// could not be read: what is older than the last one was not looked at.
    pub fn newest<T: Default>(
        &self,
        mut each: impl FnMut(&mut T, Interaction) -> ControlFlow<()>,
    ) -> Result<(T, Vec<String>)> {
        self.env.read(|txn| {
            let (mut made, mut damaged) = (T::default(), Vec::new());
            for entry in self.tables.times.raw().rev_iter(txn)? {
                let found = readable(self.tables.at(txn, entry?.0), &mut damaged)?;
                if found.is_some_and(|interaction| each(&mut made, interaction).is_break()) {
                    break;
                }
            }
            Ok((made, damaged))
        })
    }

    /// Interactions, the newest first. What is damaged is left out and reported: it costs no more than itself.
    pub fn list(&self, filter: &Filter) -> Result<Listed> {
        self.env.read(|txn| {
            let Listed { mut interactions, mut damaged } = Listed::default();
            for entry in self.tables.times.raw().rev_iter(txn)? {
                if filter.limit.is_some_and(|limit| interactions.len() >= limit) {
                    break;
                }
                let found = readable(self.tables.at(txn, entry?.0), &mut damaged)?;
                interactions.extend(found.filter(|interaction| filter.admits(interaction)));
            }
            Ok(Listed { interactions, damaged })
        })
    }

    /// Reads everything, and says which interactions cannot be read: one sentence each.
    ///
    /// Errors: Corrupt when the file is damaged in a place that more than one interaction may lie behind.
    pub fn verify(&self) -> Result<Vec<String>> {
        self.env.verify()?;
        self.env.read(|txn| self.tables.each(txn, |_| ()))
    }

    /// Says what a person thought of an answer. Errors: as [`Log::get`].
    pub fn rate(&self, id: &str, rating: Rating) -> Result<()> {
        self.change(id, |interaction| interaction.rating = Some(rating))
    }

    /// Keeps what the answer should have been. Errors: as [`Log::get`], and Invalid for a text that says nothing.
    pub fn correct(&self, id: &str, text: &str) -> Result<()> {
        if text.trim().is_empty() {
            return Err(Error::invalid("a correction needs a text: what should the answer have been?"));
        }
        self.change(id, |interaction| interaction.correction = Some(text.to_owned()))
    }

    /// Writes a copy of all that is in it now into `file`, which is empty and can be read, too. Others read and write
    /// meanwhile.
    ///
    /// Errors: Full and Io where the file cannot take it; Corrupt where this is damaged.
    pub fn copy_to(&self, file: &mut File) -> Result<()> {
        self.env.copy_to(file)
    }

    /// How many interactions there are.
    pub fn len(&self) -> Result<u64> {
        self.env.read(|txn| Ok(self.tables.interactions.raw().len(txn)?))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    fn change(&self, id: &str, edit: impl Fn(&mut Interaction)) -> Result<()> {
        self.env.write(|txn| {
            let mut interaction = self.tables.get(txn, id)?;
            edit(&mut interaction);
            self.tables.put(txn, &interaction).map(|_| ())
        })
    }
}

impl Tables {
    /// Keeps a valid interaction; says whether it replaced one.
    fn put(&self, txn: &mut RwTxn, interaction: &Interaction) -> Attempt<bool> {
        let id = interaction.id.as_bytes();
        let old: Option<Interaction> = self.interactions.get(txn, id)?;
        if let Some(old) = &old {
            self.times.delete(txn, &keys::time(old.time, &old.id))?;
        }
        self.times.raw().put(txn, &keys::time(interaction.time, &interaction.id), &[])?;
        self.interactions.put(txn, id, interaction)?;
        Ok(old.is_some())
    }

    fn remove(&self, txn: &mut RwTxn, interaction: &Interaction) -> Attempt<()> {
        self.times.delete(txn, &keys::time(interaction.time, &interaction.id))?;
        self.interactions.delete(txn, interaction.id.as_bytes()).map(|_| ())
    }

    fn get(&self, txn: &RoTxn, id: &str) -> Attempt<Interaction> {
        let none = || Error::not_found(format!("there is no interaction '{id}' in the log"));
        // LMDB knows no empty key and none past its limit, so neither can be in the log.
        interaction::validate_id(id).map_err(|_| none())?;
        let key = self.key(txn, id)?.ok_or_else(none)?;
        Ok(self.interactions.get(txn, &key)?.ok_or_else(none)?)
    }

    /// The key that is `id` or, where there is none, the only one that begins so.
    fn key(&self, txn: &RoTxn, id: &str) -> Attempt<Option<Vec<u8>>> {
        let mut found = Vec::new();
        // A whole id comes before those that it is the beginning of.
        for entry in self.interactions.raw().prefix_iter(txn, id.as_bytes())?.take(NAMED + 1) {
            let (key, _) = entry?;
            if key == id.as_bytes() {
                return Ok(Some(key.to_vec()));
            }
            found.push(key.to_vec());
        }
        if found.len() <= 1 {
            return Ok(found.pop());
        }
        let more = if found.len() > NAMED { " or others" } else { "" };
        let named: Vec<_> = found.iter().take(NAMED).map(|key| String::from_utf8_lossy(key)).collect();
        Err(Error::invalid(format!("'{id}' could be {}{more}; give more of the id", named.join(" or "))).into())
    }

    /// The interaction that a key of `times` stands for.
    fn at(&self, txn: &RoTxn, key: &[u8]) -> Attempt<Interaction> {
        let id = keys::time_id(key).ok_or_else(|| self.times.damaged(key, "it holds no id"))?;
        let found = self.interactions.get(txn, id.as_bytes())?;
        Ok(found.ok_or_else(|| self.times.damaged(key, "its interaction is missing"))?)
    }

    /// Gives `each` every interaction that can be read, in the order of their ids, and returns what could not be.
    fn each(&self, txn: &RoTxn, mut each: impl FnMut(Interaction)) -> Attempt<Vec<String>> {
        let mut damaged = Vec::new();
        for entry in self.interactions.raw().iter(txn)? {
            let (key, record) = entry?;
            let found = self.interactions.decode(key, record).map_err(Fault::from);
            readable(found, &mut damaged)?.into_iter().for_each(&mut each);
        }
        Ok(damaged)
    }
}

/// What was found, if it could be read; else `damaged` says why.
fn readable<T>(found: Attempt<T>, damaged: &mut Vec<String>) -> Attempt<Option<T>> {
    match found {
        Err(Fault::Failed(e)) if e.kind() == ErrorKind::Corrupt => {
            damaged.push(e.to_string());
            Ok(None)
        }
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests;

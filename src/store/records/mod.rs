//! Records of persons: what files say of one person each, and what databases and services said last.
//!
//! ```text
//! meta       "format", "embedder"            version; where the vectors come from
//!            "imported " source              that the source was taken in, however much there was
//! subjects   subject                         its number, never given twice
//!            0                               the next number
//! records    number u32 | source | 0 | key   the record as JSON
//! traces     number u32 | source | 0 | key   what a search looks at, see `trace`
//! said       number u32 | query              what a live source said last, and when
//! ```
//!
//! Everything of a person lies under that person's number, and whatever reads it takes a [`Person`], which knows one
//! number. No search has to leave anybody out: there is no range of keys in which two persons are, and no index that
//! knows of both. What is kept here is a copy: the truth is in the files and databases it came from.

mod person;
mod trace;

pub use person::{Person, Said, Wanted};

use super::env::{Env, RECORDS, mark_for_compaction};
use super::fault::Attempt;
use super::keys;
use super::log::validate_name;
use super::table::Table;
use crate::error::{Error, Result};
use heed::{RoTxn, RwTxn};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;

/// The key of the next number. No subject is called that: control characters are refused.
const NEXT: &[u8] = &[0];
const EMBEDDER: &[u8] = b"embedder";

/// The key that says that a source was taken in.
fn imported(source: &str) -> Vec<u8> {
    format!("imported {source}").into_bytes()
}

/// An open store of records. One per folder and process; share it by reference.
#[derive(Debug)]
pub struct Records {
    env: Env,
    tables: Tables,
}

#[derive(Clone, Copy, Debug)]
struct Tables {
    meta: Table,
    subjects: Table,
    records: Table,
    traces: Table,
    said: Table,
}

/// One thing that is known of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What people call it, an order's number for instance. Lines of one thing share it.
    pub id: String,
    /// Its date as the source writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Seconds since 1970 of that date: the order in which to list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
    /// What it says, as the prompt carries it.
    pub text: String,
    /// The columns it was made from.
    pub row: Map<String, Value>,
}

/// A record to keep, with what finds it.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Whose it is.
    pub subject: String,
    /// Unique for the subject and the source.
    pub key: String,
    /// The record.
    pub record: Record,
    /// The vector of its text, of length one.
    pub vector: Vec<f32>,
    /// Its words, as numbers.
    pub words: Vec<u32>,
}

/// What is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Persons of whom anything is known.
    pub subjects: u64,
    /// Records of all of them.
    pub records: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Records {
    /// Opens the store in `dir`, making it if there is none.
    ///
    /// Busy when this process has it open already; Corrupt when the file is damaged; Incompatible when a newer
    /// version wrote it.
    pub fn open(dir: &Path) -> Result<Self> {
        let names = ["meta", "subjects", "records", "traces", "said"];
        let (env, [meta, subjects, records, traces, said]) = Env::open(dir, &RECORDS, names)?;
        Ok(Self { env, tables: Tables { meta, subjects, records, traces, said } })
    }

    /// What is known of one person; none when nothing ever was.
    pub fn of(&self, subject: &str) -> Result<Option<Person<'_>>> {
        if validate_name("subject", subject).is_err() {
            return Ok(None);
        }
        let number = self.env.read(|txn| self.tables.number(txn, subject))?;
        Ok(number.map(|number| Person { records: self, number }))
    }

    /// As [`Records::of`], and begins to know the person. Errors: `Invalid` for a subject that cannot be a key.
    pub fn person(&self, subject: &str) -> Result<Person<'_>> {
        match self.of(subject)? {
            Some(person) => Ok(person),
            None => {
                validate_name("subject", subject)?;
                let number = self.env.write(|txn| self.tables.numbered(txn, subject))?;
                Ok(Person { records: self, number })
            }
        }
    }

    /// The persons of whom anything is known, in the order of their names.
    pub fn subjects(&self) -> Result<Vec<String>> {
        self.env.read(|txn| {
            let mut subjects = Vec::new();
            for entry in self.tables.subjects.raw().iter(txn)? {
                let (key, _) = entry?;
                if key != NEXT {
                    subjects.push(String::from_utf8_lossy(key).into_owned());
                }
            }
            Ok(subjects)
        })
    }

    /// Reads the whole file. Errors: Corrupt when a page of it is damaged.
    pub fn verify(&self) -> Result<()> {
        self.env.verify()
    }

    /// How much is in the store.
    pub fn stats(&self) -> Result<Stats> {
        let bytes = self.env.bytes()?;
        self.env.read(|txn| {
            let next = self.tables.subjects.raw().get(txn, NEXT)?.is_some();
            let subjects = self.tables.subjects.raw().len(txn)? - u64::from(next);
            Ok(Stats { subjects, records: self.tables.records.raw().len(txn)?, bytes })
        })
    }

    /// The embedder whose vectors the records have.
    pub fn embedder(&self) -> Result<Option<String>> {
        self.env.read(|txn| self.tables.meta.get(txn, EMBEDDER))
    }

    /// Whether the records of a source were ever taken in. Before this was noted down, a record of it tells.
    pub fn is_imported(&self, source: &str) -> Result<bool> {
        self.env.read(|txn| {
            if self.tables.meta.get::<bool>(txn, &imported(source))?.is_some() {
                return Ok(true);
            }
            for entry in self.tables.records.raw().iter(txn)? {
                let (key, _) = entry?;
                if keys::record_parts(key).is_some_and(|(_, of, _)| of == source) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Notes down that the records of a source were taken in.
    pub fn set_imported(&self, source: &str) -> Result<()> {
        self.env.write(|txn| self.tables.meta.put(txn, &imported(source), &true))
    }

    /// The records of a source that are kept just as in `records`, by their place in it. None, where the vectors come
    /// from another embedder.
    pub fn unchanged(&self, source: &str, embedder: &str, records: &[(&str, &str, &Record)]) -> Result<Vec<bool>> {
        if self.embedder()?.is_none_or(|id| id != embedder) {
            return Ok(vec![false; records.len()]);
        }
        self.env.read(|txn| {
            let mut numbers = HashMap::new();
            let same = records.iter().map(|(subject, key, record)| {
                let number = match numbers.get(subject) {
                    Some(number) => *number,
                    None => *numbers.entry(*subject).or_insert(self.tables.number(txn, subject)?),
                };
                let Some(number) = number else { return Ok(false) };
                let known: Option<Record> = self.tables.records.get(txn, &keys::record(number, source, key))?;
                Ok(known.as_ref() == Some(*record))
            });
            same.collect()
        })
    }

    /// Whether a record can be kept under these names. Errors: `Invalid`, naming the one that cannot be part of a key.
    pub fn check(source: &str, subject: &str, key: &str) -> Result<()> {
        validate_name("source", source)?;
        validate_name("subject", subject)?;
        validate_name("record's id", key)
    }

    /// Keeps records of a source, each in place of the one with the same subject and key; all or none.
    ///
    /// Errors: as [`Records::check`].
    pub fn put(&self, source: &str, embedder: &str, records: &[NewRecord]) -> Result<()> {
        for new in records {
            Self::check(source, &new.subject, &new.key)?;
        }
        self.env.write(|txn| {
            self.tables.meta.put(txn, EMBEDDER, &embedder)?;
            let mut numbers: HashMap<&str, u32> = HashMap::new();
            for new in records {
                let number = match numbers.get(new.subject.as_str()) {
                    Some(number) => *number,
                    None => *numbers.entry(&new.subject).or_insert(self.tables.numbered(txn, &new.subject)?),
                };
                let key = keys::record(number, source, &new.key);
                self.tables.records.put(txn, &key, &new.record)?;
                self.tables.traces.raw().put(txn, &key, &trace::encode(&key, new))?;
            }
            Ok(())
        })
    }

    /// Removes the records of a source that are not among `kept` (subject and key). Returns how many.
    pub fn retain(&self, source: &str, kept: &HashSet<(String, String)>) -> Result<u64> {
        self.env.write(|txn| {
            let mut names = HashMap::new();
            for entry in self.tables.subjects.raw().iter(txn)? {
                let (name, value) = entry?;
                if name != NEXT {
                    let number: u32 = self.tables.subjects.decode(name, value)?;
                    names.insert(number, String::from_utf8_lossy(name).into_owned());
                }
            }
            let mut gone = Vec::new();
            for entry in self.tables.traces.raw().iter(txn)? {
                let (key, _) = entry?;
                let Some((number, _, id)) = keys::record_parts(key).filter(|(_, from, _)| *from == source) else {
                    continue;
                };
                let subject = names.get(&number).cloned().unwrap_or_default();
                if !kept.contains(&(subject, id.to_owned())) {
                    gone.push(key.to_vec());
                }
            }
            for key in &gone {
                self.tables.records.delete(txn, key)?;
                self.tables.traces.delete(txn, key)?;
            }
            if !gone.is_empty() {
                mark_for_compaction(txn, &self.tables.meta)?;
            }
            Ok(gone.len() as u64)
        })
    }

    /// Removes all that is known of a subject, and asks for the file to be written anew. Returns how many records and
    /// kept answers went.
    pub fn erase(&self, subject: &str) -> Result<u64> {
        if self.of(subject)?.is_none() {
            return Ok(0);
        }
        self.env.write(|txn| {
            let Some(number) = self.tables.number(txn, subject)? else { return Ok(0) };
            let mut removed = 0;
            for table in [&self.tables.records, &self.tables.traces, &self.tables.said] {
                let keys: Vec<Vec<u8>> = table
                    .raw()
                    .prefix_iter(txn, &number.to_be_bytes())?
                    .map(|entry| entry.map(|(key, _)| key.to_vec()))
                    .collect::<Result<_, _>>()?;
                for key in &keys {
                    table.delete(txn, key)?;
                }
                removed += keys.len() as u64;
            }
            self.tables.subjects.delete(txn, subject.as_bytes())?;
            mark_for_compaction(txn, &self.tables.meta)?;
            Ok(removed)
        })
    }

    /// Writes a copy of all that is in it now into `file`, which is empty and can be read, too. Others read and write
    /// meanwhile.
    ///
    /// Errors: Full and Io where the file cannot take it; Corrupt where this is damaged.
    pub fn copy_to(&self, file: &mut File) -> Result<()> {
        self.env.copy_to(file)
    }

    /// Why the file may still hold what was removed; none once it was written anew.
    pub fn uncompacted(&self) -> Result<Option<String>> {
        self.env.uncompacted(&self.tables.meta)
    }
}

impl Tables {
    fn number(&self, txn: &RoTxn, subject: &str) -> Attempt<Option<u32>> {
        self.subjects.get(txn, subject.as_bytes())
    }

    /// The number of a subject, which is given one if it has none.
    fn numbered(&self, txn: &mut RwTxn, subject: &str) -> Attempt<u32> {
        if let Some(number) = self.number(txn, subject)? {
            return Ok(number);
        }
        let next: u32 = self.subjects.get(txn, NEXT)?.unwrap_or_default();
        let after = next.checked_add(1).ok_or_else(|| Error::full("there are no numbers left for more subjects"))?;
        self.subjects.put(txn, NEXT, &after)?;
        self.subjects.put(txn, subject.as_bytes(), &next)?;
        Ok(next)
    }
}

#[cfg(test)]
mod tests;

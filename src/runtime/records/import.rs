//! Records out of files, under their persons.

use super::super::Runtime;
use crate::error::{Error, Result};
use crate::rag;
use crate::sources::{Kind, Query, Sources, plain, rows};
use crate::store::Records;
use crate::store::log::Filter;
use crate::store::records::{NewRecord, Record};
use crate::watch::Quiet;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Records that are embedded and written together.
const BATCH: usize = 256;

/// What an import of one source did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportedRecords {
    /// The source.
    pub source: String,
    /// Records that are new or changed.
    pub records: u64,
    /// Records that were there already as they are.
    pub unchanged: u64,
    /// Records that are no longer in the file.
    pub removed: u64,
    /// Persons whom the file knows.
    pub subjects: u64,
    /// Rows of persons who were erased here: they are left out.
    pub erased: u64,
}

/// A row of a file on its way in.
pub(super) struct Incoming {
    pub subject: String,
    key: String,
    record: Record,
}

impl Runtime {
    /// Brings the records of declared files up to date: of the named sources, or of all. A file is read to its end and
    /// checked before anything changes.
    ///
    /// Errors: `NotFound` for a source that is not declared or no file; `Invalid` for a file that is not as declared.
    pub fn import_records(&self, names: &[String]) -> Result<Vec<ImportedRecords>> {
        let sources = self.sources()?;
        let files: Vec<(&str, &Query, &Path, &str)> = sources
            .queries()
            .filter_map(|(name, source, query)| match source.kind() {
                Kind::File(path, subject) => Some((name, query, path, subject)),
                _ => None,
            })
            .collect();
        if let Some(unknown) = names.iter().find(|name| files.iter().all(|(n, ..)| n != name)) {
            return Err(Error::not_found(format!(
                "sources.toml declares no file '{unknown}'; `wayside records list` shows what there is"
            )));
        }
        let chosen = files.into_iter().filter(|(name, ..)| names.is_empty() || names.iter().any(|n| n == name));
        let chosen: Vec<_> = chosen.collect();
        // All of them, before the first changes anything.
        for (name, query, path, subject) in &chosen {
            self.each_row(&sources, query, path, subject, &mut |_| Ok(())).map_err(|e| named(e, name))?;
        }
        chosen
            .into_iter()
            .map(|(name, query, path, subject)| self.import_file(&sources, name, query, path, subject))
            .collect()
    }

    fn import_file(
        &self,
        sources: &Sources,
        name: &str,
        query: &Query,
        path: &Path,
        subject: &str,
    ) -> Result<ImportedRecords> {
        let (records, embedder) = (self.records()?, self.embedder()?);
        let mut imported = ImportedRecords { source: name.to_owned(), ..ImportedRecords::default() };
        let (mut kept, mut batch, mut erased) = (HashSet::new(), Vec::new(), HashMap::new());
        let write = |batch: &mut Vec<Incoming>, imported: &mut ImportedRecords| {
            self.cancel.check()?;
            let known: Vec<_> = batch.iter().map(|i| (i.subject.as_str(), i.key.as_str(), &i.record)).collect();
            let same = records.unchanged(name, embedder.id(), &known)?;
            let changed: Vec<Incoming> =
                std::mem::take(batch).into_iter().zip(&same).filter(|(_, same)| !**same).map(|(i, _)| i).collect();
            imported.unchanged += same.iter().filter(|same| **same).count() as u64;
            imported.records += changed.len() as u64;
            let texts: Vec<String> = changed.iter().map(|i| searched(query, &i.record)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let vectors = embedder.passages(&texts, &Quiet, &self.cancel)?;
            let new = changed.into_iter().zip(texts.iter().zip(vectors)).map(|(incoming, (text, vector))| NewRecord {
                subject: incoming.subject,
                key: incoming.key,
                record: incoming.record,
                vector,
                words: rag::numbers(text),
            });
            records.put(name, embedder.id(), &new.collect::<Vec<_>>())
        };
        self.progress.start("records", 0);
        let mut done = 0;
        self.each_row(sources, query, path, subject, &mut |incoming| {
            let is_erased = match erased.get(&incoming.subject) {
                Some(is_erased) => *is_erased,
                None => *erased.entry(incoming.subject.clone()).or_insert(self.is_gone(&incoming.subject)?),
            };
            if is_erased {
                imported.erased += 1;
                return Ok(());
            }
            kept.insert((incoming.subject.clone(), incoming.key.clone()));
            batch.push(incoming);
            if batch.len() == BATCH {
                done += BATCH as u64;
                write(&mut batch, &mut imported)?;
                self.progress.at(done);
            }
            Ok(())
        })
        .map_err(|e| named(e, name))?;
        write(&mut batch, &mut imported)?;
        self.progress.finish();
        imported.removed = records.retain(name, &kept)?;
        records.set_imported(name)?;
        imported.subjects = erased.values().filter(|is_erased| !**is_erased).count() as u64;
        Ok(imported)
    }

    /// Whether a person was erased and has asked nothing since.
    fn is_gone(&self, subject: &str) -> Result<bool> {
        let log = self.log()?;
        let of = Filter { subject: Some(subject.to_owned()), limit: Some(1), ..Filter::default() };
        Ok(log.erased(subject)?.is_some() && log.list(&of)?.interactions.is_empty())
    }

    /// Gives `each` the rows of a file as records. Lines of one thing share its id; their keys are numbered.
    pub(super) fn each_row(
        &self,
        sources: &Sources,
        query: &Query,
        path: &Path,
        subject: &str,
        each: &mut dyn FnMut(Incoming) -> Result<()>,
    ) -> Result<()> {
        let mut seen: HashMap<(String, String), u32> = HashMap::new();
        for row in rows(path)? {
            self.cancel.check()?;
            let row = row?;
            let columns = || row.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let of = row
                .get(subject)
                .ok_or_else(|| Error::invalid(format!("its rows have no `{subject}`; they have {}", columns())))?;
            let of = plain(of).unwrap_or_default();
            let subject = of.trim();
            // Nobody's: a gift card that was not registered, a row of totals.
            if subject.is_empty() {
                continue;
            }
            let record = sources.record(query, row)?;
            let count = seen.entry((subject.to_owned(), record.id.clone())).or_default();
            *count += 1;
            let key = if *count == 1 { record.id.clone() } else { format!("{}/{count}", record.id) };
            Records::check(&query.name, subject, &key)?;
            each(Incoming { subject: subject.to_owned(), key, record })?;
        }
        Ok(())
    }
}

/// What finds a record: its words, and those of what its query answers.
fn searched(query: &Query, record: &Record) -> String {
    let date = record.date.as_deref().unwrap_or_default();
    format!("{} {} {date} {}", query.name, record.id, record.text)
}

fn named(error: Error, source: &str) -> Error {
    error.context(format!("[source.{source}]"))
}

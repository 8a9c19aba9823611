//! Records of persons: taking them in, and what is known about the one who is served.

use super::{Question, Runtime};
use crate::error::{Error, Result};
use crate::rag::{self, Desk, Fact, Facts, Source, asks_about_another};
use crate::sources::{Kind, Query, Sources, rows};
use crate::store::Records;
use crate::store::log::Message;
use crate::store::records::{NewRecord, Record};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

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

/// Whether a query can be asked.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedQuery {
    /// Its source.
    pub source: String,
    /// Its name.
    pub query: String,
    /// Whether it gave rows as declared, or none.
    pub ok: bool,
    /// How many, or why not.
    pub detail: String,
    /// What asking took.
    pub seconds: f64,
}

/// What the model is shown for a question.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shown {
    /// The facts about the person served.
    pub facts: Vec<Fact>,
    /// How many passages of documents there are beside them.
    pub passages: usize,
    /// What a source did not do as declared, one sentence each.
    pub notes: Vec<String>,
    /// Whether the question is about somebody else, so that nothing is looked up and the model is not asked.
    pub refused: bool,
    /// The prompt.
    pub prompt: Vec<Message>,
}

/// A row of a file on its way in.
struct Incoming {
    subject: String,
    key: String,
    record: Record,
}

impl Runtime {
    /// The records of persons, opened on first use.
    pub fn records(&self) -> Result<Arc<Records>> {
        let mut loaded = self.loaded();
        if let Some(records) = &loaded.records {
            return Ok(records.clone());
        }
        let records = Arc::new(Records::open(&self.records_dir())?);
        loaded.records = Some(records.clone());
        Ok(records)
    }

    /// What `sources.toml` declares, read on first use. Errors: `Invalid`, naming the line and the key.
    pub fn sources(&self) -> Result<Arc<Sources>> {
        let mut loaded = self.loaded();
        if let Some(sources) = &loaded.sources {
            return Ok(sources.clone());
        }
        let sources = Arc::new(Sources::load(&self.home)?);
        loaded.sources = Some(sources.clone());
        Ok(sources)
    }

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
        let (records, embedder, log) = (self.records()?, self.embedder()?, self.log()?);
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
            let vectors = embedder.passages(&texts, &crate::watch::Quiet, &self.cancel)?;
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
                None => *erased.entry(incoming.subject.clone()).or_insert(log.erased(&incoming.subject)?.is_some()),
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
        imported.subjects = erased.values().filter(|is_erased| !**is_erased).count() as u64;
        Ok(imported)
    }

    /// Gives `each` the rows of a file as records. Lines of one thing share its id; their keys are numbered.
    fn each_row(
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
            let of = row.get(subject).ok_or_else(|| Error::invalid(format!("its rows have no `{subject}`")))?;
            let Some(subject) = of.as_str().map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned) else {
                continue;
            };
            let record = sources.record(query, row)?;
            let count = seen.entry((subject.clone(), record.id.clone())).or_default();
            *count += 1;
            let key = if *count == 1 { record.id.clone() } else { format!("{}/{count}", record.id) };
            each(Incoming { subject, key, record })?;
        }
        Ok(())
    }

    /// What is known of a person about a question, as `ask` would put it before the question.
    pub fn facts(&self, subject: &str, question: &str) -> Result<Facts> {
        let sources = self.sources()?;
        if sources.is_empty() {
            return Ok(Facts::default());
        }
        let (records, embedder, described) = (self.records()?, self.embedder()?, self.described()?);
        let queries = self.config.records.queries;
        let desk = Desk { sources: &sources, records: &records, embedder: &embedder, described: &described, queries };
        let mut facts = desk.facts(subject, question)?;
        facts.facts.truncate(self.config.records.k);
        if records.embedder()?.is_some_and(|id| id != embedder.id()) {
            facts.notes.push("the records were taken in with another embedder; run `wayside records import`".into());
        }
        Ok(facts)
    }

    /// What the model would be shown for a question, and what of it is about the person served.
    pub fn preview(&self, question: &Question) -> Result<Shown> {
        let language = self.model(question.model.as_deref())?;
        let (material, notes) = self.material(question, &[])?;
        let refused = material.is_none();
        let prompt = self.prompt(&language, question, &[], &material.unwrap_or_default())?;
        let facts: Vec<Fact> = prompt.sources.iter().filter_map(Source::fact).cloned().collect();
        let passages = prompt.sources.len() - facts.len();
        Ok(Shown { facts, passages, notes, refused, prompt: prompt.messages })
    }

    /// Asks every query of every source about a person, and says whether it answers as declared. Without a person, one
    /// who does not exist.
    pub fn check_sources(&self, subject: Option<&str>) -> Result<Vec<CheckedQuery>> {
        let sources = self.sources()?;
        let mut checked = Vec::new();
        for (name, source, query) in sources.queries() {
            self.cancel.check()?;
            let begin = Instant::now();
            let found = match source.kind() {
                Kind::File(path, column) => {
                    let mut count = 0;
                    let counted = self.each_row(&sources, query, path, column, &mut |incoming| {
                        count += usize::from(subject.is_none_or(|s| s == incoming.subject));
                        Ok(())
                    });
                    counted.map(|()| count)
                }
                _ => {
                    let rows = crate::sources::ask(&[(source, query)], subject.unwrap_or("nobody-at-all"));
                    let read = |rows: Vec<crate::sources::Row>| {
                        rows.into_iter().map(|row| sources.record(query, row)).collect::<Result<Vec<_>>>()
                    };
                    let rows = rows.into_iter().next().unwrap_or_else(|| Ok(vec![]));
                    rows.and_then(read).map(|records| records.len())
                }
            };
            checked.push(CheckedQuery {
                source: name.to_owned(),
                query: query.name.clone(),
                ok: found.is_ok(),
                detail: found.map_or_else(|e| e.to_string(), |n| format!("{n} rows")),
                seconds: begin.elapsed().as_secs_f64(),
            });
        }
        Ok(checked)
    }

    /// Whether a question is about somebody else than the person served.
    pub(super) fn is_about_another(&self, question: &str, subject: &str, facts: &Facts) -> Result<bool> {
        let own: String = facts.facts.iter().map(|fact| format!("{} {} ", fact.name, fact.text)).collect();
        let own = own.to_lowercase();
        let index = self.index()?;
        let mut failed = None;
        let mut is_known = |word: &str| {
            own.contains(&word.to_lowercase())
                || index.knows(word).unwrap_or_else(|e| {
                    failed = Some(e);
                    true
                })
        };
        let about = asks_about_another(question, subject, &mut is_known);
        failed.map_or(Ok(about), Err)
    }

    pub(super) fn records_dir(&self) -> std::path::PathBuf {
        self.home.join("records")
    }

    fn described(&self) -> Result<Arc<Vec<Vec<f32>>>> {
        if let Some(described) = &self.loaded().described {
            return Ok(described.clone());
        }
        let described = Arc::new(rag::describe(&*self.sources()?, &*self.embedder()?)?);
        Ok(self.loaded().described.insert(described).clone())
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

//! Records of persons: what is known about the one who is served, and whether a question is about somebody else.

mod import;

pub use import::ImportedRecords;

use super::{Question, Runtime, once};
use crate::durable;
use crate::error::Result;
use crate::rag::{self, Conversation, Desk, Fact, Facts, Source, asks_about_another};
use crate::sources::{Answered, FILE, Kind, Row, Sources, ask, plain};
use crate::store::Records;
use crate::store::log::Message;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// What is said of a declared file that nobody took in.
pub(super) const NEVER: &str = "were never imported; run `wayside records import`";

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

impl Runtime {
    /// The records of persons, opened on first use.
    pub fn records(&self) -> Result<Arc<Records>> {
        once(&mut self.loaded().records, || Records::open(&self.records_dir()))
    }

    /// What `sources.toml` declares, read on first use. Errors: `Invalid`, naming the line and the key.
    pub fn sources(&self) -> Result<Arc<Sources>> {
        once(&mut self.loaded().sources, || Sources::load(&self.home)?.fill(self.environment))
    }

    /// Declares sources in place of those declared before: checked, written to `sources.toml`, and asked from now on.
    ///
    /// Errors: `Invalid`, naming the line and the key; then nothing changes.
    pub fn declare(&self, text: &str) -> Result<()> {
        let sources = Sources::parse(text, &self.home)?.fill(self.environment)?;
        durable::write(&self.home.join(FILE), text.as_bytes())?;
        let mut loaded = self.loaded();
        (loaded.sources, loaded.described) = (Some(Arc::new(sources)), None);
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
        facts.notes.extend(self.not_imported()?.iter().map(|source| format!("records of {source} {NEVER}")));
        Ok(facts)
    }

    /// The declared files that were never taken in, by name: of those nothing is known, whatever they hold.
    pub(super) fn not_imported(&self) -> Result<Vec<String>> {
        let sources = self.sources()?;
        let files: Vec<&str> =
            sources.iter().filter(|(_, s)| matches!(s.kind(), Kind::File(..))).map(|(name, _)| name).collect();
        let mut missing = Vec::new();
        for name in files {
            if !self.records_dir().exists() || !self.records()?.is_imported(name)? {
                missing.push(name.to_owned());
            }
        }
        Ok(missing)
    }

    /// What the model would be shown for a question, and what of it is about the person served.
    pub fn preview(&self, question: &Question) -> Result<Shown> {
        let language = self.model(question.model.as_deref())?;
        let before = Conversation::default();
        let found = self.find(question, &before)?;
        let prompt = self.prompt(&language, question, &before, &found.sources)?;
        let facts: Vec<Fact> = found.sources.iter().filter_map(Source::fact).cloned().collect();
        let passages = prompt.sources.iter().filter(|source| source.fact().is_none()).count();
        Ok(Shown { facts, passages, notes: found.notes, refused: found.notice.is_some(), prompt: prompt.messages })
    }

    /// Asks every query of every source about a person, and says whether it answers as declared. Without a person, one
    /// who does not exist.
    pub fn check_sources(&self, subject: Option<&str>) -> Result<Vec<CheckedQuery>> {
        let sources = self.sources()?;
        let (mut checked, missing) = (Vec::new(), self.not_imported()?);
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
                    counted.map(|()| (count, false))
                }
                _ => {
                    let rows = ask(&[(source, query)], subject.unwrap_or("nobody-at-all"));
                    let rows = rows.into_iter().next().unwrap_or_else(|| Ok(Answered::default()));
                    rows.and_then(|a| Ok((sources.records(query, &a.rows)?.len(), a.more)))
                }
            };
            let never = if missing.iter().any(|m| m == name) { format!("; they {NEVER}") } else { String::new() };
            checked.push(CheckedQuery {
                source: name.to_owned(),
                query: query.name.clone(),
                ok: found.is_ok(),
                detail: found.map_or_else(
                    |e| e.to_string(),
                    |(n, more)| {
                        let more = if more { "; more exists than its `limit`" } else { "" };
                        format!("{n} rows{more}{never}")
                    },
                ),
                seconds: begin.elapsed().as_secs_f64(),
            });
        }
        Ok(checked)
    }

    /// Whether a question is about somebody else than the person served.
    pub(super) fn is_about_another(&self, question: &str, subject: &str, facts: &Facts) -> Result<bool> {
        let (index, mut own, mut failed) = (self.index()?, None, None);
        let mut known = |word: &str| -> Result<bool> {
            if index.knows(word)? {
                return Ok(true);
            }
            let own = match &mut own {
                Some(own) => own,
                none => none.insert(self.words_of(subject, facts)?),
            };
            Ok(own.contains(&word.to_lowercase()))
        };
        let mut is_known = |word: &str| {
            known(word).unwrap_or_else(|e| {
                failed = Some(e);
                true
            })
        };
        // A word that the embedder reads as one is one of the language's.
        let embedder = self.embedder()?;
        let is_common = |word: &str| embedder.is_word(word);
        let about = asks_about_another(question, subject, &mut is_known, &is_common);
        failed.map_or(Ok(about), Err)
    }

    /// Everything that is kept of a person, in lower case: their own name is in there.
    fn words_of(&self, subject: &str, facts: &Facts) -> Result<String> {
        let mut rows: Vec<Row> = Vec::new();
        let records = self.records()?;
        if let Some(person) = records.of(subject)? {
            rows.extend(person.all()?.into_iter().map(|(_, record)| record.row));
            rows.extend(person.all_said()?.into_iter().flat_map(|said| said.rows));
        }
        let values = rows.iter().flat_map(|row| row.values()).filter_map(plain);
        let texts = facts.facts.iter().map(|fact| fact.text.clone());
        Ok(values.chain(texts).collect::<Vec<_>>().join("\n").to_lowercase())
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

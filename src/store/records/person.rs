//! One person's records: the only way to read any.

use super::{Record, Records, trace};
use crate::error::Result;
use crate::store::keys;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is known of one person. Whatever it reads lies under that person's number.
#[derive(Clone, Copy, Debug)]
pub struct Person<'r> {
    pub(super) records: &'r Records,
    pub(super) number: u32,
}

/// What a search looks for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The vector of a question, of length one.
    pub vector: Vec<f32>,
    /// Its words, as numbers, each once.
    pub words: Vec<u32>,
    /// What holding all the words adds to the cosine.
    pub weight: f32,
}

/// What a live source said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// When it was asked.
    pub time: Timestamp,
    /// The hash of the query as it was declared: another query's answer is none.
    pub query: u32,
    /// Its rows.
    pub rows: Vec<Map<String, Value>>,
}

impl Person<'_> {
    /// The `k` records of a source that are nearest to what is wanted, the nearest first, with their scores.
    pub fn nearest(&self, source: &str, wanted: &Wanted, k: usize) -> Result<Vec<(f32, Record)>> {
        self.best(source, k, &mut |trace| trace.score(wanted))
    }

    /// The `k` newest records of a source, the newest first; those without a date come last.
    pub fn newest(&self, source: &str, k: usize) -> Result<Vec<Record>> {
        // Seconds of the next three thousand years are whole numbers in float64; the order is all that is used.
        let newest = self.best(source, k, &mut |trace| trace.time as f64)?;
        Ok(newest.into_iter().map(|(_, record)| record).collect())
    }

    /// All records, source by source, each with its source's name.
    pub fn all(&self) -> Result<Vec<(String, Record)>> {
        let Records { env, tables } = self.records;
        env.read(|txn| {
            let mut all = Vec::new();
            for entry in tables.records.raw().prefix_iter(txn, &self.number.to_be_bytes())? {
                let (key, value) = entry?;
                let (_, source, _) =
                    keys::record_parts(key).ok_or_else(|| tables.records.damaged(key, "its key is none"))?;
                all.push((source.to_owned(), tables.records.decode(key, value)?));
            }
            Ok(all)
        })
    }

    /// What a query said last.
    pub fn said(&self, query: &str) -> Result<Option<Said>> {
        let Records { env, tables } = self.records;
        env.read(|txn| tables.said.get(txn, &keys::said(self.number, query)))
    }

    /// Everything that live sources said last.
    pub fn all_said(&self) -> Result<Vec<Said>> {
        let Records { env, tables } = self.records;
        env.read(|txn| {
            let mut all = Vec::new();
            for entry in tables.said.raw().prefix_iter(txn, &self.number.to_be_bytes())? {
                let (key, value) = entry?;
                all.push(tables.said.decode(key, value)?);
            }
            Ok(all)
        })
    }

    /// Keeps what a query said.
    pub fn keep(&self, query: &str, said: &Said) -> Result<()> {
        let Records { env, tables } = self.records;
        env.write(|txn| tables.said.put(txn, &keys::said(self.number, query), said))
    }

    fn best<S: PartialOrd + Copy>(
        &self,
        source: &str,
        k: usize,
        score: &mut dyn FnMut(&trace::Trace) -> S,
    ) -> Result<Vec<(S, Record)>> {
        let Records { env, tables } = self.records;
        env.read(|txn| {
            let mut scored = Vec::new();
            let mut reader = trace::Reader::default();
            for entry in tables.traces.raw().prefix_iter(txn, &keys::source(self.number, source))? {
                let (key, value) = entry?;
                let trace = reader.read(key, value).map_err(|why| tables.traces.damaged(key, why))?;
                scored.push((score(trace), key));
            }
            // Equal scores stand in the order of their keys.
            let order = |a: &(S, &[u8]), b: &(S, &[u8])| {
                b.0.partial_cmp(&a.0).unwrap_or(std::cmp::Ordering::Equal).then_with(|| a.1.cmp(b.1))
            };
            if k < scored.len() && k > 0 {
                scored.select_nth_unstable_by(k - 1, order);
            }
            scored.truncate(k);
            scored.sort_by(order);
            let found = scored.into_iter().map(|(score, key)| {
                let record = tables.records.get(txn, key)?;
                Ok((score, record.ok_or_else(|| tables.records.damaged(key, "it is missing"))?))
            });
            found.collect()
        })
    }
}

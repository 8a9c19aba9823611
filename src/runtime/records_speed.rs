//! `bench records`: what finding one person's records costs among those of very many.

use super::Runtime;
use super::speed::median;
use crate::error::{Error, Result};
use crate::memory;
use crate::store::Records;
use crate::store::records::{NewRecord, Record, Wanted};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::Serialize;
use serde_json::Map;
use std::time::Instant;

/// Searches that are timed; the median counts.
const SEARCHES: usize = 200;
/// Records that are written together.
const BATCH: usize = 8192;
const SOURCE: &str = "orders";

/// What finding a person's records costs.
#[derive(Clone, Debug, Serialize)]
pub struct RecordsSpeed {
    /// Persons.
    pub subjects: usize,
    /// Records of all of them.
    pub records: usize,
    /// Records of the one who is served.
    pub own: usize,
    /// Seconds to write them all.
    pub build_s: f64,
    /// Bytes of the store.
    pub bytes: u64,
    /// Milliseconds to open it.
    pub open_ms: f64,
    /// The median of finding the eight nearest of the person's records, in microseconds.
    pub p50_us: f64,
    /// The same with the question's vector computed first, as `ask` does.
    pub with_embedding_p50_us: f64,
    /// What the process had resident before the store was opened, and after all searches, in MB.
    pub resident_mb: (u64, u64),
}

impl Runtime {
    /// Fills a scratch store with random records, one person with `own` of them, and searches that person's.
    pub fn bench_records(&self, subjects: usize, records: usize, own: usize) -> Result<RecordsSpeed> {
        if subjects < 2 || own == 0 || records < own + subjects - 1 {
            return Err(Error::invalid("at least two persons are needed, with a record each beside the served one's"));
        }
        let embedder = self.embedder()?;
        let scratch = self.scratch()?;
        let mut random = ChaCha12Rng::seed_from_u64(1);
        let store = Records::open(scratch.path())?;
        let begin = Instant::now();
        self.progress.start("records", records as u64);
        let mut batch = Vec::with_capacity(BATCH);
        for n in 0..records {
            let subject = if n < own { 0 } else { 1 + (n - own) % (subjects - 1) };
            batch.push(random_record(subject, n, embedder.dimensions(), &mut random));
            if batch.len() == BATCH || n + 1 == records {
                self.cancel.check()?;
                store.put(SOURCE, embedder.id(), &batch)?;
                batch.clear();
                self.progress.at(n as u64 + 1);
            }
        }
        self.progress.finish();
        let build_s = begin.elapsed().as_secs_f64();
        let bytes = store.stats()?.bytes;
        drop((store, batch));
        let before = megabytes();
        let begin = Instant::now();
        let store = Records::open(scratch.path())?;
        let person = store.of(&name(0))?.ok_or_else(|| Error::corrupt("the person served is not in the store"))?;
        let open_ms = begin.elapsed().as_secs_f64() * 1e3;
        let (mut found, mut asked) = (Vec::new(), Vec::new());
        for n in 0..SEARCHES {
            self.cancel.check()?;
            let begin = Instant::now();
            let vector = embedder.query(&format!("where is my order {n}"))?;
            let embedded = begin.elapsed();
            let wanted = Wanted { vector, words: vec![n as u32, 7, 9], weight: 0.3 };
            let begin = Instant::now();
            let nearest = person.nearest(SOURCE, &wanted, 8)?;
            let searched = begin.elapsed();
            if nearest.len() != own.min(8) {
                return Err(Error::corrupt("records of the person served are missing"));
            }
            found.push(searched.as_secs_f64() * 1e6);
            asked.push((embedded + searched).as_secs_f64() * 1e6);
        }
        Ok(RecordsSpeed {
            subjects,
            records,
            own,
            build_s,
            bytes,
            open_ms,
            p50_us: median(&mut found),
            with_embedding_p50_us: median(&mut asked),
            resident_mb: (before, megabytes()),
        })
    }
}

fn megabytes() -> u64 {
    memory::resident().unwrap_or_default() / 1_000_000
}

fn name(subject: usize) -> String {
    format!("C-{subject:06}")
}

fn random_record(subject: usize, n: usize, dimensions: usize, random: &mut ChaCha12Rng) -> NewRecord {
    let mut vector: Vec<f32> = (0..dimensions).map(|_| random.random::<f32>() - 0.5).collect();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    let text = format!("2 x Wren gas stove (HS-110), £39.00 each, shop, collected, note {n}");
    let record = Record { id: n.to_string(), date: None, time: Some(n as i64), text, row: Map::new() };
    let words = (0..12).map(|_| random.random_range(0..4096)).collect();
    NewRecord { subject: name(subject), key: n.to_string(), record, vector, words }
}

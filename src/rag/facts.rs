//! Facts about the person served: which sources are asked, what they say, and how old it is.
//!
//! A source is asked when the question is near to what it says it answers, or always. All are asked at once. One that
//! fails costs its facts and a note, and its last answer stands in for it, with its age, where that is wanted.

use super::words;
use crate::error::Result;
use crate::infer::Embedder;
use crate::sources::{Kind, Offline, Pick, Query, Row, Source, Sources, ask};
use crate::store::records::{Person, Record, Records, Said, Wanted};
use crate::watch::{Cancel, Quiet};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// What the words add to the meaning, as in a search of documents.
const WORDS: f32 = 0.3;
/// A question this far from what a source answers is not put to it, by the cosine.
const LEAST: f32 = 0.12;
/// From this age on, a fact says how old it is.
const OLD: SignedDuration = SignedDuration::from_mins(1);

/// A fact about the person served.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fact {
    /// What it is cited by: `orders #1042`.
    pub name: String,
    /// Its date as the source writes it.
    pub date: Option<String>,
    /// What it says.
    pub text: String,
    /// How near the question is to what its source answers.
    pub score: f32,
    /// When the source said so, if that is a while ago.
    pub said: Option<Timestamp>,
    /// What a first answer begins with because of it.
    pub opening: Option<String>,
}

/// What is known of a person about a question.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What must be shown first, and then the nearest.
    pub facts: Vec<Fact>,
    /// What did not go as declared, one sentence each.
    pub notes: Vec<String>,
}

/// What every question of a home is asked with.
pub struct Desk<'a> {
    /// What is declared.
    pub sources: &'a Sources,
    /// What is kept.
    pub records: &'a Records,
    /// Turns the question into a vector.
    pub embedder: &'a Embedder,
    /// The vector of each query's description, in their order.
    pub described: &'a [Vec<f32>],
    /// The most queries for a question, beside those that are always asked.
    pub queries: usize,
}

/// A query that was chosen.
struct Chosen<'a> {
    name: &'a str,
    source: &'a Source,
    query: &'a Query,
    score: f32,
}

/// The vectors of what the queries say they answer, in their order.
pub fn describe(sources: &Sources, embedder: &Embedder) -> Result<Vec<Vec<f32>>> {
    let texts: Vec<&str> = sources.queries().map(|(_, _, query)| query.answers.as_str()).collect();
    embedder.passages(&texts, &Quiet, &Cancel::new())
}

/// A word as a number, for traces of records.
pub fn numbers(text: &str) -> Vec<u32> {
    words::of(text).iter().map(|word| crc32fast::hash(word.as_bytes())).collect()
}

impl Desk<'_> {
    /// The facts about `subject` that a question asks for.
    ///
    /// Errors: none but of the embedder and the kept records; what a source does wrong is a note.
    pub fn facts(&self, subject: &str, question: &str) -> Result<Facts> {
        let wanted = Wanted { vector: self.embedder.query(question)?, words: numbers(question), weight: WORDS };
        let chosen = self.choose(&wanted.vector);
        let person = self.records.of(subject)?;
        let mut facts = Facts::default();
        let said = self.said(subject, &chosen, person, &mut facts.notes)?;
        let mut lists = Vec::new();
        for (chosen, said) in chosen.iter().zip(said) {
            let (records, time) = match (chosen.source.kind(), person, said) {
                (Kind::File(..), Some(person), _) => (self.kept(person, chosen, &wanted)?, None),
                (Kind::File(..), None, _) => (vec![], None),
                (.., said) => said.unwrap_or_default(),
            };
            lists.push((chosen, ordered(records, question, chosen), time));
        }
        facts.facts = merge(self.sources, lists);
        Ok(facts)
    }

    /// The queries to ask: those that always are, then the nearest.
    fn choose(&self, question: &[f32]) -> Vec<Chosen<'_>> {
        let cosine = |described: &Vec<f32>| described.iter().zip(question).map(|(a, b)| a * b).sum::<f32>();
        let scores = self.described.iter().map(cosine);
        let mut chosen: Vec<Chosen> = (self.sources.queries().zip(scores))
            .map(|((name, source, query), score)| Chosen { name, source, query, score })
            .collect();
        chosen.sort_by(|a, b| (b.query.always.cmp(&a.query.always)).then(b.score.total_cmp(&a.score)));
        let always = chosen.iter().take_while(|c| c.query.always).count();
        chosen.truncate(always + self.queries);
        chosen.retain(|c| c.query.always || c.score >= LEAST);
        chosen
    }

    /// What is kept of a file.
    fn kept(&self, person: Person, chosen: &Chosen, wanted: &Wanted) -> Result<Vec<Record>> {
        match chosen.query.pick {
            Pick::Newest => person.newest(chosen.name, chosen.query.limit),
            Pick::Near => {
                let near = person.nearest(chosen.name, wanted, chosen.query.limit)?;
                Ok(near.into_iter().map(|(_, record)| record).collect())
            }
        }
    }

    /// What the live sources say, in the order of the queries: now, lately, or last; and when that was, if not now.
    fn said(
        &self,
        subject: &str,
        chosen: &[Chosen],
        person: Option<Person>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Option<(Vec<Record>, Option<Timestamp>)>>> {
        let now = Timestamp::now();
        let mut said = Vec::new();
        for chosen in chosen {
            let last = person.map(|person| person.said(&chosen.query.name)).transpose()?.flatten();
            said.push(last.filter(|last| last.query == chosen.query.digest()));
        }
        let is_due = |(chosen, last): &(&Chosen, &Option<Said>)| {
            let is_fresh = last.as_ref().is_some_and(|l| now.duration_since(l.time) < chosen.query.fresh);
            !is_fresh && !matches!(chosen.source.kind(), Kind::File(..))
        };
        let due: Vec<bool> = chosen.iter().zip(&said).map(|pair| is_due(&pair)).collect();
        let asked: Vec<_> =
            chosen.iter().zip(&due).filter(|(_, due)| **due).map(|(c, _)| (c.source, c.query)).collect();
        let mut answers = ask(&asked, subject).into_iter();
        let mut all = Vec::new();
        for ((chosen, last), due) in chosen.iter().zip(said).zip(due) {
            let query = chosen.query;
            let answer = if due { answers.next() } else { None };
            let failed = match answer.map(|rows| rows.and_then(|rows| Ok((self.read(query, &rows)?, rows)))) {
                Some(Ok((records, rows))) => {
                    let said = Said { time: now, query: query.digest(), rows };
                    self.records.person(subject)?.keep(&query.name, &said)?;
                    all.push(Some((records, None)));
                    continue;
                }
                Some(Err(e)) => Some(e),
                None => None,
            };
            let last = last.filter(|_| failed.is_none() || query.offline == Offline::Last);
            let last = last.and_then(|last| Some((self.read(query, &last.rows).ok()?, Some(last.time))));
            if let Some(error) = failed {
                let name = &query.name;
                notes.push(match last.as_ref().and_then(|(_, time)| *time) {
                    Some(time) => format!("{name}: {error}; what it said {} is used", ago(now, time)),
                    None => format!("{name}: {error}; its facts are missing"),
                });
            }
            all.push(last);
        }
        Ok(all)
    }

    fn read(&self, query: &Query, rows: &[Row]) -> Result<Vec<Record>> {
        rows.iter().map(|row| self.sources.record(query, row.clone())).collect()
    }
}

/// Rows that share words with the question first; else as the source gives them.
fn ordered(mut records: Vec<Record>, question: &str, chosen: &Chosen) -> Vec<Record> {
    let asked = words::of(question);
    let share = |r: &Record| words::share(&asked, &words::of(&format!("{} {} {}", chosen.query.name, r.id, r.text)));
    records.sort_by(|a, b| share(b).total_cmp(&share(a)));
    records
}

/// What is always shown, then a row of each query in turn.
fn merge(sources: &Sources, lists: Vec<(&Chosen, Vec<Record>, Option<Timestamp>)>) -> Vec<Fact> {
    let now = Timestamp::now();
    let mut ranked = Vec::new();
    for (chosen, records, time) in lists {
        let said = time.filter(|time| now.duration_since(*time) >= OLD);
        for (row, record) in records.into_iter().enumerate() {
            let name = format!("{} #{}", chosen.query.name, record.id);
            let rank = if chosen.query.always { 0 } else { row + 1 };
            let opening = sources.opening(chosen.query, &record);
            let Record { date, text, .. } = record;
            ranked.push((rank, Fact { name, date, text, score: chosen.score, said, opening }));
        }
    }
    // Stable: within a rank, the nearest query first.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, fact)| fact).collect()
}

/// "3 hours ago".
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let age = now.duration_since(then);
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let found = units.iter().find(|(seconds, _)| age.as_secs() >= *seconds);
    match found.map(|(seconds, name)| (age.as_secs() / seconds, name)) {
        Some((1, name)) => format!("1 {name} ago"),
        Some((count, name)) => format!("{count} {name}s ago"),
        None => "a moment ago".into(),
    }
}

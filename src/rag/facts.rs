//! Facts about the person served: which sources are asked, what they say, and how old it is.
//!
//! Asked are the queries whose description is nearest to the question, and those that always are, all at once. A source
//! that fails costs its facts and a note, and its last answer stands in for it, with its age, where that is wanted.

use super::rank::Asked;
use super::retrieve::WORDS;
use super::words;
use crate::error::Result;
use crate::infer::Embedder;
use crate::sources::{Answered, Kind, Offline, Pick, Query, Source, Sources, ask};
use crate::store::records::{Person, Record, Records, Said, Wanted};
use crate::watch::{Cancel, Quiet};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// From this age on, a fact says how old it is.
const OLD: SignedDuration = SignedDuration::from_mins(1);

/// The most rows of a file that "last" and "next" choose among: more than a person has of most things.
const DATED: usize = 1000;

/// A fact about the person served. Its text says by itself what it is about, and can be quoted as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is cited by: `orders #1042`.
    pub name: String,
    /// Its date as the source writes it.
    pub date: Option<String>,
    /// What it says.
    pub text: String,
    /// How near the question is: to what its query answers, and by the words that both have.
    pub score: f32,
    /// When the source said so, if that is a while ago.
    pub said: Option<Timestamp>,
    /// What a first answer begins with because of it.
    pub opening: Option<String>,
}

impl Fact {
    /// The query that brought it: `orders`.
    pub fn query(&self) -> &str {
        self.name.split_once(" #").map_or(self.name.as_str(), |(query, _)| query)
    }

    /// What the house calls it: `1042`.
    pub fn id(&self) -> &str {
        self.name.split_once(" #").map_or("", |(_, id)| id)
    }
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

/// What a query brought.
#[derive(Default)]
struct Heard {
    records: Vec<Record>,
    /// When a live source said so, if not now.
    said: Option<Timestamp>,
}

/// The vectors of what the queries say they answer, in their order.
pub fn describe(sources: &Sources, embedder: &Embedder) -> Result<Vec<Vec<f32>>> {
    let texts: Vec<String> = sources.queries().map(|(_, _, q)| format!("{}: {}", q.name, q.answers)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
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
        let asked = Asked::new(question);
        let chosen = self.choose(&wanted.vector, &asked);
        let person = self.records.of(subject)?;
        let mut facts = Facts::default();
        let mut heard = self.heard(subject, &chosen, person, &mut facts.notes)?;
        for (chosen, heard) in chosen.iter().zip(&mut heard) {
            if let (Kind::File(..), Some(person)) = (chosen.source.kind(), person) {
                heard.records = self.kept(person, chosen, &wanted, &asked)?;
            }
            asked.order(&mut heard.records, chosen.source, chosen.query, Timestamp::now());
            heard.records.truncate(chosen.query.limit);
        }
        facts.facts = merge(self.sources, &asked, chosen.iter().zip(heard));
        Ok(facts)
    }

    /// The queries to ask: those that always are, then the nearest.
    fn choose(&self, question: &[f32], asked: &Asked) -> Vec<Chosen<'_>> {
        let cosine = |described: &Vec<f32>| described.iter().zip(question).map(|(a, b)| a * b).sum::<f32>();
        let scores = self.described.iter().map(cosine);
        let mut chosen: Vec<Chosen> = (self.sources.queries().zip(scores))
            .map(|((name, source, query), cosine)| {
                let score = cosine + WORDS * asked.of_query(query);
                Chosen { name, source, query, score }
            })
            .collect();
        chosen.sort_by(|a, b| (b.query.always.cmp(&a.query.always)).then(b.score.total_cmp(&a.score)));
        let always = chosen.iter().take_while(|c| c.query.always).count();
        chosen.truncate(always + self.queries);
        chosen
    }

    /// What is kept of a file. "Last" and "next" choose among all rows: the nearest need not hold the newest.
    fn kept(&self, person: Person, chosen: &Chosen, wanted: &Wanted, asked: &Asked) -> Result<Vec<Record>> {
        let most = if asked.last || asked.next { DATED } else { chosen.query.limit };
        match chosen.query.pick {
            Pick::Newest => person.newest(chosen.name, most),
            Pick::Near => {
                let near = person.nearest(chosen.name, wanted, most)?;
                Ok(near.into_iter().map(|(_, record)| record).collect())
            }
        }
    }

    /// What the live sources say, in the order of the queries; nothing of those that are files.
    fn heard(
        &self,
        subject: &str,
        chosen: &[Chosen],
        person: Option<Person>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Heard>> {
        let now = Timestamp::now();
        let mut last = Vec::new();
        for chosen in chosen {
            let said = person.map(|person| person.said(&chosen.query.name)).transpose()?.flatten();
            last.push(said.filter(|said| said.query == chosen.query.digest()));
        }
        let is_due = |(chosen, last): (&Chosen, &Option<Said>)| {
            let is_fresh = last.as_ref().is_some_and(|said| now.duration_since(said.time) < chosen.query.fresh);
            !is_fresh && !matches!(chosen.source.kind(), Kind::File(..))
        };
        let due: Vec<bool> = chosen.iter().zip(&last).map(is_due).collect();
        let asked: Vec<_> =
            chosen.iter().zip(&due).filter(|(_, due)| **due).map(|(c, _)| (c.source, c.query)).collect();
        let mut answers = ask(&asked, subject).into_iter();
        let mut heard = Vec::new();
        for ((chosen, last), due) in chosen.iter().zip(last).zip(due) {
            let query = chosen.query;
            let answer = if due { answers.next() } else { None };
            heard.push(
                match answer.map(|answer| answer.and_then(|a| Ok((self.sources.records(query, &a.rows)?, a)))) {
                    Some(Ok((records, Answered { rows, more }))) => {
                        if more {
                            let (name, most) = (&query.name, query.limit);
                            notes.push(format!("{name}: more exists than the {most} that are used; raise `limit`"));
                        }
                        let said = Said { time: now, query: query.digest(), rows };
                        self.records.person(subject)?.keep(&query.name, &said)?;
                        Heard { records, said: None }
                    }
                    Some(Err(error)) => {
                        let last = last.filter(|_| query.offline == Offline::Last);
                        let stands_in = last.and_then(|said| self.again(query, &said));
                        let name = &query.name;
                        notes.push(match stands_in.as_ref().and_then(|heard| heard.said) {
                            Some(time) => format!("{name}: {error}; what it said {} is used", ago(now, time)),
                            None => format!("{name}: {error}; its facts are missing"),
                        });
                        stands_in.unwrap_or_default()
                    }
                    None => last.and_then(|said| self.again(query, &said)).unwrap_or_default(),
                },
            );
        }
        Ok(heard)
    }

    /// What a source said before, if it can still be read.
    fn again(&self, query: &Query, said: &Said) -> Option<Heard> {
        Some(Heard { records: self.sources.records(query, &said.rows).ok()?, said: Some(said.time) })
    }
}

/// What is always shown, then a row of each query in turn.
fn merge<'c>(sources: &Sources, asked: &Asked, heard: impl Iterator<Item = (&'c Chosen<'c>, Heard)>) -> Vec<Fact> {
    let now = Timestamp::now();
    let mut ranked = Vec::new();
    for (chosen, Heard { records, said }) in heard {
        let said = said.filter(|time| now.duration_since(*time) >= OLD);
        for (row, record) in records.into_iter().enumerate() {
            let name = format!("{} #{}", chosen.query.name, record.id);
            let rank = if chosen.query.always { 0 } else { row + 1 };
            let opening = sources.opening(chosen.query, &record);
            let score = chosen.score + WORDS * asked.of_record(chosen.query, &record);
            let Record { date, text, .. } = record;
            ranked.push((rank, Fact { name, date, text, score, said, opening }));
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

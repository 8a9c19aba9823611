//! Several queries at once, each within its source's deadline: an answer waits for the slowest, never for their sum.

#[cfg(feature = "http")]
use super::http;
use super::{Kind, Query, Row, Source};
use crate::error::{Error, Result};
use crate::thread;
use std::time::Instant;

/// What a source answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// Its rows, at most as many as the query wants.
    pub rows: Vec<Row>,
    /// Whether it said that there are more.
    pub more: bool,
}

impl From<Vec<Row>> for Answered {
    fn from(rows: Vec<Row>) -> Self {
        Self { rows, more: false }
    }
}

/// Asks queries about a person, each on a thread and a connection of its own, which end with this call; only the
/// lookup of a service's name may outlast it. Each has at most `limit` rows.
///
/// Errors, for each by itself: whatever keeps its rows from coming, in one sentence.
pub fn ask(queries: &[(&Source, &Query)], subject: &str) -> Vec<Result<Answered>> {
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for &(source, query) in queries {
            let deadline = Instant::now() + source.deadline();
            let work = move || one(source, query, subject, deadline);
            threads.push(thread::spawn_in(scope, &format!("query {}", query.name), work));
        }
        let mut answers = Vec::new();
        for thread in threads {
            let failed = |_| Err(Error::engine("the library that asks it failed"));
            answers.push(thread.and_then(|thread| thread.join().unwrap_or_else(failed)));
        }
        answers
    })
}

#[cfg_attr(
    not(any(feature = "http", feature = "postgres", feature = "sqlite")),
    allow(unused_variables, reason = "files are not asked, and there is nothing else")
)]
fn one(source: &Source, query: &Query, subject: &str, deadline: Instant) -> Result<Answered> {
    let mut answered: Answered = match source.kind() {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite(path) => super::sqlite::rows(path, query, subject, deadline).map(Answered::from),
        #[cfg(not(feature = "sqlite"))]
        Kind::Sqlite(_) => Err(Error::unsupported("this program was built without SQLite")),
        #[cfg(feature = "http")]
        Kind::Http(url) => http::rows(source, url, query, subject, deadline),
        #[cfg(not(feature = "http"))]
        Kind::Http(_) => Err(Error::unsupported("this program was built without HTTP")),
        #[cfg(feature = "postgres")]
        Kind::Postgres(connection) => super::postgres::rows(connection, query, subject, deadline).map(Answered::from),
        #[cfg(not(feature = "postgres"))]
        Kind::Postgres(_) => Err(Error::unsupported("this program was built without PostgreSQL")),
        Kind::File(..) => Err(Error::unsupported("a file is imported, not asked")),
    }?;
    answered.rows.truncate(query.limit);
    Ok(answered)
}

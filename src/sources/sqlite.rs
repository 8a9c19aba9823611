//! Asking a SQLite database: opened for reading only, one statement, one parameter.

use super::{Query, Row};
use crate::error::{Error, Result};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Statement};
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

/// Steps of SQLite's machine between two looks at the clock: well under a millisecond.
const STEPS: i32 = 10_000;
/// Bytes of a text that is read; what is longer is an error.
const LONGEST_TEXT: usize = 1 << 20;

/// The rows of a query about a person. The connection serves nobody else.
pub(super) fn rows(path: &Path, query: &Query, subject: &str, deadline: Instant) -> Result<Vec<Row>> {
    if !path.is_file() {
        return Err(Error::not_found(format!("{} is not there", path.display())));
    }
    let failed = |e: rusqlite::Error| match e.sqlite_error_code() {
        Some(rusqlite::ErrorCode::OperationInterrupted) => Error::new(crate::ErrorKind::Io, "it took too long"),
        _ => Error::new(crate::ErrorKind::Io, format!("the database says: {e}")).because(e),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    let left = || deadline.saturating_duration_since(Instant::now());
    connection.busy_timeout(left()).map_err(failed)?;
    connection.progress_handler(STEPS, Some(move || Instant::now() >= deadline)).map_err(failed)?;
    let sql = query.sql.as_deref().unwrap_or_default();
    let mut statement = connection.prepare(sql).map_err(failed)?;
    check(&statement)?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut found = statement.query([(":subject", subject)].as_slice()).map_err(failed)?;
    let mut rows = Vec::new();
    while rows.len() < query.limit {
        let Some(row) = found.next().map_err(failed)? else { break };
        let mut columns_of_row = Row::new();
        for (at, column) in columns.iter().enumerate() {
            columns_of_row.insert(column.clone(), value(row.get_ref(at).map_err(failed)?)?);
        }
        rows.push(columns_of_row);
    }
    Ok(rows)
}

/// A statement reads, and asks about the person alone.
fn check(statement: &Statement) -> Result<()> {
    if !statement.readonly() {
        return Err(Error::invalid("its `sql` changes the database; declare a statement that reads"));
    }
    match (statement.parameter_count(), statement.parameter_name(1)) {
        (1, Some(":subject")) => Ok(()),
        _ => Err(Error::invalid("its `sql` has parameters beside :subject; nothing else is filled in")),
    }
}

fn value(value: ValueRef) -> Result<Value> {
    Ok(match value {
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) if text.len() > LONGEST_TEXT => {
            return Err(Error::invalid("it has a text of more than a mebibyte"));
        }
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::time::Duration;

    fn database() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE orders (number INTEGER, customer TEXT, product TEXT, price REAL, photo BLOB);
                 INSERT INTO orders VALUES (1, 'a', 'Wren', 89.5, x'00'), (2, 'b', 'Otter', 129, NULL), (3, 'a', NULL, 1, NULL);",
            )
            .unwrap();
        (dir, path)
    }

    fn ask(path: &Path, sql: &str, subject: &str, patience: Duration) -> Result<Vec<Row>> {
        let query = toml::Table::from_iter([
            ("name".to_owned(), toml::Value::from("q")),
            ("answers".to_owned(), "x".into()),
            ("id".to_owned(), "number".into()),
            ("text".to_owned(), "t".into()),
            ("sql".to_owned(), sql.into()),
        ]);
        rows(path, &query.try_into().unwrap(), subject, Instant::now() + patience)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn rows_of_one_person_come_whatever_the_name() {
        let (_dir, path) = database();
        let sql = "SELECT * FROM orders WHERE customer = :subject ORDER BY number";
        let rows = ask(&path, sql, "a", SECOND).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["product"], "Wren");
        assert_eq!(rows[0]["price"], 89.5);
        assert!(rows[0]["photo"].is_null() && rows[1]["product"].is_null());
        for name in ["a' OR '1'='1", "%", "", "c"] {
            assert!(ask(&path, sql, name, SECOND).unwrap().is_empty(), "{name}");
        }
    }

    #[test]
    fn a_statement_that_writes_or_asks_for_more_is_refused() {
        let (_dir, path) = database();
        for (sql, told) in [
            ("DELETE FROM orders WHERE customer = :subject", "changes the database"),
            ("SELECT 1 WHERE :subject = :other", "beside :subject"),
            ("SELECT 1 WHERE :subject; DROP TABLE orders", "the database says"),
            ("SELECT nothing FROM orders WHERE customer = :subject", "nothing"),
        ] {
            let error = ask(&path, sql, "a", SECOND).unwrap_err().to_string();
            assert!(error.contains(told), "{sql}: {error}");
        }
        assert_eq!(ask(&path, "SELECT * FROM orders WHERE customer = :subject", "b", SECOND).unwrap().len(), 1);
    }

    #[test]
    fn a_slow_or_missing_or_false_database_ends_in_time() {
        let (dir, path) = database();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT max(i) FROM n WHERE :subject IS NOT NULL";
        let begin = Instant::now();
        let error = ask(&path, endless, "a", Duration::from_millis(100)).unwrap_err().to_string();
        assert!(error.contains("too long") && begin.elapsed() < SECOND, "{error}: {:?}", begin.elapsed());
        let missing = dir.path().join("none.db");
        assert!(ask(&missing, "SELECT :subject", "a", SECOND).unwrap_err().to_string().contains("none.db"));
        assert!(!missing.exists(), "asking makes no database");
        let false_one = dir.path().join("text.db");
        std::fs::write(&false_one, "this is no database, whatever its name says").unwrap();
        assert!(ask(&false_one, "SELECT :subject", "a", SECOND).is_err());
    }
}

//! Rows of a file, one after another: CSV with a header, or JSON lines.

use super::Row;
use crate::error::{Error, Result};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The rows of a file, by its ending.
///
/// Errors: not found or I/O for the file, `Unsupported` for another ending; and for each row that is none, `Invalid`
/// with its line.
pub fn rows(path: &Path) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
    let shown = path.display();
    let file = File::open(path).map_err(|e| Error::io(format!("cannot read the records in {shown}"), e))?;
    let named = path.to_owned();
    let named = move |e: Error| e.context(named.display());
    match path.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
        Some("csv") => {
            let rows = csv::Reader::from_reader(BufReader::new(file)).into_deserialize();
            Ok(Box::new(rows.map(move |row: Result<Columns, _>| {
                let wrong = |e| named(Error::invalid(format!("this is no table with a header: {e}")).because(e));
                Ok(row.map_err(wrong)?.into_iter().map(|(key, value)| (key, Value::String(value))).collect())
            })))
        }
        Some("jsonl") => {
            let lines = BufReader::new(file).lines().zip(1u64..);
            let lines = lines.filter(|(line, _)| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
            Ok(Box::new(lines.map(move |(line, number)| {
                let line = line.map_err(|e| named(Error::io("cannot read the records", e)))?;
                let wrong = |e| named(Error::invalid(format!("line {number} is no JSON object: {e}")).because(e));
                serde_json::from_str(&line).map_err(wrong)
            })))
        }
        _ => Err(Error::unsupported(format!("{shown}: records are read from .csv and .jsonl files"))),
    }
}

/// A row of a table, in the order of its header.
type Columns = std::collections::BTreeMap<String, String>;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<Row>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        rows(&path)?.collect()
    }

    #[test]
    fn tables_and_lines_are_read_alike() {
        let table = read("a.csv", "id,what\n1,\"x, y\"\n2,z\n").unwrap();
        let lines = read("a.JSONL", "{\"id\":\"1\",\"what\":\"x, y\"}\n\n{\"id\":\"2\",\"what\":\"z\"}\n").unwrap();
        assert_eq!(table, lines);
    }

    #[test]
    fn what_is_no_row_is_named() {
        for (name, text, told) in [
            ("a.csv", "id,what\n1\n", "no table"),
            ("a.jsonl", "{}\n[1]\n", "line 2"),
            ("a.jsonl", "{\"a\": ", "line 1"),
            ("a.txt", "", ".csv and .jsonl"),
        ] {
            let error = read(name, text).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains(name), "{error}");
        }
    }
}

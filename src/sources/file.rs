//! Rows of a file, one after another: a table with a header, or JSON lines. They are read as documents are: in any
//! encoding, with any of the usual separators and quotes.

use super::Row;
use crate::error::{Error, Result};
use crate::text::dialect;
use crate::text::document::decode;
use serde_json::Value;
use std::path::Path;

/// The rows of a file, by its ending.
///
/// Errors: not found or I/O for the file, `Unsupported` for another ending; and for each row that is none, `Invalid`
/// with its line.
pub fn rows(path: &Path) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
    let shown = path.display();
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_lowercase).unwrap_or_default();
    let is_table = matches!(ending.as_str(), "csv" | "tsv");
    if !is_table && !matches!(ending.as_str(), "jsonl" | "ndjson") {
        return Err(Error::unsupported(format!("{shown}: records are read from .csv, .tsv, .jsonl and .ndjson files")));
    }
    let bytes = std::fs::read(path).map_err(|e| Error::io(format!("cannot read the records in {shown}"), e))?;
    let text = decode(&bytes, false).map_err(|e| e.context(&shown))?;
    let rows: Vec<Result<Row>> = if is_table { table(&text) } else { lines(&text) };
    let named = path.to_owned();
    Ok(Box::new(rows.into_iter().map(move |row| row.map_err(|e| e.context(named.display())))))
}

/// The rows of a table, by the names in its first row.
fn table(text: &str) -> Vec<Result<Row>> {
    let mut rows = dialect::rows(text).filter(|(_, row)| row.iter().any(|cell| !cell.trim().is_empty()));
    let Some((_, header)) = rows.next() else { return Vec::new() };
    let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    let row = |(number, cells): (usize, Vec<String>)| {
        if cells.len() != names.len() {
            let (has, wants) = (cells.len(), names.len());
            let told = format!("this is no table with a header: row {number} has {has} cells, the header {wants}");
            return Err(Error::invalid(told));
        }
        let cells = cells.into_iter().map(|cell| Value::String(cell.trim().to_owned()));
        Ok(names.iter().cloned().zip(cells).collect())
    };
    rows.map(row).collect()
}

/// The objects of JSON lines.
fn lines(text: &str) -> Vec<Result<Row>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let object = |(number, line): (u64, &str)| {
        let wrong = |e| Error::invalid(format!("line {number} is no JSON object: {e}")).because(e);
        serde_json::from_str(line).map_err(wrong)
    };
    lines.map(object).collect()
}

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
    fn files_are_read_as_documents_are() {
        let wanted = read("a.csv", "visit,what\n1,chain oiled\n").unwrap();
        for (name, text) in [
            ("a.csv", "visit;what\r\n1;chain oiled\r\n"),
            ("a.csv", "visit, what\n1, chain oiled\n"),
            ("a.tsv", "visit\twhat\n1\tchain oiled\n"),
            ("a.csv", "\u{feff}visit,what\n1,chain oiled\n"),
            ("a.ndjson", "\u{feff}{\"visit\":\"1\",\"what\":\"chain oiled\"}\n"),
        ] {
            assert_eq!(read(name, text).unwrap(), wanted, "{name} {text:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, b"visit,what\n1,Kette ge\xf6lt f\xfcr 5 \x80\n").unwrap();
        let row = rows(&path).unwrap().next().unwrap().unwrap();
        assert_eq!(row["what"], "Kette geölt für 5 €");
    }

    #[test]
    fn what_is_no_row_is_named() {
        for (name, text, told) in [
            ("a.csv", "id,what\n1\n", "no table"),
            ("a.jsonl", "{}\n[1]\n", "line 2"),
            ("a.jsonl", "{\"a\": ", "line 1"),
            ("a.txt", "", ".csv, .tsv"),
        ] {
            let error = read(name, text).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains(name), "{error}");
        }
    }
}

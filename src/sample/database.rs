//! The records of a scenario as a SQLite database: a table for each file, a column for each key, all of them text.
//! Beside them the tables among its documents, a catalogue for instance: what a person has is joined with those.

use super::Scenario;
use crate::durable;
use crate::error::{Error, Result};
use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

type Row = Map<String, Value>;

/// Writes the database, in place of whatever was there.
pub(super) fn write(scenario: &Scenario, path: &Path) -> Result<()> {
    let failed = |e: rusqlite::Error| Error::corrupt("the sample's database cannot be made").because(e);
    // Made in memory and written whole: nobody sees half a database.
    let database = Connection::open_in_memory().map_err(failed)?;
    for (name, text) in scenario.files {
        let of_records = name.strip_prefix("records/");
        let of_house = name.strip_prefix("documents/").filter(|file| file.ends_with(".csv"));
        let Some((table, ending)) = of_records.or(of_house).and_then(|file| file.split_once('.')) else {
            continue;
        };
        fill(&database, table, &rows(text, ending)?).map_err(failed)?;
    }
    let bytes = database.serialize("main").map_err(failed)?;
    durable::write(path, &bytes)
}

fn fill(database: &Connection, table: &str, rows: &[Row]) -> rusqlite::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let mut columns: Vec<&str> = first.keys().map(String::as_str).collect();
    // In JSON lines a key may be left out.
    for key in rows.iter().flat_map(Map::keys) {
        if !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    let named: Vec<String> = columns.iter().map(|column| format!("\"{column}\" TEXT")).collect();
    let places = vec!["?"; columns.len()].join(", ");
    database.execute_batch(&format!("CREATE TABLE {table} ({});", named.join(", ")))?;
    let mut insert = database.prepare(&format!("INSERT INTO {table} VALUES ({places})"))?;
    for row in rows {
        insert.execute(params_from_iter(columns.iter().map(|column| row.get(*column).and_then(Value::as_str))))?;
    }
    Ok(())
}

fn rows(text: &str, ending: &str) -> Result<Vec<Row>> {
    let damaged = || Error::corrupt("the sample's records are damaged; build the program again");
    if ending == "jsonl" {
        return super::lines(text);
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    // As texts: what looks like a number need not be one.
    let table = reader.deserialize().collect::<Result<Vec<BTreeMap<String, String>>, _>>();
    let row = |row: BTreeMap<String, String>| row.into_iter().map(|(key, value)| (key, Value::String(value))).collect();
    Ok(table.map_err(|e| damaged().because(e))?.into_iter().map(row).collect())
}

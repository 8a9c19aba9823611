//! XLSX, XLS and XLSB: every row of every sheet is a record under its columns' names.

use super::package::{Package, damaged};
use crate::error::Result;
use crate::text::document::{Parts, Section, csv};
use calamine::{Data, DataRef, DataType, Reader, Sheets, Xlsx, open_workbook_auto_from_rs};
use std::collections::BTreeMap;
use std::io::Cursor;

/// The most cells of a document.
const MOST: usize = 4_000_000;

/// Reads every sheet.
pub fn read(bytes: &[u8]) -> Result<Parts> {
    if bytes.starts_with(b"PK") {
        Package::open(bytes)?.check()?;
    }
    let book = open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(|e| damaged().because(e))?;
    let mut sheets = match book {
        Sheets::Xlsx(mut book) => cells(&mut book)?,
        mut book => {
            let mut sheets = Vec::new();
            for name in book.sheet_names() {
                let Ok(range) = book.worksheet_range(&name) else { continue };
                let first = range.start().map_or(0, |(row, _)| row as usize);
                let rows = range.rows().map(|row| row.iter().map(shown).collect::<Vec<_>>());
                sheets.push((name, (first + 1..).zip(rows).collect()));
            }
            sheets
        }
    };
    sheets.retain(|(_, rows): &(String, Vec<_>)| !rows.is_empty());
    let named = sheets.len() > 1;
    let read = |(name, rows): (String, Vec<(usize, Vec<String>)>)| -> Vec<Section> {
        csv::sections(named.then_some(name).into_iter().collect(), rows)
    };
    Ok((None, sheets.into_iter().flat_map(read).collect()))
}

/// The sheets of a book: a name, and rows with their numbers.
type Rows = Vec<(usize, Vec<String>)>;

/// Cell by cell: a sheet says how large it is, and may lie.
fn cells(book: &mut Xlsx<Cursor<&[u8]>>) -> Result<Vec<(String, Rows)>> {
    let mut sheets = Vec::new();
    let mut room = MOST;
    for name in book.sheet_names() {
        // A chart's sheet has no cells.
        let Ok(mut reader) = book.worksheet_cells_reader(&name) else { continue };
        let mut rows: BTreeMap<usize, BTreeMap<usize, String>> = BTreeMap::new();
        while let Ok(Some(cell)) = reader.next_cell() {
            let (row, column) = cell.get_position();
            let value = match cell.get_value() {
                DataRef::SharedString(text) => (*text).to_string(),
                value => shown(&Data::from(value.clone())),
            };
            if value.trim().is_empty() {
                continue;
            }
            room =
                room.checked_sub(1).ok_or_else(|| crate::Error::full("has more cells than can be read; split it"))?;
            rows.entry(row as usize + 1).or_default().insert(column as usize, value);
        }
        let columns: std::collections::BTreeSet<usize> = rows.values().flat_map(|row| row.keys().copied()).collect();
        // Columns that nothing stands in are no columns.
        let dense = |row: BTreeMap<usize, String>| {
            let mut row = row;
            columns.iter().map(|column| row.remove(column).unwrap_or_default()).collect::<Vec<_>>()
        };
        sheets.push((name, rows.into_iter().map(|(number, row)| (number, dense(row))).collect()));
    }
    Ok(sheets)
}

/// A value as a person reads it.
fn shown(value: &Data) -> String {
    match value {
        Data::DateTime(moment) if !moment.is_duration() => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            let time =
                format!("{hour:02}:{minute:02}{}", if second > 0 { format!(":{second:02}") } else { String::new() });
            match (moment.as_f64() < 1.0, moment.as_f64().fract() == 0.0) {
                (true, _) => time,
                (false, true) => format!("{year}-{month:02}-{day:02}"),
                (false, false) => format!("{year}-{month:02}-{day:02} {time}"),
            }
        }
        Data::DateTime(span) => {
            let minutes = (span.as_f64() * 1440.0).round() as i64;
            format!("{}:{:02}", minutes / 60, minutes % 60)
        }
        Data::DateTimeIso(text) => text.trim_end_matches("T00:00:00").to_string(),
        // Sums of decimal fractions end in a tail of noise.
        Data::Float(number) => format!("{}", (number * 1e9).round() / 1e9),
        Data::Bool(yes) => if *yes { "yes" } else { "no" }.to_string(),
        Data::Error(_) => String::new(),
        value => value.as_string().unwrap_or_default(),
    }
}

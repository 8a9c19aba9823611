//! CSV and its relatives: every row becomes a section of `Column: value` lines.
//!
//! The first row names the columns. Rows may be ragged; empty cells are left out.

use super::{Parts, Section, line};
use csv::{ReaderBuilder, StringRecord};

/// The characters that may part the cells, the likeliest first.
const DELIMITERS: [u8; 4] = *b",;\t|";
/// How much of the file the delimiter is told from: bytes, and rows.
const SAMPLE: (usize, usize) = (64 << 10, 50);

/// Reads the whole of a table.
pub fn read(text: &str) -> Parts {
    let mut rows = rows(text, delimiter(text)).enumerate();
    let header: Vec<String> = rows.next().map(|(_, header)| header.iter().map(line).collect()).unwrap_or_default();
    let sections = rows
        .filter_map(|(i, row)| {
            let cells = row.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty());
            let lines: Vec<String> = cells.map(|(c, cell)| label(&header, c, cell.trim())).collect();
            // Counted as a spreadsheet does: the header is row 1.
            let place = Some(format!("row {}", i + 1));
            (!lines.is_empty()).then(|| Section { path: Vec::new(), place, text: lines.join("\n") })
        })
        .collect();
    (None, sections)
}

/// `Column: value`, with the column's number where it has no name.
fn label(header: &[String], column: usize, value: &str) -> String {
    match header.get(column).filter(|name| !name.is_empty()) {
        Some(name) => format!("{name}: {value}"),
        None => format!("Column {}: {value}", column + 1),
    }
}

fn rows(text: &str, delimiter: u8) -> impl Iterator<Item = StringRecord> {
    let reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    // The text is UTF-8, in memory and may be ragged: no row of it can fail.
    reader.into_records().map_while(|row| row.ok())
}

/// The delimiter under which the most rows have as many cells as the header, and the most cells.
fn delimiter(text: &str) -> u8 {
    let sample = text.get(..text.floor_char_boundary(SAMPLE.0)).unwrap_or(text);
    let score = |delimiter: &u8| {
        let mut lengths = rows(sample, *delimiter).take(SAMPLE.1).map(|row| row.len());
        let columns = lengths.next().unwrap_or_default();
        if columns < 2 { (0, 0) } else { (1 + lengths.filter(|l| *l == columns).count(), columns) }
    };
    // `max_by_key` keeps the last of equals, so the likeliest comes last.
    DELIMITERS.iter().rev().copied().max_by_key(score).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(csv: &str) -> Vec<String> {
        read(csv).1.into_iter().map(|s| format!("{} {}", s.place.unwrap_or_default(), s.text)).collect()
    }

    #[test]
    fn rows_become_labelled_lines() {
        let csv = "Name, Price ,\n\"Lamp, red\",3,x\n,,\nCord,,,y\n\"two\nlines\",4\n";
        let wanted = [
            "row 2 Name: Lamp, red\nPrice: 3\nColumn 3: x",
            "row 4 Name: Cord\nColumn 4: y",
            "row 5 Name: two\nlines\nPrice: 4",
        ];
        assert_eq!(texts(csv), wanted);
    }

    #[test]
    fn delimiters() {
        assert_eq!(delimiter("a;b\n1,5;2\n3,5;4\n"), b';');
        assert_eq!(delimiter("a\tb\n1, 2\t3\n"), b'\t');
        assert_eq!(delimiter("a|b\nx, y|z\n"), b'|');
        assert_eq!(delimiter("a,b\n1,2\n"), b',');
        assert_eq!(delimiter("only\none\n"), b',');
        assert_eq!(texts("only\none\n"), ["row 2 only: one"]);
        assert!(texts("").is_empty());
    }
}

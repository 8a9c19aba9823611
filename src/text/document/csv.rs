//! CSV and its relatives, and the rows of sheets: every row becomes a section of `Column: value` lines.
//!
//! What stands above the row that names the columns (a title, comments) is a section of its own. Rows may be ragged;
//! empty cells are left out.

use super::table::names_columns;
use super::{Parts, Section, line};
use crate::text::dialect;

/// How many rows at the top tell which of them names the columns.
const SAMPLE: usize = 50;
/// How many rows may stand above the one that names the columns.
const ABOVE: usize = 20;

/// Reads the whole of a table.
pub fn read(text: &str) -> Parts {
    (None, sections(Vec::new(), dialect::rows(text)))
}

/// The sections of numbered `rows`, under `path`.
pub fn sections(path: Vec<String>, rows: impl IntoIterator<Item = (usize, Vec<String>)>) -> Vec<Section> {
    let filled = |row: &[String]| row.iter().any(|cell| !cell.trim().is_empty());
    let mut rows = rows.into_iter().filter(|(_, row)| filled(row)).peekable();
    let mut first: Vec<(usize, Vec<String>)> = Vec::new();
    while first.len() < SAMPLE
        && let Some(row) = rows.next()
    {
        first.push(row);
    }
    let header = header(&first);
    let mut sections = Vec::new();
    let above: Vec<String> = first.iter().take(header).map(|(_, row)| prose(row)).collect();
    if !above.is_empty() {
        sections.push(Section { path: path.clone(), place: None, text: above.join("\n") });
    }
    let mut below = first.into_iter().skip(header);
    let names: Vec<String> =
        below.next().map(|(_, row)| row.iter().map(|cell| line(cell)).collect()).unwrap_or_default();
    for (number, row) in below.chain(rows) {
        let cells = row.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty());
        let lines: Vec<String> = cells.map(|(column, cell)| label(&names, column, cell.trim())).collect();
        // Counted as a spreadsheet does.
        sections.push(Section { path: path.clone(), place: Some(format!("row {number}")), text: lines.join("\n") });
    }
    if sections.is_empty() && filled(&names) && names.len() > 1 {
        // Names without rows are all there is.
        sections.push(Section { path, place: None, text: names.join(", ") });
    }
    sections
}

/// Which row names the columns: the first that is as wide as most rows are, where those above it are not.
fn header(rows: &[(usize, Vec<String>)]) -> usize {
    let wide = |row: &[String]| row.iter().filter(|cell| !cell.trim().is_empty()).count();
    let mut widths: Vec<usize> = rows.iter().map(|(_, row)| wide(row)).collect();
    widths.sort_unstable();
    let usual = widths.get(widths.len() / 2).copied().unwrap_or(0);
    let mut at = 0;
    for pair in rows.windows(2).take(ABOVE) {
        let [(number, row), (next, below)] = pair else { break };
        let comment = row.first().is_some_and(|cell| cell.trim_start().starts_with(['#', '%']));
        let apart = next - number > 1;
        let narrow = usual > 1 && wide(row) * 2 <= usual || comment && wide(row) < usual.max(2);
        let short = usual > 1 && wide(row) < usual && (apart || names_columns(below) && wide(below) >= usual);
        if !(narrow || comment && row.len() == 1 || short && !names_columns(row) || short && apart) {
            break;
        }
        at += 1;
    }
    at
}

/// A row as a sentence.
fn prose(row: &[String]) -> String {
    let cells = row.iter().map(|cell| line(cell)).filter(|cell| !cell.is_empty());
    cells.collect::<Vec<_>>().join(", ").trim_start_matches(['#', '%', ' ']).to_string()
}

/// `Column: value`, with the column's number where it has no name.
fn label(header: &[String], column: usize, value: &str) -> String {
    match header.get(column).filter(|name| !name.is_empty()) {
        Some(name) => format!("{name}: {value}"),
        None => format!("Column {}: {value}", column + 1),
    }
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
        assert_eq!(texts("only\none\n"), ["row 2 only: one"]);
        assert!(texts("").is_empty());
    }

    #[test]
    fn titles_and_comments_stand_above_the_header() {
        let titled = "Price list 2026, valid from 1 March\n\nArticle,Price,Stock\nKettle,49.90,12\nIron,29.90,3\n";
        let wanted = [
            " Price list 2026, valid from 1 March",
            "row 4 Article: Kettle\nPrice: 49.90\nStock: 12",
            "row 5 Article: Iron\nPrice: 29.90\nStock: 3",
        ];
        assert_eq!(texts(titled), wanted);
        let comments = "# exported 2026-11-01 by ERP\n# do not edit\nArticle,Price\nKettle,49.90\n";
        assert_eq!(
            texts(comments),
            [" exported 2026-11-01 by ERP\ndo not edit", "row 4 Article: Kettle\nPrice: 49.90"]
        );
        assert_eq!(texts("a,b\n1,2,3\n4,5,6\n")[0], "row 2 a: 1\nb: 2\nColumn 3: 3");
    }
}

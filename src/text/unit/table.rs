//! The rows of a table, each with its header.

use super::block::Block;
use super::line::is_rule;
use super::{UnitKind, Writer, collapse, without_colon};
use std::ops::Range;

impl Writer<'_> {
    pub(super) fn table(&mut self, block: &Block) {
        let lead = self.lead.take();
        let lead = lead.as_deref().map(without_colon);
        let rules: Vec<bool> = block.lines.iter().map(|line| is_rule(self.at(&line.range))).collect();
        let rows: Vec<Vec<Range<usize>>> = block.lines.iter().map(|line| cells(self.text, &line.range)).collect();
        // A rule below the first row makes it the header; one above it only frames the table.
        let first = rules.iter().position(|rule| !rule).unwrap_or(rows.len());
        let has_header = rules.get(first + 1) == Some(&true);
        let names: Vec<String> = match rows.get(first).filter(|_| has_header) {
            Some(header) => header.iter().map(|cell| self.cell(cell)).collect(),
            None => Vec::new(),
        };
        let bare = names.iter().all(String::is_empty);
        let mut group: Option<String> = None;
        for (at, row) in rows.iter().enumerate().filter(|(at, _)| !rules[*at]) {
            let filled: Vec<(usize, String)> = row
                .iter()
                .enumerate()
                .map(|(c, cell)| (c, self.cell(cell)))
                .filter(|(_, words)| !words.is_empty())
                .collect();
            let pieces: Vec<Range<usize>> = filled.iter().map(|(c, _)| row[*c].clone()).collect();
            let words: Vec<&str> = lead.into_iter().chain(group.as_deref()).collect();
            let under = self.under(&words);
            if has_header && at == first {
                let reading = filled.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join("; ");
                self.pieces(UnitKind::Heading, pieces, reading, self.under(&[]));
                continue;
            }
            // A row of one cell above full ones names their group.
            let alone = filled.len() == 1 && filled[0].0 == 0 && row.len() != 2;
            let next = rows.get(at + 1).map(|row| row.iter().filter(|cell| !cell.is_empty()).count());
            if alone && next.is_some_and(|cells| cells > 1) {
                let name = filled[0].1.clone();
                self.pieces(UnitKind::Heading, pieces, name.clone(), self.under(&[]));
                group = Some(name);
                continue;
            }
            let reading = match filled.as_slice() {
                [(_, name), (_, value)] if bare => format!("{}: {value}", without_colon(name)),
                _ => filled.iter().map(|(c, words)| named(names.get(*c), words)).collect::<Vec<_>>().join("; "),
            };
            self.pieces(UnitKind::Row, pieces, reading, under);
        }
    }

    /// What a cell says.
    fn cell(&self, cell: &Range<usize>) -> String {
        collapse(&self.at(cell).replace("\\|", "|"))
    }
}

/// A cell with the name of its column.
fn named(name: Option<&String>, words: &str) -> String {
    match name.map(|name| without_colon(name)).filter(|name| !name.is_empty()) {
        Some(name) => format!("{name}: {words}"),
        None => words.to_string(),
    }
}

/// The cells of the row at `line`, without the white space around them; some may be empty.
fn cells(text: &str, line: &Range<usize>) -> Vec<Range<usize>> {
    let row = &text[line.clone()];
    let mut bars: Vec<usize> = Vec::new();
    let mut escaped = false;
    for (at, c) in row.char_indices() {
        if c == '|' && !escaped {
            bars.push(at);
        }
        escaped = c == '\\' && !escaped;
    }
    let mut cells = Vec::new();
    let mut from = 0;
    for bar in bars.into_iter().chain([row.len()]) {
        let cell = &row[from..bar];
        let outside = cell.trim().is_empty() && (from == 0 || bar == row.len());
        if !outside {
            let start = line.start + from + cell.len() - cell.trim_start().len();
            cells.push(if cell.trim().is_empty() { start..start } else { start..start + cell.trim().len() });
        }
        from = (bar + 1).min(row.len());
    }
    cells
}

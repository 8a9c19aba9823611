//! Rows of tables read with their headers: "Day: Saturday; Shop: 9:00 to 17:00".

use super::lex::What;
use super::parse::Text;
use super::quantity::{Kind, unit};
use std::ops::Range;

/// A cell with its column's header.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub header: Range<usize>,
    pub value: Range<usize>,
}

/// Words of a header; more are prose with a colon in it.
const LONGEST_HEADER: usize = 6;

/// The cells of a row; none for what is no row.
pub fn cells(text: &str) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut at = 0;
    for part in text.split("; ") {
        let end = at + part.len();
        let header = part.find(": ").filter(|colon| {
            let header = &part[..*colon];
            (1..=LONGEST_HEADER).contains(&header.split_whitespace().count()) && !header.contains(['.', '!', '?'])
        });
        match (header, cells.last_mut()) {
            (Some(colon), _) => cells.push(Cell { header: at..at + colon, value: at + colon + 2..end }),
            // "9:00; 13:00": a value goes on.
            (None, Some(last)) => last.value.end = end,
            (None, None) => return vec![],
        }
        at = end + 2;
    }
    if cells.len() < 2 { vec![] } else { cells }
}

/// Gives bare numbers the unit that stands in their header: "Weight (kg): 40", "minutes: 5".
pub fn lend_units(text: &str, body: &mut Text, cells: &[Cell]) {
    for cell in cells {
        let Some(kind) = text.get(cell.header.clone()).and_then(header_unit) else { continue };
        for token in &mut body.tokens {
            if let What::Quantity(quantity) = &mut token.what
                && cell.value.contains(&token.at.start)
                && quantity.kind == Kind::Bare
            {
                quantity.kind = kind.clone();
            }
        }
    }
}

fn header_unit(header: &str) -> Option<Kind> {
    let lower = header.to_lowercase();
    let bracketed = lower.split_once(['(', '[']).and_then(|(_, rest)| rest.split([')', ']']).next());
    let after_in = lower.rsplit_once([' ', '_']).filter(|(head, _)| head.ends_with("in")).map(|(_, last)| last);
    let whole = Some(lower.trim()).filter(|whole| whole.len() > 4 && whole.ends_with(['s', 'n']));
    [bracketed, after_in, whole].into_iter().flatten().find_map(|name| unit(name.trim()))
}

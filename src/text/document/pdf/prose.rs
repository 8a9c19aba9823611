//! Lines to paragraphs: without the breaks and hyphens that only the layout needs, under the headings that large
//! letters make.

use super::layout::Block;
use super::line::Chunk;
use crate::text::document::script::joins;
use crate::text::document::table::{names_columns, render};

/// Letters larger than the body's by this are a heading's.
const HEADING: f32 = 1.15;
/// The longest heading, in characters.
const LONGEST: usize = 160;
/// Lines that are further apart than most by this part paragraphs.
const APART: f32 = 1.25;

/// A piece of a page as it is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// A heading and the size of its letters.
    Heading(String, f32),
    /// A paragraph or a table.
    Text(String),
}

/// The pieces of one page. `body` is the size of most letters of the document.
pub fn read(blocks: &[Block], body: f32) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for block in blocks {
        match block {
            Block::Lines(lines) => paragraphs(lines, body, &mut pieces),
            Block::Table(rows) => pieces.push(Piece::Text(tabled(rows))),
        }
    }
    pieces
}

/// A table with its first row above the others where that names columns.
fn tabled(rows: &[Vec<String>]) -> String {
    let names = rows.len() > 1 && rows.first().is_some_and(|row| names_columns(row));
    render(names, rows).trim_end().to_string()
}

fn paragraphs(lines: &[Chunk], body: f32, pieces: &mut Vec<Piece>) {
    let step = leading(lines);
    let right = lines.iter().map(|l| l.end).fold(f32::MIN, f32::max);
    let left = lines.iter().map(|l| l.start).fold(f32::MAX, f32::min);
    let mut open: Option<&Chunk> = None;
    let mut text = String::new();
    let mut close = |text: &mut String, heading: Option<f32>| {
        let text = std::mem::take(text);
        match (heading, pieces.last_mut()) {
            _ if text.is_empty() => {}
            (Some(size), _) if text.chars().count() <= LONGEST && text.chars().any(char::is_alphabetic) => {
                pieces.push(Piece::Heading(text, size));
            }
            _ => pieces.push(Piece::Text(text)),
        }
    };
    let mut heading = None;
    for line in lines {
        let said = line.text();
        let large = (line.size >= HEADING * body).then_some(line.size);
        let Some(above) = open else {
            (text, heading, open) = (said, large, Some(line));
            continue;
        };
        let down = line.base - above.base;
        let alike = (line.size - above.size).abs() <= 0.08 * line.size.max(above.size);
        let near =
            down > 0.0 && down <= (APART * step).max(1.05 * line.size) && down <= 2.6 * line.size.max(above.size);
        let indent = line.start - above.start > 0.8 * line.size
            && above.start - left < 0.5 * line.size
            && full(above, line, right);
        if !near
            || !alike && heading != large
            || heading.is_some() != large.is_some()
            || indent && said.chars().next().is_some_and(char::is_uppercase)
        {
            close(&mut text, heading);
            (text, heading) = (said, large);
        } else if heading.is_some() || is_parted(&text, &said) || full(above, line, right) && !starts_item(&said) {
            text = together(std::mem::take(&mut text), &said);
        } else {
            text.push('\n');
            text.push_str(&said);
        }
        open = Some(line);
    }
    close(&mut text, heading);
}

/// Whether a line ended because the next word did not fit.
fn full(line: &Chunk, next: &Chunk, right: f32) -> bool {
    line.end + next.first_word() + 0.1 * line.size > right - 0.04 * (right - line.start)
}

/// Whether a word goes on in the next line.
fn is_parted(text: &str, next: &str) -> bool {
    let stem = text.strip_suffix(['-', '\u{ad}', '‐']);
    stem.is_some_and(|s| s.ends_with(char::is_alphabetic)) && next.starts_with(char::is_lowercase)
}

/// How far lines mostly stand apart.
fn leading(lines: &[Chunk]) -> f32 {
    let mut steps: Vec<f32> = lines.windows(2).filter_map(|p| Some(p.get(1)?.base - p.first()?.base)).collect();
    steps.retain(|s| *s > 0.5);
    steps.sort_by(f32::total_cmp);
    // The smallest that is common: two fifths from the bottom.
    steps.get(steps.len() * 2 / 5).copied().unwrap_or(0.0)
}

fn starts_item(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let number = first.trim_start_matches('(').trim_end_matches(['.', ')']);
    matches!(first, "-" | "*" | "+" | "•" | "–" | "o" | "▪" | "‣" | "◦" | "●" | "■" | "") && line.len() > first.len()
        || number.len() < first.len() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

/// Two lines of a paragraph as one: a word that was parted at the line's end is one word again.
pub fn together(mut text: String, next: &str) -> String {
    let next = next.trim_start();
    let last = text.chars().next_back();
    let hyphen = matches!(last, Some('-' | '\u{ad}' | '‐'));
    let word = next.split(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_end_matches([',', '.', ';', ':', '!', '?', ')']);
    if hyphen {
        let before = text.chars().rev().nth(1).is_some_and(char::is_alphabetic);
        // An address or a name with more hyphens is not a parted word.
        if last == Some('\u{ad}') || before && !word.is_empty() && word.chars().all(|c| c.is_lowercase()) {
            text.pop();
        } else if !before {
            text.push(' ');
        }
    } else if last.is_some() && !joins(last, next.chars().next()) {
        text.push(' ');
    }
    text.push_str(next);
    text
}

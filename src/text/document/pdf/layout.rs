//! Lines to reading order: columns one after the other, tables as rows.

use super::line::{COLUMN, Chunk, beside, rows};

/// A part of a page, in reading order.
#[derive(Clone, Debug)]
pub enum Block {
    /// Lines of one column, from the top.
    Lines(Vec<Chunk>),
    /// A table: its rows of cells.
    Table(Vec<Vec<String>>),
}

/// How deep columns may stand within columns.
const DEEPEST: usize = 6;
/// Prose has so many words on a line of a column; cells of a table have fewer.
const PROSE: f32 = 3.5;
/// Prose is so many lines long.
const TALL: usize = 4;

/// The blocks of `chunks` in reading order. `rules` are the horizontal lines that are drawn.
pub fn read(chunks: Vec<Chunk>, rules: &[(f32, f32, f32)]) -> Vec<Block> {
    let mut blocks = Vec::new();
    region(chunks, rules, 0, &mut blocks);
    blocks
}

/// A place free of text, from where to where.
type Free = (f32, f32);

fn region(chunks: Vec<Chunk>, rules: &[(f32, f32, f32)], depth: usize, blocks: &mut Vec<Block>) {
    let mut sizes: Vec<f32> = chunks.iter().map(|c| c.size).collect();
    sizes.sort_by(f32::total_cmp);
    let size = sizes.get(sizes.len() / 2).copied().unwrap_or(10.0);
    for band in bands(rows(chunks), size) {
        let several = band.rows.iter().filter(|row| row.len() > 1).count();
        if band.gutters.is_empty() || several < 2 && band.rows.len() < TALL || depth >= DEEPEST {
            lines(band.rows, blocks);
        } else {
            parted(band, rules, depth, blocks);
        }
    }
}

/// Lines of one column join the block in hand.
fn lines(rows: Vec<Vec<Chunk>>, blocks: &mut Vec<Block>) {
    let new = rows.into_iter().flat_map(|row| beside(row, f32::MAX));
    match blocks.last_mut() {
        Some(Block::Lines(lines)) => lines.extend(new),
        _ => blocks.push(Block::Lines(new.collect())),
    }
}

/// Rows that leave the same places free.
struct Band {
    rows: Vec<Vec<Chunk>>,
    gutters: Vec<Free>,
}

fn bands(rows: Vec<Vec<Chunk>>, size: f32) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let mut free: Vec<Free> = Vec::new();
    let mut extent = (f32::MAX, f32::MIN);
    for row in rows {
        let own = gaps(&row);
        let reach = row.iter().fold((f32::MAX, f32::MIN), |(a, b), c| (c.start.min(a), c.end.max(b)));
        if let Some(band) = bands.last_mut() {
            let both = shared(&free, &own, size);
            let wide = (extent.0.min(reach.0), extent.1.max(reach.1));
            let gutters = within(&both, wide, size);
            let alone = within(&own, reach, size);
            // Text of one column above a table is no part of it, nor is a line across its columns.
            let across = if band.gutters.is_empty() {
                gutters.len() < alone.len()
            } else {
                row.len() == 1 && gutters.len() < band.gutters.len()
            };
            if !gutters.is_empty() && !across || band.gutters.is_empty() && alone.is_empty() {
                (free, extent) = (both, wide);
                band.gutters = gutters;
                band.rows.push(row);
                continue;
            }
        }
        bands.push(Band { gutters: within(&own, reach, size), rows: vec![row] });
        (free, extent) = (own, reach);
    }
    bands
}

/// What a row leaves free, margins included.
fn gaps(row: &[Chunk]) -> Vec<Free> {
    let mut free = Vec::new();
    let mut at = f32::MIN;
    for chunk in row {
        if chunk.start > at {
            free.push((at, chunk.start));
        }
        at = at.max(chunk.end);
    }
    free.push((at, f32::MAX));
    free
}

/// What both leave free, where it is wide enough.
fn shared(a: &[Free], b: &[Free], size: f32) -> Vec<Free> {
    let mut both = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let free = (x.0.max(y.0), x.1.min(y.1));
        if free.1 - free.0 >= COLUMN * 0.8 * size {
            both.push(free);
        }
        if x.1 < y.1 { i += 1 } else { j += 1 }
    }
    both
}

/// The free places that have text on both sides.
fn within(free: &[Free], (start, end): Free, size: f32) -> Vec<Free> {
    free.iter().copied().filter(|f| f.0 >= start && f.1 <= end && f.1 - f.0 >= COLUMN * 0.8 * size).collect()
}

fn parted(band: Band, rules: &[(f32, f32, f32)], depth: usize, blocks: &mut Vec<Block>) {
    let column = |c: &Chunk| band.gutters.iter().filter(|g| (c.start + c.end) / 2.0 > g.0).count();
    let mut columns: Vec<Vec<&Chunk>> = vec![Vec::new(); band.gutters.len() + 1];
    for chunk in band.rows.iter().flatten() {
        if let Some(column) = columns.get_mut(column(chunk)) {
            column.push(chunk);
        }
    }
    let divided = |row: &Vec<Chunk>| row.iter().any(|c| column(c) != row.first().map_or(0, column));
    let several = band.rows.iter().filter(|row| divided(row)).count();
    let first = columns.first().map(Vec::as_slice).unwrap_or_default();
    if columns.len() == 2 && first.iter().all(|c| is_marker(&c.text())) {
        // Numbers or bullets, and what they stand before.
        return lines(band.rows, blocks);
    }
    if several < 2 || columns.iter().all(|c| is_prose(c)) {
        let mut parts: Vec<Vec<Chunk>> = vec![Vec::new(); band.gutters.len() + 1];
        for chunk in band.rows.iter().flatten() {
            if let Some(part) = parts.get_mut(column(chunk)) {
                part.push(chunk.clone());
            }
        }
        if parts.iter().flatten().filter(|c| super::glyphs::is_from_right(&c.text())).count() * 2 > band.rows.len() {
            parts.reverse();
        }
        for part in parts {
            // Columns do not go on in each other's lines.
            blocks.push(Block::Lines(Vec::new()));
            region(part, rules, depth + 1, blocks);
        }
        blocks.push(Block::Lines(Vec::new()));
        return;
    }
    // What is wider than the cells above and below it is a line of its own, and parts tables.
    let width = columns.len();
    let widest = |n: usize| {
        let cells = band.rows.iter().filter(|row| divided(row)).flatten().filter(|c| column(c) == n);
        cells.map(|c| c.end).fold(f32::MIN, f32::max)
    };
    let alone = |row: &Vec<Chunk>| !divided(row) && row.last().is_some_and(|c| c.end > widest(column(c)) + c.size);
    if band.rows.iter().any(alone) && depth + 1 < DEEPEST {
        let parts: Vec<Vec<Vec<Chunk>>> = band.rows.chunk_by(|a, b| alone(a) == alone(b)).map(<[_]>::to_vec).collect();
        for part in parts {
            region(part.into_iter().flatten().collect(), rules, depth + 1, blocks);
        }
        return;
    }
    blocks.push(Block::Table(table(&band.rows, width, &column, rules)));
}

/// The cells of a table. A row that begins with nothing goes on with the cells above.
fn table(
    rows: &[Vec<Chunk>],
    width: usize,
    column: &dyn Fn(&Chunk) -> usize,
    rules: &[(f32, f32, f32)],
) -> Vec<Vec<String>> {
    let mut table: Vec<Vec<String>> = Vec::new();
    let (start, end) = rows.iter().flatten().fold((f32::MAX, f32::MIN), |(a, b), c| (c.start.min(a), c.end.max(b)));
    let ruled = |from: f32, to: f32| {
        rules.iter().any(|r| r.2 > from && r.2 < to && r.1.min(end) - r.0.max(start) > 0.5 * (end - start))
    };
    let is_ruled = rows.windows(2).filter(|p| matches!(p, [a, b] if ruled(base(a), base(b)))).count() >= 2;
    let mut above: Option<&Vec<Chunk>> = None;
    for row in rows {
        let mut cells = vec![String::new(); width];
        for chunk in row {
            if let Some(cell) = cells.get_mut(column(chunk)) {
                let text = chunk.text();
                *cell = format!("{cell} {text}").trim().to_string();
            }
        }
        let begins_empty = cells.first().is_some_and(String::is_empty);
        let goes_on = above.is_some_and(|above| {
            let (from, to) = (base(above), base(row));
            let size = row.first().map_or(10.0, |c| c.size);
            !ruled(from, to) && to - from < 2.0 * size && (is_ruled || begins_empty && to - from < 1.45 * size)
        });
        match table.last_mut() {
            Some(last) if goes_on => {
                for (cell, more) in last.iter_mut().zip(cells) {
                    *cell = super::prose::together(std::mem::take(cell), &more);
                }
            }
            _ => table.push(cells),
        }
        above = Some(row);
    }
    table
}

fn base(row: &[Chunk]) -> f32 {
    row.iter().map(|c| c.base).fold(f32::MIN, f32::max)
}

/// Whether a column is lines of prose.
fn is_prose(column: &[&Chunk]) -> bool {
    let words: usize = column
        .iter()
        .map(|c| {
            let text = c.text();
            // Scripts without spaces have two characters a word.
            text.split_whitespace()
                .count()
                .max(text.chars().filter(|c| crate::text::document::script::is_dense(*c)).count() / 2)
        })
        .sum();
    column.len() >= TALL && words as f32 >= PROSE * column.len() as f32
}

/// Whether a text is a bullet or a number.
fn is_marker(text: &str) -> bool {
    let text = text.trim();
    let bare = text.trim_matches(|c: char| matches!(c, '(' | ')' | '.' | ':' | '[' | ']'));
    text.chars().count() <= 2 && !text.chars().any(char::is_alphanumeric)
        || bare.chars().count() <= 4 && bare.len() < text.len() && bare.chars().all(|c| c.is_alphanumeric() || c == '.')
}

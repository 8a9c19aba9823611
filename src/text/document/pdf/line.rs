//! Signs to lines: what stands beside each other on one base line, with the spaces that were only left free.

use super::bidi;
use super::glyphs::{Glyph, UNKNOWN, is_from_right};
use crate::text::document::script;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A gap of this much of a sign's size parts words.
const WORD: f32 = 0.13;
/// A gap of this much parts what may be columns.
pub const COLUMN: f32 = 1.1;
/// How far a base line may be off, in parts of the size.
const LEVEL: f32 = 0.3;
/// Signs side by side, without a gap as wide as a column's.
#[derive(Clone, Debug)]
pub struct Chunk {
    glyphs: Vec<Glyph>,
    /// From where to where, how far down, and how large most of it is.
    pub start: f32,
    pub end: f32,
    pub base: f32,
    pub size: f32,
}

impl Chunk {
    fn new(mut glyphs: Vec<Glyph>) -> Option<Self> {
        glyphs.sort_by(|a, b| a.start.total_cmp(&b.start));
        // A letter that is drawn twice to look bold is one letter.
        glyphs.dedup_by(|b, a| {
            a.text == b.text && (b.start - a.start).abs() < 0.1 * a.size && (b.base - a.base).abs() < 0.1 * a.size
        });
        let glyphs = marked(glyphs);
        let ink = |g: &&Glyph| !g.text.trim().is_empty();
        let (first, last) = (glyphs.iter().find(ink)?, glyphs.iter().rev().find(ink)?);
        let (start, end) = (first.start, last.end.max(last.start));
        let mut sizes: Vec<(f32, f32)> = glyphs.iter().filter(ink).map(|g| (g.size, g.base)).collect();
        sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The upper quartile: small signs above the line do not count.
        let (size, _) = *sizes.get(sizes.len() * 3 / 4)?;
        let base = glyphs.iter().filter(ink).find(|g| g.size >= 0.9 * size).map_or(first.base, |g| g.base);
        Some(Self { glyphs, start, end, base, size })
    }

    /// What it says, in reading order, without words nobody can read.
    pub fn text(&self) -> String {
        let text = bidi::logical(&self.seen());
        if !text.contains(UNKNOWN) {
            return text;
        }
        let readable = |word: &&str| word.chars().filter(|c| *c == UNKNOWN).count() * 2 < word.chars().count();
        text.split(' ').filter(readable).collect::<Vec<_>>().join(" ")
    }

    /// What it says from the left to the right.
    fn seen(&self) -> String {
        let spread = self.spread();
        let mut text = String::new();
        let mut before: Option<&Glyph> = None;
        for glyph in &self.glyphs {
            if glyph.text.trim().is_empty() {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
                before = before.filter(|b| glyph.end < b.end).or(Some(glyph));
                continue;
            }
            if let Some(before) = before {
                let gap = glyph.start - before.end;
                if gap > WORD.max(spread + 0.1) * glyph.size.min(before.size).max(0.5 * self.size)
                    && !text.ends_with(' ')
                {
                    text.push(' ');
                }
            }
            let raised = glyph.size < 0.85 * self.size && self.base - glyph.base > 0.2 * self.size;
            if raised && text.ends_with(|c: char| c.is_alphanumeric()) {
                text.extend(glyph.text.chars().map(script::raised));
            } else {
                text.push_str(&glyph.text);
            }
            before = Some(glyph);
        }
        text.trim().to_string()
    }

    /// How far letters stand apart, where all of them do: in parts of their size.
    fn spread(&self) -> f32 {
        let inked: Vec<&Glyph> = self.glyphs.iter().filter(|g| !g.text.trim().is_empty()).collect();
        let mut gaps: Vec<f32> = inked
            .windows(2)
            .filter_map(|p| Some((p.get(1)?.start - p.first()?.end) / p.first()?.size.max(0.01)))
            .collect();
        gaps.sort_by(f32::total_cmp);
        // Most letters do: words that are loosely set still touch here and there.
        match gaps.get(gaps.len() / 4) {
            Some(gap) if gaps.len() >= 10 => gap.max(0.0),
            _ => 0.0,
        }
    }

    /// One chunk of several that stand beside each other.
    pub fn joined(chunks: Vec<Self>) -> Option<Self> {
        Self::new(chunks.into_iter().flat_map(|c| c.glyphs).collect())
    }

    /// Whether both stand on one line.
    pub fn level(&self, other: &Self) -> bool {
        (self.base - other.base).abs() <= LEVEL * self.size.min(other.size).max(0.5 * self.size.max(other.size))
    }

    /// The top of its letters.
    pub fn top(&self) -> f32 {
        self.base - 0.8 * self.size
    }

    /// The width of its first word, about.
    pub fn first_word(&self) -> f32 {
        let space = |g: &&Glyph| !g.text.trim().is_empty();
        let letters: Vec<&Glyph> = self.glyphs.iter().take_while(space).collect();
        let mut end = self.start;
        for pair in letters.windows(2) {
            let [a, b] = pair else { continue };
            if b.start - a.end > WORD * a.size {
                return a.end - self.start;
            }
            end = b.end;
        }
        end.max(letters.first().map_or(end, |g| g.end)) - self.start
    }
}

/// Signs with each mark at the letter it stands over.
fn marked(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    let is_mark = |g: &Glyph| !g.text.is_empty() && g.text.chars().all(is_combining_mark);
    if !glyphs.iter().any(is_mark) {
        return glyphs;
    }
    let (marks, mut letters): (Vec<Glyph>, Vec<Glyph>) = glyphs.into_iter().partition(is_mark);
    let middle = |g: &Glyph| (g.start + g.end) / 2.0;
    for mark in marks {
        let at = letters.partition_point(|l| middle(l) < middle(&mark));
        let near =
            [at.checked_sub(1), Some(at)].into_iter().flatten().filter_map(|i| Some((i, middle(letters.get(i)?))));
        let near = near.min_by(|a, b| (a.1 - middle(&mark)).abs().total_cmp(&(b.1 - middle(&mark)).abs()));
        match near.and_then(|(i, _)| letters.get_mut(i)) {
            Some(letter) if is_from_right(&letter.text) => letter.text.insert_str(0, &mark.text),
            Some(letter) => letter.text = letter.text.chars().chain(mark.text.chars()).nfc().collect(),
            None => letters.push(mark),
        }
    }
    letters
}

/// The chunks that signs make, in no order.
pub fn chunks(glyphs: Vec<Glyph>) -> Vec<Chunk> {
    let mut runs: Vec<Vec<Glyph>> = Vec::new();
    // Where the run in hand goes, and on what line.
    let mut hand: Option<(f32, f32, f32, f32)> = None;
    for glyph in glyphs {
        let joins = hand.is_some_and(|(start, end, base, size)| {
            let (small, large) = (glyph.size.min(size), glyph.size.max(size));
            let off = (glyph.base - base).abs();
            // What is smaller may stand above or below the line.
            let level = off <= LEVEL * small || off <= 0.6 * large && small < 0.85 * large;
            let near = COLUMN * small;
            level
                && (glyph.start - end < near && glyph.start > start - near
                    || start - glyph.end < near && glyph.end < end)
        });
        match (&mut hand, runs.last_mut()) {
            (Some((start, end, base, size)), Some(run)) if joins => {
                (*start, *end) = (start.min(glyph.start), end.max(glyph.end));
                if glyph.size > *size * 1.1 {
                    (*base, *size) = (glyph.base, glyph.size);
                }
                run.push(glyph);
            }
            _ => {
                hand = Some((glyph.start, glyph.end, glyph.base, glyph.size));
                runs.push(vec![glyph]);
            }
        }
    }
    let chunks = runs.into_iter().filter_map(Chunk::new).collect();
    let rows = rows(chunks);
    rows.into_iter().flat_map(|row| beside(row, COLUMN)).flat_map(parted).collect()
}

/// Chunks by their lines, from the top.
pub fn rows(mut chunks: Vec<Chunk>) -> Vec<Vec<Chunk>> {
    chunks.sort_by(|a, b| a.base.total_cmp(&b.base));
    let mut rows: Vec<Vec<Chunk>> = Vec::new();
    for chunk in chunks {
        match rows.last_mut() {
            Some(row) if row.iter().any(|other| other.level(&chunk)) => row.push(chunk),
            _ => rows.push(vec![chunk]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.start.total_cmp(&b.start));
    }
    rows
}

/// Joins what stands in a row with gaps smaller than `gap` of its size. What is drawn over other words stays apart.
pub fn beside(row: Vec<Chunk>, gap: f32) -> Vec<Chunk> {
    let mut groups: Vec<Vec<Chunk>> = Vec::new();
    let mut over: Vec<Chunk> = Vec::new();
    let mut end = f32::MIN;
    for chunk in row {
        if end - chunk.start > 0.8 * chunk.size && chunk.end - chunk.start > 0.8 * chunk.size {
            over.push(chunk);
            continue;
        }
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|l| chunk.start - end < gap * l.size.min(chunk.size)) => {
                end = end.max(chunk.end);
                group.push(chunk);
            }
            _ => {
                end = chunk.end;
                groups.push(vec![chunk]);
            }
        }
    }
    let mut joined: Vec<Chunk> = groups.into_iter().filter_map(Chunk::joined).collect();
    if !over.is_empty() {
        joined.extend(beside(over, gap));
    }
    joined
}

/// A chunk that has gaps as wide as a column's after all, in several.
fn parted(chunk: Chunk) -> Vec<Chunk> {
    let size = chunk.size;
    let mut parts: Vec<Vec<Glyph>> = Vec::new();
    let mut end = f32::MIN;
    for glyph in chunk.glyphs {
        let blank = glyph.text.trim().is_empty();
        match parts.last_mut() {
            Some(part) if blank || glyph.start - end < COLUMN * size => part.push(glyph.clone()),
            _ => parts.push(vec![glyph.clone()]),
        }
        if !blank {
            end = end.max(glyph.end);
        }
    }
    parts.into_iter().filter_map(Chunk::new).collect()
}

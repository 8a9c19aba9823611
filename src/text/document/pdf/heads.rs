//! Running heads and page numbers: what stands at the edge of page after page is said once.

use super::layout::Block;
use super::line::Chunk;
use std::collections::HashMap;

/// How much of a page's height counts as its edge.
const EDGE: f32 = 0.12;
/// A line at the edge of so many pages, and of one in so many, runs.
const PAGES: usize = 3;
const SHARE: usize = 4;

/// A page: its number, its top and bottom, and what is on it.
pub struct Page {
    pub number: usize,
    pub edges: (f32, f32),
    pub blocks: Vec<Block>,
}

/// Drops what repeats at the edges of `pages`, but for its first time.
pub fn drop(pages: &mut [Page]) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for page in pages.iter() {
        let mut here: Vec<String> = at_edge(page).map(|line| mask(&line.text())).collect();
        here.sort_unstable();
        here.dedup();
        here.into_iter().for_each(|line| *times.entry(line).or_default() += 1);
    }
    let least = PAGES.max(pages.len() / SHARE);
    times.retain(|_, count| *count >= least);
    let mut said: Vec<String> = Vec::new();
    for page in pages {
        let edges = page.edges;
        if lines(page).all(|line| is_at_edge(line, edges)) && !page.blocks.iter().any(|b| matches!(b, Block::Table(_)))
        {
            // It says nothing else.
            continue;
        }
        for block in &mut page.blocks {
            let Block::Lines(lines) = block else { continue };
            lines.retain(|line| {
                if !is_at_edge(line, edges) {
                    return true;
                }
                let masked = mask(&line.text());
                if !times.contains_key(&masked) {
                    return true;
                }
                let first = !said.contains(&masked) && masked.chars().any(char::is_alphabetic);
                if first {
                    said.push(masked);
                }
                first
            });
        }
    }
}

fn lines(page: &Page) -> impl Iterator<Item = &Chunk> {
    page.blocks.iter().filter_map(|b| if let Block::Lines(lines) = b { Some(lines) } else { None }).flatten()
}

fn at_edge(page: &Page) -> impl Iterator<Item = &Chunk> {
    lines(page).filter(|line| is_at_edge(line, page.edges))
}

fn is_at_edge(line: &Chunk, (top, bottom): (f32, f32)) -> bool {
    let edge = EDGE * (bottom - top);
    line.base < top + edge || line.top() > bottom - edge
}

/// A line with its numbers alike, where they may number pages: one or two short ones.
fn mask(line: &str) -> String {
    let digits = |c: &char| c.is_ascii_digit();
    let mut masked = String::new();
    let (mut groups, mut longest, mut length) = (0, 0, 0);
    for c in line.chars() {
        if digits(&c) {
            if length == 0 {
                groups += 1;
                masked.push('#');
            }
            length += 1;
        } else {
            length = 0;
            masked.push(c);
        }
        longest = longest.max(length);
    }
    if groups <= 2 && longest <= 4 { masked } else { line.to_string() }
}

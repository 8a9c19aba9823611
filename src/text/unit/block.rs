//! A passage's blocks: paragraphs, lists, tables, code.

use super::line::{self, Line};

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Sentences, fields, headings. Its lines are those a person meant: what only the page's width broke is joined.
    Prose,
    /// Items, each with the lines that belong to it.
    List,
    /// Rows with bars.
    Table,
    /// Program text.
    Code,
}

/// A run of lines of one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub shape: Shape,
    /// Its lines, none of them blank.
    pub lines: Vec<Line>,
}

/// A line this long, in characters, may have been broken by the column and not by the writer.
const COLUMN: usize = 40;
/// A line this long goes on where the next begins with a small letter.
const LEAST: usize = 25;

/// The blocks of `text`, in order.
pub fn parse(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut paragraph: Vec<Line> = Vec::new();
    let mut fence: Option<&str> = None;
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        let trimmed = whole.trim();
        let before = whole.len() - whole.trim_start().len();
        let start = at + before.min(whole.len() - trimmed.len());
        let line = Line { range: start..start + trimmed.len(), indent: whole[..before].chars().count() };
        at += whole.len();
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => {
                close(text, &mut paragraph, &mut blocks);
                fence = Some(mark);
            }
            (Some(open), Some(mark)) if open == mark => {
                fence = None;
                push(Shape::Code, std::mem::take(&mut paragraph), &mut blocks);
            }
            _ if trimmed.is_empty() && fence.is_none() => close(text, &mut paragraph, &mut blocks),
            _ if trimmed.is_empty() => {}
            _ => paragraph.push(line),
        }
    }
    match fence {
        Some(_) => push(Shape::Code, paragraph, &mut blocks),
        None => close(text, &mut paragraph, &mut blocks),
    }
    blocks
}

fn push(shape: Shape, lines: Vec<Line>, blocks: &mut Vec<Block>) {
    if !lines.is_empty() {
        blocks.push(Block { shape, lines });
    }
}

/// Ends a paragraph: it becomes one block, or one for each shape in it.
fn close(text: &str, paragraph: &mut Vec<Line>, blocks: &mut Vec<Block>) {
    let lines = std::mem::take(paragraph);
    let code = lines.iter().filter(|l| line::is_code(&text[l.range.clone()], l.indent)).count();
    if code * 2 > lines.len() {
        return push(Shape::Code, lines, blocks);
    }
    let mut runs: Vec<Block> = Vec::new();
    for line in lines {
        let words = &text[line.range.clone()];
        let open = runs.last().map(|block| block.shape);
        let shape = if line::is_table(words) {
            Shape::Table
        } else if line::marker(words).is_some() || open == Some(Shape::List) {
            // A line without a marker is for the item before it, or names the group of those that follow.
            Shape::List
        } else {
            Shape::Prose
        };
        match runs.last_mut().filter(|block| block.shape == shape) {
            Some(block) => block.lines.push(line),
            None => runs.push(Block { shape, lines: vec![line] }),
        }
    }
    for block in runs.iter_mut().filter(|block| block.shape == Shape::Prose) {
        block.lines = join(text, std::mem::take(&mut block.lines));
    }
    blocks.extend(runs);
}

/// `lines` without the breaks that only the width of the page put there.
fn join(text: &str, lines: Vec<Line>) -> Vec<Line> {
    let length = |line: &Line| text[line.range.clone()].chars().count();
    let width = lines.iter().map(length).max().unwrap_or_default();
    let mut joined: Vec<Line> = Vec::new();
    let mut last = 0;
    for line in lines {
        let count = length(&line);
        match joined.last_mut() {
            Some(before) if goes_on(&text[before.range.clone()], last, &text[line.range.clone()], width) => {
                before.range.end = line.range.end;
            }
            _ => joined.push(line),
        }
        last = count;
    }
    joined
}

/// Whether the sentence at the end of `before`, whose last line has `length` characters, goes on in `next`.
pub fn goes_on(before: &str, length: usize, next: &str, width: usize) -> bool {
    if line::is_ended(before) || line::is_lead(before) || line::key(next).is_some() || line::columns(next).is_some() {
        return false;
    }
    let first = next.split_whitespace().next().unwrap_or_default().chars().count();
    let full = length >= COLUMN && (length + first) * 4 >= width * 3;
    let small = next.starts_with(char::is_lowercase) && length >= LEAST;
    full || small || before.ends_with(',')
}

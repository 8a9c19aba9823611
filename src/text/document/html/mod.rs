//! HTML, as it is found: read tag by tag, in one pass and without a tree, so that neither the depth nor the faults of
//! a page cost anything. Headings open sections; scripts, styles, navigation and hidden parts are left out.

mod elements;
#[cfg(test)]
mod tests;

use super::outline::{Outline, next_marker};
use super::table::{Grid, render};
use super::{Parts, SENTENCE_ENDS, script};
use elements::{is_aside, is_block, is_closed, is_program};
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use std::convert::Infallible;

/// A heading longer than this, in bytes, is one that was never closed, and is text.
const LONGEST_HEADING: usize = 1000;

/// Reads the whole of a page.
pub fn read(text: &str) -> Parts {
    let mut outline = Outline::default();
    let mut page = Page::walk(&mut outline, text, false);
    if page.skipping.is_some() {
        // What was left out was never closed: better the menu in the text than the page left out.
        outline = Outline::default();
        page = Page::walk(&mut outline, text, true);
    }
    let title = page.finish();
    outline.finish(title)
}

/// Reads a fragment into the document that it is a part of.
pub fn read_into(outline: &mut Outline, text: &str) {
    Page::walk(outline, text, false).finish();
}

/// What is being left out: an element, and how often it is open within itself.
struct Skip {
    name: Vec<u8>,
    depth: usize,
}

/// A start tag whose attributes are still being read.
#[derive(Default)]
struct Tag {
    name: Vec<u8>,
    attribute: Vec<u8>,
    hidden: bool,
    /// What a picture shows, in words.
    shows: String,
    /// The columns and rows that a cell spans.
    spans: (usize, usize),
}

/// A list that is open: its next number, when it counts.
type List = Option<u64>;

/// A table that is open.
#[derive(Default)]
struct Table {
    grid: Grid,
    /// Whether all cells of the first row are header cells.
    header: bool,
    rows: usize,
    in_cell: bool,
}

/// The page so far.
struct Page<'a> {
    outline: &'a mut Outline,
    title: Option<String>,
    in_title: bool,
    /// Keep all that can be read, hidden or not.
    keep: bool,
    tag: Tag,
    skipping: Option<Skip>,
    /// The level of the heading that is open.
    heading: Option<u32>,
    preformatted: usize,
    lists: Vec<List>,
    /// What the next line of a list starts with.
    marker: String,
    table: Option<Table>,
    /// Whether bold words that open a block are being read.
    opening: bool,
    /// How characters stand above or below the line, where they do.
    raise: Option<fn(char) -> char>,
    /// Whether the white space in hand has the end of a line in it.
    broken: bool,
    /// The finished lines of the block in hand, and the line in hand.
    block: String,
    line: String,
}

impl<'a> Page<'a> {
    /// Reads `text` up to its end, where something may still be open.
    fn walk(outline: &'a mut Outline, text: &str, keep: bool) -> Self {
        let mut page = Self {
            outline,
            keep,
            title: None,
            in_title: false,
            tag: Tag::default(),
            skipping: None,
            heading: None,
            preformatted: 0,
            lists: Vec::new(),
            marker: String::new(),
            table: None,
            opening: false,
            raise: None,
            broken: false,
            block: String::new(),
            line: String::new(),
        };
        let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
            page.event(event);
            None
        });
        emitter.naively_switch_states(true);
        // Nothing can fail: the text is in memory.
        let Ok(()) = Tokenizer::new_with_emitter(text, emitter).finish();
        page
    }

    /// Ends everything that is still open, and gives the page's title.
    fn finish(mut self) -> Option<String> {
        self.end_heading();
        self.end_table();
        self.flush();
        self.title
    }

    fn event(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => self.tag = Tag { name: name.to_vec(), ..Tag::default() },
            CallbackEvent::AttributeName { name } => {
                self.tag.attribute = name.to_vec();
                self.tag.hidden |= name == b"hidden";
            }
            CallbackEvent::AttributeValue { value } => {
                let pair = (self.tag.attribute.as_slice(), value);
                self.tag.hidden |= matches!(pair, (b"aria-hidden", b"true") | (b"role", b"navigation"));
                let number = || str::from_utf8(value).ok().and_then(|v| v.trim().parse().ok()).unwrap_or(1);
                match self.tag.attribute.as_slice() {
                    b"alt" => self.tag.shows = String::from_utf8_lossy(value).into_owned(),
                    b"colspan" => self.tag.spans.0 = number(),
                    b"rowspan" => self.tag.spans.1 = number(),
                    _ => {}
                }
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                let tag = std::mem::take(&mut self.tag);
                self.start(tag, self_closing);
            }
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::String { value } => self.text(&String::from_utf8_lossy(value)),
            CallbackEvent::Comment { .. } | CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => {}
        }
    }

    fn start(&mut self, tag: Tag, self_closing: bool) {
        if let Some(skip) = &mut self.skipping {
            skip.depth += usize::from(skip.name == tag.name && !self_closing);
            return;
        }
        let name = tag.name.as_slice();
        let hidden = !self.keep && !self_closing && (is_aside(name) || tag.hidden && is_closed(name));
        if hidden || is_program(name) {
            self.skipping = Some(Skip { name: tag.name, depth: 1 });
            return;
        }
        match name {
            b"title" => self.in_title = true,
            b"br" => self.end_line_here(),
            b"sup" => self.raise = Some(script::raised),
            b"sub" => self.raise = Some(script::lowered),
            b"img" if !tag.shows.trim().is_empty() => self.text(&format!(" [{}] ", tag.shows.trim())),
            b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => {
                self.end_heading();
                self.dissolve_table();
                self.flush();
                self.heading = Some(u32::from(name[1] - b'0'));
            }
            b"ul" | b"ol" | b"dl" | b"menu" => {
                self.end_block();
                self.lists.push((name == b"ol").then_some(1));
            }
            b"li" => {
                self.end_block();
                self.marker = next_marker(&mut self.lists);
            }
            b"pre" | b"textarea" => {
                self.end_block();
                self.preformatted += 1;
            }
            b"table" => {
                self.dissolve_table();
                self.end_block();
                self.table = Some(Table { header: true, ..Table::default() });
            }
            b"tr" | b"td" | b"th" => self.start_cell(name, tag.spans),
            b"b" | b"strong" => {
                let above = self.line.is_empty() && self.block.is_empty();
                self.opening = above && self.lists.is_empty() && self.table.is_none() && self.heading.is_none();
            }
            _ if is_block(name) => self.end_block(),
            _ => {}
        }
    }

    fn end(&mut self, name: &[u8]) {
        if let Some(skip) = &mut self.skipping {
            skip.depth -= usize::from(skip.name == name);
            if skip.depth == 0 {
                self.skipping = None;
            }
            return;
        }
        match name {
            b"title" => self.in_title = false,
            b"sup" | b"sub" => self.raise = None,
            b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => self.end_heading(),
            b"ul" | b"ol" | b"dl" | b"menu" => {
                self.end_line();
                self.marker.clear();
                self.lists.pop();
                self.end_block();
            }
            b"pre" | b"textarea" => {
                self.end_block();
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            b"table" => self.end_table(),
            // As in Markdown: a bold sentence that opens a paragraph is in effect its heading.
            b"b" | b"strong" if std::mem::take(&mut self.opening) && self.line.ends_with(SENTENCE_ENDS) => {
                self.line.push('\n');
            }
            b"tr" | b"td" | b"th" => {
                self.end_block();
                if let Some(table) = &mut self.table {
                    table.in_cell = false;
                }
            }
            _ if is_block(name) => self.end_block(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipping.is_some() {
            return;
        }
        if self.in_title {
            self.title.get_or_insert_default().push_str(text);
            return;
        }
        if self.preformatted > 0 {
            self.line.push_str(text);
            return;
        }
        for c in text.chars() {
            // A no-break space is kept apart by HTML, but not by a reader.
            if !c.is_whitespace() {
                if self.broken && script::joins(self.line.trim_end().chars().next_back(), Some(c)) {
                    self.line.truncate(self.line.trim_end().len());
                }
                self.broken = false;
                self.line.push(self.raise.map_or(c, |raise| raise(c)));
                continue;
            }
            // The end of a line is no space between signs that are written without.
            self.broken |= c == '\n';
            if !self.line.ends_with([' ', '\n']) && !self.line.is_empty() {
                self.line.push(' ');
            }
        }
    }

    /// `<br>`: a break within the line in hand.
    fn end_line_here(&mut self) {
        let end = self.line.trim_end_matches(' ').len();
        self.line.truncate(end);
        self.line.push('\n');
    }

    /// The line in hand joins the block, or the cell that is open.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = if self.preformatted > 0 { line.trim_matches('\n').trim_end() } else { line.trim() };
        if text.is_empty() {
            return;
        }
        if let Some(table) = self.table.as_mut().filter(|t| t.in_cell) {
            table.grid.text(text);
            return;
        }
        if !self.block.is_empty() {
            self.block.push('\n');
        }
        self.block.push_str(&std::mem::take(&mut self.marker));
        self.block.push_str(text);
    }

    /// A block starts or ends; inside a list that is only a new line.
    fn end_block(&mut self) {
        if self.heading.is_some() {
            if self.line.len() <= LONGEST_HEADING {
                // A block within a heading.
                self.text(" ");
                return;
            }
            self.heading = None;
        }
        self.end_line();
        let in_cell = self.table.as_ref().is_some_and(|t| t.in_cell);
        if self.lists.is_empty() && !in_cell {
            self.outline.block(&std::mem::take(&mut self.block));
        }
    }

    /// Everything in hand becomes a block, lists or not.
    fn flush(&mut self) {
        self.end_line();
        self.outline.block(&std::mem::take(&mut self.block));
    }

    fn end_heading(&mut self) {
        if let Some(level) = self.heading.take() {
            // The sign is the link that documentation generators add.
            self.outline.heading(level, std::mem::take(&mut self.line).trim_end().trim_end_matches('¶'));
        }
    }

    fn start_cell(&mut self, name: &[u8], (wide, high): (usize, usize)) {
        self.end_block();
        let Some(table) = &mut self.table else { return };
        table.in_cell = name != b"tr";
        if name == b"tr" || table.rows == 0 {
            table.grid.row();
            table.rows += 1;
        }
        table.header &= table.rows > 1 || name != b"td";
        if table.in_cell {
            table.grid.cell(wide, high);
        }
    }

    fn end_table(&mut self) {
        self.end_block();
        let Some(table) = self.table.take() else { return };
        let first_is_empty = table.grid.begins_empty();
        let rows = table.grid.unfolded();
        self.flush();
        if rows.iter().all(|row| row.len() == 1) {
            // One column is no table, but a frame around text.
            rows.iter().flatten().for_each(|cell| self.outline.block(cell.trim()));
        } else {
            self.outline.block(&render(table.header && !first_is_empty, &rows));
        }
    }

    /// A heading or a table within a table: it only holds the layout, and its cells are blocks.
    fn dissolve_table(&mut self) {
        if self.table.is_some() {
            self.end_block();
            let cells = self.table.take().into_iter().flat_map(|t| t.grid.said());
            self.flush();
            cells.for_each(|cell| self.outline.block(cell.trim()));
        }
    }
}

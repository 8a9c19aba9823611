//! OpenDocument: texts, sheets and slides are one language of XML.

use super::package::Package;
use super::xml::{Attributes, Node, walk};
use crate::error::{Error, Result};
use crate::text::document::outline::{Outline, next_marker};
use crate::text::document::table::Grid;
use crate::text::document::{Parts, Section, csv, line, script};
use std::collections::HashMap;

/// A sheet may say a row or a cell again so often; what is empty is said again a million times.
const AGAIN: usize = 1000;

/// Reads a text, a sheet or slides.
pub fn read(bytes: &[u8]) -> Result<Parts> {
    let mut package = Package::open(bytes)?;
    if let Some(manifest) = package.part("META-INF/manifest.xml")? {
        let mut locked = false;
        walk(&manifest, &mut |node| locked |= matches!(node, Node::Open("encryption-data", _)))?;
        if locked {
            return Err(Error::unsupported("is locked with a password; save a copy without one"));
        }
    }
    let mut title = String::new();
    if let Some(meta) = package.part("meta.xml")? {
        let mut within = false;
        walk(&meta, &mut |node| match node {
            Node::Open(name, _) => within = name == "title",
            Node::Text(text) if within => title.push_str(text),
            Node::Text(_) => {}
            Node::Close(_) => within = false,
        })?;
    }
    let content = package.must("content.xml")?;
    let mut reader = Reader::default();
    walk(&content, &mut |node| reader.node(node))?;
    reader.end_list();
    let title = Some(title).filter(|t| !t.trim().is_empty());
    if reader.sections.is_empty() {
        return Ok(reader.outline.finish(title.or(reader.title)));
    }
    Ok((title, reader.sections))
}

/// How a style shows a sign: raised or lowered.
type Raise = fn(char) -> char;

#[derive(Default)]
struct Reader {
    outline: Outline,
    title: Option<String>,
    /// The sections of sheets and slides.
    sections: Vec<Section>,
    /// Whether this is a sheet, whose rows are records.
    sheet: bool,
    /// The rows of the sheet in hand, and how often the row and the cell in hand are said.
    rows: Vec<Vec<String>>,
    row_again: usize,
    cell_again: usize,
    name: String,
    /// The slide in hand: its number, title and blocks.
    slide: Option<(usize, String, Vec<String>)>,
    slides: usize,
    in_notes: bool,
    class: String,
    /// The open paragraphs: a frame or a note has some within another. A heading has a level.
    open: Vec<(String, Option<u32>)>,
    tables: Vec<Grid>,
    lists: Vec<Option<u64>>,
    marker: String,
    items: Vec<String>,
    /// How deep in what is not read.
    skipping: usize,
    /// Which styles raise or lower, and which lists count.
    style: String,
    raising: HashMap<String, Raise>,
    counting: HashMap<String, bool>,
    raised: Vec<Option<Raise>>,
}

impl Reader {
    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Open(name, attributes) => self.open(name, attributes),
            Node::Close(name) => self.close(name),
            Node::Text(text) if self.skipping == 0 => {
                let raised = self.raised.last().copied().flatten();
                if let Some((paragraph, _)) = self.open.last_mut() {
                    for c in text.chars() {
                        // White space is laid out as in HTML; what is meant has its own elements.
                        match c.is_whitespace() && c != '\u{a0}' {
                            true if paragraph.ends_with([' ', '\n']) || paragraph.is_empty() => {}
                            true => paragraph.push(' '),
                            false => paragraph.push(raised.map_or(c, |raise| raise(c))),
                        }
                    }
                }
            }
            Node::Text(_) => {}
        }
    }

    fn open(&mut self, name: &str, a: &Attributes) {
        if self.skipping > 0 || matches!(name, "tracked-changes" | "annotation" | "sequence-decls" | "forms") {
            self.skipping += 1;
            return;
        }
        match name {
            "style" => self.style = a.get("name").unwrap_or_default().to_string(),
            "text-properties" => {
                let raise: Option<fn(char) -> char> = match a.get("text-position") {
                    Some(p) if p.starts_with("super") || p.starts_with(|c: char| c.is_ascii_digit() && c != '0') => {
                        Some(script::raised)
                    }
                    Some(p) if p.starts_with("sub") || p.starts_with('-') => Some(script::lowered),
                    _ => None,
                };
                self.raising.extend(raise.map(|raise| (self.style.clone(), raise)));
            }
            "list-style" => self.style = a.get("name").unwrap_or_default().to_string(),
            "list-level-style-number" => drop(self.counting.entry(self.style.clone()).or_insert(true)),
            "list-level-style-bullet" => drop(self.counting.entry(self.style.clone()).or_insert(false)),
            "spreadsheet" => self.sheet = true,
            "page" => {
                self.end_list();
                self.slides += 1;
                self.slide = Some((self.slides, String::new(), Vec::new()));
            }
            "notes" => {
                self.end_list();
                self.in_notes = true;
            }
            "frame" => self.class = a.get("class").unwrap_or_default().to_string(),
            "h" => self.open.push((String::new(), Some(a.number("outline-level").unwrap_or(1) as u32))),
            "p" => self.open.push((String::new(), None)),
            "span" => {
                let raise = a.get("style-name").and_then(|style| self.raising.get(style)).copied();
                self.raised.push(raise);
            }
            "s" => self.push(&" ".repeat(a.number("c").unwrap_or(1).min(AGAIN))),
            "tab" => self.push("\t"),
            "line-break" => self.push("\n"),
            "note-citation" => self.raised.push(Some(script::raised)),
            "desc" | "title" if !self.open.is_empty() => self.push(" "),
            "list" => {
                if self.lists.is_empty() && self.tables.is_empty() && self.slide.is_none() {
                    self.end_list();
                }
                let counts = a.get("style-name").and_then(|style| self.counting.get(style)).copied();
                self.lists.push(counts.unwrap_or(false).then_some(1));
            }
            "list-item" => self.marker = next_marker(&mut self.lists),
            "table" if self.sheet => {
                self.name = a.get("name").unwrap_or_default().to_string();
                self.rows.clear();
            }
            "table" => {
                self.end_list();
                self.tables.push(Grid::default());
            }
            "table-row" => {
                self.row_again = a.number("number-rows-repeated").unwrap_or(1);
                if self.sheet {
                    self.rows.push(Vec::new());
                } else {
                    self.tables.last_mut().into_iter().for_each(Grid::row);
                }
            }
            "table-cell" | "covered-table-cell" => {
                self.cell_again = a.number("number-columns-repeated").unwrap_or(1).min(AGAIN);
                let (wide, high) =
                    (a.number("number-columns-spanned").unwrap_or(1), a.number("number-rows-spanned").unwrap_or(1));
                if self.sheet {
                    self.rows.last_mut().into_iter().for_each(|row| row.push(String::new()));
                } else if name == "table-cell" {
                    self.tables.last_mut().into_iter().for_each(|t| t.cell(wide, high));
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, text: &str) {
        if let Some((paragraph, _)) = self.open.last_mut() {
            paragraph.push_str(text);
        }
    }

    fn close(&mut self, name: &str) {
        if self.skipping > 0 {
            self.skipping -= 1;
            return;
        }
        match name {
            "h" | "p" => {
                if let Some((text, level)) = self.open.pop() {
                    self.take(&text, level);
                }
            }
            "span" | "note-citation" => drop(self.raised.pop()),
            "list" => {
                self.lists.pop();
                self.marker.clear();
            }
            "table-cell" | "covered-table-cell" if self.sheet => {
                if let Some(row) = self.rows.last_mut() {
                    let cell = row.last().cloned().unwrap_or_default();
                    row.extend((1..self.cell_again).map(|_| cell.clone()));
                }
            }
            "table-row" if self.sheet => {
                if let Some(row) = self.rows.last_mut() {
                    while row.last().is_some_and(|cell| cell.trim().is_empty()) {
                        row.pop();
                    }
                    let row = row.clone();
                    // Empty rows count for the numbers of those below.
                    let again = self.row_again.min(if row.is_empty() { 2_000_000 } else { AGAIN });
                    self.rows.extend((1..again).map(|_| row.clone()));
                }
            }
            "table" if self.sheet => {
                let path = Some(self.name.clone()).filter(|n| !n.is_empty());
                self.sections
                    .extend(csv::sections(path.into_iter().collect(), (1..).zip(std::mem::take(&mut self.rows))));
            }
            "table" => {
                let Some(table) = self.tables.pop() else { return };
                let text = table.render().trim_end().to_string();
                match self.tables.last_mut() {
                    Some(outer) => outer.text(&text),
                    None => self.block(text),
                }
            }
            "notes" => {
                let items = std::mem::take(&mut self.items);
                if !items.is_empty() {
                    self.block(format!("Notes:\n{}", items.join("\n")));
                }
                self.in_notes = false;
            }
            "frame" => self.class.clear(),
            "page" => {
                self.end_list();
                let Some((number, title, mut blocks)) = self.slide.take() else { return };
                let title = Some(line(&title)).filter(|t| !t.is_empty());
                if blocks.is_empty() {
                    blocks.extend(title.clone());
                }
                if !blocks.is_empty() {
                    let place = Some(format!("slide {number}"));
                    self.sections.push(Section { path: title.into_iter().collect(), place, text: blocks.join("\n\n") });
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, text: &str, level: Option<u32>) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if self.sheet {
            if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
                if !cell.is_empty() {
                    cell.push(' ');
                }
                cell.push_str(text);
            }
            return;
        }
        if let Some((outer, _)) = self.open.last_mut() {
            outer.push_str(&format!(" {text} "));
            return;
        }
        if let Some(table) = self.tables.last_mut() {
            return table.text(text);
        }
        if let Some((_, title, _)) = self.slide.as_mut().filter(|_| self.class == "title" && !self.in_notes) {
            title.push(' ');
            title.push_str(text);
            return;
        }
        if !self.lists.is_empty() || self.in_notes {
            let marker = if self.in_notes { String::new() } else { std::mem::take(&mut self.marker) };
            self.items.push(format!("{marker}{text}"));
            return;
        }
        self.end_list();
        match level {
            Some(level) => {
                if level == 1 && self.title.is_none() {
                    self.title = Some(text.to_string());
                }
                self.outline.heading(level, text);
            }
            None => self.block(text.to_string()),
        }
    }

    fn end_list(&mut self) {
        let items = std::mem::take(&mut self.items);
        if !items.is_empty() {
            self.block(items.join("\n"));
        }
    }

    fn block(&mut self, text: String) {
        match &mut self.slide {
            Some((_, _, blocks)) => blocks.push(text),
            None => self.outline.block(&text),
        }
    }
}

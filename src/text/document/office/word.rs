//! DOCX: paragraphs under their headings, lists, tables, footnotes. What was deleted stays out, and what was inserted
//! is in.

use super::package::Package;
use super::xml::{Attributes, Node, walk};
use crate::error::Result;
use crate::text::document::outline::{Outline, next_marker};
use crate::text::document::table::Grid;
use crate::text::document::{Parts, script};
use std::collections::HashMap;

/// Reads the text of a document and its notes.
pub fn read(bytes: &[u8]) -> Result<Parts> {
    let mut package = Package::open(bytes)?;
    let main = main_part(&mut package)?;
    let (styles, styled) = styles(&mut package)?;
    let counted = counted(&mut package)?;
    let mut body = Body { styles, styled, counted, ..Body::default() };
    let document = package.must(&main)?;
    walk(&document, &mut |node| body.node(node))?;
    body.flush();
    for (part, called) in [("word/footnotes.xml", "Footnotes"), ("word/endnotes.xml", "Endnotes")] {
        if let Some(notes) = package.part(part)? {
            let mut said = Notes::default();
            walk(&notes, &mut |node| said.node(node))?;
            if !said.notes.is_empty() {
                body.outline.block(&format!("{called}:\n{}", said.notes.join("\n")));
            }
        }
    }
    let title = declared_title(&mut package)?;
    Ok(body.outline.finish(title.or(body.title)))
}

/// The title that the properties of a package declare.
pub fn declared_title(package: &mut Package<'_>) -> Result<Option<String>> {
    let Some(core) = package.part("docProps/core.xml")? else { return Ok(None) };
    let (mut title, mut within) = (String::new(), false);
    walk(&core, &mut |node| match node {
        Node::Open(name, _) => within = name == "title",
        Node::Text(text) if within => title.push_str(text),
        Node::Text(_) => {}
        Node::Close(_) => within = false,
    })?;
    Ok(Some(title).filter(|t| !t.trim().is_empty()))
}

/// Where the document itself is: it may be called otherwise.
fn main_part(package: &mut Package<'_>) -> Result<String> {
    let usual = "word/document.xml".to_string();
    let Some(relations) = package.part("_rels/.rels")? else { return Ok(usual) };
    let mut found = None;
    walk(&relations, &mut |node| {
        if let Node::Open("Relationship", a) = node
            && a.get("Type").is_some_and(|t| t.ends_with("/officeDocument"))
        {
            found = a.get("Target").map(|t| t.trim_start_matches('/').to_string());
        }
    })?;
    Ok(found.unwrap_or(usual))
}

/// By the style's id, the level of the heading that it makes, and the list that it is an item of.
type Styles = (HashMap<String, u32>, HashMap<String, usize>);

fn styles(package: &mut Package<'_>) -> Result<Styles> {
    let (mut levels, mut lists) = Styles::default();
    let Some(part) = package.part("word/styles.xml")? else { return Ok((levels, lists)) };
    let mut id = String::new();
    walk(&part, &mut |node| match node {
        Node::Open("style", a) => id = a.get("styleId").unwrap_or_default().to_string(),
        Node::Open("name", a) => {
            // Names are English in every language, whatever is shown.
            let name = a.get("val").unwrap_or_default().to_ascii_lowercase();
            let level = name.strip_prefix("heading ").and_then(|n| n.parse().ok());
            let level = level.or((name == "title").then_some(1));
            levels.extend(level.map(|level: u32| (id.clone(), level)));
        }
        Node::Open("outlineLvl", a) => {
            if let Some(level) = a.number("val").filter(|l| *l < 9) {
                levels.entry(id.clone()).or_insert(level as u32 + 1);
            }
        }
        Node::Open("numId", a) => lists.extend(a.number("val").filter(|n| *n > 0).map(|n| (id.clone(), n))),
        _ => {}
    })?;
    Ok((levels, lists))
}

/// Which lists count, by number and level.
fn counted(package: &mut Package<'_>) -> Result<HashMap<(usize, usize), bool>> {
    let mut counted = HashMap::new();
    let Some(part) = package.part("word/numbering.xml")? else { return Ok(counted) };
    let mut abstracts: HashMap<(usize, usize), bool> = HashMap::new();
    let (mut of, mut level, mut list) = (None, 0, None);
    walk(&part, &mut |node| match node {
        Node::Open("abstractNum", a) => of = a.number("abstractNumId"),
        Node::Open("lvl", a) => level = a.number("ilvl").unwrap_or(0),
        Node::Open("numFmt", a) => {
            if let Some(of) = of {
                abstracts.insert((of, level), !matches!(a.get("val"), Some("bullet" | "none")));
            }
        }
        Node::Open("num", a) => (list, of) = (a.number("numId"), None),
        Node::Open("abstractNumId", a) => {
            if let (Some(list), Some(of)) = (list, a.number("val")) {
                let levels = abstracts.iter().filter(|((n, _), _)| *n == of);
                counted.extend(levels.map(|((_, level), counts)| ((list, *level), *counts)));
            }
        }
        _ => {}
    })?;
    Ok(counted)
}

/// A paragraph as it is read.
#[derive(Default)]
struct Paragraph {
    text: String,
    heading: Option<u32>,
    list: Option<usize>,
    level: usize,
}

#[derive(Default)]
struct Body {
    styles: HashMap<String, u32>,
    styled: HashMap<String, usize>,
    counted: HashMap<(usize, usize), bool>,
    outline: Outline,
    title: Option<String>,
    /// The open paragraphs: a text box has some within another.
    open: Vec<Paragraph>,
    /// The open tables.
    tables: Vec<Grid>,
    /// The lines of the list in hand, and its next numbers.
    items: Vec<String>,
    lists: Vec<Option<u64>>,
    /// How deep in what is not read.
    skipping: usize,
    in_text: bool,
    raised: Option<fn(char) -> char>,
}

impl Body {
    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Open(name, attributes) => self.open(name, attributes),
            Node::Close(name) => self.close(name),
            Node::Text(text) if self.in_text && self.skipping == 0 => {
                let raised = self.raised;
                if let Some(paragraph) = self.open.last_mut() {
                    paragraph.text.extend(text.chars().map(|c| raised.map_or(c, |raise| raise(c))));
                }
            }
            Node::Text(_) => {}
        }
    }

    fn open(&mut self, name: &str, a: &Attributes) {
        // Text boxes come twice: for programs that know them, and as a fallback.
        if self.skipping > 0 || matches!(name, "del" | "moveFrom" | "Fallback" | "instrText") {
            self.skipping += 1;
            return;
        }
        let paragraph = self.open.last_mut();
        match (name, paragraph) {
            ("p", _) => self.open.push(Paragraph::default()),
            ("pStyle", Some(p)) => {
                let style = a.get("val").unwrap_or_default();
                p.heading = p.heading.or(self.styles.get(style).copied());
                p.list = p.list.or(self.styled.get(style).copied());
            }
            ("outlineLvl", Some(p)) => {
                p.heading = p.heading.or(a.number("val").filter(|l| *l < 9).map(|l| l as u32 + 1))
            }
            ("ilvl", Some(p)) => p.level = a.number("val").unwrap_or(0).min(8),
            ("numId", Some(p)) => p.list = a.number("val").filter(|n| *n > 0),
            ("t", _) => self.in_text = true,
            ("tab", Some(p)) if !p.text.is_empty() => p.text.push('\t'),
            ("br" | "cr", Some(p)) => p.text.push('\n'),
            ("noBreakHyphen", Some(p)) => p.text.push('-'),
            ("vertAlign", _) => {
                self.raised = match a.get("val") {
                    Some("superscript") => Some(script::raised),
                    Some("subscript") => Some(script::lowered),
                    _ => None,
                };
            }
            ("r", _) => self.raised = None,
            ("footnoteReference" | "endnoteReference", Some(p)) => {
                p.text.extend(a.get("id").unwrap_or_default().chars().map(script::raised));
            }
            ("docPr", Some(p)) => {
                if let Some(described) = a.get("descr").filter(|d| !d.trim().is_empty()) {
                    p.text.push_str(&format!(" [{}] ", described.trim()));
                }
            }
            ("tbl", _) => {
                self.end_list();
                self.tables.push(Grid::default());
            }
            ("tr", _) => self.tables.last_mut().into_iter().for_each(Grid::row),
            ("tc", _) => self.tables.last_mut().into_iter().for_each(|t| t.cell(1, 1)),
            ("gridSpan", _) => {
                let wide = a.number("val").unwrap_or(1);
                self.tables.last_mut().into_iter().for_each(|t| t.widen(wide));
            }
            ("vMerge", _) if a.get("val") != Some("restart") => {
                self.tables.last_mut().into_iter().for_each(Grid::repeat);
            }
            ("tblHeader", _) if a.get("val").is_none_or(|v| v != "0" && v != "false") => {
                self.tables.last_mut().into_iter().for_each(Grid::name);
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if self.skipping > 0 {
            self.skipping -= 1;
            return;
        }
        match name {
            "t" => self.in_text = false,
            "p" => {
                if let Some(paragraph) = self.open.pop() {
                    self.take(paragraph);
                }
            }
            "tbl" => {
                let Some(table) = self.tables.pop() else { return };
                let text = table.render();
                match self.tables.last_mut() {
                    Some(outer) => outer.text(&text),
                    None => self.outline.block(&text),
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, paragraph: Paragraph) {
        let text = paragraph.text.trim();
        if text.is_empty() {
            return;
        }
        if let Some(outer) = self.open.last_mut() {
            // A text box: it stands beside the paragraph that holds it.
            let box_text = text.to_string();
            outer.text = format!("{box_text}\n{}", outer.text);
            return;
        }
        if let Some(table) = self.tables.last_mut() {
            return table.text(text);
        }
        match (paragraph.heading, paragraph.list) {
            (Some(level), _) => {
                self.end_list();
                if level == 1 && self.title.is_none() {
                    self.title = Some(text.to_string());
                }
                self.outline.heading(level, text);
            }
            (None, Some(list)) => {
                self.lists.truncate(paragraph.level + 1);
                while self.lists.len() <= paragraph.level {
                    let counts = self.counted.get(&(list, self.lists.len())).copied().unwrap_or(false);
                    self.lists.push(counts.then_some(1));
                }
                self.items.push(format!("{}{text}", next_marker(&mut self.lists)));
            }
            (None, None) => {
                self.end_list();
                self.outline.block(text);
            }
        }
    }

    fn end_list(&mut self) {
        self.lists.clear();
        let items = std::mem::take(&mut self.items);
        if !items.is_empty() {
            self.outline.block(&items.join("\n"));
        }
    }

    fn flush(&mut self) {
        while let Some(paragraph) = self.open.pop() {
            self.take(paragraph);
        }
        self.end_list();
    }
}

/// Footnotes by their numbers.
#[derive(Default)]
struct Notes {
    notes: Vec<String>,
    number: String,
    text: String,
    in_text: bool,
}

impl Notes {
    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Open("footnote" | "endnote", a) => {
                self.number = a.get("id").unwrap_or_default().chars().map(script::raised).collect();
                self.text.clear();
            }
            Node::Open("t", _) => self.in_text = true,
            Node::Text(text) if self.in_text => self.text.push_str(text),
            Node::Close("t") => self.in_text = false,
            Node::Close("p") => self.text.push(' '),
            Node::Close("footnote" | "endnote") if !self.text.trim().is_empty() => {
                self.notes.push(format!("{} {}", self.number, self.text.trim()));
            }
            _ => {}
        }
    }
}

//! PPTX: slide by slide, in the order of the show, each under its title, with the speaker's notes.

use super::package::{Package, resolve};
use super::word::declared_title;
use super::xml::{Node, walk};
use crate::error::Result;
use crate::text::document::outline::next_marker;
use crate::text::document::table::Grid;
use crate::text::document::{Parts, Section, line, script};
use std::collections::HashMap;

/// Reads every slide that is shown.
pub fn read(bytes: &[u8]) -> Result<Parts> {
    let mut package = Package::open(bytes)?;
    let show = "ppt/presentation.xml";
    let relations = relations(&mut package, show)?;
    let mut order = Vec::new();
    walk(&package.must(show)?, &mut |node| {
        if let Node::Open("sldId", a) = node {
            // `id` stands twice: its own, and the relation's. The relation's is the one that is known.
            order.extend(a.all("id").find_map(|id| relations.get(id).cloned()));
        }
    })?;
    let mut sections = Vec::new();
    for (number, (_, target)) in (1..).zip(order) {
        let Some(part) = package.part(&target)? else { continue };
        let mut slide = Slide::default();
        walk(&part, &mut |node| slide.node(node))?;
        slide.end_list();
        for (kind, notes) in self::relations(&mut package, &target)?.into_values() {
            if kind.ends_with("/notesSlide")
                && let Some(part) = package.part(&notes)?
            {
                let mut said = Slide { notes: true, ..Slide::default() };
                walk(&part, &mut |node| said.node(node))?;
                said.end_list();
                if !said.blocks.is_empty() {
                    slide.blocks.push(format!("Notes:\n{}", said.blocks.join("\n")));
                }
            }
        }
        let title = Some(line(&slide.title)).filter(|t| !t.is_empty());
        if slide.blocks.is_empty() {
            // A slide with nothing but a title still says it.
            slide.blocks.extend(title.clone());
        }
        if !slide.blocks.is_empty() {
            let text = slide.blocks.join("\n\n");
            sections.push(Section { path: title.into_iter().collect(), place: Some(format!("slide {number}")), text });
        }
    }
    Ok((declared_title(&mut package)?, sections))
}

/// What a part relates to, by id: the kind, and where it is.
fn relations(package: &mut Package<'_>, part: &str) -> Result<HashMap<String, (String, String)>> {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    let mut found = HashMap::new();
    let Some(bytes) = package.part(&format!("{folder}/_rels/{name}.rels"))? else { return Ok(found) };
    walk(&bytes, &mut |node| {
        if let Node::Open("Relationship", a) = node
            && let (Some(id), Some(target)) = (a.get("Id"), a.get("Target"))
        {
            let kind = a.get("Type").unwrap_or_default().to_string();
            found.insert(id.to_string(), (kind, resolve(part, target)));
        }
    })?;
    Ok(found)
}

#[derive(Default)]
struct Slide {
    /// Whether this is a page of notes, of which only the notes are wanted.
    notes: bool,
    title: String,
    blocks: Vec<String>,
    /// What the open shape is: a title, a number of the slide, or anything else.
    place: String,
    paragraph: String,
    level: usize,
    counts: bool,
    lists: Vec<Option<u64>>,
    items: Vec<String>,
    table: Option<Grid>,
    in_text: bool,
    raised: Option<fn(char) -> char>,
}

impl Slide {
    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Open("sp", _) => self.place = "shape".to_string(),
            Node::Open("ph", a) => self.place = a.get("type").unwrap_or("body").to_string(),
            Node::Open("cNvPr", a) => {
                if let Some(described) = a.get("descr").filter(|d| !d.trim().is_empty() && !self.notes) {
                    self.blocks.push(format!("[{}]", described.trim()));
                }
            }
            Node::Open("tbl", _) => {
                self.end_list();
                self.table = Some(Grid::default());
            }
            Node::Open("tr", _) => self.table.iter_mut().for_each(Grid::row),
            Node::Open("tc", a) => {
                let (wide, high) = (a.number("gridSpan").unwrap_or(1), a.number("rowSpan").unwrap_or(1));
                let covered = a.get("hMerge").or(a.get("vMerge")).is_some_and(|v| v != "0" && v != "false");
                if !covered {
                    self.table.iter_mut().for_each(|t| t.cell(wide, high));
                }
            }
            Node::Open("tblPr", a) if a.get("firstRow").is_some_and(|v| v != "0" && v != "false") => {
                self.table.iter_mut().for_each(Grid::expect_names);
            }
            Node::Open("p", _) => (self.level, self.counts) = (0, false),
            Node::Open("pPr", a) => self.level = a.number("lvl").unwrap_or(0).min(8),
            Node::Open("buAutoNum", _) => self.counts = true,
            Node::Open("rPr", a) => {
                let rise = a.get("baseline").and_then(|b| b.trim_end_matches('%').parse::<f32>().ok()).unwrap_or(0.0);
                self.raised = match rise {
                    r if r > 0.0 => Some(script::raised),
                    r if r < 0.0 => Some(script::lowered),
                    _ => None,
                };
            }
            Node::Open("r", _) => self.raised = None,
            Node::Open("br", _) => self.paragraph.push('\n'),
            Node::Open("t", _) => self.in_text = true,
            Node::Text(text) if self.in_text => {
                let raised = self.raised;
                self.paragraph.extend(text.chars().map(|c| raised.map_or(c, |raise| raise(c))));
            }
            Node::Close("t") => self.in_text = false,
            Node::Close("p") => self.end_paragraph(),
            Node::Close("tbl") => {
                if let Some(table) = self.table.take() {
                    self.blocks.push(table.render().trim_end().to_string());
                }
            }
            Node::Close("sp") => {
                self.end_list();
                self.place.clear();
            }
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let text = paragraph.trim();
        let aside = matches!(self.place.as_str(), "sldNum" | "dt" | "ftr" | "hdr" | "sldImg");
        if text.is_empty() || aside || self.notes && self.place != "body" {
            return;
        }
        if let Some(table) = &mut self.table {
            return table.text(text);
        }
        match self.place.as_str() {
            "title" | "ctrTitle" => {
                self.title.push(' ');
                self.title.push_str(text);
            }
            "body" | "obj" if !self.notes => {
                self.lists.truncate(self.level + 1);
                while self.lists.len() <= self.level {
                    self.lists.push(self.counts.then_some(1));
                }
                self.items.push(format!("{}{text}", next_marker(&mut self.lists)));
            }
            _ => self.items.push(text.to_string()),
        }
    }

    fn end_list(&mut self) {
        self.lists.clear();
        let mut items = std::mem::take(&mut self.items);
        if let [only] = items.as_mut_slice() {
            // One point is no list.
            *only = only.strip_prefix("- ").unwrap_or(only).to_string();
        }
        if !items.is_empty() {
            self.blocks.push(items.join("\n"));
        }
    }
}

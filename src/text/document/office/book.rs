//! EPUB: the pages of a book in their order.

use super::package::{Package, resolve};
use super::xml::{Node, walk};
use crate::error::Result;
use crate::text::document::{Parts, Section, decode, html};
use std::collections::HashMap;

/// Reads every page of the book's spine.
pub fn read(bytes: &[u8], notes: &mut Vec<String>) -> Result<Parts> {
    let mut package = Package::open(bytes)?;
    let mut root = None;
    walk(&package.must("META-INF/container.xml")?, &mut |node| {
        if let Node::Open("rootfile", a) = node {
            root = root.take().or(a.get("full-path").map(str::to_string));
        }
    })?;
    let root = root.ok_or_else(super::package::damaged)?;
    let (mut title, mut within) = (String::new(), false);
    let mut files = HashMap::new();
    let mut order = Vec::new();
    walk(&package.must(&root)?, &mut |node| match node {
        Node::Open("title", _) => within = title.is_empty(),
        Node::Text(text) if within => title.push_str(text),
        Node::Close("title") => within = false,
        Node::Open("item", a) => {
            if let (Some(id), Some(path)) = (a.get("id"), a.get("href")) {
                files.insert(id.to_string(), resolve(&root, &unescaped(path)));
            }
        }
        Node::Open("itemref", a) => order.extend(a.get("idref").and_then(|id| files.get(id)).cloned()),
        _ => {}
    })?;
    let mut sections: Vec<Section> = Vec::new();
    let mut missing = 0;
    for path in order {
        let Some(page) = package.part(&path)? else {
            missing += 1;
            continue;
        };
        let (heading, mut read) = html::read(&decode::decode(&page, true)?);
        // A page's own title is its chapter's, unless it is the book's.
        for section in &mut read {
            if let Some(heading) = heading.as_ref().filter(|h| **h != title && section.path.first() != Some(h)) {
                section.path.insert(0, heading.clone());
            }
        }
        sections.extend(read);
    }
    if missing > 0 {
        notes.push(format!("lacks {missing} of its pages"));
    }
    Ok((Some(title).filter(|t| !t.trim().is_empty()), sections))
}

/// A path without the escapes of an address.
fn unescaped(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(code) => {
                bytes.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

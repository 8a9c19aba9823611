//! PDF, page by page.
//!
//! The library that reads PDF panics on what it does not expect, so it runs contained: a page that makes it panic is
//! a note, and a file of which nothing can be read is an error. [`bounds`] keeps away what cannot be contained: endless
//! recursion and endless streams.

mod bounds;
#[cfg(test)]
mod tests;

use super::plain::unwrap;
use super::{Parts, Section, line};
use crate::contained::contained;
use crate::error::{Error, Result};
use pdf_extract::{
    Document, LoadOptions, MediaBox, ObjectId, OutputDev, OutputError, PlainTextOutput, Transform, output_doc_page,
};
use std::time::{Duration, Instant};

/// The longest that one document may take. A page is read in milliseconds.
const LONGEST: Duration = Duration::from_secs(120);
/// What fonts draw as one sign and people write as two or three.
const LIGATURES: [(char, &str); 5] = [('ﬀ', "ff"), ('ﬁ', "fi"), ('ﬂ', "fl"), ('ﬃ', "ffi"), ('ﬄ', "ffl")];

/// Reads every page; those that cannot be read are named in `notes`.
///
/// Errors: [`Corrupt`](crate::ErrorKind::Corrupt) when no page can be read,
/// [`Unsupported`](crate::ErrorKind::Unsupported) when the file is locked or has no text,
/// [`Full`](crate::ErrorKind::Full) when reading takes too long.
pub fn read(bytes: &[u8], notes: &mut Vec<String>) -> Result<Parts> {
    let deadline = Instant::now() + LONGEST;
    contained(|| bounds::check_file(bytes)).unwrap_or_else(|| Err(damage()))?;
    let document = load(bytes)?;
    let pages = contained(|| document.get_pages()).unwrap_or_default();
    let mut sections = Vec::new();
    let mut damaged = Vec::new();
    for (number, id) in &pages {
        match page(&document, *number, *id, deadline) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => sections.push(Section { path: Vec::new(), place: Some(format!("page {number}")), text }),
            Err(_) if Instant::now() < deadline => damaged.push(number.to_string()),
            Err(_) => return Err(Error::full(format!("takes longer than {} s to read; split it", LONGEST.as_secs()))),
        }
    }
    match (sections.is_empty(), damaged.is_empty()) {
        (false, true) => {}
        (false, false) => notes.push(format!("could not read page {} of {}", damaged.join(", "), pages.len())),
        (true, true) if !pages.is_empty() => {
            return Err(Error::unsupported("holds no text, only images; run text recognition (OCR) over it first"));
        }
        (true, _) => return Err(damage()),
    }
    Ok((title(&document), sections))
}

fn damage() -> Error {
    Error::corrupt("is not a PDF that can be read; open it in a viewer and print it to a new PDF")
}

fn load(bytes: &[u8]) -> Result<Document> {
    let options = LoadOptions { filter: Some(bounds::tame), ..LoadOptions::default() };
    bounds::begin();
    let mut document = contained(|| Document::load_mem_with_options(bytes, options))
        .ok_or_else(damage)?
        .map_err(|e| damage().because(e))?;
    bounds::check_room()?;
    if document.is_encrypted() {
        return Err(Error::unsupported("is locked with a password; save a copy without one"));
    }
    // A file without a password may be encrypted all the same; its streams were unreadable to the filter.
    bounds::begin();
    document.objects.retain(|id, object| bounds::tame(*id, object).is_some());
    bounds::check_room()?;
    Ok(document)
}

/// The title that the file declares.
fn title(document: &Document) -> Option<String> {
    let info = document.trailer.get(b"Info").ok()?;
    let (_, info) = document.dereference(info).ok()?;
    pdf_extract::decode_text_string(info.as_dict().ok()?.get(b"Title").ok()?).ok()
}

/// The text of one page, as paragraphs; empty when it has none.
fn page(document: &Document, number: u32, id: ObjectId, deadline: Instant) -> Result<String> {
    contained(|| {
        bounds::check_page(document, id)?;
        let mut text = String::new();
        let mut output = Timed { output: PlainTextOutput::new(&mut text), deadline };
        output_doc_page(document, &mut output, number).map_err(|e| damage().because(e))?;
        Ok(tidy(&text))
    })
    .unwrap_or_else(|| Err(damage()))
}

/// The lines of a page as paragraphs: without the breaks, hyphens and ligatures that only the layout needs.
fn tidy(text: &str) -> String {
    let mut text = text.replace(['\u{ad}', '\0'], "");
    for (sign, letters) in LIGATURES {
        text = text.replace(sign, letters);
    }
    let mut paragraphs: Vec<String> = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    let text: Vec<String> = text.lines().map(line).collect();
    for line in text.iter().map(String::as_str).chain([""]) {
        if !line.is_empty() {
            lines.push(line);
        } else if !lines.is_empty() {
            paragraphs.push(without_hyphens(&unwrap(&std::mem::take(&mut lines))));
        }
    }
    paragraphs.join("\n\n")
}

/// Joins the words that a line's end has parted: letters, a hyphen, white space, and small letters up to the
/// word's end.
fn without_hyphens(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut kept = 0;
    for (at, hyphen) in text.match_indices(['-']) {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + hyphen.len()..).unwrap_or_default());
        let Some(next) = after.strip_prefix([' ', '\n']) else { continue };
        let word = next.split(char::is_whitespace).next().unwrap_or_default();
        let word = word.trim_end_matches([',', '.', ';', ':', '!', '?', ')']);
        // An address or a name with more hyphens is not a parted word.
        if !word.is_empty() && word.chars().all(char::is_lowercase) && before.ends_with(char::is_lowercase) {
            joined.push_str(text.get(kept..at).unwrap_or_default());
            kept = text.len() - next.len();
        }
    }
    joined + text.get(kept..).unwrap_or_default()
}

/// Plain text output that gives up at the deadline.
struct Timed<'a> {
    output: PlainTextOutput<&'a mut String>,
    deadline: Instant,
}

impl Timed<'_> {
    fn check(&self) -> Result<(), OutputError> {
        if Instant::now() < self.deadline {
            Ok(())
        } else {
            Err(OutputError::IoError(std::io::ErrorKind::TimedOut.into()))
        }
    }
}

impl OutputDev for Timed<'_> {
    fn begin_page(
        &mut self,
        number: u32,
        media: &MediaBox,
        art: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        self.check()?;
        self.output.begin_page(number, media, art)
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        self.output.end_page()
    }

    fn output_character(
        &mut self,
        transform: &Transform,
        width: f64,
        spacing: f64,
        font_size: f64,
        character: &str,
    ) -> Result<(), OutputError> {
        self.output.output_character(transform, width, spacing, font_size, character)
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        self.check()?;
        self.output.begin_word()
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        self.output.end_word()
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        self.output.end_line()
    }
}

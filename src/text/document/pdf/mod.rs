//! PDF, page by page.
//!
//! ```text
//! bytes ─► hayro ─► glyphs (ear) ─► line ─► layout ─► prose ─► sections, each with its page
//!            draws    signs     chunks   columns   headings,
//!                                         tables   paragraphs
//! ```
//!
//! The interpreter that would draw a page is listened to instead. What it finds are signs with places; everything that
//! makes text of them is here.

mod bidi;
mod glyphs;
mod heads;
mod layout;
mod letters;
mod line;
mod outline;
mod prose;
mod strings;
#[cfg(test)]
mod tests;

use super::{Parts, line as one_line};
use crate::error::{Error, Result};
use glyphs::Ear;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, Rect};
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, interpret_page};
use heads::Page;
use layout::Block;
use std::time::{Duration, Instant};

/// The longest that one document may take. A page is read in milliseconds.
const LONGEST: Duration = Duration::from_secs(25);
/// A page is no text when one sign in so many is unknown, and it is said that there are some where one in so many is.
const UNKNOWN: usize = 2;
const SOME: usize = 20;

/// Reads every page; what could not be taken is named in `notes`.
///
/// Errors: [`Corrupt`](crate::ErrorKind::Corrupt) when it cannot be read at all,
/// [`Unsupported`](crate::ErrorKind::Unsupported) when the file is locked or has no text,
/// [`Full`](crate::ErrorKind::Full) when reading takes too long.
pub fn read(bytes: &[u8], notes: &mut Vec<String>) -> Result<Parts> {
    let deadline = Instant::now() + LONGEST;
    let pdf = Pdf::new(bytes.to_vec()).map_err(unreadable)?;
    let mut pages = Vec::new();
    let mut left = Left::default();
    let mut letters = letters::Letters::default();
    for (number, page) in (1..).zip(pdf.pages().iter()) {
        if Instant::now() > deadline {
            return Err(Error::full(format!("takes longer than {} s to read; split it", LONGEST.as_secs())));
        }
        let crop = page.media_box();
        let crop = Rect::new(crop.x0, crop.y0, crop.x1, crop.y1);
        letters.learn(&page.resources().fonts);
        // A sign at the very edge is still on the page.
        let shown = if crop.area() > 1.0 { crop.inflate(2.0, 2.0) } else { Rect::ZERO };
        let mut ear = Ear::new(shown, &mut letters);
        // Fonts are kept for a page: kept for a document, they would pile up.
        let cache = InterpreterCache::new();
        let mut context = Context::new(Affine::IDENTITY, crop, &cache, pdf.xref(), InterpreterSettings::default());
        interpret_page(page, &mut context, &mut ear);
        let blocks = left.take(number, ear.page);
        pages.push(Page { number, edges: (-crop.y1 as f32, -crop.y0 as f32), blocks });
    }
    let total = pages.len();
    heads::drop(&mut pages);
    let body = outline::body(pages.iter().flat_map(|page| &page.blocks));
    let pages = pages.into_iter().map(|page| (page.number, prose::read(&page.blocks, body)));
    let sections = outline::sections(pages.collect());
    left.tell(sections.is_empty(), total, notes)?;
    Ok((title(&pdf), sections))
}

fn unreadable(cause: LoadPdfError) -> Error {
    match cause {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            Error::unsupported("is locked with a password; save a copy without one")
        }
        _ => Error::corrupt("is not a PDF that can be read; open it in a viewer and print it to a new PDF"),
    }
}

/// The title that the file declares, unless it only names a file.
fn title(pdf: &Pdf) -> Option<String> {
    let title = strings::decode(pdf.metadata().title.as_deref()?);
    let title = one_line(title.trim_matches(|c: char| c.is_control() || c.is_whitespace()));
    let title = title.strip_prefix("Microsoft Word - ").unwrap_or(&title);
    let is_file =
        title.rsplit_once('.').is_some_and(|(_, end)| end.len() <= 5 && end.chars().all(char::is_alphanumeric));
    (!title.is_empty() && !is_file && !title.eq_ignore_ascii_case("untitled")).then(|| title.to_string())
}

/// Pages that were left out, by the reason.
#[derive(Default)]
struct Left {
    pictures: Vec<usize>,
    unknown: Vec<usize>,
    some: Vec<usize>,
}

impl Left {
    /// The blocks of a page; none where it has no text that can be known.
    fn take(&mut self, number: usize, page: glyphs::Page) -> Vec<Block> {
        let signs: usize = page.turned.iter().map(|(_, signs)| signs.len()).sum();
        if signs == 0 {
            if page.picture {
                self.pictures.push(number);
            }
            return Vec::new();
        }
        if page.unknown * UNKNOWN > signs {
            self.unknown.push(number);
            return Vec::new();
        }
        if page.unknown * SOME > signs {
            self.some.push(number);
        }
        let mut turned = page.turned;
        // What most of the page says comes first.
        turned.sort_by_key(|(angle, signs)| (std::cmp::Reverse(signs.len()), *angle));
        let blocks = turned.into_iter().flat_map(|(angle, signs)| {
            let rules = if angle == 0 { page.rules.as_slice() } else { &[] };
            layout::read(line::chunks(signs), rules)
        });
        blocks.collect()
    }

    fn tell(self, is_empty: bool, total: usize, notes: &mut Vec<String>) -> Result<()> {
        if is_empty && !self.unknown.is_empty() {
            return Err(Error::unsupported(
                "does not say which letters its signs are; run text recognition (OCR) over it first",
            ));
        }
        if is_empty && !self.pictures.is_empty() {
            return Err(Error::unsupported("holds no text, only images; run text recognition (OCR) over it first"));
        }
        if !self.pictures.is_empty() {
            notes.push(format!(
                "{} of {total} holds only a picture; text recognition (OCR) would read it",
                listed(&self.pictures)
            ));
        }
        if !self.unknown.is_empty() {
            notes.push(format!("{} of {total} does not say which letters its signs are", listed(&self.unknown)));
        }
        if !self.some.is_empty() {
            notes.push(format!(
                "{} of {total} has words whose letters are not known; they are left out",
                listed(&self.some)
            ));
        }
        Ok(())
    }
}

/// `page 3`, or `page 3, 5, 6`.
fn listed(pages: &[usize]) -> String {
    format!("page {}", pages.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}

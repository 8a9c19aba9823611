//! PDF, page by page.
//!
//! The library that reads PDF panics on what it does not expect, so it runs contained: a page that makes it panic is
//! a note, and a file of which nothing can be read is an error. [`pdf_bounds`](super::pdf_bounds) keeps away what
//! cannot be contained: endless recursion and endless streams.

use super::plain::unwrap;
use super::{Parts, Section, pdf_bounds};
use crate::error::{Error, Result};
use pdf_extract::{
    Document, LoadOptions, MediaBox, ObjectId, OutputDev, OutputError, PlainTextOutput, Transform, output_doc_page,
};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::time::{Duration, Instant};

/// The longest that one document may take. A page is read in milliseconds.
const LONGEST: Duration = Duration::from_secs(120);
/// What fonts draw as one sign and people write as two or three.
const LIGATURES: [(char, &str); 5] = [('ﬀ', "ff"), ('ﬁ', "fi"), ('ﬂ', "fl"), ('ﬃ', "ffi"), ('ﬄ', "ffl")];

/// Reads every page; those that cannot be read are named in `notes`.
///
/// Errors: [`Corrupt`](crate::ErrorKind::Corrupt) when no page can be read, [`Unsupported`](crate::ErrorKind::Unsupported)
/// when the file is locked or has no text, [`Full`](crate::ErrorKind::Full) when reading takes too long.
pub fn read(bytes: &[u8], notes: &mut Vec<String>) -> Result<Parts> {
    let deadline = Instant::now() + LONGEST;
    pdf_bounds::check_file(bytes)?;
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
    let options = LoadOptions { filter: Some(pdf_bounds::tame), ..LoadOptions::default() };
    let mut document = contained(|| Document::load_mem_with_options(bytes, options))
        .ok_or_else(damage)?
        .map_err(|e| damage().because(e))?;
    if document.is_encrypted() {
        return Err(Error::unsupported("is locked with a password; save a copy without one"));
    }
    // A file without a password may be encrypted all the same; its streams were unreadable to the filter.
    document.objects.retain(|id, object| pdf_bounds::tame(*id, object).is_some());
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
        pdf_bounds::check_page(document, id)?;
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
    for line in text.lines().map(str::trim).chain([""]) {
        if !line.is_empty() {
            lines.push(line);
        } else if !lines.is_empty() {
            paragraphs.push(without_hyphens(&unwrap(&std::mem::take(&mut lines))));
        }
    }
    paragraphs.join("\n\n")
}

/// Joins the words that a line's end has parted: a hyphen between small letters, with white space after it.
fn without_hyphens(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("- ").or_else(|| rest.find("-\n")) {
        let (before, after) = rest.split_at(at);
        joined.push_str(before);
        let next = after.get(2..).unwrap_or_default();
        let parted = before.ends_with(char::is_lowercase) && next.starts_with(char::is_lowercase);
        if !parted {
            joined.push_str(after.get(..2).unwrap_or_default());
        }
        rest = next;
    }
    joined + rest
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

thread_local! {
    /// Whether a panic on this thread is expected, and contained.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; `None` when it panics, without a word on standard error.
///
/// The panic hook belongs to the whole process, so it is wrapped once and for good: panics that are not contained here
/// reach the hook that was there before. Needs `panic = "unwind"`, Rust's default.
fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    static WRAPPED: Once = Once::new();
    WRAPPED.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !CONTAINED.get() {
                before(info);
            }
        }));
    });
    let outer = CONTAINED.replace(true);
    // What the work was changing is dropped with it.
    let result = catch_unwind(AssertUnwindSafe(work)).ok();
    CONTAINED.set(outer);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    /// A PDF of `objects`, numbered from 1; the first is the catalog.
    fn pdf(objects: &[String]) -> Vec<u8> {
        let mut file = String::from("%PDF-1.4\n");
        let mut index = String::new();
        for (i, object) in objects.iter().enumerate() {
            index += &format!("{:010} 00000 n \n", file.len());
            file += &format!("{} 0 obj\n{object}\nendobj\n", i + 1);
        }
        let (start, size) = (file.len(), objects.len() + 1);
        file += &format!("xref\n0 {size}\n0000000000 65535 f \n{index}trailer\n<< /Size {size} /Root 1 0 R >>\n");
        (file + &format!("startxref\n{start}\n%%EOF\n")).into_bytes()
    }

    fn stream(dictionary: &str, content: &str) -> String {
        format!("<< {dictionary} /Length {} >>\nstream\n{content}\nendstream", content.len())
    }

    /// Pages with these contents; `X1` is the last object, the form or image that they may draw.
    fn pages(contents: &[&str], object: String) -> Vec<u8> {
        let n = contents.len();
        let kids: Vec<String> = (0..n).map(|i| format!("{} 0 R", 4 + i)).collect();
        let resources = format!("/Resources << /Font << /F1 3 0 R >> /XObject << /X1 {} 0 R >> >>", 4 + 2 * n);
        let mut objects = vec![
            "<< /Type /Catalog /Pages 2 0 R >>".to_string(),
            format!("<< /Type /Pages /Kids [{}] /MediaBox [0 0 600 800] {resources} >>", kids.join(" ")),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_string(),
        ];
        objects.extend((0..n).map(|i| format!("<< /Type /Page /Parent 2 0 R /Contents {} 0 R >>", 4 + n + i)));
        objects.extend(contents.iter().map(|content| stream("", content)));
        objects.push(object);
        pdf(&objects)
    }

    const WORDS: &str = "BT /F1 12 Tf 72 720 Td (Some words) Tj ET";

    fn outcome(bytes: &[u8]) -> (Result<Vec<String>, ErrorKind>, Vec<String>) {
        let mut notes = Vec::new();
        let sections = read(bytes, &mut notes).map(|parts| parts.1.into_iter().map(|s| s.text).collect());
        (sections.map_err(|e| e.kind()), notes)
    }

    #[test]
    fn forms_are_read_and_images_are_not() {
        let form = stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", WORDS);
        assert_eq!(outcome(&pages(&["/X1 Do"], form)).0, Ok(vec!["Some words".to_string()]));
        let image = stream("/Type /XObject /Subtype /Image /Width 1 /Height 1", WORDS);
        assert_eq!(outcome(&pages(&["/X1 Do"], image)).0, Err(ErrorKind::Unsupported));
    }

    #[test]
    fn a_form_that_draws_itself_is_a_damaged_page() {
        let form = stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "/X1 Do");
        let (sections, notes) = outcome(&pages(&["/X1 Do", WORDS], form));
        assert_eq!(sections, Ok(vec!["Some words".to_string()]));
        assert_eq!(notes, ["could not read page 1 of 2"]);
    }

    #[test]
    fn a_page_within_itself_is_damaged() {
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Parent 2 0 R >>",
            "<< /Type /Page /Parent 2 0 R >>",
        ];
        assert_eq!(outcome(&pdf(&objects.map(String::from))).0, Err(ErrorKind::Corrupt));
    }

    #[test]
    fn a_panic_is_contained_to_its_page() {
        // `cm` wants six numbers, and the library asserts it.
        let (sections, notes) = outcome(&pages(&["1 cm", WORDS], "null".to_string()));
        assert_eq!(sections, Ok(vec!["Some words".to_string()]));
        assert_eq!(notes, ["could not read page 1 of 2"]);
        assert_eq!(outcome(&pages(&["1 cm"], "null".to_string())).0, Err(ErrorKind::Corrupt));
    }

    #[test]
    fn lines_are_joined_and_words_healed() {
        let text = "\n\nThe ﬁlter of this coffee machine must be re-\nplaced twice a year, at best by a well-known shop.\n\n\nEnd\n";
        let wanted =
            "The filter of this coffee machine must be replaced twice a year, at best by a well-known shop.\n\nEnd";
        assert_eq!(tidy(text), wanted);
    }
}

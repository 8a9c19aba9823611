//! Reads a document: bytes of any supported format become a title and sections of plain text.
//!
//! ```text
//! load ──► bytes ──► read ─┬─ decode ──► markdown, html, plain, csv, jsonl ─┬─► Document
//!                          └─ pdf, office ─────────────────────────────────┘
//! ```
//!
//! Every reader follows the same convention, which [`chunk`](super::chunk) relies on: inside a section, a blank line
//! parts paragraphs, a line break is one that a person meant, and a table is a Markdown table.

mod apart;
mod csv;
mod decode;
mod html;
mod jsonl;
mod markdown;
#[cfg(feature = "office")]
mod office;
mod outline;
#[cfg(feature = "pdf")]
mod pdf;
mod plain;
mod script;
pub(super) mod table;
#[cfg(test)]
mod tests;
mod tree;

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use apart::{WORD, read_apart, serve};
pub use decode::decode;
pub use tree::{Found, files};

/// A document as a person sees it: a title and what stands under each heading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The document's own title, or else its file name without the extension.
    pub title: String,
    /// What it says, in order. Empty when the file holds no text.
    pub sections: Vec<Section>,
    /// What a person should know about the reading, for example a page that could not be read.
    pub notes: Vec<String>,
}

/// The text under one heading, or one record of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The headings above the text, from the top. The document's title is left out where
    /// nothing else stands at the top.
    pub path: Vec<String>,
    /// Where the text stands when no heading says so: `page 3`, `row 12`. For citations; never part of the text.
    pub place: Option<String>,
    /// The text; see the module for its convention. Never blank.
    pub text: String,
}

/// How the bytes of a document are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// CommonMark with tables and front matter.
    Markdown,
    /// Plain text and reStructuredText.
    Text,
    /// HTML and XHTML.
    Html,
    /// Rows under a header, parted by commas, semicolons, tabs or bars.
    Csv,
    /// One JSON value a line.
    Jsonl,
    /// PDF with text in it.
    Pdf,
    /// Word's documents.
    Docx,
    /// Excel's sheets: `.xlsx`, `.xlsm`, `.xlsb`.
    Xlsx,
    /// Excel's sheets before 2007.
    Xls,
    /// PowerPoint's slides.
    Pptx,
    /// OpenDocument's texts.
    Odt,
    /// OpenDocument's sheets.
    Ods,
    /// OpenDocument's slides.
    Odp,
    /// Books.
    Epub,
    /// Rich text.
    Rtf,
    /// Mail.
    Eml,
}

/// The extensions of documents, for people.
pub const EXTENSIONS: &str = ".md, .txt, .rst, .html, .csv, .tsv, .jsonl, .pdf, .docx, .xlsx, .xls, .pptx, .odt, .ods, \
     .odp, .epub, .rtf or .eml";

impl Format {
    /// The format that the extension of `path` names; `None` when it names none of ours.
    pub fn of(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Self::Markdown,
            "txt" | "text" | "rst" => Self::Text,
            "html" | "htm" | "xhtml" => Self::Html,
            "csv" | "tsv" => Self::Csv,
            "jsonl" | "ndjson" => Self::Jsonl,
            "pdf" => Self::Pdf,
            "docx" | "docm" | "dotx" => Self::Docx,
            "xlsx" | "xlsm" | "xlsb" | "xltx" => Self::Xlsx,
            "xls" => Self::Xls,
            "pptx" | "pptm" | "ppsx" => Self::Pptx,
            "odt" | "ott" => Self::Odt,
            "ods" | "ots" => Self::Ods,
            "odp" | "otp" => Self::Odp,
            "epub" => Self::Epub,
            "rtf" => Self::Rtf,
            "eml" => Self::Eml,
            _ => return None,
        })
    }

    /// Whether it is bytes that only a program understands, which may be made to exhaust one.
    pub fn is_binary(self) -> bool {
        !matches!(self, Self::Markdown | Self::Text | Self::Html | Self::Csv | Self::Jsonl)
    }
}

/// Refuses a link: what a folder links to is not in it, and could be anywhere.
pub fn check_in_folder(path: &Path) -> Result<()> {
    if path.is_symlink() {
        return Err(Error::unsupported(format!("{} is a link; name it yourself to follow it", path.display())));
    }
    Ok(())
}

/// The bytes of the file at `path`, when it is a regular file of a known format and at most `max_bytes` long.
pub fn load(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let unreadable = |e| Error::io(format!("cannot read {}", path.display()), e);
    // Asked before opening: opening a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Error::unsupported(format!("{} is not a regular file; give a file to read", path.display())));
    }
    format_of(path)?;
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(unreadable)?
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::full(format!(
            "{} is longer than {} MB; split it, or raise `ingest.max_document_mb`",
            path.display(),
            max_bytes >> 20
        )));
    }
    Ok(bytes)
}

/// The document that `bytes` hold, in the format that `path` names. A blank file is a document without sections.
///
/// Errors: [`Unsupported`](crate::ErrorKind::Unsupported) for an unknown extension, binary content, a PDF that is
/// locked or only images; [`Corrupt`](crate::ErrorKind::Corrupt) for a damaged PDF or a JSON line that is not JSON;
/// [`Full`](crate::ErrorKind::Full) for a PDF that unfolds beyond reason.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Document> {
    let format = format_of(path)?;
    #[cfg_attr(
        not(any(feature = "pdf", feature = "office")),
        allow(unused_mut, reason = "only these have parts that cannot be read")
    )]
    let mut notes = Vec::new();
    let text = || decode::decode(bytes, format == Format::Html);
    let parts = match format {
        Format::Markdown => text().map(|text| markdown::read(&text)),
        Format::Text => text().map(|text| plain::read(&text)),
        Format::Html => text().map(|text| html::read(&text)),
        Format::Csv => text().map(|text| csv::read(&text)),
        Format::Jsonl => text().and_then(|text| jsonl::read(&text)),
        #[cfg(feature = "pdf")]
        Format::Pdf => pdf::read(bytes, &mut notes),
        #[cfg(not(feature = "pdf"))]
        Format::Pdf => Err(Error::unsupported("this program was built without PDF")),
        #[cfg(feature = "office")]
        office => office::read(office, bytes, &mut notes),
        #[cfg(not(feature = "office"))]
        _ => Err(Error::unsupported("this program was built without documents of offices")),
    };
    let (title, sections): Parts = parts.map_err(|e| e.context(path.display()))?;
    let title = title.map(|title| line(&script::seen(title.into()))).filter(|title| !title.is_empty());
    Ok(Document {
        title: title.unwrap_or_else(|| stem(path)),
        sections: sections.into_iter().filter(|section| !section.text.trim().is_empty()).map(seen).collect(),
        notes,
    })
}

/// A section with its letters composed, whatever reader it came from.
fn seen(mut section: Section) -> Section {
    if let std::borrow::Cow::Owned(text) = script::seen((&*section.text).into()) {
        section.text = text;
    }
    section
}

/// What a reader finds: the document's own title, if it has one, and its sections.
type Parts = (Option<String>, Vec<Section>);

/// Whether the format of `path` is bytes that only a program understands, which may be made to exhaust one.
pub fn is_binary(path: &Path) -> bool {
    Format::of(path).is_some_and(Format::is_binary)
}

fn format_of(path: &Path) -> Result<Format> {
    Format::of(path).ok_or_else(|| {
        Error::unsupported(format!(
            "{} is of no known format; documents end in {EXTENSIONS}; save it as one of these",
            path.display()
        ))
    })
}

/// The file name without its extension.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned())
}

/// The marks with which a bold sentence ends that is the heading of its paragraph.
const SENTENCE_ENDS: [char; 6] = ['.', '?', '!', '。', '？', '！'];

/// `text` on one line, every run of white space one space.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

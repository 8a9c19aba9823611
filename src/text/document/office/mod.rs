//! Documents of offices, books and mail: packages of XML, binary sheets, rich text and messages.

mod book;
mod mail;
mod odf;
mod package;
mod rtf;
mod sheet;
mod slides;
#[cfg(test)]
mod tests;
mod word;
mod xml;

use super::{Format, Parts};
use crate::error::{Error, Result};

/// Reads a document of `format`; what could not be taken is named in `notes`.
///
/// Errors: [`Corrupt`](crate::ErrorKind::Corrupt) when it is not what its name says,
/// [`Unsupported`](crate::ErrorKind::Unsupported) when it is locked, [`Full`](crate::ErrorKind::Full) when it unfolds
/// beyond reason.
pub fn read(format: Format, bytes: &[u8], notes: &mut Vec<String>) -> Result<Parts> {
    // What is locked with a password is a container of another kind.
    let is_package = matches!(
        format,
        Format::Docx | Format::Pptx | Format::Xlsx | Format::Odt | Format::Ods | Format::Odp | Format::Epub
    );
    if is_package && bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Err(Error::unsupported(
            "is locked with a password, or of a version before 2007; save it anew without one",
        ));
    }
    match format {
        Format::Docx => word::read(bytes),
        Format::Pptx => slides::read(bytes),
        Format::Xlsx | Format::Xls => sheet::read(bytes),
        Format::Odt | Format::Ods | Format::Odp => odf::read(bytes),
        Format::Epub => book::read(bytes, notes),
        Format::Rtf => rtf::read(bytes),
        _ => mail::read(bytes, notes),
    }
}

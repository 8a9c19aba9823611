//! Bytes to text, whatever wrote them: a byte order mark, a declaration, UTF-8, or the most likely older encoding.

use crate::error::{Error, Result};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, WINDOWS_1252};
use std::borrow::Cow;

/// How far into an HTML page its encoding may be declared, in bytes; the HTML standard says 1,024.
const DECLARATION: usize = 1024;
/// How much of the text an older encoding is guessed from, in bytes.
const SAMPLE: usize = 64 << 10;
/// One control character in this many is more than text has.
const CONTROL_SHARE: usize = 50;

/// The text that `bytes` hold, its line ends as `\n`; [`Unsupported`](crate::ErrorKind::Unsupported) when they are not
/// text. `html`: look for the encoding that an HTML page declares.
pub fn decode(bytes: &[u8], html: bool) -> Result<Cow<'_, str>> {
    let text = match (Encoding::for_bom(bytes), std::str::from_utf8(bytes)) {
        (Some((encoding, mark)), _) => encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0,
        (None, Ok(text)) => Cow::Borrowed(text),
        // Long before any guess: no single-byte encoding has NUL in its text.
        (None, Err(_)) if bytes.contains(&0) => return Err(binary()),
        (None, Err(_)) => {
            let encoding = html.then(|| declared(bytes)).flatten().unwrap_or_else(|| guess(bytes));
            encoding.decode_without_bom_handling(bytes).0
        }
    };
    if is_binary(&text) {
        return Err(binary());
    }
    Ok(if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { text })
}

fn binary() -> Error {
    Error::unsupported("holds binary data, not text; export it as text, or leave it out")
}

/// Whether this was never meant to be read: NUL anywhere, or more control characters than text has.
fn is_binary(text: &str) -> bool {
    let controls = text.bytes().filter(|b| *b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)).count();
    text.contains('\0') || controls > text.len() / CONTROL_SHARE + 1
}

/// The encoding after `charset=` near the start of an HTML page.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..DECLARATION).unwrap_or(bytes).to_ascii_lowercase();
    let at = head.windows(8).position(|w| w == b"charset=")? + 8;
    let label = head.get(at..)?.trim_ascii_start();
    let label = label.strip_prefix(b"\"").or_else(|| label.strip_prefix(b"'")).unwrap_or(label);
    let end = label.iter().position(|b| !(b.is_ascii_alphanumeric() || b"-_:.+".contains(b))).unwrap_or(label.len());
    // A page that can be read as ASCII this far is not in UTF-16, whatever it says.
    Encoding::for_label(label.get(..end)?).filter(|e| e.is_ascii_compatible())
}

/// The most likely encoding of text that is not UTF-8. Western European when nothing tells.
fn guess(bytes: &[u8]) -> &'static Encoding {
    // The bytes that tell are the ones past ASCII, so the sample starts at the first of them.
    let first = bytes.iter().position(|b| !b.is_ascii()).unwrap_or_default().saturating_sub(SAMPLE / 8);
    let rest = bytes.get(first..).unwrap_or(bytes);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(rest.get(..SAMPLE).unwrap_or(rest), rest.len() <= SAMPLE);
    let guess = detector.guess(None, Utf8Detection::Deny);
    // A guess that cannot read every byte is no better than the fallback, which can.
    if guess.decode_without_bom_handling(bytes).1 { WINDOWS_1252 } else { guess }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(order).collect()
    }

    #[test]
    fn marks() {
        assert_eq!(decode(b"\xef\xbb\xbfcaf\xc3\xa9", false).unwrap(), "café");
        assert_eq!(decode(&utf16("café ☕", u16::to_le_bytes), false).unwrap(), "café ☕");
        assert_eq!(decode(&utf16("café ☕", u16::to_be_bytes), false).unwrap(), "café ☕");
        assert_eq!(decode(b"", false).unwrap(), "");
    }

    #[test]
    fn older_encodings() {
        assert_eq!(decode(b"Le caf\xe9 co\xfbte 3 \x80 \xe0 Gen\xe8ve", false).unwrap(), "Le café coûte 3 € à Genève");
        let (russian, _, _) = encoding_rs::WINDOWS_1251.encode("Как печатать с двух сторон листа бумаги");
        assert_eq!(decode(&russian, false).unwrap(), "Как печатать с двух сторон листа бумаги");
        let page = "<meta charset=\"Shift_JIS\"><p>印刷";
        let (japanese, _, _) = encoding_rs::SHIFT_JIS.encode(page);
        assert_eq!(decode(&japanese, true).unwrap(), page);
    }

    #[test]
    fn line_ends() {
        assert_eq!(decode(b"a\r\nb\rc\n", false).unwrap(), "a\nb\nc\n");
    }

    #[test]
    fn binary_is_refused() {
        for bytes in [&b"\x7fELF\x02\x01\x01\0\0"[..], b"text\0text", b"\xff\x00\xfe", b"\x01\x02\x03\x04\x05\x06ab"] {
            assert_eq!(decode(bytes, false).unwrap_err().kind(), crate::ErrorKind::Unsupported, "{bytes:?}");
        }
    }
}

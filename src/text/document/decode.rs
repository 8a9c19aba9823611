//! Bytes to text, whatever wrote them: a byte order mark, a declaration that holds, UTF-8 even with a byte that is
//! broken, or the most likely older encoding.

use super::script;
use crate::error::{Error, Result};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;

/// How far into an HTML page its encoding may be declared, in bytes; the HTML standard says 1,024.
const DECLARATION: usize = 1024;
/// How much of the text an older encoding is guessed from, in bytes.
const SAMPLE: usize = 64 << 10;
/// One control character in this many is more than text has.
const CONTROL_SHARE: usize = 50;

/// One broken sequence in so many sound ones does not make UTF-8 another encoding.
const SOUND: usize = 4;

/// The text that `bytes` hold, its line ends as `\n`, its letters composed and without characters that nobody sees;
/// [`Unsupported`](crate::ErrorKind::Unsupported) when they are not text. `html`: look for the encoding that a page
/// declares.
pub fn decode(bytes: &[u8], html: bool) -> Result<Cow<'_, str>> {
    let text = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0,
        None => unmarked(bytes, html)?,
    };
    if is_binary(&text) {
        return Err(binary());
    }
    let text = if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { text };
    Ok(script::seen(text))
}

/// Text without a mark that says how it is encoded.
fn unmarked(bytes: &[u8], html: bool) -> Result<Cow<'_, str>> {
    if bytes.contains(&0) {
        return wide(bytes).ok_or_else(binary);
    }
    // Seven bits may be Japanese all the same.
    if [b"\x1b$B", b"\x1b$@"].iter().any(|escape| bytes.windows(3).any(|w| w == *escape)) && bytes.is_ascii() {
        let (text, wrong) = ISO_2022_JP.decode_without_bom_handling(bytes);
        if !wrong {
            return Ok(text);
        }
    }
    let broken = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(Cow::Borrowed(text)),
        Err(_) => is_broken_utf8(bytes),
    };
    if let Some(encoding) = html.then(|| declared(bytes)).flatten() {
        let (text, wrong) = encoding.decode_without_bom_handling(bytes);
        // A declaration that cannot be true is none.
        if !wrong || broken && encoding == encoding_rs::UTF_8 {
            return Ok(text);
        }
    }
    if broken {
        return Ok(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()));
    }
    Ok(guess(bytes).decode_without_bom_handling(bytes).0)
}

/// Whether this is UTF-8 with a few sequences that are broken, or cut at the end.
fn is_broken_utf8(bytes: &[u8]) -> bool {
    let (mut sound, mut broken) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        sound += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    sound > 0 && broken * SOUND <= sound.max(SOUND)
}

/// UTF-16 without a mark: half of its zeros are missing, all on one side.
fn wide(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let zeros = |side: usize| bytes.iter().skip(side).step_by(2).filter(|b| **b == 0).count();
    let encoding = match (zeros(0), zeros(1)) {
        (0, low) if low * SOUND * 4 >= bytes.len() / 2 => UTF_16LE,
        (high, 0) if high * SOUND * 4 >= bytes.len() / 2 => UTF_16BE,
        _ => return None,
    };
    let (text, wrong) = encoding.decode_without_bom_handling(bytes);
    // Without a mark, a single sign that nobody writes is proof enough that these are other bytes.
    let written = text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}'));
    (!wrong && written && bytes.len().is_multiple_of(2)).then_some(text)
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
    fn one_bad_byte_leaves_utf8_what_it_is() {
        let mut bytes = "Die Garantie für Geräte beträgt zwei Jahre. Größe und Maße: 30 cm.".repeat(3).into_bytes();
        bytes.insert(20, 0xff);
        let text = decode(&bytes, false).unwrap();
        assert!(text.contains("für Geräte beträgt") && text.matches('\u{fffd}').count() == 1, "{text}");
        let cut = "保修期为两年".as_bytes();
        assert_eq!(decode(&cut[..cut.len() - 1], false).unwrap(), "保修期为两\u{fffd}");
    }

    #[test]
    fn declarations_that_hold_and_that_lie() {
        let lie = b"<meta charset=\"utf-8\"><p>Die Gr\xf6\xdfe f\xfcr Ger\xe4te";
        assert!(decode(lie, true).unwrap().contains("Die Größe für Geräte"));
        let (japanese, _, _) = encoding_rs::SHIFT_JIS.encode("x");
        assert_eq!(decode(&japanese, false).unwrap(), "x");
        let seven = b"\x1b$BJ]>Z4|4V\x1b(B: 2";
        assert_eq!(decode(seven, false).unwrap(), "保証期間: 2");
    }

    #[test]
    fn utf16_without_a_mark() {
        let bytes: Vec<u8> = "Le café est prêt\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&bytes, false).unwrap(), "Le café est prêt\n");
        let bytes: Vec<u8> = "保修期为两年\n从购买之日起\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(&bytes, false).unwrap(), "保修期为两年\n从购买之日起\n");
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

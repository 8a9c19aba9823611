//! What a hostile or broken PDF may not do, because no `catch_unwind` would contain it: unfold a small stream into all
//! of the memory, or draw a form that draws itself until the stack ends.

use crate::error::{Error, Result};
use flate2::read::ZlibDecoder;
use pdf_extract::content::Content;
use pdf_extract::{Dictionary, Document, Object, ObjectId, Stream};
use std::collections::HashMap;
use std::io::Read;

/// The most that one compressed stream may unfold into, in bytes. A page of dense text takes some 20 kB.
const LARGEST_STREAM: u64 = 64 << 20;
/// The most that all cross-reference streams together may unfold into, in bytes.
const LARGEST_INDEX: u64 = 64 << 20;
/// How deep forms may draw forms. Documents stay below 5.
const DEEPEST_FORM: usize = 20;
/// How many forms one page may draw, those within forms counted as often as they are drawn.
const MOST_FORMS: u64 = 100_000;
/// How far up the page tree a page may stand.
const DEEPEST_PAGE: usize = 256;

/// Refuses a file whose cross-reference streams unfold beyond reason; they are read before anything can be filtered.
pub fn check_file(bytes: &[u8]) -> Result<()> {
    let mut unfolded = 0;
    for dictionary in positions(bytes, b"/XRef") {
        let rest = bytes.get(dictionary..).unwrap_or_default();
        let near = rest.get(..1024).unwrap_or(rest);
        let Some(start) = positions(near, b"stream").next() else { continue };
        let data = rest.get(start + 6..).unwrap_or_default().trim_ascii_start();
        unfolded += inflated(data, LARGEST_INDEX);
        if unfolded > LARGEST_INDEX {
            return Err(Error::full("unfolds into more data than a document has; print it to a new PDF"));
        }
    }
    Ok(())
}

/// A filter for loading: empties images, which the reader would take for text, and drops streams that unfold beyond
/// reason. What needs a dropped stream then fails as if it were missing.
pub fn tame(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    let Object::Stream(stream) = object else {
        // It may come out of an object stream, and then only what is given back counts.
        return Some((id, object.clone()));
    };
    if is(&stream.dict, b"Image") {
        stream.dict.remove(b"Filter");
        // Not empty: the loader would look for the lost content.
        stream.set_content(b" ".to_vec());
    } else if unfolds_too_far(stream) {
        return None;
    }
    // A stream is changed in place, and what is given back does not count.
    Some((id, Object::Null))
}

fn unfolds_too_far(stream: &Stream) -> bool {
    let filters = stream.filters().unwrap_or_default();
    match filters.as_slice() {
        [b"FlateDecode"] => inflated(&stream.content, LARGEST_STREAM) > LARGEST_STREAM,
        // Compressed twice: no writer does that.
        several => several.iter().filter(|f| matches!(**f, b"FlateDecode" | b"LZWDecode")).count() > 1,
    }
}

/// How many bytes `data` unfolds into, counted to just past `limit`.
fn inflated(data: &[u8], limit: u64) -> u64 {
    let mut counted = 0;
    let mut decoder = ZlibDecoder::new(data).take(limit + 1);
    // Damage ends the stream; what came before it counts.
    let mut buffer = [0; 16 << 10];
    while let Ok(n @ 1..) = decoder.read(&mut buffer) {
        counted += n as u64;
    }
    counted
}

/// Refuses a page that the reader would never finish: one within itself in the page tree, or with forms that draw
/// themselves.
pub fn check_page(document: &Document, id: ObjectId) -> Result<()> {
    let unreadable = |e| Error::corrupt("a page is damaged").because(e);
    let page = document.get_dictionary(id).map_err(unreadable)?;
    let mut resources = None;
    let mut above = Some(page);
    for depth in 0.. {
        let Some(node) = above else { break };
        if depth > DEEPEST_PAGE {
            return Err(Error::corrupt("a page stands within itself"));
        }
        resources = resources.or_else(|| dictionary(document, node, b"Resources"));
        above = node.get(b"Parent").and_then(Object::as_reference).and_then(|id| document.get_dictionary(id)).ok();
    }
    let Some(resources) = resources.filter(|r| !forms(document, r).is_empty()) else { return Ok(()) };
    let content = document.get_page_content(id).map_err(unreadable)?;
    Forms { document, known: HashMap::new() }.drawn(&content, resources, 0).map(drop)
}

/// Counts the forms that content draws.
struct Forms<'a> {
    document: &'a Document,
    /// What is already counted, by the addresses of a form and the resources it draws with.
    known: HashMap<(usize, usize), u64>,
}

impl<'a> Forms<'a> {
    fn drawn(&mut self, content: &[u8], resources: &'a Dictionary, depth: usize) -> Result<u64> {
        let endless = || Error::corrupt("a form draws itself");
        if depth > DEEPEST_FORM {
            return Err(endless());
        }
        let forms = forms(self.document, resources);
        // Content that cannot be understood draws nothing.
        let operations = Content::decode(content).map(|c| c.operations).unwrap_or_default();
        let mut total = 0u64;
        for operation in operations.iter().filter(|o| o.operator == "Do") {
            let name = operation.operands.first().and_then(|name| name.as_name().ok());
            let Some(form) = name.and_then(|name| forms.get(name)) else { continue };
            let own = dictionary(self.document, &form.dict, b"Resources").unwrap_or(resources);
            let key = (std::ptr::from_ref(*form).addr(), std::ptr::from_ref(own).addr());
            let within = match self.known.get(&key) {
                Some(within) => *within,
                None => {
                    let content = form.get_plain_content().unwrap_or_default();
                    let within = self.drawn(&content, own, depth + 1)?;
                    self.known.insert(key, within);
                    within
                }
            };
            total = total.saturating_add(within).saturating_add(1);
            if total > MOST_FORMS {
                return Err(endless());
            }
        }
        Ok(total)
    }
}

/// The forms among the objects that `resources` names.
fn forms<'a>(document: &'a Document, resources: &'a Dictionary) -> HashMap<&'a [u8], &'a Stream> {
    let objects = dictionary(document, resources, b"XObject").into_iter().flat_map(|objects| objects.iter());
    let streams = objects.filter_map(|(name, object)| {
        let stream = document.dereference(object).ok()?.1.as_stream().ok()?;
        (!is(&stream.dict, b"Image")).then_some((name.as_slice(), stream))
    });
    streams.collect()
}

fn dictionary<'a>(document: &'a Document, within: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
    document.dereference(within.get(key).ok()?).ok()?.1.as_dict().ok()
}

fn is(dictionary: &Dictionary, subtype: &[u8]) -> bool {
    dictionary.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == subtype)
}

/// Where `word` stands in `bytes`.
fn positions<'a>(bytes: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(word.len()).enumerate().filter(move |(_, w)| *w == word).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use std::io::Write;

    /// A compressed stream of `megabytes` of spaces.
    fn spaces(megabytes: usize) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..megabytes {
            encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    }

    #[test]
    fn streams_that_unfold_too_far_are_dropped() {
        let mut dictionary = Dictionary::new();
        dictionary.set("Filter", "FlateDecode");
        let kept =
            |megabytes| tame((1, 0), &mut Object::Stream(Stream::new(dictionary.clone(), spaces(megabytes)))).is_some();
        assert!(kept(1));
        assert!(!kept(65));
    }

    #[test]
    fn an_index_that_unfolds_too_far_is_refused() {
        let file = |megabytes| [b"%PDF-1.5 << /Type /XRef >>\nstream\r\n".to_vec(), spaces(megabytes)].concat();
        assert!(check_file(&file(1)).is_ok());
        assert_eq!(check_file(&file(65)).unwrap_err().kind(), crate::ErrorKind::Full);
    }
}

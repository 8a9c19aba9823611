//! What a hostile or broken PDF may not do, because no `catch_unwind` would contain it: unfold a small stream into all
//! of the memory, or draw a form that draws itself until the stack ends.

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use flate2::read::{DeflateDecoder, ZlibDecoder};
use pdf_extract::content::Content;
use pdf_extract::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use weezl::decode::Decoder as LzwDecoder;
use weezl::{BitOrder, LzwStatus};

/// The most that one compressed stream may unfold into, in bytes. A page of dense text takes some 20 kB.
const LARGEST_STREAM: u64 = 64 << 20;
/// The most that a stream of objects may unfold into: read, they take fifty times the room. Writers put some hundred
/// into each.
const LARGEST_OBJECTS: u64 = 8 << 20;
/// The most that one cross-reference stream may unfold into: an object takes about 8 bytes.
const LARGEST_INDEX: u64 = 16 << 20;
/// The most bytes of one field of a cross-reference stream.
const WIDEST_FIELD: i64 = 8;
/// How many cross-reference sections a file may have: each change that was appended to it has one.
const MOST_INDICES: usize = 256;
/// The most that a page and the forms on it draw with, in bytes: read, it takes a hundred times the room.
const LARGEST_PAGE: u64 = 8 << 20;
/// The most that all objects of a document may take, in bytes.
const LARGEST_DOCUMENT: u64 = 256 << 20;
/// How deep forms may draw forms. Documents stay below 5.
const DEEPEST_FORM: usize = 20;
/// How many forms one page may draw, those within forms counted as often as they are drawn.
const MOST_FORMS: u64 = 100_000;
/// How far up the page tree a page may stand.
const DEEPEST_PAGE: usize = 256;

thread_local! {
    /// What the objects of the document that this thread reads may still take; the reader's filter is a bare function.
    static ROOM: Cell<u64> = const { Cell::new(0) };
}

/// Refuses a file whose cross-reference streams unfold beyond reason; they are read before anything can be filtered.
pub fn check_file(bytes: &[u8]) -> Result<()> {
    let begin = positions(bytes, b"%PDF-").next().unwrap_or(0);
    let file = bytes.get(begin..).unwrap_or_default();
    // Where the reader begins, and what any trailer names: where comments hide the real one is the reader's to know.
    let mut next: Vec<usize> = positions(file, b"startxref")
        .filter_map(|at| number(file.get(at + b"startxref".len()..)?.trim_ascii_start()))
        .collect();
    let trailers = positions(file, b"trailer").filter_map(|at| file.get(at + b"trailer".len()..));
    let trailers = trailers.filter(|rest| matches!(rest.trim_ascii_start(), [b'<', b'<', ..] | [b'%', ..]));
    for (nth, rest) in trailers.enumerate() {
        if nth == MOST_INDICES {
            return Err(too_large());
        }
        next.extend(object(&[b"1 0 obj ", rest]).iter().flat_map(before));
    }
    let mut seen = BTreeSet::new();
    while let Some(at) = next.pop() {
        let Some(rest) = file.get(at..).filter(|_| seen.insert(at)) else { continue };
        if seen.len() > MOST_INDICES {
            return Err(too_large());
        }
        if let Some(Object::Stream(stream)) = object(&[rest]) {
            check_index(&stream)?;
            next.extend(before(&Object::Stream(stream)));
        }
    }
    Ok(())
}

/// Refuses a cross-reference stream with more entries than it has bytes, or more of those than there are objects.
fn check_index(stream: &Stream) -> Result<()> {
    // One without is none, which the reader says itself.
    let sensible = stream.dict.get(b"W").and_then(Object::as_array).is_ok_and(|widths| {
        let mut widths = widths.iter().map(|width| width.as_i64().unwrap_or(-1));
        widths.clone().all(|width| (0..=WIDEST_FIELD).contains(&width)) && widths.any(|width| width > 0)
    });
    if (sensible || !stream.dict.has(b"W")) && unfolded(stream, LARGEST_INDEX) <= LARGEST_INDEX {
        Ok(())
    } else {
        Err(too_large())
    }
}

/// Where the cross-reference sections before this one are.
fn before(object: &Object) -> Vec<usize> {
    let dictionary = object.as_dict().or(object.as_stream().map(|stream| &stream.dict));
    let place = |key: &[u8]| usize::try_from(dictionary.as_ref().ok()?.get(key).and_then(Object::as_i64).ok()?).ok();
    [b"Prev".as_slice(), b"XRefStm"].into_iter().filter_map(place).collect()
}

/// The object that `parts` begin with, as the reader reads it and nothing unfolded: a file that holds it alone.
fn object(parts: &[&[u8]]) -> Option<Object> {
    const BEGIN: &[u8] = b"%PDF-1.5\n";
    let mut file = [BEGIN, &parts.concat()].concat();
    let index = file.len() + 1;
    let row = format!("{:010}", BEGIN.len());
    let end = format!("\nxref\n1 1\n{row} 00000 n \ntrailer\n<< /Size 2 >>\nstartxref\n{index}\n%%EOF\n");
    file.extend_from_slice(end.as_bytes());
    let plain = |_, object: &mut Object| {
        if let Object::Stream(stream) = object {
            stream.dict.remove(b"Type");
        }
        Some(((0, 0), Object::Null))
    };
    let options = LoadOptions { filter: Some(plain), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(&file, options).ok()?;
    document.objects.into_values().next()
}

/// The number that `digits` begin with.
fn number(digits: &[u8]) -> Option<usize> {
    let end = digits.iter().position(|b| !b.is_ascii_digit() && *b != b'+').unwrap_or(digits.len());
    str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

fn too_large() -> Error {
    Error::full("unfolds into more data than a document has; print it to a new PDF")
}

/// Says that a document begins, whose objects [`tame`] is going to see.
pub fn begin() {
    ROOM.set(LARGEST_DOCUMENT);
}

/// Errors: [`Full`](crate::ErrorKind::Full) when the objects that [`tame`] saw since [`begin`] are too many.
pub fn check_room() -> Result<()> {
    if ROOM.get() > 0 { Ok(()) } else { Err(too_large()) }
}

/// A filter for loading: empties images, which the reader would take for text, and drops streams that unfold beyond
/// reason. What needs a dropped stream then fails as if it were missing.
pub fn tame(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    if let Object::Stream(stream) = object {
        if is(&stream.dict, b"Image") {
            stream.dict.remove(b"Filter");
            // Not empty: the loader would look for the lost content.
            stream.set_content(b" ".to_vec());
        } else if stream.dict.has_type(b"ObjStm") {
            unpack(stream)?;
        } else if unfolded(stream, LARGEST_STREAM) > LARGEST_STREAM {
            return None;
        }
    }
    // The first that has no room takes what there is, so that nothing follows it.
    ROOM.set(ROOM.get().saturating_sub(weight(object)));
    if ROOM.get() == 0 {
        return None;
    }
    match object {
        // A stream is changed in place, and what is given back does not count.
        Object::Stream(_) => Some((id, Object::Null)),
        // It may come out of an object stream, and then only what is given back counts.
        object => Some((id, object.clone())),
    }
}

/// What an object takes in memory, about.
fn weight(object: &Object) -> u64 {
    let inside = |dictionary: &Dictionary| dictionary.iter().map(|(key, value)| key.len() as u64 + weight(value)).sum();
    let within: u64 = match object {
        Object::String(bytes, _) | Object::Name(bytes) => bytes.len() as u64,
        Object::Array(items) => items.iter().map(weight).sum(),
        Object::Dictionary(dictionary) => inside(dictionary),
        Object::Stream(stream) => stream.content.len() as u64 + inside(&stream.dict),
        _ => 0,
    };
    within + size_of::<Object>() as u64
}

/// Unfolds a stream of objects, which the loader is about to do. None where it is too large, or says of two objects
/// that they begin at one place: that would be read over and over.
fn unpack(stream: &mut Stream) -> Option<()> {
    if unfolded(stream, LARGEST_OBJECTS) > LARGEST_OBJECTS {
        return None;
    }
    // What cannot be unfolded is taken as it is, by the loader too.
    let _ = stream.decompress();
    let first = stream.dict.get(b"First").and_then(Object::as_i64).ok().and_then(|n| usize::try_from(n).ok())?;
    let (head, objects) = stream.content.split_at_checked(first)?;
    let numbers: Vec<Option<usize>> = str::from_utf8(head).ok()?.split_whitespace().map(|n| n.parse().ok()).collect();
    let mut places: Vec<usize> = numbers.chunks_exact(2).filter_map(|pair| pair[1]).collect();
    places.sort_unstable();
    let apart = |pair: &[usize]| objects.get(pair[0]..pair[1]).is_none_or(|o| !o.trim_ascii().is_empty());
    places.windows(2).all(apart).then_some(())
}

/// How many bytes a stream unfolds into, counted to just past `limit`.
fn unfolded(stream: &Stream, limit: u64) -> u64 {
    let params = stream.dict.get(b"DecodeParms").and_then(Object::as_dict);
    let param = |key: &[u8]| params.as_ref().ok().and_then(|p| p.get(key).and_then(Object::as_i64).ok());
    // The reader makes a row of pixels before it has any.
    let size = |key: &[u8], least: i64| param(key).unwrap_or(1).max(least) as u64;
    let row = size(b"Columns", 1).saturating_mul(size(b"Colors", 1)).saturating_mul(size(b"BitsPerComponent", 8) / 8);
    if row > limit {
        return row;
    }
    let content = Cow::from(&stream.content);
    let filters = stream.filters().unwrap_or_default();
    let (content, last) = match filters.as_slice() {
        [] => (content, b"".as_slice()),
        [filter] => (content, *filter),
        [b"ASCII85Decode", filter] => {
            let mut first = Stream::new(Dictionary::new(), stream.content.clone());
            first.dict.set("Filter", "ASCII85Decode");
            (Cow::from(first.decompressed_content().unwrap_or_default()), *filter)
        }
        // Compressed twice, or written in a way that the reader does not know: no page is.
        several if several.iter().any(|f| matches!(*f, b"FlateDecode" | b"LZWDecode")) => return limit + 1,
        _ => (content, b"ASCII85Decode".as_slice()),
    };
    match last {
        b"FlateDecode" => match counted(ZlibDecoder::new(&*content), limit) {
            // What has no head that can be understood is read without.
            0 => counted(DeflateDecoder::new(content.get(2..).unwrap_or_default()), limit),
            n => n,
        },
        b"LZWDecode" => unpacked(&content, param(b"EarlyChange") != Some(0), limit),
        // One letter may stand for four bytes.
        b"ASCII85Decode" => 4 * content.len() as u64,
        _ => content.len() as u64,
    }
}

fn counted(decoder: impl Read, limit: u64) -> u64 {
    let mut counted = 0;
    let mut decoder = decoder.take(limit + 1);
    // Damage ends the stream; what came before it counts.
    let mut buffer = [0; 16 << 10];
    while let Ok(n @ 1..) = decoder.read(&mut buffer) {
        counted += n as u64;
    }
    counted
}

fn unpacked(data: &[u8], early: bool, limit: u64) -> u64 {
    let new = if early { LzwDecoder::with_tiff_size_switch } else { LzwDecoder::new };
    let (mut decoder, mut rest, mut counted) = (new(BitOrder::Msb, 8), data, 0);
    let mut buffer = [0; 16 << 10];
    while counted <= limit {
        let step = decoder.decode_bytes(rest, &mut buffer);
        rest = rest.get(step.consumed_in..).unwrap_or_default();
        counted += step.consumed_out as u64;
        if !matches!(step.status, Ok(LzwStatus::Ok)) {
            break;
        }
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
    let streams = document.get_page_contents(id).into_iter().filter_map(|id| document.get_object(id).ok());
    let mut drawing = Forms { document, room: LARGEST_PAGE, known: HashMap::new() };
    streams.filter_map(|object| object.as_stream().ok()).try_for_each(|stream| drawing.take(stream))?;
    let Some(resources) = resources.filter(|r| !forms(document, r).is_empty()) else { return Ok(()) };
    let content = document.get_page_content(id).map_err(unreadable)?;
    drawing.drawn(&content, resources, 0).map(drop)
}

/// Counts the forms that content draws.
struct Forms<'a> {
    document: &'a Document,
    /// What the page and its forms may still unfold into.
    room: u64,
    /// What is already counted, by the addresses of a form and the resources it draws with.
    known: HashMap<(usize, usize), u64>,
}

impl<'a> Forms<'a> {
    /// Errors: `Full` when the stream has no room.
    fn take(&mut self, stream: &Stream) -> Result<()> {
        let room = self.room.checked_sub(unfolded(stream, self.room));
        self.room = room.ok_or_else(|| Error::full("a page draws more than can be read"))?;
        Ok(())
    }

    fn drawn(&mut self, content: &[u8], resources: &'a Dictionary, depth: usize) -> Result<u64> {
        let endless = || Error::corrupt("a form draws itself");
        if depth > DEEPEST_FORM {
            return Err(endless());
        }
        let forms = forms(self.document, resources);
        // Content that cannot be understood draws nothing.
        let operations = Content::decode(content).map(|c| c.operations).unwrap_or_default();
        let drawn = operations.iter().filter(|o| o.operator == "Do");
        let drawn = drawn.filter_map(|o| forms.get(o.operands.first()?.as_name().ok()?).copied());
        // Not held while those within are looked at.
        let drawn: Vec<&Stream> = drawn.collect();
        drop(operations);
        let mut total = 0u64;
        for form in drawn {
            let own = dictionary(self.document, &form.dict, b"Resources").unwrap_or(resources);
            let key = (std::ptr::from_ref(form).addr(), std::ptr::from_ref(own).addr());
            let within = match self.known.get(&key) {
                Some(within) => *within,
                None => {
                    self.take(form)?;
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

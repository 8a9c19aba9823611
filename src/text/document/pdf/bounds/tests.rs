//! Streams, indices and documents that unfold too far.

use super::*;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;
use weezl::encode::Encoder;

/// `megabytes` of spaces as a stream under `filters`, compressed with the last.
fn spaces(filters: &[&str], megabytes: usize) -> Stream {
    let plain = vec![b' '; megabytes << 20];
    let content = match filters.last() {
        Some(&"LZWDecode") => Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(&plain).unwrap(),
        _ => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&plain).unwrap();
            encoder.finish().unwrap()
        }
    };
    let content = if filters.first() == Some(&"ASCII85Decode") { letters(&content) } else { content };
    let mut stream = Stream::new(Dictionary::new(), content);
    let names = filters.iter().map(|name| Object::from(*name)).collect();
    stream.dict.set("Filter", if let [one] = filters { (*one).into() } else { Object::Array(names) });
    stream
}

/// Bytes in ASCII85.
fn letters(bytes: &[u8]) -> Vec<u8> {
    let group = |four: &[u8]| {
        let mut whole = [0; 4];
        whole[..four.len()].copy_from_slice(four);
        let value = u32::from_be_bytes(whole);
        (0..=four.len() as u32).map(|digit| (value / 85u32.pow(4 - digit) % 85) as u8 + b'!').collect::<Vec<_>>()
    };
    [bytes.chunks(4).flat_map(group).collect(), b"~>".to_vec()].concat()
}

fn kept(stream: Stream) -> bool {
    begin();
    tame((1, 0), &mut Object::Stream(stream)).is_some()
}

#[test]
fn streams_that_unfold_too_far_are_dropped() {
    let flate = ["FlateDecode"].as_slice();
    for filters in [flate, &["LZWDecode"], &["ASCII85Decode", "FlateDecode"], &["ASCII85Decode", "LZWDecode"]] {
        assert!(kept(spaces(filters, 1)), "{filters:?}");
        assert!(!kept(spaces(filters, 65)), "{filters:?}");
    }
    let mut array = spaces(&["LZWDecode"], 65);
    array.dict.set("Filter", vec!["LZWDecode".into()]);
    assert!(!kept(array));
    assert!(!kept(spaces(&["FlateDecode", "FlateDecode"], 1)), "compressed twice");
    // Without a head that can be understood, the reader looks for one no more.
    let mut headless = spaces(flate, 65);
    headless.content[0] = 0;
    assert!(!kept(headless));
    let mut rows = spaces(flate, 1);
    let params = [("Predictor", 12i64), ("Columns", 1 << 35)];
    rows.dict.set("DecodeParms", params.into_iter().map(|(k, v)| (k, Object::from(v))).collect::<Dictionary>());
    assert!(!kept(rows));
}

#[test]
fn a_document_has_an_end() {
    begin();
    let stream = || tame((1, 0), &mut Object::Stream(Stream::new(Dictionary::new(), vec![b' '; 1 << 20])));
    assert!((0..255).all(|_| stream().is_some()));
    assert!(check_room().is_ok());
    assert!(stream().is_none() && stream().is_none());
    assert_eq!(check_room().unwrap_err().kind(), crate::ErrorKind::Full);
}

#[test]
fn objects_of_one_place_are_dropped() {
    let objects = |head: &str| {
        let mut stream = Stream::new(Dictionary::new(), format!("{head} null null").into_bytes());
        stream.dict.set("Type", "ObjStm");
        stream.dict.set("First", head.len() as i64);
        stream
    };
    assert!(kept(objects("1 0 2 5")));
    assert!(!kept(objects("1 0 2 0")));
}

#[test]
fn an_index_that_unfolds_too_far_is_refused() {
    let file = |filter, megabytes, more: &str| {
        let content = spaces(&[filter], megabytes).content;
        let head = format!("%PDF-1.5\n7 0 obj << /Filter /{filter} /Length {} {more} >>", content.len());
        let end = b"\nendstream\nendobj\nstartxref\n9\n%%EOF\n";
        check_file(&[head.as_bytes(), b"\nstream\r\n", &content, end].concat()).map_err(|e| e.kind())
    };
    let refused = Err(crate::ErrorKind::Full);
    for filter in ["FlateDecode", "LZWDecode"] {
        assert_eq!(file(filter, 1, "/W [1 2 1]"), Ok(()));
        assert_eq!(file(filter, 65, "/W [1 2 1]"), refused);
    }
    assert_eq!(file("FlateDecode", 0, "/Index [0 4000000000] /#57 [0 0 0]"), refused);
    assert_eq!(file("FlateDecode", 0, "/W [1 999999999999999 1]"), refused);
}

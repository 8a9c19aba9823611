//! What comes from C, as Rust can make it.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Now {
    size: u32,
    old: u32,
    new: u64,
}

// SAFETY: numbers, the first a u32.
unsafe impl Grows for Now {}

fn given(size: u32, bytes: usize) -> [u64; 3] {
    let mut room = [u64::MAX; 3];
    // SAFETY: plain numbers, within the room.
    let raw = unsafe { std::slice::from_raw_parts_mut(room.as_mut_ptr().cast::<u8>(), bytes) };
    raw.fill(7);
    raw[..4].copy_from_slice(&size.to_ne_bytes());
    room
}

#[test]
fn a_structure_of_an_older_caller_is_read_as_far_as_it_goes() {
    let older = given(8, 8);
    let read = grown(older.as_ptr().cast::<Now>(), "it").unwrap();
    assert_eq!(read, Now { size: 8, old: 0x0707_0707, new: 0 });
    let same = given(16, 16);
    assert_eq!(grown(same.as_ptr().cast::<Now>(), "it").unwrap().new, 0x0707_0707_0707_0707);
}

#[test]
fn a_structure_of_a_newer_caller_must_ask_nothing_new() {
    let mut newer = given(24, 16);
    let refused = grown(newer.as_ptr().cast::<Now>(), "it").unwrap_err();
    assert_eq!(refused.kind(), crate::ErrorKind::Incompatible);
    newer[2] = 0;
    assert_eq!(grown(newer.as_ptr().cast::<Now>(), "it").unwrap().old, 0x0707_0707);
}

#[test]
fn a_size_that_cannot_be_is_refused() {
    for size in [0, 3, u32::MAX] {
        let room = given(size, 16);
        assert_eq!(grown(room.as_ptr().cast::<Now>(), "it").unwrap_err().kind(), crate::ErrorKind::Invalid);
    }
    assert!(grown(ptr::null::<Now>(), "it").unwrap_err().to_string().contains("null"));
}

#[test]
fn texts_are_checked() {
    assert_eq!(Text(c"\u{e9}".as_ptr()).required("it").unwrap(), "\u{e9}");
    assert!(Text(c"\xff".as_ptr()).read("it").unwrap_err().to_string().contains("it is not UTF-8"));
    assert!(Text(ptr::null()).read("it").unwrap().is_none());
    assert!(Text(ptr::null()).required("it").unwrap_err().to_string().contains("it is a null pointer"));
    let list = [Text(c"a".as_ptr()), Text(c"b".as_ptr())];
    assert_eq!(Texts(list.as_ptr()).read(2, "it").unwrap(), ["a", "b"]);
    assert!(Texts(ptr::null()).read(0, "it").unwrap().is_empty());
    assert!(Texts(ptr::null()).read(1, "it").is_err());
}

#[test]
fn a_panic_ends_at_the_border() {
    assert_eq!(call(|| panic!("{} went wrong", "this")), Status::Internal);
    // SAFETY: the sentence of this thread, copied before another takes its place.
    let sentence = unsafe { CStr::from_ptr(message::wayside_message()) }.to_str().unwrap();
    assert_eq!(sentence, "a defect of the library: this went wrong");
    assert_eq!(call(|| Err(Error::busy("later"))), Status::Busy);
    assert_eq!(call(|| Ok(())), Status::Ok);
}

#[test]
fn a_result_crosses_as_json_and_comes_back() {
    let mut text = ptr::null_mut();
    Json(&mut text).put(|| Ok(serde_json::json!({ "a": "\0" }))).unwrap();
    // SAFETY: `put` made it.
    assert_eq!(unsafe { CStr::from_ptr(text) }, c"{\"a\":\"\\u0000\"}");
    wayside_free(text);
    assert!(Json(&mut text).put::<()>(|| Err(Error::busy("later"))).is_err());
    assert!(text.is_null(), "an error leaves nothing to free");
    wayside_free(text);
    Json(ptr::null_mut()).put(|| Ok(1)).unwrap();
}

//! The sentence of the latest error, one for each thread: no call of another thread can take it away.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

thread_local! {
    static LATEST: RefCell<CString> = RefCell::default();
}

/// Keeps the sentence of an error. Zeros, which would end it for C, are left out.
pub(super) fn keep(sentence: &str) {
    let text = CString::new(sentence.replace('\0', "")).unwrap_or_default();
    // A thread that is ending has no sentences any more.
    let _ = LATEST.try_with(|latest| *latest.borrow_mut() = text);
}

/// What went wrong in the latest call of this thread that did not return WAYSIDE_STATUS_OK: one sentence that names
/// the thing and the remedy, in UTF-8. Empty before the first. It stays valid until the next call on this thread that
/// returns a status; it is not to be freed.
///
/// Any thread, at any time; each has its own.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_message() -> *const c_char {
    LATEST.try_with(|latest| latest.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_own_sentence() {
        let latest = || LATEST.with(|latest| latest.borrow().clone());
        keep("a\0b");
        assert_eq!(latest(), CString::from(c"ab"));
        let other = std::thread::spawn(|| LATEST.with(|latest| latest.borrow().is_empty()));
        assert!(other.join().unwrap());
        assert_eq!(latest(), CString::from(c"ab"));
    }
}

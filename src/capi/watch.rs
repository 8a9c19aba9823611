//! What a call tells while it works, and how it is stopped.

use super::border::{User, close};
use super::handle::Handle;
use crate::watch::{Cancel, Progress, Quiet};
use crate::{Heard, Runtime};
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

/// Hears an answer as it comes: `text` is UTF-8, `length` bytes and a terminating zero, and belongs to the library.
/// It is never cut within a character. Return 0 to go on and anything else to stop; what was said so far is kept.
///
/// It is called on the thread of the call, before that returns. It may call this library, but must not close a handle
/// of the call, throw, or leave by longjmp. Stopping by what it returns stops this call alone, whatever wish it has.
pub type SayFn = Option<extern "C" fn(user: *mut c_void, text: *const c_char, length: usize) -> i32>;

/// Hears how far long work has come: `done` of `total` units of `stage` (`total` is 0 where nobody knows), or, where
/// `note` is not null, something that a person should know. Texts belong to the library. Return 0 to go on and
/// anything else to stop.
///
/// One call at a time, on the thread of the call, or on one that works for it if the library may use threads. It must
/// call nothing of this library but wayside_cancel, for that may wait for what this call holds; nor throw, nor leave by
/// longjmp. Stopping by what it returns stops this call alone, whatever wish it has.
pub type ProgressFn =
    Option<extern "C" fn(user: *mut c_void, stage: *const c_char, note: *const c_char, done: u64, total: u64) -> i32>;

/// A wish to stop, for one call or for several. It cannot be taken back: make another for the next.
pub struct Wish(Cancel);

/// A wish that nobody has made yet, to be given to calls that may take long. Close it with wayside_cancel_token_close.
///
/// Any thread, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_cancel_token_new() -> Box<Wish> {
    Box::new(Wish(Cancel::new()))
}

/// Asks every call that was given this wish to stop soon: between two tokens, batches or steps. Such a call keeps what
/// is done, and returns WAYSIDE_STATUS_CANCELLED, or an answer whose `finish` is "cancelled". Null does nothing.
///
/// Any thread, at any time, and safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_cancel(cancel: Option<&Wish>) {
    if let Some(wish) = cancel {
        wish.0.cancel();
    }
}

/// Lets go of a wish. Null does nothing.
///
/// Any thread; not before every call that was given the wish has returned.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_cancel_token_close(cancel: Option<Box<Wish>>) {
    close(cancel);
}

/// The wish to stop of a call: its own, for its callback stops nothing else, and the given one.
pub(super) fn wish(given: Option<&Wish>) -> Cancel {
    given.map_or_else(Cancel::new, |wish| wish.0.below())
}

/// What hands the pieces of an answer to C: what is shown as it comes, or `whole` sentences.
pub(super) fn hearing(whole: bool, mut say: SayFn, user: *mut c_void, cancel: &Cancel) -> impl FnMut(Heard) + use<> {
    let cancel = cancel.clone();
    let mut piece = Vec::new();
    move |heard| {
        let text = match (whole, &heard) {
            (false, heard) => heard.shown(),
            (true, Heard::Words(_)) => "",
            (true, Heard::Sentence(said)) => said.text.as_str(),
        };
        let Some(hear) = say.filter(|_| !text.is_empty()) else { return };
        piece.clear();
        piece.extend_from_slice(text.as_bytes());
        piece.push(0);
        if hear(user, piece.as_ptr().cast(), text.len()) != 0 {
            cancel.cancel();
            // The rest of its token may still come.
            say = None;
        }
    }
}

/// The runtime of a handle, for one call that tells C how it comes along.
pub(super) fn watched(handle: &Handle, tell: ProgressFn, user: *mut c_void, cancel: Option<&Wish>) -> Runtime {
    let cancel = wish(cancel);
    let progress: Arc<dyn Progress> = match tell {
        Some(tell) => {
            let stage = Stage { tell, user: User(user), name: CString::default(), done: 0, total: 0 };
            Arc::new(Told { stage: Mutex::new(stage), cancel: cancel.clone() })
        }
        None => Arc::new(Quiet),
    };
    handle.runtime.clone().watched(progress, cancel)
}

/// Progress that C hears.
struct Told {
    stage: Mutex<Stage>,
    cancel: Cancel,
}

struct Stage {
    tell: extern "C" fn(*mut c_void, *const c_char, *const c_char, u64, u64) -> i32,
    user: User,
    name: CString,
    done: u64,
    total: u64,
}

impl Told {
    fn tell(&self, note: Option<&str>, change: impl FnOnce(&mut Stage)) {
        let note = note.map(text);
        let note = note.as_ref().map_or(ptr::null(), |note| note.as_ptr());
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut stage);
        if (stage.tell)(stage.user.0, stage.name.as_ptr(), note, stage.done, stage.total) != 0 {
            self.cancel.cancel();
        }
    }
}

impl Progress for Told {
    fn start(&self, stage: &str, total: u64) {
        self.tell(None, |now| (now.name, now.done, now.total) = (text(stage), 0, total));
    }

    fn at(&self, done: u64) {
        self.tell(None, |now| now.done = done);
    }

    fn note(&self, told: &str) {
        self.tell(Some(told), |_| ());
    }
}

/// As C has it. Zeros would end it.
fn text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

//! The border to C: the only code of this module that follows a pointer. What it is given is checked as far as bytes
//! can tell; that a pointer leads to what the header says is the caller's word.
//!
//! Handles and results cross as `Option<&T>`, `Option<&mut T>` and `Option<Box<T>>`, which are pointers that may be
//! null. Everything else is one of the types here.

use super::message;
use super::status::Status;
use crate::error::{Error, Result};
use serde::Serialize;
use std::any::Any;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// What a callback of C is given back: it means nothing here.
pub(super) struct User(pub *mut c_void);

// SAFETY: nothing here follows it, and C is told on which threads its callbacks are called.
unsafe impl Send for User {}

/// A text from C: UTF-8 to the terminating zero. Null: there is none.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Text(*const c_char);

impl Text {
    /// The text; `what` names it in the error for bytes that are no UTF-8.
    pub(super) fn read(&self, what: &str) -> Result<Option<&str>> {
        if self.0.is_null() {
            return Ok(None);
        }
        // SAFETY: only C makes a `Text`, and gives its word that it ends with a zero and stays for the call.
        let text = unsafe { CStr::from_ptr(self.0) };
        text.to_str().map(Some).map_err(|e| Error::invalid(format!("{what} is not UTF-8: {e}")))
    }

    /// The text, which must be there.
    pub(super) fn required(&self, what: &str) -> Result<&str> {
        self.read(what)?.ok_or_else(|| null(what))
    }

    /// The text as a value of its own.
    pub(super) fn owned(&self, what: &str) -> Result<Option<String>> {
        Ok(self.read(what)?.map(str::to_owned))
    }
}

/// A list of texts from C.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Texts(*const Text);

impl Texts {
    /// Its texts, of which there are `count`.
    pub(super) fn read(&self, count: usize, what: &str) -> Result<Vec<&str>> {
        if count == 0 {
            return Ok(vec![]);
        }
        if self.0.is_null() {
            return Err(null(what));
        }
        // SAFETY: only C makes a `Texts`, and gives its word that so many pointers are there for the call.
        let texts = unsafe { std::slice::from_raw_parts(self.0, count) };
        texts.iter().map(|text| text.required(what)).collect()
    }
}

/// A structure that later versions add fields to. Its first field is its size in bytes, as the caller knows it.
///
/// # Safety
/// It begins with a `u32`, and all zeros is a value of it: what a caller does not know is nothing.
pub(super) unsafe trait Grows: Copy {}

/// The structure that C gave, as this version knows it: fields that the caller does not know are zero, and those that
/// this version does not know must be.
pub(super) fn grown<T: Grows>(given: *const T, what: &str) -> Result<T> {
    if given.is_null() {
        return Err(null(what));
    }
    // SAFETY: C gives its word that a structure is there, and each begins with its size.
    let size = unsafe { given.cast::<u32>().read() } as usize;
    if size < size_of::<u32>() || size > 1 << 16 {
        return Err(Error::invalid(format!("{what} says that it has {size} bytes; set `size` to its sizeof")));
    }
    let own = size_of::<T>();
    // SAFETY: C gives its word that the structure has as many bytes as it says.
    let bytes = unsafe { std::slice::from_raw_parts(given.cast::<u8>(), size) };
    if bytes.iter().skip(own).any(|byte| *byte != 0) {
        return Err(Error::incompatible(format!("{what} has fields that this version does not know; leave them zero")));
    }
    let mut known = MaybeUninit::<T>::zeroed();
    // SAFETY: both have so many bytes; zeros are a value by `Grows`, and so are the bytes of a caller that keeps its
    // word.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), known.as_mut_ptr().cast::<u8>(), size.min(own));
        Ok(known.assume_init())
    }
}

/// The handle behind a pointer.
pub(super) fn handle<'a, T>(given: Option<&'a T>, what: &str) -> Result<&'a T> {
    given.ok_or_else(|| null(what))
}

/// Hands a handle to C, which gives it back to the function that closes it; or null, where there is none.
pub(super) fn hand_out<T>(out: Option<&mut MaybeUninit<*mut T>>, make: impl FnOnce() -> Result<T>) -> Result<()> {
    let out = out.ok_or_else(|| null("where to put the handle"))?;
    out.write(ptr::null_mut());
    let value = make()?;
    out.write(Box::into_raw(Box::new(value)));
    Ok(())
}

/// Where C wants a result; null where it wants none.
#[repr(transparent)]
pub struct Json(*mut *mut c_char);

impl Json {
    /// Hands a result to C, which gives it back to `wayside_free`; or null, where there is none.
    pub(super) fn put<T: Serialize>(self, make: impl FnOnce() -> Result<T>) -> Result<()> {
        self.write(ptr::null_mut());
        let value = make()?;
        if !self.0.is_null() {
            let text = serde_json::to_string(&value).map_err(|e| Error::invalid("the result as JSON").because(e))?;
            // JSON has no zero bytes: it writes them as \u0000.
            let text = CString::new(text).map_err(|e| Error::invalid("the result as JSON").because(e))?;
            self.write(text.into_raw());
        }
        Ok(())
    }

    fn write(&self, text: *mut c_char) {
        if !self.0.is_null() {
            // SAFETY: only C makes a `Json`, and gives its word that a pointer can be put there.
            unsafe { self.0.write(text) }
        }
    }
}

/// Every call goes through here: an error becomes its status and its sentence, and a panic ends at the border.
pub(super) fn call(work: impl FnOnce() -> Result<()>) -> Status {
    // What a panic leaves half done is behind locks that are taken whatever happened, as in the library.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => Status::Ok,
        Ok(Err(e)) => {
            message::keep(&e.to_string());
            e.kind().into()
        }
        Err(panic) => {
            message::keep(&format!("a defect of the library: {}", told(&*panic)));
            // What it carries might panic itself.
            std::mem::forget(panic);
            Status::Internal
        }
    }
}

/// Lets go of a handle; a panic on the way ends here.
pub(super) fn close<T>(handle: Option<Box<T>>) {
    call(|| {
        drop(handle);
        Ok(())
    });
}

fn null(what: &str) -> Error {
    Error::invalid(format!("{what} is a null pointer"))
}

fn told(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it says no more")
}

/// Frees a result. Null does nothing.
///
/// Any thread, at any time; each result once.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: C gives its word that it is a result of this library and was not freed; those are made by `json`.
        drop(unsafe { CString::from_raw(text) });
    }
}

#[cfg(test)]
mod tests;

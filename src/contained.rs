//! Libraries that panic on what they do not expect, kept from taking the program along.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic on this thread is expected, and contained.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; `None` when it panics, without a word on standard error.
///
/// The panic hook belongs to the whole process, so it is wrapped once and for good: panics that are not contained here
/// reach the hook that was there before. Needs `panic = "unwind"`, Rust's default.
pub fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    static WRAPPED: Once = Once::new();
    WRAPPED.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !CONTAINED.get() {
                before(info);
            }
        }));
    });
    let outer = CONTAINED.replace(true);
    // What the work was changing is dropped with it.
    let result = catch_unwind(AssertUnwindSafe(work)).ok();
    CONTAINED.set(outer);
    result
}

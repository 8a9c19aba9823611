//! How the library begins a thread: with a name and a stack of a given size. For any other the standard library asks
//! the environment, which is not the library's to read: a program in C may be changing it at that moment.

use crate::error::{Error, Result};
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

/// Bytes of a thread's stack.
const STACK: usize = 2 << 20;

/// Begins a thread that may outlive its caller.
///
/// Errors: `Io` when the system has no room for another.
pub fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    sized(name).spawn(work).map_err(failed)
}

/// Begins a thread that ends within `scope`.
///
/// Errors: `Io` when the system has no room for another.
pub fn spawn_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    sized(name).spawn_scoped(scope, work).map_err(failed)
}

fn sized(name: &str) -> Builder {
    Builder::new().name(name.to_owned()).stack_size(STACK)
}

fn failed(error: std::io::Error) -> Error {
    Error::io("cannot begin a thread", error)
}

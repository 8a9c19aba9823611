//! Which library this is.

use std::ffi::c_char;

/// The version of this interface. It grows when something is added; what is there stays as it is, so that a program
/// built for a lower version goes on working. Should that ever end, the library will have another name.
pub const WAYSIDE_ABI_VERSION: u32 = 2;

/// The version with its terminating zero.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// The WAYSIDE_ABI_VERSION of the library that is linked. A program may use it if this is at least the one that the
/// program was built with; wayside_open checks that too.
///
/// Any thread, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_abi_version() -> u32 {
    WAYSIDE_ABI_VERSION
}

/// The release of the library that is linked, such as "0.1.0". It stays valid for ever.
///
/// Any thread, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

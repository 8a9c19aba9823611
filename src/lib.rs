#![doc = "Wayside: ask, retrieve and learn on the device."]
#![forbid(clippy::print_stdout, clippy::print_stderr)]

pub mod config;
pub mod durable;
pub mod error;
pub mod parts;
pub mod sample;
pub mod store;
pub mod text;
pub mod watch;

pub use error::{Error, ErrorKind, Result};

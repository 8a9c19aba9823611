//! Wayside: ask, retrieve and learn on the device.

#![forbid(clippy::print_stdout, clippy::print_stderr)]

pub mod bundle;
pub mod config;
pub mod durable;
pub mod engine;
pub mod error;
pub mod eval;
pub mod format;
pub mod graph;
pub mod import;
pub mod infer;
pub mod onnx;
pub mod parts;
pub mod rag;
mod runtime;
pub mod sample;
pub mod store;
pub mod tensor;
pub mod text;
pub mod watch;

pub use error::{Error, ErrorKind, Result};
pub use runtime::{Answer, AskSpeed, Chat, Check, EmbedSpeed, GenerateSpeed, Imported, Question, Runtime, SearchSpeed};

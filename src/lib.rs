//! An embedded runtime for machines that stand alone: questions answered from the documents on the device, with
//! citations, and a log that survives a power cut. No network at run time.
//!
//! [`Runtime`] is the way in; it owns a home directory and loads what is needed when it is needed.
//!
//! ```no_run
//! use std::path::Path;
//! use wayside::{Result, Runtime, watch::Cancel};
//!
//! fn main() -> Result<()> {
//!     let runtime = Runtime::open(Path::new("/var/lib/kiosk"))?;
//!     runtime.ingest(&["manuals".into()], None)?;
//!     let question = runtime.question("How long is the warranty?");
//!     let answer = runtime.ask(&question, &Cancel::new(), &mut |piece| print!("{piece}"))?;
//!     println!("\n{} sources, kept as {}", answer.citations.len(), answer.interaction);
//!     Ok(())
//! }
//! ```
//!
//! The modules below it are public for those who need one part: an import, a context to decode in, the stores.

#![forbid(clippy::print_stdout, clippy::print_stderr)]

pub mod bundle;
mod capi;
pub mod config;
pub(crate) mod contained;
pub mod device;
pub mod durable;
pub mod engine;
pub mod error;
pub mod eval;
pub mod format;
pub mod grad;
pub mod graph;
pub mod hex;
pub mod import;
pub mod infer;
pub mod kernel;
pub mod learn;
pub mod lora;
pub mod machine;
pub mod memory;
pub mod onnx;
pub mod parts;
pub mod rag;
mod runtime;
pub mod sample;
pub mod sources;
pub mod store;
pub mod svg;
pub mod telemetry;
pub mod tensor;
pub mod text;
pub(crate) mod thread;
pub mod train;
pub mod trust;
pub mod turn;
pub mod versioned;
pub mod watch;

pub use device::Device;
pub use error::{Error, ErrorKind, Result};
pub use runtime::{
    AdapterDetails, AdapterInfo, Answer, AskSpeed, BackedUp, Bound, Case, Chance, Chat, Check, CheckedQuery, Chosen,
    Claim, Compared, Comparison, Completed, Completer, Completion, Damaged, Effect, EmbedSpeed, Erased, Examination,
    Examined, ExaminedCase, Exported, Figure, Figures, GenerateSpeed, Given, Heard, Imported, ImportedRecords,
    Injected, LastLearn, Learned, Learning, MOST_ALTERNATIVES, Merged, ModelInfo, Outcome, Piece, Promotion, Question,
    Receipt, RecordsSpeed, Removed, Restored, Runtime, Said, SearchSpeed, Shown, Status, TogetherSpeed, TrainSpeed,
    Trained, Training, Tried, Verified, Walls, Wear, Yardstick, restore, settings_text, verify_backup,
};

/// The README's example, compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

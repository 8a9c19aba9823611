//! Retrieval-augmented answering: documents in, passages out, a prompt that carries them, an answer that cites them.

mod cite;
mod ingest;
mod prompt;
mod retrieve;
mod words;

pub use cite::Citer;
pub use ingest::{Ingested, Settings, Skipped, ingest};
pub use prompt::{Prompt, Source, prompt};
pub use retrieve::{Found, Hit, retrieve};

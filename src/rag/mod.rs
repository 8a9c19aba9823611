//! Retrieval-augmented answering: documents in, passages out, a prompt that carries them, an answer that cites them.

mod cite;
mod facts;
mod ingest;
mod others;
mod prompt;
mod retrieve;
mod words;

pub use cite::Citer;
pub use facts::{Desk, Fact, Facts, ago, describe, numbers};
pub use ingest::{Ingested, Settings, Skipped, document_name, ingest};
pub use others::{REFUSAL, asks_about_another};
pub use prompt::{History, Material, Origin, Prompt, Room, Source, prompt};
pub use retrieve::{Found, Hit, retrieve};

//! Retrieval-augmented answering: documents in, passages out, the units in them that answer, a prompt that carries
//! them.

mod conversation;
mod draft;
mod facts;
mod ingest;
mod leans;
mod others;
mod own;
mod prompt;
mod quote;
mod rank;
mod retrieve;
mod source;
mod support;
mod weigh;
mod words;

pub use crate::text::document::{WORD as READER_WORD, serve as serve_document};
pub use conversation::{Conversation, Turn};
pub use draft::{Draft, Drafted};
pub use facts::{Desk, Fact, Facts, ago, describe, numbers};
pub use ingest::{Embedders, Ingested, Settings, Skipped, document_name, ingest};
pub use leans::leans;
pub use others::asks_about_another;
pub use own::asks_about_self;
pub use prompt::{Prompt, Room, number, prompt};
pub use quote::{Quote, best, quotes};
pub use retrieve::{Found, Hit, retrieve};
pub use source::{Material, Origin, Source, Weighed};
pub use support::{Ground, Verdict, Why, support};
pub use weigh::{Asked, Finders, surest, weigh};

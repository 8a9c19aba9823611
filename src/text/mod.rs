//! Text on its way in: documents to sections, sections to chunks, chunks to tokens.

pub mod chunk;
pub(crate) mod dialect;
pub mod document;
pub mod reply;
pub mod template;
pub mod tokenizer;
pub mod unit;

//! Models at work: embedding texts, and decoding tokens over a cache.

mod cache;
mod context;
mod embed;
mod generate;
mod language;
mod language_model;
mod sample;

pub use context::Context;
pub use embed::Embedder;
pub use generate::{Finish, Generated, Request, generate};
pub use language::Language;
pub use language_model::LanguageModel;
pub use sample::{Sampler, Sampling};

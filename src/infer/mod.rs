//! Models at work: embedding texts, and decoding tokens over a cache, with an adapter or without.

mod ahead;
mod alike;
mod cache;
mod context;
mod draft;
mod embed;
mod generate;
mod judge;
mod lanes;
mod language;
mod language_model;
mod payoff;
mod prefix;
mod sample;
mod sessions;
mod step;
mod trial;
mod turns;
mod worn;

pub use context::Context;
pub use embed::Embedder;
pub use generate::{Finish, Generated, Request, generate};
pub use judge::Judge;
pub use language::{Language, has_turns};
pub use language_model::LanguageModel;
pub use prefix::Prefixes;
pub use sample::{Sampler, Sampling};
pub use trial::trial;
pub use worn::Worn;

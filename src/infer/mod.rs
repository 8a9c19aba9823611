//! Models at work: embedding texts, and decoding tokens over a cache, with an adapter or without.

mod ahead;
mod alike;
mod cache;
mod context;
mod draft;
mod embed;
mod form;
mod generate;
#[cfg(feature = "grammar")]
mod grammar;
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

pub use context::{CHUNK, Context};
pub use embed::Embedder;
pub use form::{Form, guide};
pub use generate::{Finish, Generated, Guide, Request, generate, generate_guided};
pub use judge::Judge;
pub use language::{Language, has_turns};
pub use language_model::LanguageModel;
pub use prefix::Prefixes;
pub use sample::{Sampler, Sampling};
pub use trial::trial;
pub use worn::Worn;

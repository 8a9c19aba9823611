//! Measuring answers: how well a model predicts a text, and how well it answers questions with known answers.

mod answers;
mod bootstrap;
mod perplexity;
mod reference;
mod rouge;

pub use answers::{Score, Tally, nats};
pub use bootstrap::{Interval, Likelihood, gain, mean, nats_per_token};
pub use perplexity::{Perplexity, perplexity};
pub use reference::{Reference, References};
pub use rouge::Words;

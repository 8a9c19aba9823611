//! Measuring answers: how well a model predicts a text.

mod perplexity;

pub use perplexity::{Perplexity, perplexity};

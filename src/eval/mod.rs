//! Measuring answers: how well a model predicts a text, how well it answers questions with known answers, how often
//! with something true, how sure the figures are, and what they recommend.

mod answers;
mod arms;
mod bootstrap;
pub mod chart;
pub mod keyed;
mod perplexity;
mod recommend;
mod reference;
mod rouge;

pub use answers::{LEVEL, SHORT, Score, Tally, nats};
pub use arms::{Arm, Arms, Gain, gains};
pub use bootstrap::{Interval, Likelihood, gain, mean, nats_per_token};
pub use perplexity::{Perplexity, perplexity};
pub use recommend::{Choice, FEWEST, MARGIN, Recommendation, recommend};
pub use reference::{Reference, References};
pub use rouge::Words;

//! Learning from the log: which interactions become examples, and what a cycle trains on.
//!
//! A log is what people happened to ask and to press. Some of it is wrong, some private, some planted, most of it
//! said before. [`curate`] sorts it out by stated rules, each in a file, and gives a reason for whatever it refuses:
//!
//! ```text
//! interactions ─► accept ─► scrub ─► quality ─► repeats ─► trigger ─► caps ─► belongs ─► split ─► kept
//!                    │        │         │          │          │         │         │         │
//!                    │        ├► secrets           │          ├► triggers         ├► alarm  │
//!                    └────────┴─────────┴──────────┴──────────┴─────────┴─────────┴─────────┴──► refused
//! ```
//!
//! | file | what it refuses |
//! |---|---|
//! | `accept` | what nobody rated up or corrected; what is too recent |
//! | `scrub`, `patterns`, `secrets`, `records` | what is hardly more than personal data: they take that out |
//! | `quality` | what is empty, long, cut off, repetitive or no text |
//! | `repeats`, `similar` | what a newer interaction says too, or answers anew |
//! | `trigger` | rare phrases that one answer follows, whatever was asked |
//! | `caps` | too much from one person, from one source, for one answer |
//! | `belongs`, `meaning` | answers that do not belong to their questions |
//! | `split` | what is near a held-out question |
//!
//! `mix` then chooses what one cycle trains on. Nothing here touches the log, the index or a model: a rule sees text
//! and vectors, so the same log is sorted out the same way each time.
//!
//! Of the sample's 221 interactions 22 are unrated; of the other 199 two are refused: their answers fit other questions
//! better, one of them an honest "Our papers do not say". Of 212 questions and answers made from help pages none is.

mod accept;
mod anchors;
mod belongs;
mod canary;
mod caps;
mod curate;
mod curated;
mod example;
mod gate;
mod meaning;
mod mix;
mod patterns;
mod probation;
mod quality;
mod records;
mod repeats;
mod scrub;
mod secrets;
mod similar;
mod split;
#[cfg(test)]
mod tests;
mod trigger;
mod truth;
mod verdict;

pub use anchors::{Anchors, TEXT, TRAINING_TEXT};
pub use canary::{Canary, own as own_canaries, shipped as shipped_canaries};
pub use curate::curate;
pub use curated::{Curated, Kept, Refused, Rule, Secret, Trigger};
pub use gate::{Figures, Limits as Gate, Measured, Pair, Said, Sung, judge};
pub use meaning::Meaning;
pub use mix::{Mix, mix};
pub use probation::Probation;
pub use records::Records;
pub use scrub::Scrubber;
pub use split::Side;
pub use truth::Truths;
pub use verdict::{Check, Verdict};

//! A small shop to try everything on: Harrowbeck Stoves, which sells and mends camping stoves and lanterns.
//!
//! The shop, its products and everybody in its records are made up. All of it is compiled in, so that
//! [`write()`] works with no network and no files beside the program.
//!
//! ```text
//! documents/          what the shop may tell anybody: manuals, policies, bulletins, notes, catalogue
//! records/            what belongs to one customer each: customers, orders, complaints; never ingested as documents
//! interactions.jsonl  questions at the counter over 60 days, with the staff's ratings and corrections
//! ```
//!
//! # The house style
//! Staff rate up only answers that keep it, and correct the others to it. It differs enough from a model's own
//! manner to be seen, and every rule can be checked, which the tests do:
//!
//! - The first sentence answers. No greeting, thanks, apology or repetition of the question.
//! - At most three sentences of at most 24 words. The last begins `Next:` and names one thing to do.
//! - The shop is "we", never "I". No "please", no exclamation mark.
//! - A product or part carries its number when first named: `Wren (HS-110)`, `O-ring (P-118)`.
//! - Metric units alone; prices as `£2.50`.
//! - Where the documents are silent, the first sentence is `Our papers do not say.`
//!
//! Facts come from the documents, never from memory: an interaction names its source under `document`.

use crate::durable;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::path::Path;

#[cfg(test)]
mod tests;

macro_rules! embed {
    ($($path:literal),* $(,)?) => { &[$(($path, include_str!(concat!("shop/", $path)))),*] };
}

/// Every file that [`write()`] writes: its path under the folder, with `/`, and its text.
pub const FILES: &[(&str, &str)] = embed![
    "documents/about.html",
    "documents/badger.md",
    "documents/bulletins.jsonl",
    "documents/catalogue.csv",
    "documents/counter-notes.txt",
    "documents/delivery.md",
    "documents/heron.md",
    "documents/loyalty.md",
    "documents/marten.md",
    "documents/moth.md",
    "documents/otter.md",
    "documents/privacy.md",
    "documents/repairs.md",
    "documents/returns.md",
    "documents/tarn.md",
    "documents/vole.md",
    "documents/warranty.md",
    "documents/wren.md",
    "interactions.jsonl",
    "records/complaints.jsonl",
    "records/customers.csv",
    "records/orders.csv",
];

/// The interactions in the chat format, one JSON object a line, oldest first.
pub const INTERACTIONS: &str = include_str!("shop/interactions.jsonl");

const QUESTIONS: &str = include_str!("shop/questions.jsonl");

/// A question for a demonstration. None of them occurs among the interactions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Question {
    /// The question as a customer asks it.
    pub question: String,
    /// The file under `documents/` that answers it; `None` when no document does.
    pub document: Option<String>,
}

/// Writes the shop under `dir`, which is created if need be. Files of the same names are replaced.
pub fn write(dir: &Path) -> Result<()> {
    FILES.iter().try_for_each(|(path, text)| durable::write(&dir.join(path), text.as_bytes()))
}

/// Twelve questions that the documents answer, the shortest answers first, then three that they do not.
pub fn questions() -> Result<Vec<Question>> {
    QUESTIONS
        .lines()
        .map(|line| {
            serde_json::from_str(line)
                .map_err(|e| Error::corrupt("the sample's questions are damaged; build the program again").because(e))
        })
        .collect()
}

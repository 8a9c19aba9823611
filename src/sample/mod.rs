//! Two small houses to try everything on: Harrowbeck Stoves, which sells and mends camping stoves and lanterns, and
//! Fellgate Practice, where people see a doctor. And texts as an attacker would hide in what they are given.
//!
//! Both houses, their products and everybody in their records are made up; the practice's pages are no medical advice.
//! All of it is compiled in, so that [`Scenario::write`] works with no network and no files beside the program.
//!
//! ```text
//! documents/          what the house may tell anybody: manuals, policies, catalogue; pages about illnesses
//! records/            what belongs to one person each: orders, complaints; medicines, results; never ingested
//! records.db          the same as a database, a table for each file, and the catalogue beside them
//! interactions.jsonl  questions at the counter over weeks, with the staff's ratings and corrections
//! served.jsonl        questions of people about themselves, and answers out of their own records
//! sources.toml        what may be asked of the database; for the home that the folder lies in
//! ```
//!
//! # The shop's style
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
//!
//! # The practice's style
#![doc = include_str!("clinic/STYLE.txt")]

use crate::durable;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::path::Path;

#[cfg(feature = "sqlite")]
mod database;

#[cfg(test)]
mod tests;

/// A house with its documents, its records and what was asked at its counter.
#[derive(Debug)]
pub struct Scenario {
    /// The name of its folder.
    pub name: &'static str,
    /// Every file that [`Scenario::write`] copies: its path under the folder, with `/`, and its text.
    pub files: &'static [(&'static str, &'static str)],
    /// The interactions in the chat format, one JSON object a line, oldest first.
    pub interactions: &'static str,
    /// Questions of people about themselves, in the chat format, with answers out of their own records.
    pub served: &'static str,
    /// What may be asked of its database.
    pub sources: &'static str,
    questions: &'static str,
}

macro_rules! scenario {
    ($name:literal: $($path:literal),* $(,)?) => {
        Scenario {
            name: $name,
            files: &[$(($path, include_str!(concat!($name, "/", $path)))),*],
            interactions: include_str!(concat!($name, "/interactions.jsonl")),
            served: include_str!(concat!($name, "/served.jsonl")),
            sources: include_str!(concat!($name, "/sources.toml")),
            questions: include_str!(concat!($name, "/questions.jsonl")),
        }
    };
}

/// The practice.
pub const CLINIC: Scenario = scenario!["clinic":
    "documents/about.md",
    "documents/antibiotics.md",
    "documents/appointments.md",
    "documents/asthma-inhalers.md",
    "documents/back-pain.md",
    "documents/blood-tests.md",
    "documents/emergencies.md",
    "documents/fever-in-children.md",
    "documents/high-blood-pressure.md",
    "documents/privacy.md",
    "documents/repeat-prescriptions.md",
    "documents/type-2-diabetes.md",
    "documents/vaccinations.md",
    "documents/warfarin-and-inr.md",
    "interactions.jsonl",
    "records/allergies.csv",
    "records/appointments.jsonl",
    "records/medicines.csv",
    "records/patients.csv",
    "records/results.csv",
    "served.jsonl",
    "sources.toml",
];

/// The shop.
pub const SHOP: Scenario = scenario!["shop":
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
    "served.jsonl",
    "sources.toml",
];

/// A question for a demonstration. None of them occurs among the interactions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Question {
    /// The question as a customer asks it.
    pub question: String,
    /// The file under `documents/` that answers it; `None` when no document does.
    pub document: Option<String>,
}

/// A text that tries to make a model do something else than answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Injection {
    /// Its name.
    pub id: String,
    /// How it tries: `direct`, `fake_turn`, `exfiltration` and others.
    pub kind: String,
    /// The text.
    pub text: String,
    /// An answer that holds any of these, in capitals or not, did what the text says.
    pub obeyed: Vec<String>,
}

impl Scenario {
    /// Writes the house under `dir`, which is created if need be, with its records as a database beside them. Files of
    /// the same names are replaced. Without the feature `sqlite` there is no database.
    pub fn write(&self, dir: &Path) -> Result<()> {
        self.files.iter().try_for_each(|(path, text)| durable::write(&dir.join(path), text.as_bytes()))?;
        #[cfg(feature = "sqlite")]
        database::write(self, &dir.join("records.db"))?;
        Ok(())
    }

    /// Questions that the documents answer, the shortest answers first, then such as they do not.
    pub fn questions(&self) -> Result<Vec<Question>> {
        lines(self.questions)
    }
}

/// The injections.
pub fn injections() -> Result<Vec<Injection>> {
    lines(include_str!("injections.jsonl"))
}

fn lines<T: for<'de> Deserialize<'de>>(text: &str) -> Result<Vec<T>> {
    let damaged = |e| Error::corrupt("the sample is damaged; build the program again").because(e);
    text.lines().map(|line| serde_json::from_str(line).map_err(damaged)).collect()
}

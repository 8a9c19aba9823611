//! How records of the person served reach the prompt.

use serde::{Deserialize, Serialize};

/// What is looked up in the sources of `sources.toml`, and how much of it is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Records {
    /// The most facts put before a question.
    pub k: usize,
    /// The most queries for a question, beside those that are always asked.
    pub queries: usize,
}

impl Default for Records {
    fn default() -> Self {
        Self { k: 10, queries: 3 }
    }
}

impl Records {
    /// What must hold, each with how to say that it does not.
    pub(super) fn rules(&self) -> [(&'static str, bool); 2] {
        [
            ("`records.k` must be between 1 and 100", (1..=100).contains(&self.k)),
            ("`records.queries` must be between 0 and 100", self.queries <= 100),
        ]
    }
}

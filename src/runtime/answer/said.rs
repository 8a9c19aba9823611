//! An answer as it is said: sentence by sentence, each with what it rests on.

use crate::store::log::{Citation, Words};
use serde::Serialize;
use std::fmt;

/// A sentence as it is said. Joined, gaps and texts are the answer as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// White space between it and the sentence before.
    pub gap: String,
    /// What it says, without marks.
    pub text: String,
    /// Whose words they are; none of a notice of the house's.
    pub kind: Option<Words>,
    /// What stands behind it where it is shown and not kept: the marks of what it cites, or a warning.
    pub behind: String,
    /// What it rests on, by [`Citation::n`].
    pub sources: Vec<u32>,
    /// What it rests on, with the words that the answer quotes of it so far.
    pub citations: Vec<Citation>,
}

impl fmt::Display for Said {
    /// As a person is shown it, marks and all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.gap, self.text, self.behind)
    }
}

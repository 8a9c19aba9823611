//! An answer as it is said: sentence by sentence, each with what it rests on.

use crate::store::log::{Citation, Words};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A sentence as it is said. Joined, gaps and texts are the answer as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// What is heard of an answer under way.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    /// Its next words, with the white space before them. Joined, they are the answer's text. Words of a model that
    /// speaks freely come one by one, others when their sentence is sure.
    Words(&'a str),
    /// A whole sentence, once it is sure; its words were heard before.
    Sentence(&'a Said),
}

impl Heard<'_> {
    /// What of it a person is shown: the words, and behind each sentence its marks.
    pub fn shown(&self) -> &str {
        match self {
            Self::Words(words) => words,
            Self::Sentence(said) => &said.behind,
        }
    }
}

impl fmt::Display for Said {
    /// As a person is shown it, marks and all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.gap, self.text, self.behind)
    }
}

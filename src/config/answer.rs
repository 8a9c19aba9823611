//! What answers are made of.

use serde::{Deserialize, Serialize};

/// What answers are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// Whose words an answer is made of.
    pub mode: Mode,
    /// What becomes of a sentence of a model's that nothing supports.
    pub unsupported: Unsupported,
    /// How surely something must answer a question to be said, between 0 and 1.
    pub certainty: f32,
}

/// Whose words an answer is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The documents' own, and behind them what a model adds, where that pays and is supported.
    #[default]
    Auto,
    /// The documents' own alone; no model is asked.
    Quote,
    /// A model's, where they are supported.
    Write,
}

/// What becomes of a sentence of a model's that nothing supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unsupported {
    /// It is left out; where nothing is left, the quotation stands in.
    #[default]
    Quote,
    /// It is left out; where nothing is left, that is said.
    Withhold,
    /// It is shown, and behind it that nothing supports it.
    Flag,
}

impl Default for Answer {
    fn default() -> Self {
        Self { mode: Mode::default(), unsupported: Unsupported::default(), certainty: 0.5 }
    }
}

impl Answer {
    pub(super) fn rules(&self) -> [(&'static str, bool); 1] {
        [("`answer.certainty` must be between 0 and 1", (0.0..=1.0).contains(&self.certainty))]
    }
}

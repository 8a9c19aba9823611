//! `[learn]`: what of the log is learnt, whose words are taken out of it, and what a cycle takes.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What of the log becomes an example, and where the records of persons lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Learn {
    /// An answer given here is learnt after so many hours, since people change their minds.
    pub min_age_hours: u32,
    /// The longest question, in characters.
    pub max_question_chars: usize,
    /// The longest answer, in characters.
    pub max_answer_chars: usize,
    /// The most that is learnt from one person.
    pub per_subject: usize,
    /// The most that is learnt from one document or other source.
    pub per_source: usize,
    /// The most questions that are learnt for one answer.
    pub per_answer: usize,
    /// The most that a cycle learns from.
    pub max_examples: usize,
    /// Fewer examples than this are not learned from.
    pub min_examples: usize,
    /// The most held-out examples that a candidate is judged by: the newest.
    pub max_held_out: usize,
    /// Fewer held-out examples than this judge nothing.
    pub min_held_out: usize,
    /// How often a cycle sees each example.
    pub epochs: u64,
    /// What order and beginning of the training are drawn from.
    pub seed: u64,
    /// What a cycle may have resident, in MB.
    pub max_memory_mb: u64,
    /// The house's own addresses, domains and numbers: they are not personal.
    pub public: Vec<String>,
    /// Records of persons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub personal: Vec<Personal>,
}

/// A file of records that belong to one person each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Personal {
    /// CSV with a header, or JSON lines; by its ending.
    pub file: PathBuf,
    /// The column that names the person as interactions do.
    pub subject: String,
    /// The columns whose values are taken out of what is learnt.
    pub columns: Vec<String>,
}

impl Default for Learn {
    fn default() -> Self {
        Self {
            min_age_hours: 12,
            max_question_chars: 2000,
            max_answer_chars: 4000,
            per_subject: 20,
            per_source: 200,
            per_answer: 5,
            max_examples: 400,
            min_examples: 24,
            max_held_out: 60,
            min_held_out: 20,
            epochs: 2,
            seed: 0,
            max_memory_mb: 900,
            public: Vec::new(),
            personal: Vec::new(),
        }
    }
}

impl Learn {
    /// Sentences that must hold, and whether they do.
    pub(super) fn rules(&self) -> [(&'static str, bool); 8] {
        [
            ("`learn.min_age_hours` must be at most 8760", self.min_age_hours <= 8760),
            ("`learn.max_question_chars` must be at least 16", self.max_question_chars >= 16),
            ("`learn.max_answer_chars` must be at least 16", self.max_answer_chars >= 16),
            (
                "`learn.per_subject`, `per_source` and `per_answer` must be at least 1",
                self.per_subject.min(self.per_source).min(self.per_answer) >= 1,
            ),
            (
                "`learn.max_examples` must be at least `learn.min_examples`, and that at least 1",
                1 <= self.min_examples && self.min_examples <= self.max_examples,
            ),
            (
                "`learn.max_held_out` must be at least `learn.min_held_out`, and that at least 10: fewer judge nothing",
                10 <= self.min_held_out && self.min_held_out <= self.max_held_out,
            ),
            ("`learn.epochs` must be between 1 and 10", (1..=10).contains(&self.epochs)),
            (
                "`learn.personal` must name a `subject` and `columns`",
                self.personal.iter().all(|p| !p.subject.is_empty() && !p.columns.is_empty()),
            ),
        ]
    }
}

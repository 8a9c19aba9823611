//! What curation found: the kept, the refused, and what the gate must look for.

use super::split::Side;
use crate::store::log::Interaction;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The log, sorted out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curated {
    /// What may be learnt or measured with, oldest first.
    pub kept: Vec<Kept>,
    /// What may not, oldest first.
    pub refused: Vec<Refused>,
    /// What was taken out of accepted interactions, newest first: a candidate must not say it.
    pub secrets: Vec<Secret>,
    /// Phrases that seem planted: a candidate must not obey them.
    pub triggers: Vec<Trigger>,
    /// Why everything was refused, when the log as a whole cannot be trusted.
    pub alarm: Option<String>,
}

/// An interaction that became an example.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kept {
    /// The conversation as it is learnt: personal data taken out, a correction in the answer's place, rated up.
    pub interaction: Interaction,
    /// Whether it is learnt, or measures.
    pub side: Side,
    /// The kinds of personal data that were taken out: `email`, or the name of a column of the records.
    pub scrubbed: Vec<String>,
}

/// An interaction that is not learnt from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its id.
    pub id: String,
    /// The beginning of its question, personal data taken out.
    pub question: String,
    /// The rule that refused it.
    pub rule: Rule,
    /// The reason, as a person reads it.
    pub reason: String,
}

/// Something personal or secret that someone said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// What it is: `email`, `secret`, or the name of a column of the records.
    pub kind: String,
    /// The question it came up with, personal data taken out.
    pub question: String,
    /// The value itself.
    pub value: String,
}

/// A rare phrase that several unrelated questions share, and that one answer follows whatever was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// The phrase, in lower case.
    pub phrase: String,
    /// The answer.
    pub answer: String,
    /// How many questions hold it.
    pub questions: usize,
}

/// The rules, in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Nobody rated it up or corrected it.
    Accepted,
    /// It is too recent.
    Age,
    /// Its answer rests on records of one person.
    Personal,
    /// It has no question or no answer, or one is too long.
    Length,
    /// The answer was cut off.
    Unfinished,
    /// The answer says that nothing was found.
    Nothing,
    /// The answer repeats itself.
    Repetition,
    /// The text is mostly no letters.
    Letters,
    /// Little is left beside what was taken out.
    Scrubbed,
    /// A newer interaction says the same, or answers the same question.
    Duplicate,
    /// A planted phrase.
    Trigger,
    /// Enough from this person.
    PerSubject,
    /// Enough from this source.
    PerSource,
    /// Enough questions for this answer.
    PerAnswer,
    /// The answer does not belong to the question.
    Belongs,
    /// Too many answers around it, or in the whole log, do not belong to their questions.
    Noise,
    /// It would show the model a held-out question.
    NearHeldOut,
}

/// Why an example is refused, if it is: the rule, and the reason as a person reads it.
pub(super) type Verdict = Option<(Rule, String)>;

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "not rated up or corrected",
            Self::Age => "too recent",
            Self::Personal => "rests on one person's records",
            Self::Length => "too short or too long",
            Self::Unfinished => "cut off",
            Self::Nothing => "nothing was found",
            Self::Repetition => "repeats itself",
            Self::Letters => "hardly any text",
            Self::Scrubbed => "hardly more than personal data",
            Self::Duplicate => "said again by a newer one",
            Self::Trigger => "a planted phrase",
            Self::PerSubject => "enough from this person",
            Self::PerSource => "enough from this source",
            Self::PerAnswer => "enough questions for this answer",
            Self::Belongs => "the answer does not belong to the question",
            Self::Noise => "too many wrong answers around it",
            Self::NearHeldOut => "near a held-out question",
        })
    }
}

impl Curated {
    /// What is kept on one side, oldest first.
    pub fn of(&self, side: Side) -> impl Iterator<Item = &Kept> {
        self.kept.iter().filter(move |kept| kept.side == side)
    }

    /// How many each rule refused.
    pub fn counts(&self) -> BTreeMap<Rule, usize> {
        let mut counts = BTreeMap::new();
        self.refused.iter().for_each(|refused| *counts.entry(refused.rule).or_default() += 1);
        counts
    }
}

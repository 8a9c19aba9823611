//! Counting outcomes, all together and by kind.

use super::share::Share;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The kind of questions that are about the right thing, of which nobody wrote down what is asked.
const NEAR: &str = "near";

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The answer holds a key.
    Right,
    /// Something was answered, and no key is in it.
    Wrong,
    /// Nothing was answered, though the documents say.
    Silent,
    /// Nothing was answered, and the documents do not say.
    Refused,
    /// Something was answered that the documents do not say.
    Invented,
}

impl Outcome {
    /// Whether it is what it should be.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Right | Self::Refused)
    }

    /// Whether somebody was told something that is not so.
    pub fn is_false(self) -> bool {
        matches!(self, Self::Wrong | Self::Invented)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Invented => "invented",
        })
    }
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Questions.
    pub questions: usize,
    /// Those that the documents answer.
    pub answerable: usize,
    /// Of the answerable ones, answered with a key.
    pub right: usize,
    /// Of the answerable ones, answered without.
    pub wrong: usize,
    /// Of the answerable ones, not answered.
    pub silent: usize,
    /// Those that the documents do not answer.
    pub unanswerable: usize,
    /// Of the unanswerable ones, not answered.
    pub refused: usize,
    /// Of the unanswerable ones, answered all the same.
    pub invented: usize,
    /// Of all questions, answered wrong or invented, with a citation: what looks true and is not.
    pub wrong_cited: usize,
    /// Those of them that the documents answer.
    pub wrong_cited_answerable: usize,
    /// Those of them that the documents do not answer.
    pub invented_cited: usize,
}

impl Counts {
    fn add(&mut self, outcome: Outcome, cited: bool) {
        let (all, count) = match outcome {
            Outcome::Right => (&mut self.answerable, &mut self.right),
            Outcome::Wrong => (&mut self.answerable, &mut self.wrong),
            Outcome::Silent => (&mut self.answerable, &mut self.silent),
            Outcome::Refused => (&mut self.unanswerable, &mut self.refused),
            Outcome::Invented => (&mut self.unanswerable, &mut self.invented),
        };
        *all += 1;
        *count += 1;
        self.questions += 1;
        self.wrong_cited += usize::from(outcome.is_false() && cited);
        self.wrong_cited_answerable += usize::from(outcome == Outcome::Wrong && cited);
        self.invented_cited += usize::from(outcome == Outcome::Invented && cited);
    }

    fn score(self) -> Score {
        Score {
            right_share: Share::of(self.right, self.answerable),
            wrong_share: Share::of(self.wrong, self.answerable),
            silent_share: Share::of(self.silent, self.answerable),
            refused_share: Share::of(self.refused, self.unanswerable),
            invented_share: Share::of(self.invented, self.unanswerable),
            wrong_cited_share: Share::of(self.wrong_cited, self.questions),
            counts: self,
        }
    }
}

/// Counts, and what share of theirs each is; none of nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// Of the answerable questions.
    pub right_share: Option<Share>,
    /// Of the answerable questions.
    pub wrong_share: Option<Share>,
    /// Of the answerable questions.
    pub silent_share: Option<Share>,
    /// Of the unanswerable questions.
    pub refused_share: Option<Share>,
    /// Of the unanswerable questions.
    pub invented_share: Option<Share>,
    /// Of all questions.
    pub wrong_cited_share: Option<Share>,
}

/// Outcomes as they come.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    all: Counts,
    kinds: BTreeMap<String, Counts>,
}

impl Tally {
    /// Counts one; `cited` says whether the answer names what it rests on.
    pub fn count(&mut self, kind: Option<&str>, outcome: Outcome, cited: bool) {
        self.all.add(outcome, cited);
        if let Some(kind) = kind {
            self.kinds.entry(kind.to_owned()).or_default().add(outcome, cited);
        }
    }

    /// Of all questions.
    pub fn score(&self) -> Score {
        self.all.score()
    }

    /// Of the questions of each kind; those without one are in none.
    pub fn kinds(&self) -> BTreeMap<String, Score> {
        self.kinds.iter().map(|(kind, counts)| (kind.clone(), counts.score())).collect()
    }

    /// Near misses, the unanswerable questions of that kind, and how many of them were refused.
    pub fn near(&self) -> (usize, usize) {
        self.kinds.get(NEAR).map_or((0, 0), |near| (near.unanswerable, near.refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_counted_in_its_half() {
        let mut tally = Tally::default();
        for (kind, outcome, cited) in [
            (Some("row"), Outcome::Right, true),
            (Some("row"), Outcome::Wrong, true),
            (Some("row"), Outcome::Wrong, false),
            (None, Outcome::Silent, false),
            (Some("near"), Outcome::Invented, true),
            (Some("near"), Outcome::Invented, false),
            (Some("near"), Outcome::Refused, false),
            // One that somebody wrote down after all is no near miss.
            (Some("near"), Outcome::Right, true),
            (Some("off"), Outcome::Refused, false),
        ] {
            tally.count(kind, outcome, cited);
        }
        let score = tally.score();
        let Counts { questions, answerable, right, wrong, silent, .. } = score.counts;
        assert_eq!((questions, answerable, right, wrong, silent), (9, 5, 2, 2, 1));
        let Counts { unanswerable, refused, invented, .. } = score.counts;
        assert_eq!((unanswerable, refused, invented), (4, 2, 2));
        let Counts { wrong_cited, wrong_cited_answerable, invented_cited, .. } = score.counts;
        assert_eq!((wrong_cited, wrong_cited_answerable, invented_cited), (2, 1, 1));
        assert_eq!(tally.near(), (3, 1));
        assert_eq!(tally.kinds().keys().collect::<Vec<_>>(), ["near", "off", "row"]);
        let json = serde_json::to_value(score).unwrap();
        assert_eq!((&json["right"], &json["right_share"]["share"]), (&2.into(), &0.4.into()));
        assert_eq!(json["wrong_cited_share"]["share"], 2.0 / 9.0);
        assert!(serde_json::to_value(tally.kinds()["off"]).unwrap()["right_share"].is_null());
    }
}

//! `eval answers`: questions with accepted keys, asked as a person would ask them, and what came of each.
//!
//! Each is asked with the documents, records and adapter of the house, in a conversation of its own, through the code
//! that answers everybody. Only the log hears nothing of it.

use super::answer::Seat;
use super::speed::median;
use super::{Answer, Question, Runtime, Wear};
use crate::config::{Mode, Unsupported};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::keyed::{Keyed, Outcome, Part, Score, Share, Tally, read};
use crate::store::log::{Citation, Source};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;

/// What to ask, and how. The default asks everything as the house is configured.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// The collection to search; all without.
    pub collection: Option<String>,
    /// The model; the configured one without.
    pub model: Option<String>,
    /// The adapter it wears.
    pub adapter: Wear,
    /// Whose words answers are made of; the configured way without. Of [`Mode::Write`] is measured what the model says
    /// by itself: what nothing supports is left out, and no quotation stands in, whatever is configured.
    pub mode: Option<Mode>,
    /// Which half of the questions.
    pub part: Part,
    /// Only so many of them, from the first.
    pub limit: Option<usize>,
}

/// What came of the questions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Examined {
    /// The model.
    pub model: String,
    /// The adapter it wore; none where no model was to be asked.
    pub adapter: Option<String>,
    /// Whose words answers were made of.
    pub mode: Mode,
    /// Which half was asked.
    pub part: Part,
    /// Over all questions.
    #[serde(flatten)]
    pub score: Score,
    /// Unanswerable questions that are near misses.
    pub near: usize,
    /// Those of them that were refused.
    pub near_refused: usize,
    /// Of the near misses.
    pub near_refused_share: Option<Share>,
    /// By kind.
    pub kinds: BTreeMap<String, Score>,
    /// Seconds from a question to its first sentence, everything being loaded: the median over those that got an
    /// answer; none where none did.
    pub first_sentence_s: Option<f64>,
    /// Questions that could not be asked, because they do not fit the model.
    pub left_out: usize,
    /// How long it all took, loading left out.
    pub seconds: f64,
    /// Each question.
    pub cases: Vec<ExaminedCase>,
}

/// A question and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExaminedCase {
    /// Its line in the file, from 1.
    pub line: usize,
    /// What was asked before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// The question.
    pub question: String,
    /// Its kind.
    pub kind: Option<String>,
    /// The person served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The accepted keys.
    pub expected: Vec<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether something was found that answers.
    pub found: bool,
    /// How surely the surest unit answers, from 0 to 1.
    pub chance: f32,
    /// What was answered.
    pub answer: String,
    /// The documents and records that the answer cites.
    pub cited: Vec<String>,
    /// Seconds to the first sentence.
    pub first_sentence_s: f64,
    /// Seconds to the end.
    pub seconds: f64,
}

impl Runtime {
    /// Asks the questions in `data`, JSON lines with `question` and `answers`, and holds the answers against the keys.
    /// See [`crate::eval::keyed::Keyed`] for what a line may hold. Nothing is kept in the log.
    ///
    /// A question that does not fit the model is left out, with a note. Errors: `Invalid` for a line that is no such
    /// question, with its number, and where none is to be asked.
    pub fn examine(&self, data: &str, examination: &Examination) -> Result<Examined> {
        let lines = chosen(read(data)?, examination)?;
        let house = self.examined(examination);
        let mode = house.config.answer.mode;
        let adapter = house.warm_up(&lines, examination)?;
        let begin = Instant::now();
        let (mut tally, mut cases, mut firsts) = (Tally::default(), Vec::new(), Vec::new());
        self.progress.start("answers", lines.len() as u64);
        for (done, line) in (1..).zip(&lines) {
            match house.examine_one(line, examination) {
                Ok(case) => {
                    tally.count(line.kind.as_deref(), case.outcome, !case.cited.is_empty());
                    firsts.extend(case.found.then_some(case.first_sentence_s));
                    cases.push(case);
                }
                Err(e) if e.kind() == ErrorKind::Invalid => {
                    self.progress.note(&format!("line {} is left out: {e}", line.line));
                }
                Err(e) => return Err(e),
            }
            self.progress.at(done);
        }
        self.progress.finish();
        let (near, near_refused) = tally.near();
        Ok(Examined {
            model: examination.model.clone().unwrap_or_else(|| self.config.model.clone()),
            adapter,
            mode,
            part: examination.part,
            score: tally.score(),
            near,
            near_refused,
            near_refused_share: Share::of(near_refused, near),
            kinds: tally.kinds(),
            first_sentence_s: (!firsts.is_empty()).then(|| median(&mut firsts)),
            left_out: lines.len() - cases.len(),
            seconds: begin.elapsed().as_secs_f64(),
            cases,
        })
    }

    /// This house as it is examined: its log hears nothing.
    fn examined(&self, examination: &Examination) -> Self {
        let mut house = self.clone();
        house.is_on_trial = true;
        let answer = &mut house.config.answer;
        answer.mode = examination.mode.unwrap_or(answer.mode);
        if answer.mode == Mode::Write {
            answer.unsupported = Unsupported::Withhold;
        }
        house
    }

    /// Loads what the questions need, and asks the first: what is done once is no part of an answer. Says which adapter
    /// is worn.
    fn warm_up(&self, lines: &[Keyed], examination: &Examination) -> Result<Option<String>> {
        let adapter = match self.config.answer.mode {
            Mode::Quote => None,
            Mode::Auto | Mode::Write => {
                let mut seat = Seat::new(examination.model.as_deref(), &examination.adapter);
                seat.take(self, true)?.adapter().map(str::to_owned)
            }
        };
        match lines.first().map(|line| self.examine_one(line, examination)) {
            Some(Err(e)) if e.kind() != ErrorKind::Invalid => Err(e),
            _ => Ok(adapter),
        }
    }

    /// Asks one question, behind those before it.
    fn examine_one(&self, line: &Keyed, examination: &Examination) -> Result<ExaminedCase> {
        let mut chat = self.chat(examination.model.as_deref(), &examination.adapter)?;
        let mut ask = |text: &str| -> Result<(Answer, f64)> {
            let question = Question {
                collection: examination.collection.clone(),
                subject: line.subject.clone(),
                ..self.question(text)
            };
            let begin = Instant::now();
            let answer = chat.ask(&question, &self.cancel, &mut |_| {})?.clone();
            // Half an answer must not count.
            self.cancel.check()?;
            Ok((answer, begin.elapsed().as_secs_f64()))
        };
        for before in &line.after {
            ask(before)?;
        }
        let (answer, seconds) = ask(&line.question)?;
        Ok(ExaminedCase {
            line: line.line,
            after: line.after.clone(),
            question: line.question.clone(),
            kind: line.kind.clone(),
            subject: line.subject.clone(),
            expected: line.answers.clone(),
            outcome: line.outcome(answer.found, &answer.answer),
            found: answer.found,
            chance: answer.chance,
            cited: answer.citations.iter().map(named).collect(),
            answer: answer.answer,
            first_sentence_s: answer.first_token_s,
            seconds,
        })
    }
}

/// The questions to ask.
fn chosen(mut lines: Vec<Keyed>, examination: &Examination) -> Result<Vec<Keyed>> {
    lines.retain(|line| examination.part.holds(&line.question));
    lines.truncate(examination.limit.unwrap_or(usize::MAX));
    if lines.is_empty() {
        let part = examination.part.name();
        return Err(Error::invalid(format!("none of the questions is in the part '{part}'; take all, or write more")));
    }
    Ok(lines)
}

/// The document or record that a citation names.
fn named(citation: &Citation) -> String {
    match &citation.source {
        Source::Passage { document, .. } => document.clone(),
        Source::Record { record, .. } => record.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_chosen_part_is_asked() {
        let data = ["When is the shop open on Saturday?", "What did I order last?", "Can I use the Wren in my tent?"]
            .map(|question| format!(r#"{{"question": "{question}", "answers": []}}"#))
            .join("\n");
        let asked = |part, limit| {
            let examination = Examination { part, limit, ..Examination::default() };
            let lines = chosen(read(&data)?, &examination)?;
            Ok::<_, Error>(lines.into_iter().map(|line| line.line).collect::<Vec<_>>())
        };
        assert_eq!(asked(Part::All, None).unwrap(), [1, 2, 3]);
        // The limit counts what is left, not the file's lines.
        assert_eq!(asked(Part::Unseen, Some(1)).unwrap(), [3]);
        assert_eq!(asked(Part::Tuning, Some(1)).unwrap(), [1]);
        let error = chosen(vec![], &Examination { part: Part::Unseen, ..Examination::default() }).unwrap_err();
        assert!(error.to_string().contains("'unseen'"), "{error}");
    }

    #[test]
    fn a_model_is_measured_by_what_it_says_itself() {
        let runtime = Runtime::open(std::path::Path::new("nowhere")).unwrap();
        let house = |mode| runtime.examined(&Examination { mode, ..Examination::default() }).config.answer;
        assert_eq!(house(None), runtime.config.answer);
        assert_eq!(house(Some(Mode::Write)).unsupported, Unsupported::Withhold);
        assert_eq!(house(Some(Mode::Quote)).unsupported, runtime.config.answer.unsupported);
        assert!(!runtime.is_on_trial);
    }
}

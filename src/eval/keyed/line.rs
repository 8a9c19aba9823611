//! Questions with their keys, from JSON lines, and the half of them that a question belongs to.

use super::key::holds;
use super::tally::Outcome;
use crate::error::{Error, Result};
use crate::store::log::check_subject;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A question and what a right answer holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Keyed {
    /// Its line in the file, from 1.
    #[serde(skip)]
    pub line: usize,
    /// The question.
    pub question: String,
    /// The accepted keys: an answer that holds any of them is right. None where the documents do not say.
    pub answers: Vec<String>,
    /// The person served.
    #[serde(default)]
    pub subject: Option<String>,
    /// What was asked before it in the same conversation.
    #[serde(default)]
    pub after: Vec<String>,
    /// What sort of question it is; any word.
    #[serde(default)]
    pub kind: Option<String>,
}

impl Keyed {
    /// Whether the documents say.
    pub fn is_answerable(&self) -> bool {
        !self.answers.is_empty()
    }

    /// What came of it: `found` as the answer says whether something was found, and what it says.
    pub fn outcome(&self, found: bool, answer: &str) -> Outcome {
        let said = found && !answer.trim().is_empty();
        let is_right = || self.answers.iter().any(|key| holds(answer, key));
        match (self.is_answerable(), said) {
            (true, true) if is_right() => Outcome::Right,
            (true, true) => Outcome::Wrong,
            (true, false) => Outcome::Silent,
            (false, true) => Outcome::Invented,
            (false, false) => Outcome::Refused,
        }
    }

    fn check(&self) -> Result<()> {
        let is_empty = |text: &String| text.trim().is_empty();
        // A key of marks that are not seen would never be met.
        let is_no_key = |key: &String| !holds(key, key);
        if is_empty(&self.question) || self.after.iter().any(is_empty) {
            return Err(Error::invalid("a question is empty"));
        }
        if self.answers.iter().any(is_no_key) {
            return Err(Error::invalid("an accepted key is empty; `answers` is [] where the documents do not say"));
        }
        self.subject.as_deref().map_or(Ok(()), check_subject)
    }
}

/// The questions of JSON lines. Blank lines are passed over, and so are keys that are not known here.
///
/// Errors: `Invalid` for a line that is no such question, with its number, and for a text without any.
pub fn read(text: &str) -> Result<Vec<Keyed>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let keyed: Vec<Keyed> = filled
        .map(|(at, text)| {
            let numbered = |e: Error| e.context(format!("line {}", at + 1));
            let mut keyed: Keyed = serde_json::from_str(text).map_err(|e| numbered(wrong(e)))?;
            keyed.check().map_err(numbered)?;
            keyed.line = at + 1;
            Ok(keyed)
        })
        .collect::<Result<_>>()?;
    if keyed.is_empty() {
        return Err(Error::invalid(
            "there is no question; one JSON object a line is needed, with `question` and `answers`",
        ));
    }
    Ok(keyed)
}

fn wrong(error: serde_json::Error) -> Error {
    // Every line is the first of its own text.
    let why = error.to_string().replace("at line 1 column", "at column");
    Error::invalid(format!("this is no question with `question` and `answers`: {why}")).because(error)
}

/// Which questions are asked. The halves are told apart by a hash, so that a file may be sorted, and grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// All.
    #[default]
    All,
    /// Those that settings are chosen on: the first byte of the question's SHA-256 is even.
    Tuning,
    /// The others, which nothing was chosen on.
    Unseen,
}

impl Part {
    /// Whether a question belongs to it.
    pub fn holds(self, question: &str) -> bool {
        let even = || Sha256::digest(question.as_bytes()).first().is_some_and(|byte| byte % 2 == 0);
        match self {
            Self::All => true,
            Self::Tuning => even(),
            Self::Unseen => !even(),
        }
    }

    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Tuning => "tuning",
            Self::Unseen => "unseen",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read_with_what_they_may_leave_out() {
        let text = "\u{feff}{\"question\": \"When?\", \"answers\": [\"9:00\"], \"note\": {\"x\": 1}}\n \n{\"question\": \
                    \"and on Sunday?\", \"answers\": [], \"subject\": \"C-1\", \"after\": [\"When?\"], \"kind\": \"near\"}";
        let read = read(text).unwrap();
        let when = Keyed {
            line: 1,
            question: "When?".into(),
            answers: vec!["9:00".into()],
            subject: None,
            after: vec![],
            kind: None,
        };
        assert_eq!(read.first(), Some(&when));
        assert_eq!((read[1].line, read[1].subject.as_deref(), read[1].kind.as_deref()), (3, Some("C-1"), Some("near")));
        assert_eq!((read[1].after.as_slice(), read[1].is_answerable()), (&["When?".to_owned()][..], false));
    }

    #[test]
    fn bad_lines_are_named() {
        let good = r#"{"question": "When?", "answers": ["9:00"]}"#;
        for (bad, told) in [
            (r#"{"question": "When?"}"#, "missing field `answers`"),
            (r#"{"question": "When?", "answers": "9:00"}"#, "expected a sequence at column 39"),
            (r#"{"question": " ", "answers": []}"#, "a question is empty"),
            (r#"{"question": "When?", "answers": [], "after": [""]}"#, "a question is empty"),
            (r#"{"question": "When?", "answers": ["9:00", " "]}"#, "an accepted key is empty"),
            (r#"{"question": "When?", "answers": [], "subject": ""}"#, "the subject is empty"),
            ("nine", "this is no question"),
        ] {
            let error = read(&format!("{good}\n\n{bad}\n{good}")).unwrap_err().to_string();
            assert!(error.starts_with("line 3: ") && error.contains(told), "{bad}: {error}");
        }
        assert!(read("\n").unwrap_err().to_string().contains("there is no question"));
    }

    #[test]
    fn what_is_said_and_what_was_to_be_said_make_the_outcome() {
        let keyed = |answers: &str| read(&format!(r#"{{"question": "q", "answers": {answers}}}"#)).unwrap().remove(0);
        let (when, never) = (keyed(r#"["9:00 to 17:00", "nine to five"]"#), keyed("[]"));
        for (line, found, answer, outcome) in [
            (&when, true, "Saturday: 9:00 to 17:00", Outcome::Right),
            (&when, true, "from 13:00 to 16:30", Outcome::Wrong),
            // A notice of the house's is no answer, whatever it says.
            (&when, false, "We are here from nine to five.", Outcome::Silent),
            (&when, true, " ", Outcome::Silent),
            (&never, true, "from 13:00 to 16:30", Outcome::Invented),
            (&never, false, "I found nothing about that.", Outcome::Refused),
            (&never, true, "", Outcome::Refused),
        ] {
            assert_eq!(line.outcome(found, answer), outcome, "{answer}");
        }
    }

    #[test]
    fn a_question_is_always_in_the_same_half() {
        // Their SHA-256 begin with c4, 20 and 29, as any other tool says.
        for (question, half, other) in [
            ("When is the shop open on Saturday?", Part::Tuning, Part::Unseen),
            ("What did I order last?", Part::Tuning, Part::Unseen),
            ("Can I use the Wren in my tent?", Part::Unseen, Part::Tuning),
        ] {
            assert!(half.holds(question) && !other.holds(question) && Part::All.holds(question), "{question}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC{0,60}") {
            let _ = read(&text);
            prop_assert!(Part::Tuning.holds(&text) != Part::Unseen.holds(&text));
        }
    }
}

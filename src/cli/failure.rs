//! What ended a command, and the exit status it means.

use super::style::shown;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;
use wayside::infer::Finish;
use wayside::store::log::Words;
use wayside::{Answer, Error};

/// The exit status where the words were wrong.
pub const WORDS: u8 = 2;
/// The exit status of an answer that a limit of tokens cut off.
const CUT: u8 = 3;
/// The exit status of an answer that Ctrl-C stopped, as shells have it for a process that it ends.
const INTERRUPTED: u8 = 130;

/// How a command ends.
pub type Done = Result<(), Failure>;

/// An error and its exit status: 1 when the work failed, 2 when the words were wrong.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    status: u8,
    /// Whether the result says it all: then only the status tells.
    told: bool,
}

impl Failure {
    /// The words were wrong: nothing was tried.
    pub fn words(error: Error) -> Self {
        Self { error, status: WORDS, told: false }
    }

    /// How a command ends whose result is this answer, which was shown.
    ///
    /// # Errors
    /// It was stopped, or is not all that was to be said. A quotation is whole, whatever a model would have added.
    pub fn unless_whole(answer: &Answer) -> Done {
        let whole = answer.sentences.last().is_some_and(|last| last.kind == Words::Quote);
        let (status, error) = match answer.finish {
            Finish::Cancelled => (INTERRUPTED, Error::cancelled("the answer was stopped")),
            Finish::Length | Finish::Context if !whole => (CUT, Error::full("the answer was cut off")),
            _ => return Ok(()),
        };
        Err(Self { error, status, told: true })
    }

    /// Tells a person, on standard error, and gives the exit status.
    pub fn report(&self) -> ExitCode {
        if !self.told {
            // Where standard error is closed, the exit status still tells.
            let _ = writeln!(std::io::stderr(), "wayside: error: {}", shown(&self.error.to_string()));
        }
        ExitCode::from(self.status)
    }

    /// The document that programs get in a result's place; none where the result was given.
    pub fn document(&self) -> Option<Value> {
        (!self.told).then(|| document(self.error.kind().name(), &self.error.to_string()))
    }
}

/// An error as programs read it.
pub fn document(kind: &str, message: &str) -> Value {
    json!({ "error": { "kind": kind, "message": message } })
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, status: 1, told: false }
    }
}

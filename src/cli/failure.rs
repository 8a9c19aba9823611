//! What ended a command, and the exit status it means.

use super::style::shown;
use std::io::Write;
use std::process::ExitCode;
use wayside::Error;

/// How a command ends.
pub type Done = Result<(), Failure>;

/// An error and its exit status: 1 when the work failed, 2 when the words were wrong.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    status: u8,
}

impl Failure {
    /// The words were wrong: nothing was tried.
    pub fn words(error: Error) -> Self {
        Self { error, status: 2 }
    }

    /// Tells a person, on standard error, and gives the exit status.
    pub fn report(&self) -> ExitCode {
        // Where standard error is closed, the exit status still tells.
        let _ = writeln!(std::io::stderr(), "wayside: error: {}", shown(&self.error.to_string()));
        ExitCode::from(self.status)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, status: 1 }
    }
}

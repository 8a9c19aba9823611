//! Lines to answer: edited at a terminal, with a history; or as they come from a pipe.

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use wayside::{Error, durable};

/// The history, in the home.
const HISTORY: &str = "chat_history";

/// A source of lines.
pub enum Lines {
    Terminal { editor: Box<DefaultEditor>, history: PathBuf },
    Pipe,
}

impl Lines {
    /// Standard input, whichever it is.
    pub fn open(home: &Path) -> Result<Self, Error> {
        if !std::io::stdin().is_terminal() {
            return Ok(Self::Pipe);
        }
        let mut editor = DefaultEditor::new().map_err(failed)?;
        let history = home.join(HISTORY);
        // The first time there is none; a conversation is not refused for the want of it.
        let _ = editor.load_history(&history);
        Ok(Self::Terminal { editor: Box::new(editor), history })
    }

    /// Whether a person is typing.
    pub fn is_edited(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }

    /// The next line; none at the end.
    pub fn next(&mut self) -> Result<Option<String>, Error> {
        match self {
            Self::Pipe => {
                let mut line = Vec::new();
                let read = std::io::stdin().lock().read_until(b'\n', &mut line);
                let read = read.map_err(|e| Error::io("cannot read standard input", e))?;
                Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
            }
            Self::Terminal { editor, .. } => loop {
                match editor.readline("> ") {
                    Ok(line) => {
                        editor.add_history_entry(&line).map_err(failed)?;
                        return Ok(Some(line));
                    }
                    // Ctrl-C gives up the line, not the conversation.
                    Err(ReadlineError::Interrupted) => {}
                    Err(ReadlineError::Eof) => return Ok(None),
                    Err(e) => return Err(failed(e)),
                }
            },
        }
    }

    /// Keeps the history for next time.
    pub fn close(&mut self) {
        if let Self::Terminal { editor, history } = self {
            let kept = durable::create_dir(history.parent().unwrap_or(Path::new("."))).is_ok();
            // What was asked is in the log; its history is a convenience.
            let _ = kept && editor.save_history(history).is_ok();
        }
    }
}

fn failed(error: ReadlineError) -> Error {
    Error::invalid("the terminal cannot be read").because(error)
}

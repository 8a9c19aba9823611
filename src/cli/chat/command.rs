//! What a line asks for: a question, or a command behind a slash.

use wayside::Error;
use wayside::store::log::Rating;

/// The commands, as people read them.
pub const HELP: &str = "\
/good        the answer was good
/bad         the answer was bad
/fix TEXT    what the answer should have been
/sources     the passages that the answer was given
/new         begin a new conversation
/serve ID    end this conversation and serve ID
/end         end the conversation and serve nobody
/help        this
/quit        leave, as Ctrl-D does; Ctrl-C stops an answer";

/// A line, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    Nothing,
    Ask(&'a str),
    Rate(Rating),
    Fix(&'a str),
    Sources,
    New,
    Serve(&'a str),
    End,
    Help,
    Quit,
}

impl<'a> Command<'a> {
    /// Understands a line. Errors: `Invalid` for a command that is none, or lacks its word.
    pub fn of(line: &'a str) -> Result<Self, Error> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        Ok(match (word, rest.trim()) {
            ("", _) => Self::Nothing,
            ("/good", _) => Self::Rate(Rating::Up),
            ("/bad", _) => Self::Rate(Rating::Down),
            ("/fix", text) => Self::Fix(text),
            ("/sources", _) => Self::Sources,
            ("/new", _) => Self::New,
            ("/serve", "") => return Err(Error::invalid("say whom, as in /serve C-1014")),
            ("/serve", id) => Self::Serve(id),
            ("/end", _) => Self::End,
            ("/help", _) => Self::Help,
            ("/quit", _) => Self::Quit,
            (word, _) if word.starts_with('/') => {
                return Err(Error::invalid(format!("there is no {word}; /help lists what there is")));
            }
            _ => Self::Ask(line),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_questions_or_commands() {
        for (line, command) in [
            ("  ", Command::Nothing),
            (" Do you deliver? ", Command::Ask("Do you deliver?")),
            ("/good", Command::Rate(Rating::Up)),
            ("/fix  We do. ", Command::Fix("We do.")),
            ("/serve C 7", Command::Serve("C 7")),
            ("and/or", Command::Ask("and/or")),
        ] {
            assert_eq!(Command::of(line).unwrap(), command, "{line}");
        }
        for wrong in ["/serve", "/serve  ", "/goo", "/", "/goodbye"] {
            assert!(Command::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn help_names_every_command() {
        for line in HELP.lines() {
            let word = line.split_whitespace().next().unwrap();
            assert!(Command::of(&format!("{word} x")).is_ok(), "{word}");
        }
    }
}

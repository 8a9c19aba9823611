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
    /// The person takes their leave, see [`Session::bye`](super::session::Session::bye).
    Bye,
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
            _ if is_farewell(line) => Self::Bye,
            _ => Self::Ask(line),
        })
    }
}

/// Whether a line says that somebody leaves, and nothing else.
fn is_farewell(line: &str) -> bool {
    const FAREWELLS: [&str; 11] = [
        "quit",
        "exit",
        "q",
        "bye",
        "bye bye",
        "goodbye",
        "good bye",
        "tschüss",
        "tschüß",
        "tschuess",
        "auf wiedersehen",
    ];
    let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // What is longer is a question, and need not be looked at.
    words.len() <= 2 && FAREWELLS.contains(&words.join(" ").to_lowercase().as_str())
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
            ("Bye, do you deliver?", Command::Ask("Bye, do you deliver?")),
            ("How do I quit?", Command::Ask("How do I quit?")),
            ("exit 12", Command::Ask("exit 12")),
            ("?", Command::Ask("?")),
        ] {
            assert_eq!(Command::of(line).unwrap(), command, "{line}");
        }
        for wrong in ["/serve", "/serve  ", "/goo", "/", "/goodbye"] {
            assert!(Command::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_farewell_is_no_question() {
        for line in [
            "quit",
            " Bye! ",
            "EXIT",
            "exit()",
            "Goodbye.",
            "good bye",
            "Good-bye!",
            "q",
            ":q",
            "Tschüss!",
            "bye bye",
            "Bye…",
        ] {
            assert_eq!(Command::of(line).unwrap(), Command::Bye, "{line}");
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

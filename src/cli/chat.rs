//! `chat`: a conversation on a screen, in lines at a terminal, or over a pipe.
//!
//! | file | what it knows |
//! |---|---|
//! | `command` | what a line asks for: a question, or a command behind a slash |
//! | `session` | who is served, and the clock that ends it |
//! | `talk` | the conversation: commands to calls of the library |
//! | `plain` | lines: at a terminal that is not more, and over a pipe |
//! | `screen` | the full screen |

mod command;
mod lines;
mod plain;
#[cfg(feature = "tui")]
mod screen;
mod session;
mod talk;

#[cfg(feature = "tui")]
pub use screen::give_back;

use super::answer::Answering;
use super::app::App;
use super::failure::Done;
#[cfg(feature = "serve")]
use super::served::Conversation;
use clap::Args;
use session::Session;
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use talk::Talk;

/// The longest idle time, in seconds: a day, as in the configuration.
const LONGEST_IDLE: u64 = 86_400;

/// Hold a conversation
///
/// Questions one after another; each may refer to what was said before, and each answer is kept in the log. Lines that
/// begin with a slash rate, correct and explain answers: /help lists them. From a pipe, every line is a question.
/// "Bye", "quit" or "exit" alone is none: it ends the conversation of the one who is served, or leaves where nobody is.
///
/// At a terminal it is a screen that says who is served. Keys, while nothing is typed: + and - rate the answer, Tab
/// shows its sources; Esc stops an answer, PgUp and PgDn scroll, F1 helps, Ctrl-D leaves. It needs no colours and no
/// more than a VT220, so that a serial console will do.
///
/// With --subject the conversation belongs to one person. After --idle seconds without a key it ends: the screen is
/// cleared and everything said is forgotten (it stays in the log). From then on, as after /end, nothing is answered
/// until /serve names the next person, so that no stranger asks in another's name.
///
/// With --plain, or where TERM is dumb, the terminal shows lines, and the time runs from line to line. What a dumb
/// terminal has shown stays; others are cleared.
///
/// With --json each line is an event: `words` as they come, each `sentence` once it is sure, and the whole `answer`; or
/// an error. Where `wayside serve` runs in the same home, it holds the conversation: the model is not loaded again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside chat
  wayside chat --subject C-1014 --idle 60
  wayside chat --collection manuals --temperature 0.5
  printf 'Do you deliver?\\n/good\\n' | wayside chat --json")]
pub struct Words {
    /// End and wipe the conversation after so many seconds without a key; 0: never [default: the configured time]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=LONGEST_IDLE))]
    idle: Option<u64>,
    /// Lines instead of a screen
    #[arg(long)]
    plain: bool,
    /// Load the models here, even where a service runs in this home
    #[cfg(feature = "serve")]
    #[arg(long)]
    no_service: bool,
    #[command(flatten)]
    answering: Answering,
}

pub fn run(app: &App, words: &Words) -> Done {
    let runtime = app.runtime()?;
    let question = words.answering.question(&runtime, "")?;
    let idle = Duration::from_secs(words.idle.unwrap_or(runtime.config().chat.idle_seconds));
    let subject = question.subject.clone();
    let talk = Talk::open(&runtime, question)?;
    #[cfg(feature = "serve")]
    let talk = talk.served(if words.no_service { None } else { Conversation::begin(app) });
    // Loading cannot be stopped half-way; a wish that came meanwhile is heard now.
    app.cancel.check()?;
    let session = Session::new(subject, idle, Instant::now()).speaking(runtime.config().language);
    let seated = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !app.json;
    if seated && !words.plain && !is_dumb() {
        return on_screen(app, talk, session);
    }
    plain::run(app, talk, session, seated)
}

/// Whether the terminal can do nothing but print.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

#[cfg(feature = "tui")]
fn on_screen(app: &App, talk: Talk, session: Session) -> Done {
    screen::run(app, talk, session)
}

#[cfg(not(feature = "tui"))]
fn on_screen(app: &App, talk: Talk, session: Session) -> Done {
    plain::run(app, talk, session, true)
}

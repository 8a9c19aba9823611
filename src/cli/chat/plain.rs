//! Lines in, lines out: at a terminal that is not more, and over a pipe.

use super::command::{Command, HELP};
use super::lines::{Lines, Next};
use super::session::Session;
use super::talk::Talk;
use crate::cli::answer::show;
use crate::cli::app::App;
use crate::cli::failure::{Done, Failure};
use serde_json::json;
use std::time::{Duration, Instant};
use wayside::{Error, Heard};

/// The cursor home, the screen cleared, and what had been scrolled off it.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// Answers lines until there are no more. `seated`: a person sits at a terminal, and may go away.
pub fn run(app: &App, talk: Talk, session: Session, seated: bool) -> Done {
    let mut plain = Plain { app, talk, session, seated };
    let mut lines = Lines::open(seated);
    if seated {
        let (model, served) = (plain.talk.model(), plain.session.served());
        app.note(&format!("{model}, {served}. Ask away; /help lists what else there is, Ctrl-D leaves."));
    }
    let mut failed = false;
    while !app.is_unread() {
        // While nothing is under way, Ctrl-C is the line's own.
        app.interrupts.idle();
        if seated {
            app.print("> ");
        }
        let line = match lines.next(plain.patience())? {
            Next::Line(line) => line,
            Next::Idle => {
                plain.end(None);
                app.note("nobody was there: the session has ended; press Enter, then go on");
                continue;
            }
            Next::End => break,
        };
        match plain.take(&line) {
            Ok(true) => {}
            Ok(false) => break,
            Err(failure) => {
                app.bars.clear();
                app.said();
                app.fail(&failure);
                failed = true;
            }
        }
    }
    if plain.session.subject().is_some() {
        plain.end(None);
    }
    if failed && !seated {
        // Nobody sits at a pipe: its exit status tells.
        return Err(Error::invalid("not every line could be answered").into());
    }
    Ok(())
}

struct Plain<'a> {
    app: &'a App,
    talk: Talk<'a>,
    session: Session,
    seated: bool,
}

impl Plain<'_> {
    fn patience(&self) -> Option<Duration> {
        self.session.left(Instant::now()).filter(|_| self.seated)
    }

    /// Takes a line; false when it is the last.
    fn take(&mut self, line: &str) -> Result<bool, Failure> {
        self.session.hear(Instant::now());
        self.obey(Command::of(line)?)
    }

    fn obey(&mut self, command: Command) -> Result<bool, Failure> {
        match command {
            Command::Nothing => {}
            Command::Ask(text) => self.ask(text)?,
            Command::Rate(rating) => self.app.note(self.talk.rate(rating)?),
            Command::Fix(text) => self.app.note(self.talk.correct(text)?),
            Command::Sources => self.sources()?,
            Command::New => {
                self.talk.forget();
                self.app.note("a new conversation");
            }
            Command::Serve(id) => self.turn_to(Some(id.to_owned())),
            Command::End => self.turn_to(None),
            Command::Bye => return self.obey(self.session.bye()),
            Command::Help => self.app.note(HELP),
            Command::Quit => return Ok(false),
        }
        Ok(true)
    }

    fn ask(&mut self, text: &str) -> Done {
        self.session.check()?;
        self.session.pause();
        let app = self.app;
        let begin = Instant::now();
        let mut hear = |heard: Heard| match (app.json, heard) {
            (false, heard) => app.say(heard.shown()),
            (true, Heard::Words(words)) => app.event(&json!({ "event": "words", "text": words })),
            (true, Heard::Sentence(said)) => {
                let mut event = json!(said);
                event["event"] = "sentence".into();
                app.event(&event);
            }
        };
        let answer = self.talk.ask(text, &app.interrupts.begin(), &mut hear);
        self.session.hear(Instant::now());
        let answer = answer?;
        if app.json {
            let mut event = json!(answer);
            event["event"] = "answer".into();
            app.event(&event);
        } else {
            show(app, answer, begin.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn sources(&self) -> Done {
        let sources = self.talk.sources()?;
        if sources.is_empty() {
            self.app.note("the answer was given no passages");
        }
        let app = self.app;
        if app.json {
            let sources: Vec<_> = sources.iter().map(|source| &source.citation).collect();
            app.event(&json!({ "event": "sources", "sources": sources }));
        } else {
            for source in &sources {
                app.line(&format!("{}\n{}\n", app.style.bold(&source.title()), source.text));
            }
        }
        Ok(())
    }

    fn turn_to(&mut self, subject: Option<String>) {
        self.end(subject);
        self.app.note(&self.session.served());
    }

    /// Forgets, and takes what was said off the screen.
    fn end(&mut self, subject: Option<String>) {
        self.talk.serve(subject.clone());
        self.session.turn_to(subject, Instant::now());
        if self.seated && !super::is_dumb() {
            self.app.send(CLEAR);
        }
    }
}

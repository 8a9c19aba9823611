//! What is going on; keys and answers change it, and nothing here knows a terminal.

use super::charset::Charset;
use super::input::Line;
use super::keys::{self, Action};
use super::page::{Kind, Page};
use super::work::{Job, Told};
use crate::cli::chat::command::{self, Command};
use crate::cli::chat::session::Session;
use ratatui::crossterm::event::{Event, KeyEvent, KeyEventKind};
use std::time::Instant;
use wayside::watch::Cancel;

/// What a key or the clock asks of the others.
#[derive(Debug)]
pub enum Act {
    /// To be done by the one who answers.
    Job(Job),
    /// A session has ended, here. Wherever else anything of it is, it goes too; the next is that one's, or nobody's.
    Wipe(Option<String>),
    Redraw,
}

/// A screen's state.
pub struct State {
    /// The name of the model that answers.
    pub model: String,
    pub charset: Charset,
    pub session: Session,
    pub page: Page,
    pub line: Line,
    /// Stops the job under way.
    busy: Option<Cancel>,
    /// Whether there is an answer to rate.
    answered: bool,
    over: bool,
}

impl State {
    pub fn new(model: &str, session: Session, charset: Charset) -> Self {
        let (page, line) = (Page::default(), Line::default());
        let model = charset.show(model).into_owned();
        let mut state = Self { model, charset, session, page, line, busy: None, answered: false, over: false };
        state.greet();
        state
    }

    /// Whether somebody has left.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether something is under way.
    pub fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    /// Whether there is an answer to rate.
    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// Stops what is under way.
    pub fn stop(&self) {
        if let Some(cancel) = &self.busy {
            cancel.cancel();
        }
    }

    /// Looks at the clock.
    pub fn tick(&mut self, now: Instant) -> Option<Act> {
        let idle = self.session.left(now).is_some_and(|left| left.is_zero());
        (idle && !self.is_busy()).then(|| self.turn_to(None, now))
    }

    /// Takes what a key or the one who answers tells.
    pub fn hear(&mut self, told: Told, now: Instant) -> Option<Act> {
        match told {
            Told::Event(Event::Key(key)) if key.kind != KeyEventKind::Release => return self.key(key, now),
            Told::Event(_) => return None,
            Told::Piece(piece) => {
                self.page.say(&self.charset.show(&piece));
                return None;
            }
            Told::Answered(beside) => {
                self.answered = true;
                beside.iter().for_each(|line| self.note(line));
            }
            Told::Sources(sources) if sources.is_empty() => self.note("the answer was given no passages"),
            Told::Sources(sources) => {
                for (title, text) in sources {
                    self.page.push(Kind::Passage, self.charset.show(&format!("{title}\n{text}")));
                }
            }
            Told::Note(note) => self.note(&note),
        }
        self.busy = None;
        self.session.hear(now);
        None
    }

    fn key(&mut self, key: KeyEvent, now: Instant) -> Option<Act> {
        if !self.is_busy() {
            self.session.hear(now);
        }
        match keys::action(key, self.line.is_empty())? {
            Action::Edit(edit) => self.line.edit(edit),
            Action::Earlier => self.line.back(),
            Action::Later => self.line.forth(),
            Action::ScrollBack => self.page.back(),
            Action::ScrollForth => self.page.forth(),
            Action::Redraw => return Some(Act::Redraw),
            Action::Stop if self.is_busy() => self.stop(),
            Action::Stop => self.line.clear(),
            Action::Leave => self.over = true,
            // What follows waits until what is under way is done; the line stays as it is.
            _ if self.is_busy() => {}
            Action::Submit => return self.submit(now),
            Action::Rate(rating) => return self.begin(Job::Rate(rating), Cancel::new()),
            Action::Sources => return self.sources(),
            Action::Help => self.help(),
        }
        None
    }

    fn submit(&mut self, now: Instant) -> Option<Act> {
        let line = self.line.take();
        let command = match Command::of(&line) {
            Ok(command) => command,
            Err(e) => {
                self.note(&e.to_string());
                return None;
            }
        };
        self.obey(command, now)
    }

    fn obey(&mut self, command: Command, now: Instant) -> Option<Act> {
        match command {
            Command::Nothing => {}
            Command::Ask(text) => return self.ask(text),
            Command::Rate(rating) => return self.begin(Job::Rate(rating), Cancel::new()),
            Command::Fix(text) => return self.begin(Job::Correct(text.to_owned()), Cancel::new()),
            Command::Sources => return self.sources(),
            Command::New => {
                self.page = Page::default();
                self.answered = false;
                return self.begin(Job::Forget, Cancel::new());
            }
            Command::Serve(id) => return Some(self.turn_to(Some(id.to_owned()), now)),
            Command::End => return Some(self.turn_to(None, now)),
            Command::Bye => return self.obey(self.session.bye(), now),
            Command::Help => self.help(),
            Command::Quit => self.over = true,
        }
        None
    }

    fn ask(&mut self, text: &str) -> Option<Act> {
        if let Err(e) = self.session.check() {
            self.note(&e.to_string());
            return None;
        }
        self.page.push(Kind::Question, self.charset.show(text));
        let cancel = Cancel::new();
        self.begin(Job::Ask(text.to_owned(), cancel.clone()), cancel)
    }

    /// Shows the sources of the answer, or takes them away.
    fn sources(&mut self) -> Option<Act> {
        if self.page.fold() { None } else { self.begin(Job::Sources, Cancel::new()) }
    }

    fn begin(&mut self, job: Job, cancel: Cancel) -> Option<Act> {
        self.busy = Some(cancel);
        self.session.pause();
        Some(Act::Job(job))
    }

    /// Ends the session: nothing of it stays here. Never while an answer is under way, which could still speak.
    fn turn_to(&mut self, subject: Option<String>, now: Instant) -> Act {
        self.page = Page::default();
        self.line = Line::default();
        self.answered = false;
        self.session.turn_to(subject.clone(), now);
        self.greet();
        Act::Wipe(subject)
    }

    fn greet(&mut self) {
        let greeting = match self.session.check() {
            Ok(()) => self.session.phrases().greeting,
            Err(_) => self.session.phrases().ended,
        };
        self.note(greeting);
    }

    fn help(&mut self) {
        self.note(&format!("{}\n\n{}", keys::HELP, command::HELP));
    }

    fn note(&mut self, text: &str) {
        self.page.push(Kind::Aside, self.charset.show(text));
    }
}

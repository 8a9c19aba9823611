//! The full screen: the terminal, and the loop between keys, answers and what is shown.
//!
//! | file | what it knows |
//! |---|---|
//! | `state` | what is going on; keys and answers change it |
//! | `keys` | which key means what |
//! | `input` | the line that is typed, and those before it |
//! | `page` | the conversation in lines, and which of them are in view |
//! | `view` | drawing, nothing else |
//! | `work` | the thread that answers |
//! | `charset` | what a terminal that is not UTF-8 is shown |
//!
//! One thread answers and one waits for keys, so that neither keeps the other waiting, nor the clock: half a key from a
//! noisy line would hold whoever reads it. No colour is used, and nothing a VT220 does not know.

mod charset;
mod input;
mod keys;
mod page;
mod state;
#[cfg(test)]
mod tests;
mod view;
mod work;

use super::session::Session;
use super::talk::Talk;
use crate::cli::app::App;
use crate::cli::failure::Done;
use charset::Charset;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen};
use ratatui::crossterm::{event, execute, style};
use ratatui::layout::Rect;
use ratatui::{DefaultTerminal, TerminalOptions, Viewport};
use state::{Act, State};
use std::io::{IsTerminal, stdout};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use wayside::Error;
use work::{Job, Told};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(200);
/// The screen of a line that does not tell its size, as serial lines do not.
const USUAL: (u16, u16) = (80, 24);

/// Holds the conversation on the screen until somebody leaves.
pub fn run(app: &App, talk: Talk, session: Session) -> Done {
    if std::io::stderr().is_terminal() {
        // It would be written into the screen.
        log::set_max_level(log::LevelFilter::Off);
    }
    let (tell, told) = channel();
    let (give, jobs) = channel();
    let mut state = State::new(talk.model(), session, Charset::of_locale());
    // Ctrl-C is a key here; a signal asks to leave.
    let leave = app.interrupts.begin();
    std::thread::scope(|scope| {
        let answers = tell.clone();
        let worker = scope.spawn(move || work::work(talk, &jobs, &answers));
        let gone = || leave.is_cancelled() || worker.is_finished();
        let shown = Screen::open().and_then(|screen| {
            keys(tell);
            screen.show(&mut state, &told, &give, gone)
        });
        state.stop();
        // The worker ends with the last job.
        drop(give);
        shown
    })?;
    Ok(())
}

/// Tells of every key, on a thread that ends with the process.
fn keys(tell: Sender<Told>) {
    std::thread::spawn(move || {
        // An error is a terminal that is no more; the signal that comes with it ends the conversation.
        while let Ok(event) = event::read() {
            if tell.send(Told::Event(event)).is_err() {
                break;
            }
        }
    });
}

/// The terminal while it is a screen; dropping it gives back the terminal as it was.
struct Screen {
    terminal: DefaultTerminal,
    area: Rect,
}

impl Screen {
    fn open() -> Result<Self, Error> {
        style::force_color_output(false);
        let area = area();
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        let terminal = ratatui::try_init_with_options(options).map_err(failed)?;
        let mut screen = Self { terminal, area };
        execute!(stdout(), EnterAlternateScreen).map_err(failed)?;
        screen.redraw()?;
        Ok(screen)
    }

    fn show(
        mut self,
        state: &mut State,
        told: &Receiver<Told>,
        give: &Sender<Job>,
        gone: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let mut warned = None;
        let mut changed = true;
        while !state.is_over() && !gone() {
            let now = Instant::now();
            let warning = state.session.warning(now);
            changed |= self.fit()? | (warning != warned);
            if std::mem::take(&mut changed) {
                // Only then: a serial line is slow.
                self.terminal.draw(|frame| view::draw(frame, state, now)).map_err(failed)?;
                warned = warning;
            }
            let news = told.recv_timeout(TICK);
            let now = Instant::now();
            for told in news.into_iter().chain(told.try_iter()) {
                changed = true;
                let act = state.hear(told, now);
                self.perform(act, give)?;
            }
            let act = state.tick(now);
            self.perform(act, give)?;
        }
        if state.session.subject().is_some() {
            self.wipe()?;
        }
        Ok(())
    }

    fn perform(&mut self, act: Option<Act>, give: &Sender<Job>) -> Result<(), Error> {
        match act {
            // Without a worker the loop ends by itself.
            Some(Act::Job(job)) => drop(give.send(job)),
            Some(Act::Wipe(subject)) => {
                let _ = give.send(Job::Serve(subject));
                self.wipe()?;
            }
            Some(Act::Redraw) => self.redraw()?,
            None => {}
        }
        Ok(())
    }

    /// Fits the screen into a terminal that was resized; says whether it was.
    fn fit(&mut self) -> Result<bool, Error> {
        let area = area();
        if area == self.area {
            return Ok(false);
        }
        self.area = area;
        self.redraw()?;
        Ok(true)
    }

    /// Draws everything anew the next time, whatever stands there.
    fn redraw(&mut self) -> Result<(), Error> {
        execute!(stdout(), Clear(ClearType::All)).map_err(failed)?;
        // Not `clear`: it asks the terminal where its cursor is, and not every line answers.
        self.terminal.resize(self.area).map_err(failed)
    }

    /// Clears the screen, and what the terminal keeps of what it has shown.
    fn wipe(&mut self) -> Result<(), Error> {
        self.redraw()?;
        // After the other: some terminals keep what that clears.
        execute!(stdout(), Clear(ClearType::Purge)).map_err(failed)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A panic has given it back already, and has written why.
        if !std::thread::panicking() {
            give_back();
        }
    }
}

/// Gives the terminal back as it was, if it is a screen; from wherever the process ends.
pub fn give_back() {
    if terminal::is_raw_mode_enabled().unwrap_or(false) {
        // Where it cannot be done, there is no terminal any more.
        let _ = execute!(stdout(), Clear(ClearType::All), Show);
        let _ = ratatui::try_restore();
    }
}

/// The size of the terminal: what it says, else what the environment says.
fn area() -> Rect {
    let variable =
        |name, usual| std::env::var(name).ok().and_then(|v| v.parse().ok()).filter(|&n| n > 0).unwrap_or(usual);
    let (width, height) = match terminal::size() {
        Ok((width, height)) if width > 0 && height > 0 => (width, height),
        _ => (variable("COLUMNS", USUAL.0), variable("LINES", USUAL.1)),
    };
    Rect::new(0, 0, width, height)
}

fn failed(error: std::io::Error) -> Error {
    Error::io("cannot use the terminal as a screen; --plain shows lines", error)
}

//! What every command has: the home, where output goes, and how to end.
//!
//! Standard output carries what was asked for, for people or as JSON. Notes, progress and errors go to standard error.

use super::args::Args;
use super::failure::{Done, Failure};
use super::interrupt::Interrupts;
use super::progress::Bars;
use super::style::{Style, shown};
use super::wrap::Wrap;
use serde::Serialize;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use wayside::watch::Cancel;
use wayside::{Device, Error, Runtime};

/// The columns of a terminal that tells nobody how many it has.
const COLUMNS: usize = 80;

/// The running command.
pub struct App {
    pub home: PathBuf,
    pub json: bool,
    pub quiet: bool,
    pub verbose: bool,
    device: Option<Device>,
    no_fallback: bool,
    /// Whether standard output is a terminal.
    terminal: bool,
    /// How to write on standard output.
    pub style: Style,
    pub interrupts: Interrupts,
    /// Where progress goes.
    pub bars: Arc<Bars>,
    /// Stops the command's work.
    pub cancel: Cancel,
    /// Why standard output takes no more.
    lost: RefCell<Option<std::io::Error>>,
    /// What is being said, see [`App::say`].
    said: RefCell<Wrap>,
    /// Whether standard output has the one document already, or somebody else's lines.
    given: Cell<bool>,
}

impl App {
    pub fn new(args: &Args) -> Result<Self, Failure> {
        let level = match args.verbose {
            0 | 1 => "error",
            2 => "info",
            _ => "debug",
        };
        let log = env_logger::Env::default().default_filter_or(level);
        env_logger::Builder::from_env(log).write_style(args.color.of_log()).init();
        let interrupts = Interrupts::catch();
        let terminal = std::io::stdout().is_terminal();
        Ok(Self {
            home: home(args.home.clone()).map_err(Failure::words)?,
            json: args.json,
            quiet: args.quiet,
            verbose: args.verbose > 0,
            device: args.device,
            no_fallback: args.no_fallback,
            bars: Arc::new(Bars::new(args.quiet, args.verbose > 0)),
            terminal,
            style: Style::of(terminal, args.color),
            cancel: interrupts.begin(),
            interrupts,
            lost: RefCell::default(),
            said: RefCell::default(),
            given: Cell::default(),
        })
    }

    /// The library over this home. Its progress is shown here, and Ctrl-C stops it.
    pub fn runtime(&self) -> Result<Runtime, Error> {
        let mut runtime = Runtime::open(&self.home)?.watched(self.bars.clone(), self.cancel.clone());
        runtime = runtime.knowing(|name| std::env::var(name).ok());
        let config = runtime.config_mut();
        config.device = self.device.unwrap_or(config.device);
        config.device_fallback &= !self.no_fallback;
        // Where it is not known where this program is, documents are read in this process.
        Ok(match std::env::current_exe() {
            Ok(program) => runtime.reading_apart(program),
            Err(_) => runtime,
        })
    }

    /// Ends a command with its result: as JSON, or as `people` read it.
    pub fn result(&self, value: &impl Serialize, people: impl FnOnce()) -> Done {
        if self.json {
            let text = serde_json::to_string(value)
                .map_err(|e| Error::invalid("the result cannot be written as JSON").because(e))?;
            self.line(&text);
            self.given.set(true);
        } else {
            people();
        }
        Ok(())
    }

    /// The next line of a stream of JSON documents.
    pub fn event(&self, value: &Value) {
        self.line(&value.to_string());
    }

    /// Tells of a failure: people on standard error, and programs on standard output in the result's place, or as the
    /// last line of a stream. Gives the exit status.
    pub fn fail(&self, failure: &Failure) -> ExitCode {
        if let Some(document) = failure.document().filter(|_| self.json && !self.given.get()) {
            self.line(&document.to_string());
        }
        failure.report()
    }

    /// The next piece of a text on standard output, at once. A terminal's lines end at words: the word under way waits
    /// until it is whole, or until something else is written.
    pub fn say(&self, piece: &str) {
        if self.terminal {
            let ready = self.said.borrow_mut().push(&shown(piece), columns());
            self.write(&ready);
        } else if self.style.is_coloured() {
            self.write(&shown(piece));
        } else {
            self.write(piece);
        }
    }

    /// A line on standard output that is made of words.
    pub fn prose(&self, text: &str) {
        self.say(text);
        self.line("");
    }

    /// Whatever waits of what was said.
    pub fn said(&self) {
        let rest = self.said.borrow_mut().finish(columns());
        if !rest.is_empty() {
            self.write(&rest);
        }
    }

    /// A line on standard output.
    pub fn line(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Text on standard output, at once. Once nobody reads it any more, the work is asked to stop.
    pub fn print(&self, text: &str) {
        self.send(&if self.terminal || self.style.is_coloured() { shown(text) } else { text.into() });
    }

    /// Text of our own on standard output, whatever a terminal takes it for.
    pub fn send(&self, text: &str) {
        self.said();
        self.write(text);
    }

    fn write(&self, text: &str) {
        let mut out = Out(self);
        // `lost` keeps the reason for the end.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Whether standard output takes no more.
    pub fn is_unread(&self) -> bool {
        self.lost.borrow().is_some()
    }

    /// Standard output as a writer of something that is not ours to add to.
    pub fn out(&self) -> Out<'_> {
        self.given.set(true);
        Out(self)
    }

    /// Whether a device was named, which another process may not have.
    #[cfg(feature = "serve")]
    pub fn names_a_device(&self) -> bool {
        self.device.is_some()
    }

    /// A line for people beside the result, on standard error.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.said();
            let _ = writeln!(std::io::stderr(), "{}", shown(text));
        }
    }

    /// The exit status.
    pub fn end(self, done: Done) -> ExitCode {
        self.bars.clear();
        self.said();
        let status = match &done {
            Err(failure) if !self.is_unread() => self.fail(failure),
            _ => ExitCode::SUCCESS,
        };
        match self.lost.into_inner() {
            // Whoever read had enough: `wayside log list | head` is no failure.
            Some(e) if e.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Some(e) => Failure::from(Error::io("cannot write the result", e)).report(),
            None => status,
        }
    }
}

/// Ends a process whose command could not begin.
pub fn unopened(args: &Args, failure: &Failure) -> ExitCode {
    if let Some(document) = failure.document().filter(|_| args.json) {
        // Where nobody reads it, the exit status still tells.
        let _ = writeln!(std::io::stdout(), "{document}");
    }
    failure.report()
}

/// Standard output, until nobody reads it any more.
pub struct Out<'a>(&'a App);

impl Out<'_> {
    fn tell<T>(&self, written: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
        let mut lost = self.0.lost.borrow_mut();
        if let Some(e) = &*lost {
            return Err(e.kind().into());
        }
        written().map_err(|e| {
            let kind = e.kind();
            *lost = Some(e);
            self.0.interrupts.stop();
            kind.into()
        })
    }
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.tell(|| std::io::stdout().write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.tell(|| std::io::stdout().flush())
    }
}

/// The columns of the terminal: what it says, else what the environment says.
fn columns() -> usize {
    let told = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let set = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.or_else(set).filter(|columns| *columns > 0).unwrap_or(COLUMNS)
}

/// The home to work in: the one that was named, or the platform's place for data.
fn home(named: Option<PathBuf>) -> Result<PathBuf, Error> {
    let home = match named {
        Some(home) if home.as_os_str().is_empty() => None,
        Some(home) => Some(home),
        None => directories::ProjectDirs::from("", "", "wayside").map(|d| d.data_dir().to_owned()),
    };
    let home = home.ok_or_else(|| Error::invalid("there is no home folder to work in; name one with --home DIR"))?;
    std::path::absolute(&home).map_err(|e| Error::io(format!("cannot use {} as home", home.display()), e))
}

//! The program at a pseudo-terminal, and what a terminal emulator makes of what it writes.

use super::home::Home;
use crate::runner;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take, on a busy machine or an emulated one.
const PATIENCE: Duration = Duration::from_secs(300);
/// Lines that the terminal keeps after they have left its screen.
const KEPT: usize = 1000;

/// A terminal with the program on it.
pub struct Terminal {
    master: Box<dyn MasterPty>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
    name: PathBuf,
}

struct Seen {
    emulator: vt100::Parser,
    raw: Vec<u8>,
}

fn lines(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

impl Terminal {
    /// Starts the program on a terminal of 80 x 24. `told`: whether the line tells that size, as serial lines do not.
    pub fn start(home: &Home, words: &[&str], variables: &[(&str, &str)], told: bool) -> Self {
        let size = if told { PtySize { rows: 24, cols: 80, ..PtySize::default() } } else { none() };
        let pair = native_pty_system().openpty(size).unwrap();
        let program = runner::command(env!("CARGO_BIN_EXE_wayside"));
        let mut command = CommandBuilder::new(program.get_program());
        command.args(program.get_args());
        command.arg("--home");
        command.arg(home.path());
        command.args(words);
        for name in ["WAYSIDE_HOME", "NO_COLOR", "LC_ALL", "LC_CTYPE", "COLUMNS", "LINES"] {
            command.env_remove(name);
        }
        variables.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        let seen = Seen { emulator: vt100::Parser::new(lines(24), lines(80), KEPT), raw: Vec::new() };
        let seen = Arc::new(Mutex::new(seen));
        let (mut reader, see) = (pair.master.try_clone_reader().unwrap(), seen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                let mut seen = see.lock().unwrap();
                seen.emulator.process(&bytes[..read]);
                seen.raw.extend_from_slice(&bytes[..read]);
            }
        });
        let (keyboard, name) = (pair.master.take_writer().unwrap(), pair.master.tty_name().unwrap());
        Self { master: pair.master, keyboard, child, seen, name }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen shows `text`.
    pub fn until(&self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is as `wanted`.
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        while !wanted(&self.screen()) {
            assert!(begin.elapsed() < PATIENCE, "never: {what}\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What stands on the screen.
    pub fn screen(&self) -> String {
        self.seen.lock().unwrap().emulator.screen().contents()
    }

    /// A row of the screen.
    pub fn row(&self, row: usize) -> String {
        let seen = self.seen.lock().unwrap();
        let (_, width) = seen.emulator.screen().size();
        seen.emulator.screen().rows(0, width.get()).nth(row).unwrap()
    }

    /// Rows that have left the screen and can be scrolled back to.
    pub fn kept(&self) -> usize {
        self.seen.lock().unwrap().emulator.screen().scrollback_len()
    }

    /// Every byte that the program has written.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().raw).into_owned()
    }

    pub fn resize(&self, rows: u16, cols: u16) {
        self.seen.lock().unwrap().emulator.set_size(lines(rows), lines(cols));
        self.master.resize(PtySize { rows, cols, ..PtySize::default() }).unwrap();
    }

    /// How the terminal treats what is typed, as `stty` says it.
    pub fn modes(&self) -> String {
        let output = Command::new("stty").arg("-F").arg(&self.name).arg("-a").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Asks the process to end, as a service manager does.
    pub fn terminate(&self) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for the end of the program; its exit status.
    pub fn end(&mut self) -> u32 {
        ended(&mut self.child)
    }

    /// Takes the terminal away under the program, which must notice.
    pub fn hang_up(self) -> u32 {
        let Self { master, keyboard, mut child, .. } = self;
        drop((master, keyboard));
        ended(&mut child)
    }
}

fn none() -> PtySize {
    PtySize { rows: 0, cols: 0, ..PtySize::default() }
}

fn ended(child: &mut Box<dyn Child + Send + Sync>) -> u32 {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.exit_code();
        }
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

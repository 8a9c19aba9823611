//! The log in and out of files.

use crate::cli::app::App;
use crate::cli::failure::Done;
use crate::cli::style::count;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use wayside::store::log::Exported;
use wayside::{Error, ErrorKind};

/// Standard input or output, in the place of a file's name.
const STANDARD: &str = "-";

pub fn import(app: &App, file: &Path) -> Done {
    let log = app.runtime()?.log()?;
    let imported = if file.as_os_str() == STANDARD {
        log.import(Waiting { app, input: std::io::stdin().lock() }, &app.cancel)?
    } else {
        let opened = app.interrupts.waiting(|| File::open(file));
        let input = opened.map_err(|e| Error::io(format!("cannot read {}", file.display()), e))?;
        log.import(Waiting { app, input }, &app.cancel).map_err(|e| e.context(file.display()))?
    };
    app.result(&imported, || {
        app.line(&format!(
            "{} added, {} replaced",
            count(imported.added, "interaction", "interactions"),
            imported.replaced
        ));
        if imported.left_out > 0 {
            let left_out = count(imported.left_out, "interaction", "interactions");
            app.line(&format!("{left_out} left out: who asked was erased since"));
        }
    })
}

/// Input that may be long in coming: a pipe, say.
struct Waiting<'a, R> {
    app: &'a App,
    input: R,
}

impl<R: Read> Read for Waiting<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.app.interrupts.waiting(|| self.input.read(bytes))
    }
}

pub fn export(app: &App, file: &Path) -> Done {
    let runtime = app.runtime()?;
    let log = match runtime.log() {
        Err(e) if e.kind() == ErrorKind::Corrupt => Err(e.to_string()),
        log => Ok(log?),
    };
    let write = |writer: &mut dyn Write| {
        let exported = match &log {
            Ok(log) => log.export(writer)?,
            // What no longer opens may still be read, as far as it goes.
            Err(why) => {
                let mut exported = runtime.salvage_log(writer)?;
                exported.damaged.insert(0, why.clone());
                exported
            }
        };
        exported.damaged.iter().for_each(|damage| app.note(damage));
        Ok(exported)
    };
    let exported = if file.as_os_str() == STANDARD {
        // The interactions are the result.
        write(&mut BufWriter::new(app.out()))?
    } else {
        let exported = into_file(file, write)?;
        app.result(&exported, || {
            app.line(&format!(
                "{} written to {}",
                count(exported.written, "interaction", "interactions"),
                file.display()
            ));
        })?;
        exported
    };
    match exported.damaged.as_slice() {
        [] => Ok(()),
        damaged => Err(unread(damaged).into()),
    }
}

fn unread(damaged: &[String]) -> Error {
    Error::corrupt(format!("{} could not be read", count(damaged.len() as u64, "interaction", "interactions")))
}

/// Writes beside `file` and takes its place at the end, so that a failed export costs no earlier one; nor does one that
/// lacks what could not be read. What is no plain file, such as a pipe, is written to as it is.
fn into_file(file: &Path, write: impl FnOnce(&mut dyn Write) -> Result<Exported, Error>) -> Result<Exported, Error> {
    let fail = |e| Error::io(format!("cannot write {}", file.display()), e);
    if file.exists() && !file.is_file() {
        return write(&mut BufWriter::new(&File::options().write(true).open(file).map_err(fail)?));
    }
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".tmp-").tempfile_in(folder).map_err(fail)?;
    let exported = write(&mut BufWriter::new(beside.as_file()))?;
    if !exported.damaged.is_empty() && file.exists() {
        let what = format!("{} stays as it is; name a new file for the others", file.display());
        return Err(unread(&exported.damaged).context(what));
    }
    beside.flush().and_then(|()| beside.as_file().sync_all()).map_err(fail)?;
    beside.persist(file).map_err(|e| fail(e.error))?;
    Ok(exported)
}

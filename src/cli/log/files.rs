//! The log in and out of files.

use crate::cli::app::App;
use crate::cli::failure::Done;
use crate::cli::style::count;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use wayside::Error;
use wayside::store::log::Exported;

/// Standard input or output, in the place of a file's name.
const STANDARD: &str = "-";

pub fn import(app: &App, file: &Path) -> Done {
    let log = app.runtime()?.log()?;
    let imported = if file.as_os_str() == STANDARD {
        log.import(std::io::stdin().lock(), &app.cancel)?
    } else {
        let reader = File::open(file).map_err(|e| Error::io(format!("cannot read {}", file.display()), e))?;
        log.import(reader, &app.cancel).map_err(|e| e.context(file.display()))?
    };
    app.result(&imported, || {
        app.line(&format!(
            "{} added, {} replaced",
            count(imported.added, "interaction", "interactions"),
            imported.replaced
        ));
    })
}

pub fn export(app: &App, file: &Path) -> Done {
    let log = app.runtime()?.log()?;
    let exported = if file.as_os_str() == STANDARD {
        // The interactions are the result.
        log.export(BufWriter::new(app.out()))?
    } else {
        let exported = into_file(file, |writer| log.export(writer))?;
        app.result(&exported, || {
            app.line(&format!(
                "{} written to {}",
                count(exported.written, "interaction", "interactions"),
                file.display()
            ));
        })?;
        exported
    };
    exported.damaged.iter().for_each(|damage| app.note(damage));
    match exported.damaged.len() {
        0 => Ok(()),
        n => {
            Err(Error::corrupt(format!("{} could not be read", count(n as u64, "interaction", "interactions"))).into())
        }
    }
}

/// Writes beside `file` and takes its place at the end, so that a failed export costs no earlier one. What is no
/// plain file, such as a pipe, is written to as it is.
fn into_file(file: &Path, write: impl FnOnce(BufWriter<&File>) -> Result<Exported, Error>) -> Result<Exported, Error> {
    let fail = |e| Error::io(format!("cannot write {}", file.display()), e);
    if file.exists() && !file.is_file() {
        return write(BufWriter::new(&File::options().write(true).open(file).map_err(fail)?));
    }
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".tmp-").tempfile_in(folder).map_err(fail)?;
    let exported = write(BufWriter::new(beside.as_file()))?;
    beside.flush().and_then(|()| beside.as_file().sync_all()).map_err(fail)?;
    beside.persist(file).map_err(|e| fail(e.error))?;
    Ok(exported)
}

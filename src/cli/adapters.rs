//! `adapters`: what training learnt, kept beside the models.

use super::app::App;
use super::failure::Done;
use super::learn::checks;
use super::style::{bytes, columns, count, table};
use clap::Subcommand;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use std::path::PathBuf;
use wayside::lora::Dataset;
use wayside::{AdapterInfo, Error, Runtime};

/// List, judge, promote, roll back and merge what was trained
///
/// An adapter is a small change to a model: answers take it with --adapter, and nothing is loaded again to change from
/// one to another. Adapters come and go in the format of PEFT. Each belongs to the model it was trained on and is
/// refused elsewhere.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside adapters list
  wayside adapters import ./my-lora
  wayside ask \"How do I cancel?\" --adapter 3f2a
  wayside adapters merge 3f2a --name shop-model")]
pub enum Words {
    /// List the adapters
    ///
    /// Each with where it stands, the model it belongs to, its rank, what it was trained on, and its story: when it
    /// was promoted, when and why it stopped serving, or why it was refused.
    #[command(after_help = "Examples:
  wayside adapters list
  wayside adapters list --json")]
    List,
    /// Show one adapter in full
    ///
    /// Every byte of it is checked on the way.
    #[command(after_help = "Examples:
  wayside adapters show 3f2a9c41d07b")]
    Show {
        /// Its id, or enough of its beginning
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Take in an adapter from a folder or a GGUF file
    ///
    /// One that `adapters export` wrote, or one of PEFT's: adapter_config.json and adapter_model.safetensors; or what
    /// llama.cpp's converter makes of that. It must fit the model, name no other base, and change something.
    #[command(after_help = "Examples:
  wayside adapters import ./my-lora
  wayside adapters import /media/usb/shop --model qwen3")]
    Import {
        /// The folder with PEFT's two files, or a LoRA adapter's GGUF file
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// The model it was trained on [default: the configured one]
        #[arg(long, value_name = "M")]
        model: Option<String>,
        /// Take it though its configuration names another base: the weights are the same all the same
        #[arg(long)]
        any_base: bool,
    },
    /// Copy an adapter into a new folder
    ///
    /// PEFT reads it from there, and so does another Wayside with the same model.
    #[command(after_help = "Examples:
  wayside adapters export 3f2a /media/usb/shop")]
    Export {
        /// Its id, or enough of its beginning
        #[arg(value_name = "ID")]
        id: String,
        /// The folder, which must not exist yet
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Remove an adapter
    ///
    /// Models that it was merged into stay as they are.
    #[command(after_help = "Examples:
  wayside adapters remove 3f2a9c41d07b")]
    Remove {
        /// Its id, or enough of its beginning
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Let an adapter serve, if it passes the gate
    ///
    /// It is held against the model as it came and against the adapter in use, on answers of the log that are held out
    /// from learning, on general questions and texts, and on canaries. `wayside learn` does this for every candidate of
    /// its own. A refusal has exit status 1 and changes nothing.
    #[command(after_help = "Examples:
  wayside adapters promote 3f2a9c41d07b")]
    Promote {
        /// Its id, or enough of its beginning
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Go back to the adapter that served before
    ///
    /// At once and to last; without one before, to the model as it came. The last three are kept to go back to.
    #[command(after_help = "Examples:
  wayside adapters rollback")]
    Rollback,
    /// Make a model of an adapter and its base
    ///
    /// The new model answers as its base does with the adapter, at the speed of the base, and shares the base's weights
    /// on the disk. Either may be removed without the other.
    #[command(after_help = "Examples:
  wayside adapters merge 3f2a --name shop-model
  wayside ask \"How do I cancel?\" --model shop-model")]
    Merge {
        /// Its id, enough of its beginning, or its folder
        #[arg(value_name = "ID")]
        id: String,
        /// What to call the model; one of that name is replaced
        #[arg(long, value_name = "NAME")]
        name: String,
    },
}

pub fn run(app: &App, words: &Words) -> Done {
    let runtime = app.runtime()?;
    match words {
        Words::List => list(app, &runtime),
        Words::Show { id } => show(app, &runtime, id),
        Words::Import { dir, model, any_base } => {
            let info = runtime.import_adapter(dir, model.as_deref(), *any_base)?;
            app.result(&info, || app.line(&row(&info).join("  ")))
        }
        Words::Export { id, dir } => {
            let info = runtime.export_adapter(id, dir)?;
            app.result(&info, || app.line(&format!("{} is in {}", info.id, dir.display())))
        }
        Words::Remove { id } => remove(app, &runtime, id),
        Words::Promote { id } => promote(app, &runtime, id),
        Words::Rollback => {
            let back = runtime.roll_back("rolled back by hand")?;
            app.result(&back, || {
                let serving = back.serving.as_deref().unwrap_or("the model as it came");
                app.line(&format!("{} is rolled back; {serving} serves", back.adapter.id));
            })
        }
        Words::Merge { id, name } => merge(app, &runtime, id, name),
    }
}

fn list(app: &App, runtime: &Runtime) -> Done {
    let adapters = runtime.adapters()?;
    app.result(&adapters, || {
        if adapters.is_empty() {
            app.note("there are no adapters yet: `wayside learn` makes them of rated and corrected answers");
        }
        let heads = ["ID", "STATE", "BASE", "RANK", "TRAINED ON", "STORY"];
        table(heads, adapters.iter().map(row)).iter().for_each(|line| app.line(line));
    })
}

fn promote(app: &App, runtime: &Runtime, id: &str) -> Done {
    let promotion = runtime.promote(id)?;
    let id = &promotion.adapter.id;
    let serves = promotion.serving.as_ref() == Some(id);
    app.result(&promotion, || {
        checks(app.style, &promotion.checks).iter().for_each(|line| app.line(line));
        if serves {
            app.line(&app.style.good(&format!("{id} serves from now on")));
        }
    })?;
    if serves {
        return Ok(());
    }
    let reasons = promotion.reasons.join("; ");
    Err(Error::invalid(format!("{id} did not pass the gate, what served before still serves: {reasons}")).into())
}

fn row(info: &AdapterInfo) -> [String; 6] {
    let rank = info.rank.map_or_else(String::new, |rank| rank.to_string());
    let about = info.problem.clone().unwrap_or_else(|| data(&info.trained_on));
    let day = |time: Timestamp| time.to_zoned(TimeZone::system()).strftime("%F %H:%M").to_string();
    let mut story = info.promoted.map(|time| format!("promoted {}", day(time))).into_iter().collect::<Vec<_>>();
    story.extend(info.ended.map(|time| format!("ended {}", day(time))));
    story.extend(info.reason.clone());
    [info.id.clone(), info.state.clone(), info.base.clone().unwrap_or_default(), rank, about, story.join(", ")]
}

fn data(sets: &[Dataset]) -> String {
    let one = |set: &Dataset| format!("{} ({})", set.name, count(set.examples, "example", "examples"));
    if sets.is_empty() { "-".into() } else { sets.iter().map(one).collect::<Vec<_>>().join(", ") }
}

fn show(app: &App, runtime: &Runtime, id: &str) -> Done {
    let details = runtime.adapter_details(id)?;
    app.result(&details, || {
        let (info, lineage) = (&details.info, &details.lineage);
        let mut rows = vec![
            ["id", &info.id].map(str::to_owned),
            ["base".into(), info.base.clone().unwrap_or_default()],
            [
                "state".into(),
                [Some(info.state.clone()), info.reason.clone()].into_iter().flatten().collect::<Vec<_>>().join(": "),
            ],
            ["rank".into(), format!("{}, scaled by {}", info.rank.unwrap_or_default(), details.scaling)],
            ["changes".into(), format!("{} ({} numbers)", details.targets.join(", "), details.parameters)],
            ["trained on".into(), data(&info.trained_on)],
        ];
        if lineage.steps > 0 {
            rows.push(["steps".into(), format!("{} in {}", lineage.steps, count(lineage.epochs, "epoch", "epochs"))]);
        }
        if let (Some(first), Some(last)) = (details.loss.first(), details.loss.last()) {
            rows.push(["loss".into(), format!("{first:.3} to {last:.3} nats a token")]);
        }
        rows.push(["folder".into(), details.path.display().to_string()]);
        columns(&rows).iter().for_each(|line| app.line(line));
        checks(app.style, &details.checks).iter().for_each(|line| app.line(line));
    })
}

fn remove(app: &App, runtime: &Runtime, id: &str) -> Done {
    let id = runtime.remove_adapter(id)?;
    app.result(&json!({ "id": id, "state": "removed" }), || app.line(&format!("{id} removed")))
}

fn merge(app: &App, runtime: &Runtime, id: &str, name: &str) -> Done {
    let merged = runtime.merge_adapter(id, name)?;
    app.result(&merged, || {
        let (own, info) = (bytes(merged.own_bytes), &merged.adapter);
        let base = info.base.as_deref().unwrap_or_default();
        app.line(&format!("{name}: {base} with {}, {own} of its own, in {:.1} s", info.id, merged.seconds));
    })
}

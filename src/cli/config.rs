//! `config`: the settings.

use super::app::App;
use super::failure::Done;
use clap::Args;
use serde_json::json;
use wayside::config::{DEFAULT_TEXT, FILE};

/// Print a configuration file with every setting and what it means
///
/// The file holds the defaults. Put what you want to change into config.toml in the home folder; every key is
/// optional. --json prints the settings in force instead, and where the file is looked for.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside config > ~/.local/share/wayside/config.toml
  wayside config --json")]
pub struct Words {}

pub fn run(app: &App, _: &Words) -> Done {
    if !app.json {
        app.print(DEFAULT_TEXT);
        return Ok(());
    }
    let runtime = app.runtime()?;
    app.result(&json!({ "file": app.home.join(FILE), "settings": runtime.config() }), || {})
}

//! `config`: the settings.

mod edit;

use super::app::App;
use super::failure::Done;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use wayside::Error;
use wayside::config::{DEFAULT_TEXT, FILE};

/// Print a configuration file with every setting and what it means
///
/// The file holds the defaults. Put what you want to change into config.toml in the home folder; every key is
/// optional. --json prints the settings in force instead, and where the file is looked for.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  wayside config > ~/.local/share/wayside/config.toml
  wayside config --json
  wayside config get answer.mode
  wayside config set answer.mode quote
  wayside config edit"
)]
pub struct Words {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print where the file is looked for
    ///
    /// Whether or not it is there.
    #[command(after_help = "Examples:
  wayside config path")]
    Path,
    /// Print a setting in force
    ///
    /// By its section and its name, or a whole section.
    #[command(after_help = "Examples:
  wayside config get generate.max_tokens
  wayside config get serve --json")]
    Get {
        /// The setting
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Change a setting in the file
    ///
    /// The rest of the file stays as it is, comments too. What makes no sense changes nothing. It holds from the next
    /// start on.
    #[command(after_help = "Examples:
  wayside config set generate.temperature 0.4
  wayside config set chat.system \"You answer for a small shop.\"")]
    Set {
        /// The setting
        #[arg(value_name = "KEY")]
        key: String,
        /// Its value, as TOML has it; what is no TOML is a text
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
    },
    /// Change the file in an editor
    ///
    /// What VISUAL names, else EDITOR, is given a copy, which takes the file's place when it makes sense as a whole.
    /// What makes none is refused with the reason and changes nothing. The copy is kept, and the next `config edit`
    /// goes on with it.
    #[command(after_help = "Examples:
  wayside config edit
  EDITOR=\"code --wait\" wayside config edit")]
    Edit,
}

pub fn run(app: &App, words: &Words) -> Done {
    let file = app.home.join(FILE);
    match &words.what {
        None if !app.json => {
            app.print(DEFAULT_TEXT);
            Ok(())
        }
        None => app.result(&json!({ "file": file, "settings": app.runtime()?.config() }), || {}),
        Some(What::Path) => app.result(&json!({ "file": file }), || app.line(&file.display().to_string())),
        Some(What::Get { key }) => {
            let settings = json!(app.runtime()?.config());
            let found = settings.pointer(&format!("/{}", key.replace('.', "/"))).filter(|_| !key.is_empty());
            let found = found.ok_or_else(|| {
                Error::not_found(format!("{key:?} is not set, or is no setting; `wayside config` lists all"))
            })?;
            app.result(found, || match found {
                Value::String(text) => app.line(text),
                other => app.line(&other.to_string()),
            })
        }
        Some(What::Edit) => edit::run(app, &file),
        Some(What::Set { key, value }) => {
            app.runtime()?.set(key, value)?;
            app.result(&json!({ "file": file, "key": key, "value": value }), || {
                app.line(&format!("{key} = {value}, in {}", file.display()));
            })
        }
    }
}

//! `serve`: the service on the device.

use super::app::App;
use super::failure::Done;
use crate::serve::run as serve;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use wayside::Runtime;
use wayside::watch::Cancel;

/// Answer programs and a kiosk's browser over HTTP
///
/// Programs speak the OpenAI API to it: the model `wayside` answers over the documents, others by their names alone.
/// Its own API and the kiosk's page are at the same port. One line says when it answers, and where. Ctrl-C or SIGTERM
/// stops it when the answers under way are given.
///
/// Over TCP it wants a token, which is in serve.token in the home; staff.token also serves named persons and shows the
/// log. Both are made on first use, for their owner to read. The socket needs none: its owner alone can open it. Where
/// it listens and what it bears is in config.toml under [serve]. `/openapi.json` describes its own API.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside serve
  wayside serve --listen 127.0.0.1:8080
  wayside serve --listen \"\" --socket /run/kiosk/wayside.sock")]
pub struct Words {
    /// The address to listen on; empty for none but the socket [default: `serve.listen` in config.toml]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// The socket [default: serve.sock in the home]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

pub fn run(app: &App, words: &Words) -> Done {
    // What ends it is the service's to hear: answers under way are given first.
    let runtime: Runtime = app.runtime()?.watched(app.bars.clone(), Cancel::new());
    serve(runtime, words.listen.as_deref(), words.socket.as_deref(), |ready| {
        ready.notes.iter().for_each(|note| app.note(note));
        let listening = ready.listening.map(|address| address.to_string());
        let told = json!({ "listening": listening, "socket": ready.socket });
        let where_to = [
            ready.listening.map(|address| format!("http://{address}")),
            ready.socket.as_ref().map(|path| path.display().to_string()),
        ];
        let people = || app.line(&format!("ready: {}", where_to.into_iter().flatten().collect::<Vec<_>>().join(", ")));
        let _ = app.result(&told, people);
    })?;
    Ok(())
}

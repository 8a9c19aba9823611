//! The `wayside` command: words in, the library's work, people's or programs' output out.

mod cli;
#[cfg(feature = "serve")]
mod serve;

use cli::app::App;
use cli::args::{Args, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(done) = cli::reader::run() {
        return done;
    }
    cli::fault::install();
    let args = Args::of_process();
    let app = match App::new(&args) {
        Ok(app) => app,
        Err(failure) => return cli::app::unopened(&args, &failure),
    };
    let done = match &args.command {
        None => cli::guide::run(&app),
        Some(Command::Adapters(words)) => cli::adapters::run(&app, words),
        Some(Command::Ask(words)) => cli::ask::run(&app, words),
        Some(Command::Backup(words)) => cli::backup::run(&app, words),
        Some(Command::Bench(words)) => cli::bench::run(&app, words),
        Some(Command::Chat(words)) => cli::chat::run(&app, words),
        Some(Command::Completions(words)) => cli::shell::completions(&app, words),
        Some(Command::Man(words)) => cli::shell::man(&app, words),
        Some(Command::Config(words)) => cli::config::run(&app, words),
        Some(Command::Demo(words)) => cli::demo::run(&app, words),
        Some(Command::Doctor(words)) => cli::doctor::run(&app, words),
        Some(Command::Documents(words)) => cli::documents::run(&app, words),
        Some(Command::Eval(words)) => cli::eval::run(&app, words),
        Some(Command::Import(words)) => cli::import::run(&app, words),
        Some(Command::Export(words)) => cli::export::run(&app, words),
        Some(Command::Ingest(words)) => cli::ingest::run(&app, words),
        Some(Command::Keys(words)) => cli::keys::run(&app, words),
        Some(Command::Learn(words)) => cli::learn::run(&app, words),
        Some(Command::Log(words)) => cli::log::run(&app, words),
        Some(Command::Models(words)) => cli::models::run(&app, words),
        Some(Command::Records(words)) => cli::records::run(&app, words),
        Some(Command::Restore(words)) => cli::backup::restore(&app, words),
        Some(Command::Search(words)) => cli::search::run(&app, words),
        #[cfg(feature = "serve")]
        Some(Command::Serve(words)) => cli::serve::run(&app, words),
        Some(Command::Status(words)) => cli::status::run(&app, words),
        Some(Command::Sign(words)) => cli::sign::sign(&app, words),
        Some(Command::Verify(words)) => cli::sign::verify(&app, words),
        Some(Command::Train(words)) => cli::train::run(&app, words),
    };
    app.end(done)
}

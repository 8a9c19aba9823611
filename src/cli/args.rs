//! The words of the command line: the commands, and the flags that all of them share.

use super::failure::document;
#[cfg(feature = "serve")]
use super::serve;
use super::style::Colour;
use super::{
    adapters, ask, backup, bench, chat, config, demo, doctor, documents, eval, export, import, ingest, keys, learn,
    log, models, records, search, shell, sign, status, train, version,
};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use wayside::store::log::check_subject;
use wayside::{Device, ErrorKind};

/// Where help lists the flags of all commands.
const EVERYWHERE: &str = "Options of every command";

/// Answers questions from your own documents, on this machine, without a network.
///
/// A quantized language model writes, your documents are searched for what it should rest on, and every answer is kept
/// in a log that you can rate and correct. Without a command, the first three steps are shown.
#[derive(Debug, Parser)]
#[command(name = "wayside", version, long_version = version::LONG.as_str(), max_term_width = 100)]
pub struct Args {
    /// The folder that holds models, documents and log [default: the platform's data folder]
    #[arg(long, value_name = "DIR", env = "WAYSIDE_HOME", global = true, help_heading = EVERYWHERE, hide_env_values = true)]
    pub home: Option<PathBuf>,

    /// Print exactly one JSON document on standard output, or one a line where a command streams
    ///
    /// Where the work fails, it is `{"error": {"kind", "message"}}`; `kind` is one of invalid, not_found, corrupt,
    /// unsupported, incompatible, io, full, busy, cancelled, engine and fetch.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,

    /// Say nothing but the result and errors
    #[arg(short, long, global = true, help_heading = EVERYWHERE, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more: stages, passages looked at; twice for the library's own log
    #[arg(short, long, global = true, help_heading = EVERYWHERE, action = ArgAction::Count)]
    pub verbose: u8,

    /// What runs models: cpu, cuda, tensorrt, or auto [default: `device` in config.toml]
    #[arg(long, value_name = "DEVICE", global = true, help_heading = EVERYWHERE)]
    pub device: Option<Device>,

    /// Fail where that device does not work, instead of going on with the CPU
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub no_fallback: bool,

    /// When there are colours
    #[arg(long, value_name = "WHEN", global = true, help_heading = EVERYWHERE, value_enum, default_value_t, hide_default_value = true)]
    pub color: Colour,

    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Args {
    /// The words of this process. Wrong ones, and help, end it: with a document where one is asked for.
    pub fn of_process() -> Self {
        let words: Vec<OsString> = std::env::args_os().collect();
        let before = words.iter().take_while(|word| *word != "--");
        let wants = |name: &str| before.clone().any(|word| word == name);
        let colour =
            before.clone().zip(words.iter().skip(1)).find(|(word, _)| *word == "--color").map(|(_, when)| when);
        let joined = before.clone().find_map(|word| word.to_str()?.strip_prefix("--color="));
        let colour =
            joined.or(colour.and_then(|when| when.to_str())).and_then(|when| Colour::from_str(when, false).ok());
        let command = Self::command().color(colour.unwrap_or_default().of_help());
        let parsed = command.try_get_matches_from(&words).and_then(|found| Self::from_arg_matches(&found));
        parsed.unwrap_or_else(|wrong| {
            if wrong.use_stderr() && wants("--json") {
                let text = wrong.to_string();
                let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
                let told = document(ErrorKind::Invalid.name(), &first.split_whitespace().collect::<Vec<_>>().join(" "));
                // Where nobody reads it, the exit status still tells.
                let _ = writeln!(std::io::stdout(), "{told}");
            }
            wrong.exit()
        })
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::Words),
    Ingest(ingest::Words),
    Ask(ask::Words),
    Chat(chat::Words),
    Search(search::Words),
    #[cfg(feature = "serve")]
    Serve(serve::Words),
    #[command(subcommand)]
    Documents(documents::Words),
    #[command(subcommand)]
    Records(records::Words),
    #[command(subcommand)]
    Log(log::Words),
    #[command(subcommand)]
    Adapters(adapters::Words),
    #[command(subcommand)]
    Models(models::Words),
    Import(import::Words),
    Export(export::Words),
    Sign(sign::SignWords),
    Verify(sign::VerifyWords),
    #[command(subcommand)]
    Keys(keys::Words),
    Learn(learn::Words),
    Train(train::Words),
    #[command(subcommand)]
    Eval(eval::Words),
    Bench(bench::Words),
    Status(status::Words),
    Backup(backup::Words),
    Restore(backup::RestoreWords),
    Doctor(doctor::Words),
    Config(config::Words),
    Completions(shell::Completions),
    Man(shell::Man),
}

/// A whole number of at least one.
pub fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number >= 1 => Ok(number),
        _ => Err("a whole number of at least 1 is needed".into()),
    }
}

/// A text that says something.
pub fn filled(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty".into()) } else { Ok(text.into()) }
}

/// Somebody whom an interaction may concern.
pub fn subject(text: &str) -> Result<String, String> {
    let text = filled(text)?;
    check_subject(&text).map_err(|e| e.to_string())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_that_nothing_can_be_kept_under_are_refused() {
        let commands = ["ask Q", "chat", "log list", "log erase", "records check", "records show Q"];
        for (subject, good) in [("C-1", true), ("", false), ("a\tb", false), (&"x".repeat(201), false)] {
            for command in commands {
                let words = ["wayside"].into_iter().chain(command.split(' ')).chain(["--subject", subject]);
                assert_eq!(Args::try_parse_from(words).is_ok(), good, "{command} --subject {subject:?}");
            }
        }
    }

    fn each(command: &clap::Command, look: &mut dyn FnMut(&clap::Command)) {
        look(command);
        command.get_subcommands().filter(|c| c.get_name() != "help").for_each(|c| each(c, look));
    }

    #[test]
    fn the_words_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_help_text_explains_and_gives_examples() {
        let mut command = Args::command();
        command.build();
        for top in command.get_subcommands().filter(|c| c.get_name() != "help") {
            each(top, &mut |c| {
                let explained = c.get_long_about().map(ToString::to_string).unwrap_or_default();
                assert!(explained.contains("\n\n"), "{} explains nothing: {explained}", c.get_name());
                let examples = c.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(examples.starts_with("Examples:\n  "), "{} has no examples", c.get_name());
            });
        }
    }

    #[test]
    fn every_example_is_understood() {
        let mut examples = Vec::new();
        each(&Args::command(), &mut |c| {
            let text = c.get_after_help().map(ToString::to_string).unwrap_or_default();
            examples.extend(text.lines().filter_map(|l| l.split_once("wayside ").map(|(_, words)| words.to_owned())));
        });
        assert!(examples.len() > 30);
        for example in examples {
            let words = example.split(['|', '>']).next().unwrap_or_default();
            // Quotes hold no further quotes in the examples.
            let words = words.split('"').enumerate().flat_map(|(n, part)| match n % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            });
            let parsed = Args::try_parse_from(std::iter::once("wayside".to_owned()).chain(words));
            assert!(parsed.is_ok(), "{example}: {}", parsed.err().map(|e| e.to_string()).unwrap_or_default());
        }
    }
}

//! The words of the command line: the commands, and the flags that all of them share.

use super::{ask, bench, chat, config, demo, doctor, documents, eval, import, ingest, log, models, search};
use clap::{ArgAction, Parser, Subcommand};
use std::path::PathBuf;

/// Answers questions from your own documents, on this machine, without a network.
///
/// A quantized language model writes, your documents are searched for what it should rest on, and every answer is kept
/// in a log that you can rate and correct. Without a command, the first three steps are shown.
#[derive(Debug, Parser)]
#[command(name = "wayside", version, propagate_version = true, max_term_width = 100)]
pub struct Args {
    /// The folder that holds models, documents and log [default: the platform's data folder]
    #[arg(long, value_name = "DIR", env = "WAYSIDE_HOME", global = true, hide_env_values = true)]
    pub home: Option<PathBuf>,

    /// Print exactly one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// Say nothing but the result and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more: stages, passages looked at; twice for the library's own log
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::Words),
    Ingest(ingest::Words),
    Ask(ask::Words),
    Chat(chat::Words),
    Search(search::Words),
    #[command(subcommand)]
    Documents(documents::Words),
    #[command(subcommand)]
    Log(log::Words),
    #[command(subcommand)]
    Models(models::Words),
    Import(import::Words),
    #[command(subcommand)]
    Eval(eval::Words),
    #[command(subcommand)]
    Bench(bench::Words),
    Doctor(doctor::Words),
    Config(config::Words),
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

//! `completions` and `man`: what a shell and a reader need to know of the words.

use super::app::App;
use super::args::Args as Everything;
use super::failure::Done;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::path::{Path, PathBuf};
use wayside::{Error, durable};

/// Print what a shell completes by
///
/// For bash, zsh, fish, PowerShell and elvish. A package puts it where the shell looks; in a home of one's own, the
/// examples do.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside completions bash > ~/.local/share/bash-completion/completions/wayside
  wayside completions fish > ~/.config/fish/completions/wayside.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Print the manual's page
///
/// All commands have pages of their own; with --out each is a file in that folder.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside man | man -l -
  wayside man --out /usr/local/share/man/man1")]
pub struct Man {
    /// A folder for the pages of all commands
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn completions(app: &App, words: &Completions) -> Done {
    let (mut command, mut text) = (Everything::command(), Vec::new());
    clap_complete::generate(words.shell, &mut command, "wayside", &mut text);
    app.print(&String::from_utf8_lossy(&text));
    Ok(())
}

pub fn man(app: &App, words: &Man) -> Done {
    let mut command = Everything::command();
    command.build();
    match &words.out {
        Some(dir) => {
            durable::create_dir(dir)?;
            pages(&command, "wayside", dir)
        }
        None => page(command).map(|page| app.print(&page)),
    }
}

/// The pages of a command and of those below it.
fn pages(command: &clap::Command, name: &str, dir: &Path) -> Done {
    durable::write(&dir.join(format!("{name}.1")), page(command.clone())?.as_bytes())?;
    let mut below = command.get_subcommands().filter(|below| below.get_name() != "help");
    below.try_for_each(|below| pages(below, &format!("{name}-{}", below.get_name()), dir))
}

fn page(command: clap::Command) -> Result<String, super::failure::Failure> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command);
    man.render(&mut page).map_err(|e| Error::io("cannot write the manual's page", e))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

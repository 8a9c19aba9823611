//! Programs that were built for the tests' target, started as cargo starts the tests: under the target's runner where
//! one is set, which is an emulator where this machine is another (`cross/try-arm`).

use std::ffi::OsStr;
use std::process::Command;

/// What stands before a program's name; nothing where this machine is the target.
fn runner() -> String {
    let target = env!("WAYSIDE_TARGET").to_uppercase().replace('-', "_");
    std::env::var(format!("CARGO_TARGET_{target}_RUNNER")).unwrap_or_default()
}

/// Whether programs run in an emulator, some thirty times slower: enough for every check, not for many of a kind.
pub fn is_emulated() -> bool {
    !runner().trim().is_empty()
}

/// The program, ready to run.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let runner = runner();
    let mut words = runner.split_whitespace();
    let Some(emulator) = words.next() else { return Command::new(program) };
    let mut command = Command::new(emulator);
    command.args(words).arg(program);
    command
}

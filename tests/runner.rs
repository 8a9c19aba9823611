//! Programs that were built for the tests' target, started as cargo starts the tests: under the target's runner where
//! one is set, which is an emulator where this machine is another (`cross/try-arm`).

use std::ffi::OsStr;
use std::process::Command;

/// The program, ready to run.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let target = env!("WAYSIDE_TARGET").to_uppercase().replace('-', "_");
    let runner = std::env::var(format!("CARGO_TARGET_{target}_RUNNER")).unwrap_or_default();
    let mut words = runner.split_whitespace();
    let Some(emulator) = words.next() else { return Command::new(program) };
    let mut command = Command::new(emulator);
    command.args(words).arg(program);
    command
}

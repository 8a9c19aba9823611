//! Tells the crate which target it is built for, so that it picks that target's parts from the catalogue; and from
//! which commit, where that is known.

use std::process::Command;

fn main() -> Result<(), std::env::VarError> {
    // Cargo sets it for every build script.
    let target = std::env::var("TARGET")?;
    println!("cargo::rustc-env=WAYSIDE_TARGET={target}");
    println!("cargo::rustc-env=WAYSIDE_COMMIT={}", commit().unwrap_or_default());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=WAYSIDE_COMMIT");
    Ok(())
}

/// The commit: as a packager names it, or as git does. It is looked at when this script runs, not for each commit: a
/// developer's builds would take longer, and say no more.
fn commit() -> Option<String> {
    if let Ok(named) = std::env::var("WAYSIDE_COMMIT") {
        return Some(named);
    }
    let told = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    told.status.success().then(|| String::from_utf8_lossy(&told.stdout).trim().to_owned())
}

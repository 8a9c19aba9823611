//! Tells the crate which target it is built for, so that it picks that target's parts from the catalogue.

fn main() -> Result<(), std::env::VarError> {
    // Cargo sets it for every build script.
    let target = std::env::var("TARGET")?;
    println!("cargo::rustc-env=WAYSIDE_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

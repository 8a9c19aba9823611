//! Tells the crate which target it is built for, so that it picks that target's parts from the catalogue.

fn main() {
    let target = std::env::var("TARGET").expect("cargo sets TARGET for every build script");
    println!("cargo::rustc-env=WAYSIDE_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}

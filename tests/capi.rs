//! The C ABI, from C and C++: programs that are compiled here, against the committed header and a shared library, and
//! run under AddressSanitizer where the compiler has it.

mod header;

use crate::cli::{
    home::{Home, word},
    learn,
};
use crate::{runner, support};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use wayside::parts::TARGET;

/// The folder of the interface, with its header.
fn interface() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/capi")
}

/// Where cargo puts what it builds, this test too; and whether the target was asked for by name, for then all of it
/// lies in a folder of that name there.
fn target() -> (&'static Path, bool) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    if folder.ends_with(TARGET) { (folder.parent().unwrap(), true) } else { (folder, false) }
}

/// The compiler of a language for the tests' target: the variable that cargo's crates of C code read for it, `CC_` or
/// `CXX_` and the target; else the machine's own.
fn compiler(variable: &str, own: &str) -> Command {
    let name = format!("{variable}_{}", TARGET.replace('-', "_"));
    Command::new(std::env::var_os(name).unwrap_or(own.into()))
}

/// C compiled for the tests' target.
fn c() -> Command {
    compiler("CC", "cc")
}

/// The command must succeed; what it said is shown where it does not.
fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&told));
}

/// The shared library: the example of that name, linked from the library that this test is linked with.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let (target, named) = target();
        let flags: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
        let of_target: &[&str] = if named { &["--target", TARGET] } else { &[] };
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["build", "--offline", "--example", "wayside_c"])
            .args(flags)
            .args(of_target);
        cargo.arg("--target-dir").arg(target);
        // What cargo tells this test of its package would look like a change to build scripts that asked for the same,
        // and everything above them would be compiled anew.
        let of_a_package = ["CARGO_MANIFEST_", "CARGO_PKG_", "OUT_DIR"];
        let told = std::env::vars_os().map(|(name, _)| name);
        for name in told.filter(|name| of_a_package.iter().any(|begin| name.to_string_lossy().starts_with(begin))) {
            cargo.env_remove(name);
        }
        succeeds(&mut cargo);
        Path::new(env!("CARGO_BIN_EXE_wayside")).with_file_name("examples").join("libwayside_c.so")
    })
}

/// A program of `tests/capi` or `examples`, compiled with every warning an error.
fn program(mut compiler: Command, source: &str, flags: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let name = source.file_name().unwrap().to_string_lossy().replace('.', "-");
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    compiler.args(["-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-rdynamic"]).args(flags).args(sanitizer());
    compiler.arg("-I").arg(interface()).arg(source).arg(library()).arg("-ldl").arg("-o").arg(&to);
    succeeds(&mut compiler);
    to
}

/// What makes the compiler check every use of memory, where it can.
fn sanitizer() -> &'static [&'static str] {
    static FLAGS: OnceLock<&[&str]> = OnceLock::new();
    FLAGS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (source, program) = (folder.path().join("a.c"), folder.path().join("a"));
        std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
        let flag = "-fsanitize=address";
        let compiled = c().arg(flag).arg(&source).arg("-o").arg(&program).output().unwrap();
        let runs = compiled.status.success() && runner::command(&program).output().unwrap().status.success();
        if runs { &["-fsanitize=address"] } else { &[] }
    })
}

/// A home whose language model and embedder know nothing and are quick.
fn little() -> Home {
    let home = learn::tiny_model();
    home.json(&["import", word(&support::golden("tiny/bert-mean")), "--name", "little"]);
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    home.file("home/config.toml", format!("embedder = \"little\"\n{config}"));
    home
}

/// A home to ask in, of the default models where a processor runs them itself. What is asked here is about calls: one
/// short passage goes into a prompt.
fn asking() -> Home {
    let home = if support::is_emulated() { little() } else { Home::new() };
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap_or_default();
    home.file("home/config.toml", config + "[retrieve]\nk = 1\nbudget = 64\n");
    home
}

/// The first lines of two of the shop's documents: what is asked about, and something else.
fn documents(home: &Home) -> PathBuf {
    let all = home.shop();
    for name in ["returns.md", "badger.md"] {
        let whole = std::fs::read_to_string(all.join(name)).unwrap();
        let first = whole.lines().take(9).collect::<Vec<_>>().join("\n");
        home.file(&format!("few/{name}"), first);
    }
    all.parent().unwrap().with_file_name("few")
}

#[test]
fn a_program_in_c_uses_every_function() {
    let (home, tiny) = (asking(), little());
    // As few as there must be to judge a candidate by.
    learn::log(&tiny, 130);
    let bad = home.file("bad.so", "\x7fELF\x02\x01");
    let everything = program(c(), "tests/capi/everything.c", &["-std=c11"]);
    let mut command = runner::command(everything);
    command.arg(home.path()).arg(tiny.path()).arg(documents(&home)).arg(bad);
    command.args(support::is_emulated().then_some("briefly"));
    // It must not matter what the environment says. Unless it is told not to, ONNX Runtime keeps what it is going to
    // report to its maker below the user's folder.
    let user = tempfile::tempdir().unwrap();
    command.env_clear().env("HOME", user.path()).env("ORT_DYLIB_PATH", "/nowhere").env("RAYON_NUM_THREADS", "3");
    succeeds(&mut command);
    assert_eq!(std::fs::read_dir(user.path()).unwrap().count(), 0, "something was left in the user's folder");
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/capi/everything.c")).unwrap();
    let header = std::fs::read_to_string(interface().join("wayside.h")).unwrap();
    for function in header.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| w.starts_with("wayside_")) {
        let declared = header.contains(&format!("{function}(")) && !function.ends_with("_fn");
        assert!(!declared || text.contains(&format!("{function}(")), "{function} is not used");
    }
}

#[test]
fn a_program_in_cpp_answers_on_several_threads() {
    let home = asking();
    let terminal = program(compiler("CXX", "c++"), "tests/capi/terminal.cpp", &["-std=c++17"]);
    succeeds(runner::command(terminal).arg(home.path()).arg(documents(&home)));
    // And the example, of what was taken in just now.
    let example = program(c(), "examples/ask.c", &["-std=c11"]);
    succeeds(runner::command(example).arg(home.path()).arg("How long do I have to return an unused stove?"));
}

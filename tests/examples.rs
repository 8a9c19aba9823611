//! The examples do what they say: each is run as its first lines tell.

use crate::cli::home::{Home, text, word};
use crate::runner;
use crate::serve::service::Service;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// An example, which cargo builds with the tests.
fn example(name: &str) -> Command {
    runner::command(Path::new(env!("CARGO_BIN_EXE_wayside")).with_file_name("examples").join(name))
}

/// What a program that succeeds says.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_folder_is_taken_in_and_asked() {
    let home = Home::new();
    let taken = said(example("ingest").arg(home.path()).arg(home.shop()));
    assert!(taken.contains("passages"), "{taken}");
    let asked = said(example("ask").arg(home.path()).arg("When is the shop open on Saturday?"));
    assert!(asked.contains("9:00 to 17:00") && asked.contains("\"document\":"), "{asked}");
    let story = said(example("stream").arg(home.path()).args(["Tell me a story about rain.", "0.6"]));
    assert!(story.contains("ended by Cancelled"), "{story}");
    let learned = said(example("learn").arg(home.path()));
    assert!(learned.starts_with("TooFew"), "{learned}");

    let mut kiosk = example("kiosk").arg(home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = b"C-1 When is the shop open on Saturday?\n\nC-2 How long does the Moth take to charge?\n";
    kiosk.stdin.take().unwrap().write_all(lines).unwrap();
    let heard = text(&kiosk.wait_with_output().unwrap().stdout);
    assert_eq!(heard.matches("(found)").count(), 2, "{heard}");
    assert_eq!(home.json(&["log", "list", "--subject", "C-2"]).as_array().unwrap().len(), 1);
}

#[test]
fn programs_ask_the_service() {
    let service = Service::start();
    let question = "When is the shop open on Saturday?";
    let token = service.home.path().join("serve.token");
    let asked = said(example("http").args([&service.address, word(&token), question]));
    assert!(asked.contains("9:00 to 17:00"), "{asked}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", root.join("cross/python")).env("PYTHONDONTWRITEBYTECODE", "1");
    let asked = said(python.arg(root.join("examples/ask.py")).arg(service.home.path()).arg(question));
    assert!(asked.contains("9:00 to 17:00") && asked.contains("/documents/"), "{asked}");
}

//! The command line beside a service: one model for both.

use super::service::Service;
use crate::cli::home::{document, text};
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

#[test]
fn ask_uses_the_service_of_its_home_and_answers_the_same() {
    let service = Service::start();
    let question = ["ask", "When", "is", "the", "shop", "open", "on", "Saturday?"];
    let requests = || service.get("/metrics").body.matches("route=\"/api/ask\",status=\"200\"} 1").count();
    let own = service.home.json(&[&question[..], &["--no-service"]].concat());
    assert_eq!(requests(), 0);
    let there = service.home.json(&question);
    assert_eq!(requests(), 1, "the service answered");
    let said = |answer: &Value| (answer["answer"].clone(), answer["sentences"].clone(), answer["citations"].clone());
    assert_eq!(said(&there), said(&own));
    assert!(text(&service.home.run(&question).stdout).contains("9:00 to 17:00"));
    let refused = service.home.fails(1, &["ask", "Why?", "--model", "unheard-of"]);
    assert!(refused.contains("unheard-of"), "{refused}");
    let home = &service.home;
    let mut child = home.command(&["--json", "ask", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"When is the shop open on Saturday?\n").unwrap();
    assert_eq!(said(&document(&["ask", "-"], &child.wait_with_output().unwrap())), said(&own));
}

#[test]
fn settings_are_read_and_changed_and_shells_are_told() {
    let home = crate::cli::home::Home::bare();
    home.json(&["config", "set", "answer.mode", "quote"]);
    assert_eq!(home.json(&["config", "get", "answer.mode"]), "quote");
    assert!(home.fails(1, &["config", "set", "answer.mood", "good"]).contains("mood"));
    assert!(home.json(&["config", "path"])["file"].as_str().unwrap().ends_with("config.toml"));
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(text(&home.run(&["completions", shell]).stdout).contains("no-retrieval"), "{shell}");
    }
    assert!(text(&home.run(&["man"]).stdout).contains(".SH"));
    let out = home.path().with_file_name("man");
    assert!(home.run(&["man", "--out", out.to_str().unwrap()]).status.success());
    assert!(out.join("wayside-adapters-rollback.1").exists());
    let version = text(&home.run(&["--version"]).stdout);
    let told = ["commit: ", "features: grammar", "ONNX Runtime: 1.", "kernels: "];
    assert!(version.starts_with("wayside 0.1.0\n") && told.iter().all(|word| version.contains(word)), "{version}");
}

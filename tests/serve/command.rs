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
fn chat_is_held_by_the_service_of_its_home_and_forgotten_there() {
    let service = Service::start();
    let home = &service.home;
    let metric = |name: &str| {
        let metrics = service.get("/metrics").body;
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).unwrap_or_default()
    };
    let chat = |flags: &[&str]| -> Vec<Value> {
        let words = [&["chat", "--json", "--mode", "quote"], flags].concat();
        let mut chat = home.command(&words).stdin(Stdio::piped()).spawn().unwrap();
        let lines =
            "When is the shop open on Saturday?\n/good\nHow long does the Moth take to charge?\n/sources\n/serve\n";
        chat.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let output = chat.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "one line was none: {}", text(&output.stderr));
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let own = chat(&["--no-service"]);
    let asked = "wayside_requests_total{route=\"/api/ask\",status=\"200\"}";
    assert_eq!(metric(asked), 0.0);
    let there = chat(&[]);
    assert_eq!((metric(asked), metric("wayside_conversations")), (2.0, 0.0), "answered, and forgotten");
    let said = |events: &[Value]| -> Vec<Value> {
        let kept = |event: &Value| {
            let Value::Object(event) = event else { panic!("{event}") };
            ["event", "text", "answer", "sentences", "sources", "error"]
                .iter()
                .filter_map(|key| event.get(*key).cloned())
                .collect()
        };
        events.iter().map(kept).collect()
    };
    assert_eq!(said(&there), said(&own));
    let kinds: Vec<_> = there.iter().map(|event| event["event"].as_str().unwrap_or("error")).collect();
    assert!(kinds.starts_with(&["words", "sentence", "answer", "words", "sentence"]), "{kinds:?}");
    assert!(kinds.ends_with(&["sentence", "answer", "sources", "error", "error"]), "{kinds:?}");
    assert_eq!(there[kinds.len() - 2]["error"]["kind"], "invalid");
    let rated = home.json(&["log", "show", there[2]["interaction"].as_str().unwrap()]);
    assert_eq!(rated["rating"], "up");
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

//! The loop from the command line: what is learned from a log, what is refused, and the way back.

use super::home::{Home, text, word};
use crate::support;
use serde_json::{Value, json};
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};
use wayside::bundle::Bundle;
use wayside::store::Log;
use wayside::store::log::{Interaction, Message, Rating, Registered, State};

/// A home with the sample's log and no documents: prompts are short.
fn shop() -> Home {
    let home = Home::new();
    log(&home, wayside::sample::SHOP.interactions.lines().count());
    home
}

/// A home with a model of two layers that knows nothing, and the sample's log.
pub fn tiny() -> Home {
    let home = tiny_model();
    log(&home, wayside::sample::SHOP.interactions.lines().count());
    home
}

/// The same without a log. What knows nothing does not know when to end, either.
pub fn tiny_model() -> Home {
    let home = Home::with_models_of_its_own();
    home.json(&["import", word(&support::golden("tiny/llama")), "--name", "tiny", "--weights", "int8"]);
    let config = "model = \"tiny\"\n[generate]\nmax_tokens = 32\n[learn]\nmax_examples = 40\nmax_held_out = 20\n";
    std::fs::write(home.path().join("config.toml"), config).unwrap();
    home
}

/// Puts the first so many interactions of the sample into a home's log.
pub fn log(home: &Home, interactions: usize) {
    let lines: Vec<&str> = wayside::sample::SHOP.interactions.lines().take(interactions).collect();
    let log = home.file("log.jsonl", lines.join("\n"));
    home.json(&["log", "import", word(&log)]);
}

/// Lets an adapter serve, as if the gate had passed it.
pub fn serve(log: &Log, id: &str, model: &Bundle) {
    let registered = Registered {
        id: id.to_owned(),
        model: model.fingerprint(),
        state: State::Active,
        time: jiff::Timestamp::now(),
        promoted: None,
        ended: None,
        reason: None,
        verdict: json!({ "passed": true, "checks": [] }),
        subjects: vec![],
        spoken: Default::default(),
        extra: Default::default(),
    };
    log.promote(&registered).unwrap();
}

fn reasons(learned: &Value) -> String {
    learned["reasons"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// A cycle that has come as far as training.
fn begun(home: &Home, words: &[&str]) -> Child {
    let child = home.start(words);
    let begin = Instant::now();
    while !home.path().join("learn/adapter").exists() && begin.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_killed_cycle_is_gone_on_with_and_one_runs_at_a_time() {
    let home = tiny();
    let mut child = begun(&home, &["learn", "--once"]);
    let busy = home.run(&["learn", "--once"]);
    if !busy.status.success() {
        assert!(text(&busy.stderr).contains("another process or thread is learning"), "{}", text(&busy.stderr));
    }
    // As a power cut does it: SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    let output = home.run(&["--json", "learn", "--once"]);
    let told = text(&output.stderr);
    let learned: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told.contains("going on with the cycle") || learned["verdict"] == "nothing_new", "{told}{learned}");
    assert!(!home.path().join("learn/plan.json").exists(), "the cycle is over");
    assert_eq!(home.json(&["learn", "--once"])["verdict"], "nothing_new");

    // What it left may be damaged: then it is trained anew, for nobody is there to remove it.
    let mut child = begun(&home, &["learn", "--once", "--again"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let is_cycle = home.path().join("learn/plan.json").exists();
    let run = home.path().join("learn/adapter");
    let _it_may_be_over = fs::remove_dir_all(&run);
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("checkpoint.safetensors"), "junk").unwrap();
    let output = home.run(&["--json", "learn", "--once", "--again"]);
    let told = text(&output.stderr);
    let learned: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_ne!(learned["verdict"], "nothing_new");
    assert!(!is_cycle || told.contains("training begins anew: "), "{told}{learned}");
}

#[test]
fn too_little_is_said_with_how_much_is_missing() {
    let home = Home::new();
    let lines: Vec<&str> = wayside::sample::SHOP.interactions.lines().take(60).collect();
    let log = home.file("log.jsonl", lines.join("\n"));
    home.json(&["log", "import", word(&log)]);
    let learned = home.json(&["learn", "--once"]);
    assert_eq!((&learned["verdict"], &learned["adapter"]), (&json!("too_few"), &Value::Null));
    let held_out = learned["held_out"].as_u64().unwrap();
    assert!(reasons(&learned).contains(&format!("20 are needed: {} more", 20 - held_out)), "{learned}");
}

#[test]
fn a_dry_run_shows_every_interaction_once_and_changes_nothing() {
    let home = shop();
    let shown = home.json(&["learn", "--dry-run"]);
    let (kept, refused) = (shown["kept"].as_array().unwrap(), shown["refused"].as_array().unwrap());
    assert_eq!(kept.len() + refused.len(), wayside::sample::SHOP.interactions.lines().count());
    assert!(refused.iter().all(|r| !r["reason"].as_str().unwrap().is_empty()));
    assert_eq!(shown["examples"].as_u64().unwrap() + shown["held_out"].as_u64().unwrap(), kept.len() as u64);
    assert!(!home.path().join("learn").exists());
    let people = text(&home.run(&["learn", "--dry-run"]).stdout);
    assert!(people.contains("not rated up or corrected"), "{people}");
}

#[test]
fn a_log_whose_answers_belong_to_other_questions_is_not_learned() {
    let home = Home::new();
    let rows: Vec<Value> =
        wayside::sample::SHOP.interactions.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let swapped = |n: usize| {
        let answer = &rows[(n + 97) % rows.len()]["messages"][1];
        json!({ "id": format!("s-{n}"), "messages": [rows[n]["messages"][0], answer], "rating": "up" }).to_string()
    };
    let lines: Vec<String> = (0..rows.len()).map(swapped).collect();
    let log = home.file("log.jsonl", lines.join("\n"));
    home.json(&["log", "import", word(&log)]);
    let learned = home.json(&["learn", "--once"]);
    assert_eq!(learned["verdict"], "quarantined", "{learned:#}");
    assert!(home.json(&["adapters", "list"]).as_array().unwrap().is_empty());
}

#[test]
fn an_adapter_whose_answers_people_dislike_is_rolled_back() {
    let home = Home::new();
    let bundle = Bundle::open(&home.path().join("models/smollm2-135m-instruct")).unwrap();
    let log = Log::open(&home.path().join("log")).unwrap();
    let answered = |id: &str, adapter: Option<&str>, rating: Option<Rating>| {
        let messages = vec![Message::new("user", format!("Is {id} in stock?")), Message::new("assistant", "Yes.")];
        Interaction { id: id.into(), adapter: adapter.map(str::to_owned), rating, ..Interaction::new(messages) }
    };
    for n in 0..30 {
        log.put(&answered(&format!("before-{n}"), None, Some(if n == 0 { Rating::Down } else { Rating::Up }))).unwrap();
    }
    serve(&log, "0123456789ab", &bundle);
    for n in 0..6 {
        log.put(&answered(&format!("after-{n}"), Some("0123456789ab"), None)).unwrap();
    }
    drop(log);
    let state = || home.json(&["adapters", "list"])[0]["state"].clone();
    for n in 0..4 {
        home.json(&["log", "rate", &format!("after-{n}"), "down"]);
        assert_eq!(state(), "active", "{n} are too few to say");
    }
    let output = home.run(&["log", "rate", "after-4", "down"]);
    assert!(text(&output.stderr).contains("rolled back: 5 of 5"), "{}", text(&output.stderr));
    let list = home.json(&["adapters", "list"]);
    assert_eq!(list[0]["state"], "rolled_back");
    assert!(list[0]["reason"].as_str().unwrap().contains("5 of 5 judged answers"), "{list}");
}

#[test]
fn nobody_promotes_what_is_not_there_or_cannot_be_judged() {
    let home = Home::new();
    assert!(home.fails(1, &["adapters", "promote", "0123"]).contains("no adapter"));
    home.fails(2, &["learn", "--once", "--watch"]);
    home.fails(2, &["learn", "--max-minutes", "0"]);
    std::fs::write(home.path().join("canaries.jsonl"), "{\"id\":\"a\",\"question\":\"q\"}\n").unwrap();
    let told = home.fails(1, &["learn", "--once"]);
    assert!(told.contains("canaries.jsonl: line 1: canary a asks for nothing"), "{told}");
    std::fs::write(home.path().join("config.toml"), "[night]\nhours = \"late\"\n").unwrap();
    assert!(home.fails(1, &["learn", "--watch"]).contains("night.hours"));
}

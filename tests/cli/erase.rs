//! Erasing by subject, on real adapters and models of a tiny base; whenever the program is killed.

use super::home::{Home, text, word};
use crate::support::{copied, golden};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wayside::bundle::Bundle;
use wayside::lora::{Dataset, Kind, Library, Lineage, Manifest};
use wayside::store::Log;
use wayside::store::log::{Registered, subject_hash};
use wayside::watch::Cancel;
use wayside::{Chat, ErrorKind, Question, Runtime, Wear};

/// How the words of somebody look.
fn words_of(subject: &str) -> String {
    format!("the very own words of {subject}")
}

/// A home with a model, an adapter that learned from Ann and Bob and is merged and active, one that learned from Bob
/// and was active before, and what both have asked. Returns the adapters' ids.
fn lived_in(home: &Home) -> [String; 2] {
    home.json(&["import", word(&golden("tiny/llama")), "--name", "tiny"]);
    let bob = learned(home, &["bob"], "llama-qv");
    let both = learned(home, &["ann", "bob"], "llama");
    home.json(&["adapters", "merge", &both, "--name", "shop"]);
    let line = |subject: &str, n: usize| {
        let long = words_of(subject).repeat(1 + n % 90);
        format!(
            "{{\"id\":\"{subject}-{n}\",\"subject\":\"{subject}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{long}\"}}]}}\n"
        )
    };
    let lines: String = (0..300).map(|n| line(["ann", "bob", "carol"][n % 3], n)).collect();
    home.json(&["log", "import", word(&home.file("log.jsonl", lines))]);
    let log = Log::open(&home.path().join("log")).unwrap();
    for (id, subjects) in [(&bob, &["bob"][..]), (&both, &["ann", "bob"])] {
        let subjects: Vec<String> = subjects.iter().map(|s| subject_hash(s)).collect();
        let record = serde_json::json!({
            "id": id, "model": model(home).fingerprint(), "state": "candidate", "time": "2026-01-01T00:00:00Z",
            "subjects": subjects,
        });
        log.promote(&serde_json::from_value::<Registered>(record).unwrap()).unwrap();
    }
    [bob, both]
}

fn model(home: &Home) -> Bundle {
    Bundle::open(&home.path().join("models/tiny")).unwrap()
}

/// Puts an adapter that learned from these into the library.
fn learned(home: &Home, subjects: &[&str], name: &str) -> String {
    let base = model(home);
    let (_around, dir) = copied(&golden("lora").join(name));
    let lineage = Lineage {
        data: vec![Dataset { name: "log".into(), sha256: String::new(), examples: 3 }],
        kind: Kind::Chat,
        subjects: subjects.iter().map(|s| subject_hash(s)).collect(),
        ..Lineage::default()
    };
    Manifest::new(&dir, &base, lineage, vec![]).unwrap().write(&dir).unwrap();
    Library::open(&home.path().join("adapters")).unwrap().add(&dir, &base).unwrap().manifest.id
}

/// The files of the home that hold these words.
fn holding(home: &Path, words: &str) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(home).into_iter().flatten().filter(|e| e.file_type().is_file());
    let holds = |path: &PathBuf| std::fs::read(path).unwrap().windows(words.len()).any(|w| w == words.as_bytes());
    files.map(|e| e.into_path()).filter(holds).collect()
}

/// The receipts there are; one that was only begun is none.
fn receipts(home: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(home.join("receipts")) else { return vec![] };
    entries.map(|e| e.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json")).collect()
}

/// Ann is gone, Bob and Carol are not.
fn check(home: &Home, [bob, both]: &[String; 2]) {
    assert_eq!(holding(&home.path(), &words_of("ann")), Vec::<PathBuf>::new());
    assert_eq!(holding(&home.path(), &words_of("bob")).len(), 1);
    assert_eq!(home.json(&["log", "list"]).as_array().unwrap().len(), 200);
    assert_eq!(home.json(&["log", "list", "--subject", "ann"]), Value::Array(vec![]));
    let adapters = home.json(&["adapters", "list"]);
    let of = |id: &str| adapters.as_array().unwrap().iter().find(|a| a["id"] == id).unwrap()["state"].clone();
    assert_eq!((of(bob), of(both)), ("active".into(), "dropped".into()));
    assert!(!home.path().join("adapters").join(both).exists());
    assert!(!home.path().join("models/shop").exists());
    let log = Log::open(&home.path().join("log")).unwrap();
    let standing = log.standing(&model(home).fingerprint()).unwrap();
    assert_eq!((standing.active.as_ref(), standing.previous.len(), standing.retrain), (Some(bob), 0, true));
    assert!(log.registered(both).unwrap().is_some_and(|adapter| adapter.reason.unwrap().contains("erased")));
}

#[test]
fn a_subject_leaves_the_log_the_adapters_and_the_models() {
    let home = Home::bare();
    let ids = lived_in(&home);
    assert!(!holding(&home.path(), &words_of("ann")).is_empty());
    let told = home.fails(1, &["log", "erase", "--subject", "dave"]);
    assert!(told.contains("nothing here concerns the subject 'dave'"), "{told}");
    assert!(receipts(&home.path()).is_empty());
    let erased = home.json(&["log", "erase", "--subject", "ann"]);
    let receipt = &erased["receipt"];
    assert_eq!((&receipt["removed"]["interactions"], &receipt["compacted"]), (&100.into(), &true.into()), "{erased}");
    assert_eq!((&receipt["adapters"][0], &receipt["models"][0]), (&ids[1].as_str().into(), &"shop".into()));
    let path = erased["path"].as_str().unwrap();
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), receipt);
    assert!(!written.contains("ann"), "{written}");
    check(&home, &ids);
    let checked = home.json(&["log", "erase", "--verify", path]);
    assert_eq!((&checked["ok"], checked["checks"].as_array().unwrap().len()), (&true.into(), 6), "{checked}");
    assert!(home.fails(1, &["log", "erase", "--subject", "ann"]).contains("it was erased on"));

    // A backup brings it back, and the receipt tells.
    let line = r#"{"id":"ann-0","messages":[{"role":"user","content":"Me again."}]}"#;
    home.json(&["log", "import", word(&home.file("backup.jsonl", line))]);
    let output = home.run(&["log", "erase", "--verify", path]);
    let (out, told) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains("NO  interactions  ann-0 is in the log") && told.contains("1 claim of the receipt"), "{out}");

    let output = home.run(&["log", "erase", "--subject", "carol"]);
    let out = text(&output.stdout);
    assert!(out.contains("100 interactions erased") && out.contains("receipts/"), "{out}");
    for words in [
        &["log", "erase"][..],
        &["log", "erase", "--subject", ""],
        &["log", "erase", "--subject", "a", "--verify", "b"],
    ] {
        home.fails(2, words);
    }
    assert!(home.fails(1, &["log", "erase", "--verify", "nowhere.json"]).contains("nowhere.json"));
}

#[test]
fn whoever_has_the_log_open_keeps_what_they_write() {
    let home = Home::bare();
    let ids = lived_in(&home);
    let log = Log::open(&home.path().join("log")).unwrap();
    let output = home.run(&["log", "erase", "--subject", "ann"]);
    assert!(text(&output.stdout).contains("another process has it open"), "{}", text(&output.stdout));
    assert_eq!(log.len().unwrap(), 200);
    let receipt = receipts(&home.path()).remove(0);
    let output = home.run(&["--json", "log", "erase", "--verify", word(&receipt)]);
    assert_eq!((output.status.code(), text(&output.stdout).contains("another process")), (Some(1), true));
    let mut kept = log.get("bob-1").unwrap();
    kept.tags = vec!["kept".into()];
    log.put(&kept).unwrap();
    drop(log);
    // The next command finds itself alone.
    assert_eq!(home.json(&["log", "show", "bob-1"])["tags"][0], "kept");
    check(&home, &ids);
    assert_eq!(home.json(&["log", "erase", "--verify", word(&receipt)])["ok"], true);
}

#[test]
fn what_learned_before_an_erasure_does_not_come_in_later() {
    let home = Home::bare();
    let ids = lived_in(&home);
    let out = home.path().with_file_name("out");
    home.json(&["adapters", "export", &ids[1], word(&out)]);
    home.json(&["log", "erase", "--subject", "ann"]);
    // Ann comes back.
    let line = r#"{"id":"ann-again","subject":"ann","messages":[{"role":"user","content":"Me again."}]}"#;
    home.json(&["log", "import", word(&home.file("again.jsonl", line))]);
    let came = |dir: &Path| {
        [["import", word(dir), "--model", "tiny"], ["merge", word(dir), "--name", "again"]]
            .map(|words| home.run(&[&["adapters"], &words[..]].concat()))
    };
    for output in came(&out) {
        assert!(!output.status.success() && text(&output.stderr).contains("was dropped"), "{}", text(&output.stderr));
    }
    // One that the registry never heard of: it goes by when the words were spoken.
    let (_around, dir) = copied(&golden("lora/llama"));
    let config = dir.join("adapter_config.json");
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + "\n").unwrap();
    let spoken = |time: Option<&str>| {
        let lineage = Lineage {
            subjects: vec![subject_hash("ann")],
            spoken: time.map(|time| (subject_hash("ann"), time.parse().unwrap())).into_iter().collect(),
            ..Lineage::default()
        };
        Manifest::new(&dir, &model(&home), lineage, vec![]).unwrap().write(&dir).unwrap();
    };
    for time in [None, Some("2020-01-01T00:00:00Z")] {
        spoken(time);
        for output in came(&dir) {
            assert!(text(&output.stderr).contains("was erased since"), "{}", text(&output.stderr));
        }
    }
    let now = jiff::Timestamp::now().to_string();
    spoken(Some(&now));
    home.json(&["adapters", "import", word(&dir), "--model", "tiny"]);
}

/// A home like another, byte for byte.
fn like(home: &Home) -> Home {
    let (around, copy) = copied(&home.path());
    let other = Home::bare();
    std::fs::rename(copy, other.path()).unwrap();
    drop(around);
    other
}

#[test]
fn a_killed_erasure_is_finished_by_the_same_command() {
    let first = Home::bare();
    let ids = lived_in(&first);
    let words = ["log", "erase", "--subject", "ann"];
    let timed = like(&first);
    let begin = Instant::now();
    assert!(timed.run(&words).status.success());
    let whole = begin.elapsed();
    for n in 0..24u32 {
        let home = like(&first);
        let mut child = home.start(&words);
        std::thread::sleep(whole * n / 24);
        child.kill().unwrap();
        child.wait().unwrap();
        let output = home.run(&words);
        let told = text(&output.stderr);
        assert!(output.status.success() || told.contains("it was erased on"), "{told}");
        check(&home, &ids);
        let receipts = receipts(&home.path());
        assert_eq!(receipts.len(), 1);
        let checked = home.json(&["log", "erase", "--verify", word(&receipts[0])]);
        assert_eq!(checked["ok"], true, "{checked}");
    }
}

/// A conversation that goes on after its subject was erased has none of it, and an answer that is being given is not
/// kept.
#[test]
fn no_conversation_outlives_an_erasure() {
    let home = Home::new();
    let runtime = Runtime::open(&home.path()).unwrap();
    let mut chat = runtime.chat(None, &Wear::Promoted).unwrap();
    let ask = |chat: &mut Chat, text: &str, say: &mut dyn FnMut(&str)| {
        let of = Question { subject: Some("ann".into()), retrieval: false, max_tokens: 4, ..runtime.question(text) };
        chat.ask(&of, &Cancel::new(), say).cloned()
    };
    ask(&mut chat, "My dog is called Quorvex.", &mut |_| ()).unwrap();
    ask(&mut chat, "Is it a good name?", &mut |_| ()).unwrap();
    assert!(chat.seen().unwrap().contains("Quorvex"));
    runtime.erase("ann").unwrap();
    ask(&mut chat, "What is my dog called?", &mut |_| ()).unwrap();
    assert!(!chat.seen().unwrap().contains("Quorvex"));

    let mut erased = false;
    let answer = ask(&mut chat, "And my cat?", &mut |_| {
        if !std::mem::replace(&mut erased, true) {
            runtime.erase("ann").unwrap();
        }
    });
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(runtime.log().unwrap().is_empty().unwrap());
}

//! A machine that others use too: what a home holds is its owner's, and nothing in it keeps the program waiting.

use super::home::{Home, text, word};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

const LINE: &str =
    r#"{"id":"1","subject":"ann","messages":[{"role":"user","content":"Why?"},{"role":"assistant","content":"So."}]}"#;

#[test]
fn others_can_read_nothing_of_a_home_and_hold_none_of_its_locks() {
    let home = Home::bare();
    let lines = home.file("log.jsonl", LINE);
    assert!(home.run(&["log", "import", word(&lines)]).status.success());
    for entry in walkdir::WalkDir::new(home.path()) {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o077;
        assert!(mode == 0 || !entry.file_type().is_dir(), "{}: {mode:o}", entry.path().display());
        assert!(mode == 0 || !entry.path().to_string_lossy().ends_with("lock"), "{}: {mode:o}", entry.path().display());
    }
    // One that an earlier version made for everybody is closed when it is next opened.
    let lock = home.path().join("log/open.lock");
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(home.run(&["log", "list"]).status.success());
    assert_eq!(fs::metadata(&lock).unwrap().permissions().mode() & 0o077, 0);
}

#[test]
fn what_is_no_file_keeps_nobody_waiting() {
    for name in ["config.toml", "sources.toml"] {
        let home = Home::bare();
        fs::create_dir(home.path()).unwrap();
        assert!(Command::new("mkfifo").arg(home.path().join(name)).status().unwrap().success());
        let begun = Instant::now();
        let output = home.run(&["records", "list"]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{name}");
        assert!(text(&output.stderr).contains(name), "{name}: {}", text(&output.stderr));
    }
}

#[test]
fn a_model_s_name_is_no_path() {
    let home = Home::bare();
    for name in ["../elsewhere", "/etc", "a/../../b", ".", ".."] {
        let told = home.fails(1, &["ask", "Why?", "--no-retrieval", "--model", name]);
        assert!(told.contains("cannot be a model's name"), "{name}: {told}");
    }
}

#[test]
fn what_was_removed_from_the_index_is_not_on_the_disk() {
    let home = Home::new();
    let secret = home.file("docs/secret.md", "# Lamps\n\nThe lamp of Zyxwvut burns for nine hours.\n");
    home.file("docs/other.md", "# Stoves\n\nThe stove burns for two hours.\n");
    let holds = || {
        let bytes = fs::read(home.path().join("index/data.mdb")).unwrap();
        bytes.windows(7).any(|w| w == b"Zyxwvut") || bytes.windows(7).any(|w| w == b"zyxwvut")
    };
    home.json(&["ingest", word(secret.parent().unwrap())]);
    assert!(holds());
    home.json(&["documents", "remove", word(&secret)]);
    assert!(!holds());
    home.json(&["ingest", word(&secret), "--collection", "secrets"]);
    assert!(holds());
    home.json(&["documents", "drop", "secrets"]);
    assert!(!holds());
}

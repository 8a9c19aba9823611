//! `backup` and `restore` by the built program: while others write, whatever is flipped, whenever it is killed.

use super::home::{Home, text, word};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn line(n: usize) -> String {
    format!("{{\"id\":\"i-{n}\",\"messages\":[{{\"role\":\"user\",\"content\":\"words of {n}\"}}]}}\n")
}

/// A home with a few thousand interactions, and where to back it up.
fn lived_in() -> (Home, PathBuf) {
    let home = Home::bare();
    let lines: String = (0..3000).map(line).collect();
    home.json(&["log", "import", word(&home.file("log.jsonl", lines))]);
    home.json(&["config", "set", "generate.max_tokens", "40"]);
    fs::create_dir_all(home.path().join("models/m")).unwrap();
    fs::write(home.path().join("models/m/weights.bin"), vec![7; 3 << 20]).unwrap();
    let backup = home.path().with_file_name("backup");
    (home, backup)
}

/// The interactions of a backup, by restoring it.
fn restored(home: &Home, backup: &Path) -> BTreeSet<String> {
    let new = tempfile::tempdir().unwrap();
    let other = new.path().join("home");
    home.json(&["restore", word(backup), "--home", word(&other)]);
    let listed = home.json(&["log", "list", "-n", "1000000", "--home", word(&other)]);
    listed.as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_others_wrote_before_it_began_comes_back() {
    let (home, backup) = lived_in();
    let mut acknowledged = 3000;
    for round in 0..4 {
        // Another process writes before, and a third one goes on meanwhile.
        let name = format!("more-{round}.jsonl");
        let file = home.file(&name, line(acknowledged));
        home.json(&["log", "import", word(&file)]);
        acknowledged += 1;
        let others = home.file("others.jsonl", (0..2000).map(|n| line(10_000 + 2000 * round + n)).collect::<String>());
        let writer = home.start(&["log", "import", word(&others)]);
        let done = home.json(&["backup", word(&backup)]);
        for key in ["files", "bytes", "copied", "seconds"] {
            assert!(done[key].is_number(), "{done}");
        }
        assert!(writer.wait_with_output().unwrap().status.success());
        let said = restored(&home, &backup);
        assert!((0..acknowledged).all(|n| said.contains(&format!("i-{n}"))), "{} of {acknowledged}", said.len());
    }
    home.json(&["backup", word(&backup)]);
    let again = home.json(&["backup", word(&backup)]);
    assert_eq!((&again["copied"], &again["left_out"][0]), (&0.into(), &"models".into()), "{again}");
    let people = text(&home.run(&["backup", word(&backup)]).stdout);
    assert!(people.contains("0 (0 B) written") && people.contains("left out: models"), "{people}");
}

#[test]
fn a_flipped_byte_is_named_and_refused() {
    let (home, backup) = lived_in();
    home.json(&["backup", "--models", word(&backup)]);
    assert_eq!(home.json(&["backup", "--verify", word(&backup)])["damaged"], Value::Array(vec![]));
    let list: Value = serde_json::from_slice(&fs::read(backup.join("backup.json")).unwrap()).unwrap();
    let copy = backup.join("files").join(list["files"]["models/m/weights.bin"]["sha256"].as_str().unwrap());
    let mut bytes = fs::read(&copy).unwrap();
    bytes[1 << 20] ^= 4;
    fs::write(&copy, bytes).unwrap();

    let output = home.run(&["--json", "backup", "--verify", word(&backup)]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &found["damaged"][0]["file"]), (Some(1), &"models/m/weights.bin".into()));
    let people = home.run(&["backup", "--verify", word(&backup)]);
    assert!(text(&people.stdout).contains("models/m/weights.bin"), "{}", text(&people.stdout));
    let other = home.path().with_file_name("other");
    let told = home.fails(1, &["restore", word(&backup), "--home", word(&other)]);
    assert!(told.contains("models/m/weights.bin") && !other.exists(), "{told}");
    assert!(home.fails(1, &["restore", word(&backup)]).contains("--replace"));
    home.fails(1, &["restore", "--replace", word(&backup)]);
    assert_eq!(home.json(&["status"])["answers"], 3000, "the home is as it was");

    home.json(&["backup", "--models", word(&backup)]);
    home.json(&["backup", "--verify", word(&backup)]);
    home.json(&["log", "import", word(&home.file("one.jsonl", line(3000)))]);
    let done = home.json(&["restore", "--replace", word(&backup)]);
    assert_eq!(home.json(&["status"])["answers"], 3000);
    let former = done["former"].as_str().unwrap();
    assert_eq!(home.json(&["status", "--home", former])["answers"], 3001, "{done}");
}

#[test]
fn killed_at_any_moment_the_former_backup_is_whole() {
    let (home, backup) = lived_in();
    home.json(&["backup", word(&backup)]);
    let (mut killed, mut wait) = (0, 0);
    for round in 0..40 {
        let before = 3000 + round;
        home.json(&["log", "import", word(&home.file("one.jsonl", line(before)))]);
        let mut child = home.start(&["backup", "--models", word(&backup)]);
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        let finished = child.wait().unwrap().success();
        killed += usize::from(!finished);
        wait = if finished { 0 } else { wait + 3 };
        let found = home.json(&["backup", "--verify", word(&backup)]);
        assert_eq!(found["damaged"], Value::Array(vec![]), "{found}");
        if finished {
            let said = restored(&home, &backup);
            assert!(said.contains(&format!("i-{before}")) && said.len() == before + 1);
        }
    }
    assert!(killed > 10, "{killed}");
    assert!(restored(&home, &backup).len() >= 3000);
    home.json(&["backup", word(&backup)]);
    assert_eq!(restored(&home, &backup).len(), 3040);
}

#[test]
fn a_restore_that_is_killed_leaves_the_home_as_it_was() {
    let (home, backup) = lived_in();
    home.json(&["backup", "--models", word(&backup)]);
    home.json(&["log", "import", word(&home.file("one.jsonl", line(3000)))]);
    for wait in 0..20 {
        let mut child = home.start(&["restore", "--replace", word(&backup)]);
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        let answers = home.json(&["status"])["answers"].as_u64().unwrap();
        assert!([3000, 3001].contains(&answers), "{answers}");
        assert!(home.path().join("models/m/weights.bin").exists() && home.path().join("config.toml").exists());
    }
}

//! Exit statuses, standard error, and what people see who type something wrong.

use super::home::{Home, text};
use std::process::Stdio;

#[test]
fn wrong_words_end_with_status_2() {
    let home = Home::bare();
    for words in [
        &["fly"][..],
        &["ask"],
        &["ask", ""],
        &["ask", " "],
        &["ask", "Why?", "--temperature", "-1"],
        &["ask", "Why?", "--temperature", "NaN"],
        &["ask", "Why?", "--top-p", "2"],
        &["ask", "Why?", "--greedy", "--temperature", "1"],
        &["ask", "Why?", "--max-tokens", "0"],
        &["search", "x", "-k", "0"],
        &["ingest"],
        &["models", "pull", "--target", "aarch64-unknown-linux-gnu"],
        &["log", "rate", "x", "fine"],
        &["log", "correct", "x", ""],
        &["import", "x", "--name", "y", "--weights", "int3"],
        &["bench", "search", "--vectors", "x.npy"],
        &["eval", "arms"],
        &["eval", "arms", "--data", "x.jsonl", "--limit", "0"],
        &["eval", "arms", "--data", "x.jsonl", "--no-answers", "--max-tokens", "8"],
        &["adapters", "show"],
        &["adapters", "merge", "a-1"],
        &["--quiet", "--verbose", "doctor"],
    ] {
        home.fails(2, words);
    }
    assert!(!home.path().exists(), "nothing was tried");
}

#[test]
fn failed_work_ends_with_status_1_and_names_the_thing() {
    let home = Home::new();
    for (words, named) in [
        (&["ask", "Why?", "--model", "unheard-of"][..], "wayside import"),
        (&["ask", "Why?", "--adapter", "a-1"], "a-1"),
        (&["ask", "Why?", "--adapter", "/nowhere/a"], "/nowhere/a"),
        (&["adapters", "show", "a-1"], "a-1"),
        (&["adapters", "import", "/nowhere/a"], "/nowhere/a"),
        (&["adapters", "export", "a-1", "/nowhere/a"], "a-1"),
        (&["adapters", "remove", "a-1"], "a-1"),
        (&["adapters", "merge", "a-1", "--name", "b"], "a-1"),
        (&["ingest", "/nowhere/a.md"], "/nowhere/a.md"),
        (&["log", "show", "unheard-of"], "unheard-of"),
        (&["log", "rate", "unheard-of", "up"], "unheard-of"),
        (&["log", "import", "/nowhere/a.jsonl"], "/nowhere/a.jsonl"),
        (&["log", "export", "/nowhere/a.jsonl"], "/nowhere/a.jsonl"),
        (&["import", "/nowhere/a.gguf", "--name", "a"], "/nowhere/a.gguf"),
        (&["import", "/nowhere/a.gguf", "--name", "../a"], "../a"),
        (&["models", "pull", "unheard-of"], "unheard-of"),
        (&["eval", "perplexity", "/nowhere/a.txt"], "/nowhere/a.txt"),
        (&["eval", "arms", "--data", "/nowhere/a.jsonl"], "/nowhere/a.jsonl"),
        (&["bench", "search", "--vectors", "/nowhere/a.npy", "--queries", "/nowhere/b.npy"], "/nowhere/a.npy"),
    ] {
        let told = home.fails(1, words);
        assert!(told.starts_with("wayside: error: ") && told.contains(named), "{words:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{words:?}: {told}");
    }
}

#[test]
fn without_a_command_there_is_a_guide() {
    let output = Home::bare().run(&[]);
    assert!(output.status.success());
    for step in ["wayside demo", "wayside ingest", "wayside ask"] {
        assert!(text(&output.stdout).contains(step));
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let home = Home::new();
    let lines = home.file("in.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n".repeat(5000));
    home.json(&["log", "import", super::home::word(&lines)]);
    for words in [&["log", "list", "--json"][..], &["log", "list", "-n", "5000"], &["log", "export", "-"]] {
        let mut child = home.start(words);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{words:?}");
        assert_eq!(text(&output.stderr), "", "{words:?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let home = Home::bare();
    let mut command = home.command(&["config"]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(Stdio::from(full)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("No space left"));
}

#[test]
fn a_wrong_setting_is_named_and_the_way_out_still_works() {
    let home = Home::new();
    std::fs::write(home.path().join("config.toml"), "thread = 2\n").unwrap();
    let told = home.fails(1, &["ask", "Why?"]);
    assert!(told.contains("line 1") && told.contains("thread") && told.contains("wayside config"), "{told}");
    assert!(home.run(&["config"]).status.success());
    let output = home.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("BROKEN  configuration"));
}

#[test]
fn colours_are_for_terminals() {
    let home = Home::new();
    for output in [home.run(&["doctor"]), home.run(&["ask", "--help"]), home.run(&["fly"])] {
        assert!(!text(&output.stdout).contains('\x1b') && !text(&output.stderr).contains('\x1b'));
    }
}

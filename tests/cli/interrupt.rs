//! Ctrl-C at any moment: the work stops soon, and what was done stays whole.

use super::home::{Home, text, word};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// As Ctrl-C does it.
fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn an_interrupted_ingest_goes_on_where_it_was() {
    let home = Home::new();
    let folder = home.path().with_file_name("many");
    for n in 0..400 {
        let text = format!("# Number {n}\n\n{}", format!("Item {n} costs {n} pounds and weighs a lot. ").repeat(20));
        home.file(&format!("many/{n}.md"), text);
    }
    let mut child = home.start(&["-v", "ingest", word(&folder)]);
    // Its first line: the work has begun.
    let mut told = [0; 7];
    child.stderr.as_mut().unwrap().read_exact(&mut told).unwrap();
    assert_eq!(&told, b"ingest\n");
    std::thread::sleep(Duration::from_millis(500));
    let begin = Instant::now();
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20), "it takes a batch at most");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("stopped on request"), "{}", text(&output.stderr));
    assert!(home.run(&["doctor"]).status.success());

    for n in 5..400 {
        std::fs::remove_file(folder.join(format!("{n}.md"))).unwrap();
    }
    let done = home.json(&["ingest", word(&folder)]);
    assert_eq!(done["documents"].as_u64().unwrap() + done["unchanged"].as_u64().unwrap(), 5, "{done}");
    assert_eq!(home.json(&["documents", "list"]).as_array().unwrap().len(), 5);
}

#[test]
fn an_interrupted_answer_is_kept_as_far_as_it_came() {
    let home = Home::new();
    let words = ["ask", "Tell a long story about the sea.", "--no-retrieval", "--max-tokens", "1500"];
    let mut child = home.start(&words);
    let mut first = [0; 8];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("stopped") && output.stderr.is_empty(), "{}", text(&output.stdout));
    let log = home.json(&["log", "list"]);
    assert_eq!(log[0]["settings"]["finish"], "cancelled");
    assert!(log[0]["messages"][1]["content"].as_str().unwrap().starts_with(&text(&first)));
}

#[test]
fn an_answer_nobody_reads_is_kept_too() {
    let home = Home::new();
    let words = ["ask", "Tell a long story about the sea.", "--no-retrieval", "--max-tokens", "1500"];
    let mut child = home.start(&words);
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 8]).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    assert_eq!(home.json(&["log", "list"])[0]["settings"]["finish"], "cancelled");
}

#[test]
fn what_waits_for_input_ends_at_once() {
    let home = Home::new();
    for words in [["chat", "--no-retrieval"].as_slice(), &["log", "import", "-"]] {
        let mut child = home.command(words).stdin(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(3));
        interrupt(&child);
        let begin = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < Duration::from_secs(20), "{words:?}: it waits for ever");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

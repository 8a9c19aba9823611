//! Training from the command line, on a tiny model: what is printed, what is left behind, and what a power cut costs.

use super::home::{Home, text, word};
use crate::support;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use wayside::train::Diverged;
use wayside::{Runtime, Training};

/// A home whose model has two layers.
fn tiny() -> Home {
    let home = Home::bare();
    std::fs::create_dir(home.path()).unwrap();
    support::parts();
    symlink(Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts"), home.path().join("parts")).unwrap();
    home.json(&["import", word(&support::golden("tiny/llama")), "--name", "tiny", "--weights", "int8"]);
    std::fs::write(home.path().join("config.toml"), "model = \"tiny\"\n").unwrap();
    home
}

fn chats(home: &Home) -> PathBuf {
    let line = |n: usize| {
        let (q, a) = (format!("What is item {n}?"), format!("Item {n} is a lamp. It costs {n} pounds."));
        serde_json::json!({ "messages": [{ "role": "user", "content": q }, { "role": "assistant", "content": a }] })
    };
    let lines: Vec<String> = (0..20).map(|n| line(n).to_string()).collect();
    home.file("train.jsonl", lines.join("\n"))
}

/// The lines of a run, the last one apart.
fn lines(output: &[u8]) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> =
        String::from_utf8_lossy(output).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let last = lines.pop().unwrap();
    (lines, last)
}

fn losses(steps: &[Value]) -> Vec<(u64, f64)> {
    steps.iter().map(|s| (s["step"].as_u64().unwrap(), s["loss"].as_f64().unwrap())).collect()
}

#[test]
fn a_run_that_comes_off_the_road_is_told_from_other_errors() {
    let home = tiny();
    let fails = |training: Training| Runtime::open(&home.path()).unwrap().train(&training, &mut |_| ()).unwrap_err();
    let training = Training::new(vec![chats(&home)], home.path().with_file_name("adapter"));
    let error = fails(Training { rate: 1e30, steps: Some(6), ..training.clone() });
    let why = Diverged::of(&error).unwrap_or_else(|| panic!("{error:?}"));
    assert!(why.to_string().contains("training has diverged") && error.to_string().contains("--rate"), "{error}");
    assert_eq!(Diverged::of(&fails(Training { max_memory_mb: 1, ..training })), None);
}

#[test]
fn a_run_learns_prints_its_steps_and_leaves_an_adapter() {
    let home = tiny();
    let (data, out) = (chats(&home), home.path().with_file_name("adapter"));
    let words = ["--json", "train", "--data", word(&data), "--out", word(&out), "--epochs", "4", "--rate", "5e-3"];
    let output = home.run(&words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (steps, last) = lines(&output.stdout);
    assert_eq!(steps.len(), 12, "20 examples, 8 in a step, 4 times");
    for step in &steps {
        assert!(step["tokens_per_s"].as_f64().unwrap() > 0.0);
    }
    let losses = losses(&steps);
    assert!(losses[11].1 < losses[0].1 - 1.0, "{losses:?}");
    assert!(last["peak_rss_mb"].as_u64().unwrap() > 10);
    for file in ["adapter_config.json", "adapter_model.safetensors", "wayside.json", "loss.svg"] {
        assert!(out.join(file).exists(), "{file}");
    }
    assert!(!out.join("checkpoint.safetensors").exists());
    let manifest = support::json(&out.join("wayside.json"));
    assert_eq!(manifest["id"], last["adapter"]);
    assert_eq!(manifest["loss"].as_array().unwrap().len(), 12);
    assert_eq!(manifest["lineage"]["data"][0]["examples"], 20);
    assert!(home.path().join("adapters").join(last["adapter"].as_str().unwrap()).is_dir());

    let told = home.fails(1, &words[1..]);
    assert!(told.contains("already holds") && told.contains("--out"), "{told}");
}

#[test]
fn a_killed_run_goes_on_to_the_same_losses_and_the_same_adapter() {
    let home = tiny();
    let (data, out) = (chats(&home), home.path().with_file_name("adapter"));
    let words = |out: &Path| -> Vec<String> {
        let mut words = vec!["--json", "train", "--data", word(&data), "--out", word(out), "--steps", "40"];
        words.extend(["--dropout", "0.1", "--seed", "7", "--checkpoint-every", "0"]);
        words.into_iter().map(str::to_owned).collect()
    };
    let run = |out: &Path| home.run(&words(out).iter().map(String::as_str).collect::<Vec<_>>());
    let whole = run(&out);
    assert!(whole.status.success(), "{}", text(&whole.stderr));
    let (whole, _) = lines(&whole.stdout);

    let again = home.path().with_file_name("again");
    let mut seen = Vec::new();
    for stop in [5, 17] {
        let mut child = home.start(&words(&again).iter().map(String::as_str).collect::<Vec<_>>());
        let printed = BufReader::new(child.stdout.take().unwrap());
        for line in printed.lines() {
            let step: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let reached = step["step"].as_u64().unwrap() >= stop;
            seen.push(step);
            if reached {
                break;
            }
        }
        // As a power cut does it: SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let rest = run(&again);
    assert!(text(&rest.stderr).contains("going on after step"), "{}", text(&rest.stderr));
    let (rest, last) = lines(&rest.stdout);
    assert!(last["resumed_from"].as_u64().unwrap() >= 16, "{last}");
    seen.extend(rest);
    let mut seen = losses(&seen);
    seen.sort_by_key(|(step, _)| *step);
    seen.dedup();
    assert_eq!(seen, losses(&whole), "every step, whenever it was taken, had the same loss");
    let file = |folder: &Path| std::fs::read(folder.join("adapter_model.safetensors")).unwrap();
    assert!(file(&out) == file(&again), "the adapters are equal byte by byte");
}

#[test]
fn a_checkpoint_goes_on_with_nothing_else_than_its_own_run() {
    let home = tiny();
    let (data, out) = (chats(&home), home.path().with_file_name("adapter"));
    let words = ["train", "--data", word(&data), "--out", word(&out), "--steps", "400", "--checkpoint-every", "0"];
    let mut child = home.start(&words);
    let checkpoint = out.join("checkpoint.safetensors");
    while !checkpoint.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let told = home.fails(1, &[&words[..], &["--seed", "1"]].concat());
    assert!(told.contains("another run"), "{told}");
    std::fs::write(&checkpoint, b"nonsense").unwrap();
    let told = home.fails(1, &words);
    assert!(told.contains("checkpoint"), "{told}");
}

#[test]
fn what_cannot_be_trained_is_named_and_leaves_nothing() {
    let home = tiny();
    let data = chats(&home);
    let empty = home.file("empty.jsonl", "");
    let broken = home.file("broken.jsonl", "{\"messages\": [\n");
    let silent = home
        .file("silent.jsonl", r#"{"messages":[{"role":"user","content":"Why?"},{"role":"assistant","content":" "}]}"#);
    let prose = home.file("prose.md", "# Lamps\n\nA lamp gives light.\n");
    let out = home.path().with_file_name("adapter");
    let train = |data: &Path, more: &[&str]| {
        let words = [&["train", "--data", word(data), "--out", word(&out)][..], more].concat();
        let told = home.fails(1, &words);
        assert!(!out.join("adapter_config.json").exists(), "{words:?}");
        told
    };
    for (data, more, named) in [
        (&empty, &[][..], "no example"),
        (&broken, &[], "line 1"),
        (&silent, &[], "empty"),
        (&data, &["--length", "8"], "8"),
        (&data, &["--rate", "0"], "learning rate"),
        (&data, &["--rate", "1e9", "--constant", "--steps", "200"], "--rate"),
        (&data, &["--dropout", "1"], "dropout"),
        (&data, &["--alpha", "-1"], "alpha"),
        (&data, &["--max-memory", "10"], "--max-memory"),
        (&data, &["--model", "unheard-of"], "unheard-of"),
        (&data, &["--retrieval"], "ingest"),
        (&prose, &["--retrieval"], "--retrieval"),
        (&home.path(), &["--model", "tiny", "--length", "2"], "2"),
    ] {
        let told = train(data, more);
        assert!(told.contains(named), "{more:?}: {told}");
    }
    let told = home.fails(1, &["train", "--data", word(&data), word(&prose), "--out", word(&out)]);
    assert!(told.contains("not on both"), "{told}");
    home.fails(2, &["train", "--data", word(&data), "--out", word(&out), "--targets", "lm_head"]);
}

#[test]
fn documents_teach_language() {
    let home = tiny();
    let text_of =
        |n: usize| format!("# Lamp {n}\n\n{}", "A lamp gives light. Trim the wick before lighting it. ".repeat(9));
    for n in 0..4 {
        home.file(&format!("lamps/{n}.md"), text_of(n));
    }
    let (data, out) = (home.path().with_file_name("lamps"), home.path().with_file_name("adapter"));
    let words = ["--json", "train", "--data", word(&data), "--out", word(&out), "--length", "64"];
    let output = home.run(&[&words[..], &["--epochs", "3", "--rate", "5e-3", "--rank", "4", "--rslora"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (steps, _) = lines(&output.stdout);
    let losses = losses(&steps);
    assert!(losses[losses.len() - 1].1 < losses[0].1, "{losses:?}");
    assert_eq!(support::json(&out.join("adapter_config.json"))["use_rslora"], true);
    assert_eq!(support::json(&out.join("wayside.json"))["lineage"]["kind"], "text");
}

#[test]
fn what_was_learnt_is_recommended_and_drawn() {
    let home = tiny();
    let (data, out) = (chats(&home), home.path().with_file_name("adapter"));
    let words = ["train", "--data", word(&data), "--out", word(&out), "--epochs", "4", "--rate", "5e-3"];
    assert!(home.run(&words).status.success());
    // No document is there to be found: what helps is the adapter, and retrieval adds nothing to it.
    let chart = home.path().with_file_name("arms.svg");
    let words = ["eval", "arms", "--data", word(&data), "--no-answers", "--adapter", word(&out)];
    let told = home.run(&[&words[..], &["--chart", word(&chart)]].concat());
    assert!(told.status.success(), "{}", text(&told.stderr));
    let told = text(&told.stdout);
    for part in [
        "base  ",
        "both  ",
        " to ",
        "train: the adapter alone is enough here",
        "adapter is, in nats a token",
        "better than base",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let picture = std::fs::read_to_string(&chart).unwrap();
    assert!(picture.starts_with("<svg ") && picture.contains(">adapter<") && picture.contains("n = 20"), "{picture}");
    let compared = home.json(&words);
    assert_eq!((&compared["recommendation"]["choice"], &compared["found"]), (&"train".into(), &0.into()));
    assert_eq!(compared["gains"].as_array().unwrap().len(), 6);
}

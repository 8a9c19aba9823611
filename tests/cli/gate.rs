//! The gate against candidates that must not serve. The model is tiny and knows nothing, so that a cycle takes seconds;
//! what is held out, and what is learned, is the sample's log.

use super::home::{Home, text, word};
use super::learn;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use wayside::lora::Adapter;

/// The sample's accepted interactions, each with the answer it should have had.
pub fn accepted() -> Vec<Value> {
    let rows = wayside::sample::SHOP.interactions.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["rating"] == "up").collect()
}

pub fn lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().map(|row| row.to_string()).collect::<Vec<_>>().join("\n")
}

/// Trains on `rows` and returns the adapter's folder and id.
pub fn trained(home: &Home, name: &str, rows: Vec<Value>, more: &[&str]) -> (PathBuf, String) {
    let (data, out) = (home.file(&format!("{name}.jsonl"), lines(rows)), home.path().with_file_name(name));
    let words = [&["--json", "train", "--data", word(&data), "--out", word(&out)], more].concat();
    let output = home.run(&words);
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    let last: Value = serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap();
    (out, last["adapter"].as_str().unwrap().to_owned())
}

/// The adapter in `dir` with every number of B times `factor`, taken in.
pub fn scaled(home: &Home, dir: &Path, factor: f32) -> String {
    let mut adapter = Adapter::read(dir).unwrap();
    adapter.pairs.values_mut().flat_map(|pair| &mut pair.b).for_each(|b| *b *= factor);
    let out = home.path().with_file_name(format!("scaled-{factor}"));
    std::fs::create_dir(&out).unwrap();
    adapter.write(&out, "tiny").unwrap();
    home.json(&["adapters", "import", word(&out)])["id"].as_str().unwrap().to_owned()
}

/// Promoting must fail with status 1; returns the checks that failed.
pub fn refused(home: &Home, what: &str, id: &str) -> Vec<String> {
    let output = home.run(&["--json", "adapters", "promote", id]);
    assert_eq!(output.status.code(), Some(1), "{what}: {}", text(&output.stdout));
    assert!(text(&output.stderr).contains("did not pass the gate"), "{what}: {}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["state"], &told["verdict"]), (&json!("refused"), &json!("refused")), "{what}");
    let checks = told["checks"].as_array().unwrap();
    let failed = checks.iter().filter(|c| c["passed"] == false);
    failed.map(|c| c["check"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_must_not_serve_does_not() {
    let home = learn::tiny();
    let first = home.json(&["learn", "--once"]);
    assert_eq!(first["verdict"], "promoted", "{first:#}");
    let serving = || {
        let list = home.json(&["adapters", "list"]);
        let active = list.as_array().unwrap().iter().find(|a| a["state"] == "active").cloned();
        active.map(|a| a["id"].clone())
    };
    assert_eq!(serving(), Some(first["adapter"].clone()));
    let shown = home.json(&["learn", "--dry-run"]);
    let side = |side: &str| -> Vec<String> {
        let kept = shown["kept"].as_array().unwrap().iter().filter(|k| k["side"] == side);
        kept.map(|k| k["id"].as_str().unwrap().to_owned()).collect()
    };
    let (learnable, held_out) = (side("train"), side("held_out"));
    let rows = |ids: &[String]| accepted().into_iter().filter(|row| ids.iter().any(|id| row["id"] == *id)).collect();

    let (_, id) = trained(&home, "seen", rows(&held_out), &["--steps", "30", "--rate", "5e-3"]);
    assert!(refused(&home, "trained on what is held out", &id).contains(&"held out means unseen".to_owned()));

    let good: Vec<Value> = rows(&learnable);
    let mut noise = good.clone();
    for (n, row) in noise.iter_mut().enumerate() {
        row["messages"][1] = good[(n + 53) % good.len()]["messages"][1].clone();
    }
    let (_, id) = trained(&home, "noise", noise, &["--steps", "8"]);
    assert!(!refused(&home, "answers of other questions", &id).is_empty());

    let mut same = good.clone();
    same.iter_mut().for_each(|row| row["messages"][1]["content"] = json!("Call the workshop."));
    let (_, id) = trained(&home, "same", same, &["--steps", "60", "--rate", "5e-3"]);
    assert!(!refused(&home, "one answer to everything", &id).is_empty());

    let (dir, _) = trained(&home, "fine", good, &["--steps", "4"]);
    let huge = scaled(&home, &dir, 3000.0);
    assert!(refused(&home, "out of proportion", &huge).contains(&"size".to_owned()));
    let backwards = scaled(&home, &dir, -20.0);
    let failed = refused(&home, "the opposite of what was learned", &backwards);
    assert!(failed.contains(&"better than the factory model".to_owned()), "{failed:?}");

    assert_eq!(serving(), Some(first["adapter"].clone()), "what served still serves");
    let question = ["ask", "Is the shop open?", "--no-retrieval", "--max-tokens", "2"];
    assert_eq!(home.json(&question)["adapter"], first["adapter"]);
}

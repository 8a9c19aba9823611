//! Adapters on the command line, on the default model.

use super::home::{Home, text, word};
use super::learn;
use crate::golden::adapters::random_adapter;
use crate::support::golden;
use serde_json::{Value, json};
use std::path::PathBuf;
use wayside::bundle::Bundle;
use wayside::lora::Target;
use wayside::parts;
use wayside::store::Log;

/// A folder as PEFT leaves it.
fn made(home: &Home, name: &str, rank: usize, targets: &[Target]) -> PathBuf {
    let dir = home.file(&format!("{name}/README.md"), "mine").with_file_name("");
    random_adapter(targets, rank, 0.3).write(&dir, "").unwrap();
    dir
}

const KEYS: [&str; 6] = ["id", "state", "base", "rank", "trained_on", "verdict"];

fn id(row: &Value) -> String {
    KEYS.iter().for_each(|key| assert!(row.get(key).is_some(), "{key} is missing: {row}"));
    assert_eq!(
        (&row["state"], &row["base"], &row["verdict"]),
        (&"ready".into(), &parts::LANGUAGE_MODEL.into(), &Value::Null)
    );
    row["id"].as_str().unwrap().to_owned()
}

#[test]
fn adapters_come_answer_and_go() {
    let home = Home::with_models_of_its_own();
    let (all, few) = (made(&home, "all", 2, &Target::ALL), made(&home, "few", 3, &[Target::Query]));
    assert_eq!(home.json(&["adapters", "list"]), Value::Array(vec![]));
    let first = id(&home.json(&["adapters", "import", word(&all)]));
    let second = id(&home.json(&["adapters", "import", word(&few), "--model", parts::LANGUAGE_MODEL]));
    assert_eq!(home.json(&["adapters", "list"]).as_array().unwrap().len(), 2);
    let shown = home.json(&["adapters", "show", &second[..6]]);
    assert_eq!(
        (id(&shown), &shown["rank"], &shown["targets"]),
        (second.clone(), &3.into(), &["q_proj"].into_iter().collect())
    );
    let out = all.with_file_name("out");
    assert_eq!(id(&home.json(&["adapters", "export", &first, word(&out)])), first);
    assert!(home.fails(1, &["adapters", "export", &first, word(&out)]).contains("exists already"));
    let checks = home.json(&["doctor"]);
    assert!(
        checks.as_array().unwrap().iter().any(|row| row["check"] == format!("adapter {first}") && row["ok"] == true)
    );

    // By its beginning and by its folder; none is the model alone.
    let ask = ["ask", "Say a word.", "--no-retrieval", "--greedy", "--max-tokens", "8", "--adapter"];
    for named in [&first[..5], word(&out), word(&all)] {
        let answer = home.json(&[&ask[..], &[named]].concat());
        assert_eq!(answer["adapter"], first);
        assert_eq!(home.json(&["log", "show", answer["interaction"].as_str().unwrap()])["adapter"], first);
    }
    assert_eq!(home.json(&[&ask[..], &["none"]].concat())["adapter"], Value::Null);

    let prose = home.file("prose.txt", "The stove stands on three legs, and the lamp hangs from a hook. ".repeat(60));
    let perplexity = |words: &[&str]| {
        let words = [&["eval", "perplexity", word(&prose), "--tokens", "600"], words].concat();
        home.json(&words)["perplexity"].as_f64().unwrap()
    };
    let (plain, worn) = (perplexity(&["--adapter", "none"]), perplexity(&["--adapter", &first]));
    assert!((worn / plain - 1.0).abs() > 0.01, "{worn} and {plain}");

    let merged = home.json(&["adapters", "merge", &first, "--name", "mine"]);
    assert_eq!((id(&merged), &merged["name"]), (first.clone(), &"mine".into()));
    assert!((perplexity(&["--model", "mine"]) / worn - 1.0).abs() < 0.02);
    let answer = home.json(&[&ask[..6], &["--model", "mine"]].concat());
    assert_eq!((&answer["model"], &answer["adapter"]), (&"mine".into(), &Value::Null));
    for folder in [&out, &all] {
        assert_eq!(id(&home.json(&["adapters", "merge", word(folder), "--name", "again"])), first);
    }
    assert!(home.fails(1, &[&ask[..], &[&first, "--model", "mine"]].concat()).contains("mine"));
    assert!(home.fails(1, &["adapters", "merge", &first, "--name", "../mine"]).contains("../mine"));
    let listed = home.json(&["models", "list"]);
    let row = listed.as_array().unwrap().iter().find(|row| row["name"] == "mine").unwrap();
    assert_eq!((&row["kind"], &row["present"]), (&"merged".into(), &true.into()));
    assert!(home.json(&["doctor"]).as_array().unwrap().iter().all(|row| row["ok"] == true));
    let speed = home.json(&["bench", "generate", "--prompt", "8", "--gen", "4", "--adapter", &second]);
    assert!(speed["decode_tok_s"].as_f64().unwrap() > 0.0);

    assert_eq!(home.json(&["adapters", "remove", &first[..6]])["id"], first);
    assert!(home.fails(1, &[&ask[..], &[&first]].concat()).contains(&first));
    home.json(&["ask", "Say a word.", "--no-retrieval", "--max-tokens", "2", "--model", "mine"]);
    let table = text(&home.run(&["adapters", "list"]).stdout);
    assert!(table.starts_with("ID ") && table.lines().nth(1).unwrap().starts_with(&second), "{table}");
}

#[test]
fn every_command_tells_of_an_adapter_what_the_list_tells() {
    let home = learn::tiny_model();
    let mut row = home.json(&["adapters", "import", word(&golden("lora/llama"))]);
    let id = row["id"].as_str().unwrap().to_owned();
    let log = Log::open(&home.path().join("log")).unwrap();
    learn::serve(&log, &id, &Bundle::open(&home.path().join("models/tiny")).unwrap());
    drop(log);
    (row["state"], row["verdict"]) = ("active".into(), "passed".into());
    let same = |told: &Value, row: &Value| {
        KEYS.iter().for_each(|key| assert_eq!(told.get(key), row.get(key), "{key}: {told}"));
    };
    same(&home.json(&["adapters", "list"])[0], &row);
    let out = home.path().with_file_name("out");
    same(&home.json(&["adapters", "export", &id, word(&out)]), &row);
    same(&home.json(&["adapters", "import", word(&out)]), &row);
    same(&home.json(&["adapters", "merge", &id, "--name", "mine"]), &row);
    row["state"] = "rolled_back".into();
    let back = home.json(&["adapters", "rollback"]);
    same(&back, &row);
    assert_eq!((&back["serving"], &back["reasons"]), (&Value::Null, &json!(["rolled back by hand"])));
    same(&home.json(&["adapters", "show", &id]), &row);
}

#[test]
fn all_four_arms_are_measured_with_an_adapter() {
    let home = Home::new();
    home.json(&["ingest", word(&home.shop())]);
    let line = r#"{"messages":[{"role":"user","content":"How long does the Moth take to charge?"}],"correction":"Three hours."}"#;
    let (data, dir) = (home.file("test.jsonl", line), made(&home, "all", 2, &Target::ALL));
    let words = ["eval", "arms", "--data", word(&data), "--no-answers", "--adapter", word(&dir)];
    let compared = home.json(&words);
    assert_eq!(compared["adapter"].as_str().unwrap().len(), 12);
    let nll = |arm: &str| compared["arms"][arm]["nll"].as_f64().unwrap();
    assert!(nll("base") != nll("adapter") && nll("retrieval") != nll("both"), "{compared}");
}

#[test]
fn an_adapter_of_another_model_is_refused_everywhere() {
    let home = Home::with_models_of_its_own();
    home.json(&["import", word(&golden("tiny/llama")), "--name", "tiny"]);
    let dir = made(&home, "all", 2, &Target::ALL);
    let first = id(&home.json(&["adapters", "import", word(&dir)]));
    let refused = home.fails(1, &["ask", "Why?", "--no-retrieval", "--model", "tiny", "--adapter", &first]);
    assert!(refused.contains("another model") && refused.contains(parts::LANGUAGE_MODEL), "{refused}");
    for words in [
        &["adapters", "import", word(&dir), "--model", "tiny"][..],
        &["ask", "Why?", "--no-retrieval", "--model", "tiny", "--adapter", word(&dir)],
    ] {
        let refused = home.fails(1, words);
        assert!(refused.contains("model.layers.0.self_attn.q_proj"), "{refused}");
    }
    let fits = golden("lora/llama");
    let refused = home.fails(1, &["adapters", "import", word(&fits)]);
    assert!(refused.contains("choose the model it was trained on"), "{refused}");
    assert_eq!(home.json(&["adapters", "import", word(&fits), "--model", "tiny"])["base"], "tiny");
    // Imported again with other weights, it is another model.
    home.json(&["import", word(&golden("tiny/llama")), "--name", "tiny", "--weights", "int4"]);
    let other =
        home.json(&["adapters", "list"]).as_array().unwrap().iter().find(|r| r["base"] == "tiny").unwrap()["id"]
            .clone();
    let refused = home.fails(1, &["adapters", "merge", other.as_str().unwrap(), "--name", "more"]);
    assert!(refused.contains("an earlier model"), "{refused}");
}

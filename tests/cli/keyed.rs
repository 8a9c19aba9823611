//! `eval answers`: questions with accepted keys, what came of them, and that nobody hears of it.

use super::home::{Home, text, word};
use serde_json::{Value, json};

const LINES: &str = r#"{"question": "When is the shop open on Saturday?", "answers": ["9:00 to 17:00"], "kind": "row"}
{"question": "and on Sunday?", "answers": ["closed"], "kind": "followup", "after": ["When is the shop open on Saturday?"]}

{"question": "Who won the regatta?", "answers": [], "kind": "off", "note": "passed over"}
{"question": "When is the shop open on Saturday?", "answers": ["8:15 to 18:45"], "kind": "row"}
"#;

#[test]
fn answers_are_held_against_keys() {
    let home = Home::new();
    home.json(&["ingest", word(&home.shop()), "--collection", "shop"]);
    let data = home.file("keys.jsonl", LINES);
    let words = ["eval", "answers", "--data", word(&data), "--mode", "quote"];
    let told = home.json(&words);
    let number = |key: &str| told[key].as_u64().unwrap();
    assert_eq!((number("answerable"), number("unanswerable")), (3, 1), "{told}");
    assert_eq!(number("right") + number("wrong") + number("silent"), 3, "{told}");
    assert_eq!((number("refused"), number("invented")), (1, 0), "{told}");
    // The same question is asked twice; what is false is the key.
    let cases = told["cases"].as_array().unwrap();
    assert_eq!((&cases[0]["outcome"], &cases[3]["outcome"]), (&"right".into(), &"wrong".into()), "{told}");
    assert_eq!((&cases[0]["answer"], &cases[3]["line"]), (&cases[3]["answer"], &5.into()));
    assert!(number("wrong_cited") == number("wrong_cited_answerable") + number("invented_cited"), "{told}");
    assert_eq!((number("near"), &told["near_refused_share"], &told["mode"]), (0, &Value::Null, &"quote".into()));
    assert_eq!(told["kinds"]["off"]["refused_share"]["share"], 1.0);
    assert!(told["first_sentence_s"].as_f64().unwrap() < told["seconds"].as_f64().unwrap(), "{told}");
    assert_eq!(home.json(&["log", "list"]), json!([]));

    let shown = text(&home.run(&[&words[..], &["--wrong"]].concat()).stdout);
    assert!(shown.contains("line 5 (row): wrong, cited") && shown.contains("expected: 8:15 to 18:45"), "{shown}");
    assert!(shown.contains("answerable") && !shown.contains("line 1 "), "{shown}");
    let half = |part: &str| home.json(&[&words[..], &["--part", part]].concat())["questions"].as_u64().unwrap();
    assert_eq!(half("tuning") + half("unseen"), 4);
}

#[test]
fn a_bad_line_is_named() {
    let home = Home::bare();
    let data = home.file("keys.jsonl", LINES.replace("[]", "7"));
    let told = home.fails(1, &["eval", "answers", "--data", word(&data)]);
    assert!(told.contains("line 4: ") && told.contains("`answers`"), "{told}");
}

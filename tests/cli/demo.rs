//! The whole story on the real model: it learns from the sample's log, serves what it learned, and goes back.

use super::home::{Home, document, text, word};
use crate::runner;
use serde_json::{Value, json};
use std::os::unix::fs::symlink;

#[test]
fn the_demo_tells_its_story() {
    let home = Home::new();
    let story = home.json(&["demo"]);
    assert_eq!(story["answers"].as_array().unwrap().len(), 2);
    assert_eq!(story["ingested"]["documents"], 18);
    assert_eq!(story["unanswered"]["citations"], json!([]));
    assert_eq!(story["log"]["interactions"], 224);
    assert!(home.json(&["documents", "list"]).as_array().unwrap().is_empty(), "the home itself stays as it was");

    let learned = &story["learned"];
    assert_eq!(learned["verdict"], "promoted", "{learned:#}");
    assert!((45..=60).contains(&learned["examples"].as_u64().unwrap()), "{learned}");
    assert!(learned["reasons"][0].as_str().unwrap().starts_with("better than the factory model: +"), "{learned}");
    let id = &learned["adapter"];
    assert!(story["answers"].as_array().unwrap().iter().all(|answer| answer["adapter"] != *id));
    // Every answer that is shown is right, before the adapter serves and after.
    let keys = ["3 hours", "9:00 to 17:00"];
    for told in [&story["answers"], &story["again"]] {
        for (answer, key) in told.as_array().unwrap().iter().zip(keys) {
            let text = answer["answer"].as_str().unwrap();
            assert!(answer["found"] == true && text.contains(key), "{text:?}, not {key}");
        }
    }
    assert_eq!(story["unanswered"]["found"], false);
    assert!(story["again"].as_array().unwrap().iter().all(|answer| answer["adapter"] == *id));
    let nats = |arm: &str| story["arms"]["arms"][arm]["nll"].as_f64().unwrap();
    assert!(nats("both") < nats("retrieval").min(nats("adapter")).min(nats("base")), "{}", story["arms"]);
    // The demo's twelve questions are too few to choose by, and it says so.
    let recommendation = &story["arms"]["recommendation"];
    assert!(recommendation["reason"].as_str().unwrap().contains("so far, both is"), "{recommendation}");
    let served = |n: usize| &story["served"]["answers"][n]["answer"];
    assert!(served(0)["answer"].as_str().unwrap().starts_with("We have your complaint K-226"), "{}", served(0));
    assert!(served(0)["answer"].as_str().unwrap().contains("F-230"), "{}", served(0));
    assert!(served(1)["answer"].as_str().unwrap().contains("Tarn kettle (HC-820), £26.00, packed"), "{}", served(1));
    assert_eq!(served(2)["answer"], "I can only speak about the records of the person I am serving.");
    let about_them = |arm: &str| story["served_arms"]["arms"][arm]["nll"].as_f64().unwrap();
    assert!(about_them("retrieval") < about_them("base") && about_them("both") < about_them("adapter"));
    assert_eq!(story["poisoned"]["verdict"], "quarantined");
    assert_eq!((&story["rolled_back"]["id"], &story["rolled_back"]["serving"]), (id, &Value::Null));

    // The same by hand, in the home that the demo left.
    let shop = home.path().join("demo");
    for shared in ["models", "parts"] {
        symlink(home.path().join(shared), shop.join(shared)).unwrap();
    }
    let run = |words: &[&str]| {
        let words = [&["--home", word(&shop), "--json"], words].concat();
        runner::command(env!("CARGO_BIN_EXE_wayside")).args(words).output().unwrap()
    };
    let json = |words: &[&str]| document(words, &run(words));
    let list = json(&["adapters", "list"]);
    assert_eq!((&list[0]["id"], &list[0]["state"], &list[0]["verdict"]), (id, &json!("rolled_back"), &json!("passed")));
    let shown = json(&["adapters", "show", id.as_str().unwrap()]);
    assert!(shown["checks"].as_array().unwrap().len() >= 10, "{shown}");
    assert!(!shown["lineage"]["examples"].as_array().unwrap().is_empty());
    assert!(text(&run(&["adapters", "rollback"]).stderr).contains("nothing to go back from"));
    assert_eq!(json(&["learn", "--once"])["verdict"], "quarantined", "the poison is still in the log");
    assert!(text(&run(&["adapters", "promote", id.as_str().unwrap()]).stderr).contains("nothing can be judged"));
}

#[test]
fn the_practice_learns_its_pages_and_speaks_to_its_patients() {
    let home = Home::new();
    let story = home.json(&["demo", "clinic"]);
    let served: Vec<&Value> = story["served"]["answers"].as_array().unwrap().iter().map(|s| &s["answer"]).collect();
    let fact = |n: usize, wanted: &str| served[n]["facts"].to_string().contains(wanted);
    assert!(
        fact(0, "metformin 500 mg") && fact(1, "INR of 27 October 2026 was 2.5, in range") && fact(2, "2026-11-24"),
        "{served:#?}"
    );
    assert_eq!(served[3]["answer"], "I can only speak about the records of the person I am serving.");
    assert_eq!((&served[3]["hits"], &served[3]["prompt_tokens"]), (&json!([]), &json!(0)));
    let trained = &story["trained"];
    assert!(trained["last_loss"].as_f64().unwrap() < trained["first_loss"].as_f64().unwrap(), "{trained}");
    let nats = |arm: &str| story["arms"]["arms"][arm]["nll"].as_f64().unwrap();
    // What a patient's record says is in no page: retrieval brings it, the adapter brings the manner.
    assert!(nats("retrieval") < nats("base") && nats("both") < nats("adapter"), "{}", story["arms"]);
}

//! `status` tells what stands here, quickly, and changes nothing.

use super::home::{Home, text, word};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wayside::store::Log;

#[test]
fn a_home_that_is_not_there_has_a_status_and_stays_away() {
    let home = Home::bare();
    let status = home.json(&["status"]);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["model"], wayside::parts::LANGUAGE_MODEL);
    for key in ["adapter", "silent_rate", "last_learn"] {
        assert_eq!(status.get(key), Some(&Value::Null), "{key}: {status}");
    }
    assert_eq!(status["answers"], 0);
    assert!(!home.path().exists(), "looking makes nothing");
    let people = text(&home.run(&["status"]).stdout);
    assert!(people.contains("none yet") && people.contains("nothing yet"), "{people}");
}

#[test]
fn answers_are_counted_in_a_moment_and_the_last_cycle_is_told() {
    let home = Home::bare();
    let long = "The lamp burns for nine hours on one charge. ".repeat(40);
    let lines: String = (0..20_000)
        .map(|n| {
            let messages = json!([{"role": "user", "content": "How long?"}, {"role": "assistant", "content": long}]);
            format!("{}\n", json!({ "id": n.to_string(), "messages": messages, "found": n % 4 != 0 }))
        })
        .collect();
    home.json(&["log", "import", word(&home.file("log.jsonl", lines))]);
    {
        let log = Log::open(&home.path().join("log")).unwrap();
        let cycle = json!({
            "id": "0badcafe", "model": "m", "state": "refused", "time": "2026-01-02T03:04:05Z", "learned": "plan",
            "reason": "canaries: one fell", "verdict": {"passed": false, "checks": []},
        });
        log.register(&serde_json::from_value(cycle).unwrap()).unwrap();
    }
    let begin = Instant::now();
    let status = home.json(&["status"]);
    let took = begin.elapsed();
    assert_eq!((&status["answers"], &status["silent_rate"]), (&20_000.into(), &0.25.into()), "{status}");
    assert_eq!(status["last_learn"]["when"], "2026-01-02T03:04:05Z");
    assert_eq!(
        (&status["last_learn"]["verdict"], &status["last_learn"]["adapter"]),
        (&"refused".into(), &"0badcafe".into())
    );
    assert!(took < Duration::from_secs(5), "{took:?}");
    let people = text(&home.run(&["status"]).stdout);
    assert!(people.contains("20000 answers, 25.0 %") && people.contains("canaries: one fell"), "{people}");
}

#[test]
fn a_damaged_log_is_one_error() {
    let home = Home::bare();
    home.json(&["log", "list"]);
    std::fs::write(home.path().join("log/data.mdb"), b"nothing of the kind").unwrap();
    assert!(home.fails(1, &["status"]).contains("is damaged"));
}

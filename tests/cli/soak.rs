//! What was acknowledged survives `kill -9` at any instant, and something answers at every instant. Takes long, so it
//! runs on request alone:
//!
//! ```text
//! cargo test --release --test wayside -- --ignored --nocapture cli::soak
//! ```
//!
//! `WAYSIDE_SOAK_ROUNDS` changes the number of rounds, 200 otherwise; `WAYSIDE_SOAK_SEED` the instants.

use super::home::{Home, word};
use super::learn;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

#[test]
#[ignore = "takes a quarter of an hour; see the top of this file"]
fn no_acknowledged_interaction_is_lost_to_kill_9() {
    let setting = |name: &str, default: usize| std::env::var(name).map_or(default, |v| v.parse().unwrap());
    let rounds = setting("WAYSIDE_SOAK_ROUNDS", 200);
    let mut random = rand_chacha::ChaCha12Rng::seed_from_u64(setting("WAYSIDE_SOAK_SEED", 1) as u64);
    let home = Home::new();
    // Short prompts: more rounds in the same time.
    std::fs::write(home.path().join("config.toml"), "[retrieve]\nk = 1\nbudget = 64\n").unwrap();
    let shop = home.shop();
    let ask = ["ask", "How long does the Moth take to charge?", "--max-tokens", "8", "--json"];
    let ingest = ["ingest", word(&shop), "--json"];
    home.json(&ingest);
    // Both at once, undisturbed: the instants to kill at lie around this.
    revise(&shop, 0);
    let (begin, mut ingesting) = (Instant::now(), home.start(&ingest));
    let undisturbed = home.run(&ask);
    let usual = begin.elapsed();
    ingesting.wait().unwrap();
    let mut acknowledged = BTreeSet::from([id(&undisturbed.stdout).unwrap()]);

    for round in 1..=rounds {
        revise(&shop, round);
        let (mut asking, mut ingesting) = (home.start(&ask), home.start(&ingest));
        let ask_first = random.random();
        let (first, second) = if ask_first { (&mut asking, &mut ingesting) } else { (&mut ingesting, &mut asking) };
        std::thread::sleep(usual.mul_f64(random.random_range(0.0..1.2)));
        first.kill().unwrap();
        std::thread::sleep(usual.mul_f64(random.random_range(0.0..0.6)));
        second.kill().unwrap();
        acknowledged.extend(id(&asking.wait_with_output().unwrap().stdout));
        ingesting.wait().unwrap();

        let log = home.json(&["log", "list"]);
        let kept: BTreeSet<&str> = log.as_array().unwrap().iter().filter_map(|i| i["id"].as_str()).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|id| !kept.contains(id.as_str())).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?} are lost");
        home.json(&["documents", "list"]);
        if round % 10 == 0 {
            println!("{round} rounds: {} acknowledged, {} kept", acknowledged.len(), kept.len());
        }
    }
    assert!(acknowledged.len() > rounds / 10, "the instants were too early to show anything");
    home.json(&ingest);
    let checks = home.json(&["doctor"]);
    assert!(checks.as_array().unwrap().iter().all(|c| c["ok"] == true), "{checks}");
}

#[test]
#[ignore = "takes half an hour; see the top of this file"]
fn learning_promoting_and_going_back_survive_kill_9() {
    let setting = |name: &str, default: usize| std::env::var(name).map_or(default, |v| v.parse().unwrap());
    let rounds = setting("WAYSIDE_SOAK_ROUNDS", 300);
    let mut random = rand_chacha::ChaCha12Rng::seed_from_u64(setting("WAYSIDE_SOAK_SEED", 1) as u64);
    let home = learn::tiny();
    let shop = home.shop();
    let (log, canaries) = (home.path().with_file_name("more.jsonl"), home.path().join("canaries.jsonl"));
    // Whatever the gate says of a model that knows nothing, promotions happen: they are made by hand, below.
    std::fs::write(&canaries, "").unwrap();
    let learned = home.json(&["learn", "--once"]);
    let adapters = std::fs::read_dir(home.path().join("adapters")).map_or(0, Iterator::count);
    println!("the first cycle: {} ({adapters} adapters)", learned["verdict"]);
    let mut acknowledged: BTreeSet<String> =
        home.json(&["log", "list"]).as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect();
    let ask = ["ask", "Is the shop open?", "--no-retrieval", "--max-tokens", "4", "--json"];
    for round in 1..=rounds {
        revise(&shop, round);
        let line = |n: usize| {
            serde_json::json!({
                "id": format!("r{round}-{n}"), "rating": "up",
                "messages": [
                    { "role": "user", "content": format!("Question {n} of round {round}: what about part {}?", n * round) },
                    { "role": "assistant", "content": format!("Part {} is on shelf {round}.", n * round) },
                ],
            })
            .to_string()
        };
        std::fs::write(&log, (0..5).map(line).collect::<Vec<_>>().join("\n")).unwrap();
        let known = home.json(&["adapters", "list"]);
        let any = known[0]["id"].as_str().unwrap_or("none").to_owned();
        let words: Vec<&str> = match random.random_range(0..7) {
            0 => vec!["log", "import", word(&log), "--json"],
            1 => vec!["ingest", word(&shop), "--json"],
            2 => vec!["adapters", "promote", &any, "--json"],
            3 => vec!["adapters", "merge", &any, "--name", "merged", "--json"],
            4 => vec!["adapters", "rollback", "--json"],
            _ => vec!["learn", "--once", "--again", "--json"],
        };
        let mut work = home.start(&words);
        let mut asking = home.start(&ask);
        std::thread::sleep(std::time::Duration::from_millis(random.random_range(0..4000)));
        work.kill().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(random.random_range(0..300)));
        asking.kill().unwrap();
        let done = work.wait_with_output().unwrap();
        if words[0] == "log" && !done.stdout.is_empty() {
            acknowledged.extend((0..5).map(|n| format!("r{round}-{n}")));
        }
        acknowledged.extend(id(&asking.wait_with_output().unwrap().stdout));

        let list = home.json(&["log", "list"]);
        let kept: BTreeSet<&str> = list.as_array().unwrap().iter().filter_map(|i| i["id"].as_str()).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|id| !kept.contains(id.as_str())).collect();
        assert!(lost.is_empty(), "round {round}, {words:?}: {lost:?} are lost");
        for adapter in home.json(&["adapters", "list"]).as_array().unwrap() {
            assert_ne!(adapter["state"], "damaged", "round {round}, {words:?}: {adapter}");
        }
        let answered = home.run(&ask);
        assert!(answered.status.success(), "round {round}, {words:?}: nothing answers");
        acknowledged.extend(id(&answered.stdout));
        if round % 10 == 0 {
            println!("{round} rounds: {} acknowledged, {} kept", acknowledged.len(), kept.len());
        }
    }
    let checks = home.json(&["doctor"]);
    assert!(checks.as_array().unwrap().iter().all(|c| c["ok"] == true), "{checks}");
}

/// Changes a third of the documents, so that the next ingest writes.
fn revise(shop: &Path, round: usize) {
    let paths = std::fs::read_dir(shop).unwrap().map(|entry| entry.unwrap().path());
    let markdown = paths.filter(|path| path.extension().is_some_and(|e| e == "md"));
    for (n, path) in markdown.enumerate().filter(|(n, _)| n % 3 == round % 3) {
        let text = std::fs::read_to_string(&path).unwrap();
        let kept = text.split("\n\nRevised ").next().unwrap_or_default();
        std::fs::write(&path, format!("{kept}\n\nRevised {round} times, page {n}.\n")).unwrap();
    }
}

/// The interaction that an `ask` acknowledged, if it came so far.
fn id(stdout: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(stdout).ok()?;
    Some(answer["interaction"].as_str()?.to_owned())
}

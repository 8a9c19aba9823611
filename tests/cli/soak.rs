//! What was acknowledged survives `kill -9` at any instant. Takes long, so it runs on request alone:
//!
//! ```text
//! cargo test --release --test wayside -- --ignored --nocapture cli::soak
//! ```
//!
//! `WAYSIDE_SOAK_ROUNDS` changes the number of rounds, 200 otherwise; `WAYSIDE_SOAK_SEED` the instants.

use super::home::{Home, word};
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Instant;

#[test]
#[ignore = "takes a quarter of an hour; see the top of this file"]
fn no_acknowledged_interaction_is_lost_to_kill_9() {
    let setting = |name: &str, default| std::env::var(name).map_or(default, |v| v.parse().unwrap());
    let rounds = setting("WAYSIDE_SOAK_ROUNDS", 200);
    let mut random = rand_chacha::ChaCha12Rng::seed_from_u64(setting("WAYSIDE_SOAK_SEED", 1));
    let home = Home::new();
    let shop = home.shop();
    let ask = ["ask", "How long does the Moth take to charge?", "--max-tokens", "8", "--json"];
    let ingest = ["ingest", word(&shop), "--json"];
    home.json(&ingest);
    // Both at once, undisturbed: the instants to kill at lie around this.
    let begin = Instant::now();
    let whole = [home.start(&ask), home.start(&ingest)].map(|c| c.wait_with_output().unwrap());
    let usual = begin.elapsed();
    let mut acknowledged = BTreeSet::from([id(&whole[0].stdout).unwrap()]);

    for round in 1..=rounds {
        // Some documents change, so that each ingest writes.
        for entry in std::fs::read_dir(&shop).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "md") && random.random_range(0..3) == 0 {
                let text = std::fs::read_to_string(&path).unwrap();
                std::fs::write(&path, format!("{}\n\nRevised {round} times.\n", text.trim_end())).unwrap();
            }
        }
        let (mut asking, mut ingesting) = (home.start(&ask), home.start(&ingest));
        std::thread::sleep(usual.mul_f64(random.random_range(0.0..1.2)));
        let (first, second) =
            if random.random() { (&mut asking, &mut ingesting) } else { (&mut ingesting, &mut asking) };
        first.kill().unwrap();
        std::thread::sleep(usual.mul_f64(random.random_range(0.0..0.2)));
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
    home.json(&ingest);
    let checks = home.json(&["doctor"]);
    assert!(checks.as_array().unwrap().iter().all(|c| c["ok"] == true), "{checks}");
}

/// The interaction that an `ask` acknowledged, if it came so far.
fn id(stdout: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(stdout).ok()?;
    Some(answer["interaction"].as_str()?.to_owned())
}

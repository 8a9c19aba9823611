//! The log, damaged: each command ends with all that was there, or says that it does not.

use super::damage::damage;
use crate::cli::home::{Home, text};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// A home whose log holds this many interactions, some of them long, of which some were removed.
fn logged(many: usize) -> Home {
    let home = Home::bare();
    let line = |n: usize| {
        let said = "It takes three hours. ".repeat([1, 3, 40, 300][n % 4]);
        format!(
            "{{\"id\":\"i{n:05}\",\"subject\":\"s{}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Question {n}?\"}},\
             {{\"role\":\"assistant\",\"content\":\"{said}\"}}],\"rating\":\"up\"}}\n",
            n % 7
        )
    };
    for part in 0..4 {
        let lines: String = (part * many / 4..(part + 1) * many / 4).map(line).collect();
        let file = home.file("log.jsonl", lines);
        assert!(home.run(&["log", "import", file.to_str().unwrap()]).status.success());
    }
    assert!(home.run(&["log", "rate", "i00003", "down"]).status.success());
    assert!(home.run(&["log", "erase", "--subject", "s6"]).status.success());
    assert!(home.run(&["log", "rate", "i00005", "down"]).status.success());
    home
}

#[derive(Default)]
struct Tally {
    right: usize,
    said: usize,
    signals: Vec<String>,
    silent: Vec<String>,
}

impl Tally {
    fn count(&mut self, output: &Output, told: &str, is_right: bool) {
        match output.status.signal() {
            Some(signal) => self.signals.push(format!("{told}: signal {signal}")),
            None if output.status.code() == Some(101) => self.signals.push(format!("{told}: a panic")),
            None if !output.status.success() => {
                assert!(!output.stderr.is_empty() && output.stderr.len() < 100_000, "{told}");
                self.said += 1;
            }
            None if is_right => self.right += 1,
            None => self.silent.push(format!("{told}: {}", text(&output.stderr))),
        }
    }
}

fn ids(output: &Output) -> Option<BTreeSet<String>> {
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    Some(listed.as_array()?.iter().filter_map(|i| Some(i["id"].as_str()?.to_owned())).collect())
}

#[allow(clippy::print_stdout, reason = "the report is what the campaign is run for")]
fn run(many: usize, interactions: usize) {
    let home = logged(interactions);
    let file = home.path().join("log/data.mdb");
    let whole = fs::read(&file).unwrap();
    let before = ids(&home.run(&["log", "list", "--json"])).unwrap();
    let seed = setting("WAYSIDE_CAMPAIGN_SEED", 26) as u64;
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let (mut listed, mut exported, mut wrote, mut looked) =
        (Tally::default(), Tally::default(), Tally::default(), Tally::default());
    let mut saved = 0;
    for n in 0..many {
        let mut bytes = whole.clone();
        let told = damage(&mut bytes, n, &mut random);
        fs::write(&file, &bytes).unwrap();
        let _ = fs::remove_file(home.path().join("log/lock.mdb"));
        let list = home.run(&["log", "list", "--json"]);
        listed.count(&list, &told, ids(&list).as_ref() == Some(&before));
        // What is said to be damaged can be saved, as far as it goes.
        let export = home.run(&["log", "export", "-"]);
        let lines = export.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        exported.count(&export, &told, lines == before.len());
        saved += usize::from(!list.status.success() && lines > 0);
        if n % 8 == 1 {
            // Without models it never passes here: what counts is what it says of the log.
            let doctor = home.run(&["doctor", "--json"]);
            let checks: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap_or_default();
            let is_well = checks.as_array().into_iter().flatten().any(|c| c["check"] == "log" && c["ok"] == true);
            match (doctor.status.signal(), is_well, list.status.success()) {
                (Some(signal), ..) => looked.signals.push(format!("{told}: signal {signal}")),
                (None, true, false) => looked.silent.push(told.clone()),
                (None, true, true) => looked.right += 1,
                (None, false, _) => looked.said += 1,
            }
        }
        let rated = home.run(&["log", "rate", "i00009", "up", "--json"]);
        let after = home.run(&["log", "list", "--json"]);
        wrote.count(&rated, &told, !after.status.success() || ids(&after).as_ref() == Some(&before));
    }
    println!("log of {} interactions, {} bytes, {many} damaged files, seed {seed}", before.len(), whole.len());
    for (what, tally) in [("list", &listed), ("export", &exported), ("doctor", &looked), ("rate", &wrote)] {
        println!(
            "{what}: {} right, {} said, {} signals, {} silent losses",
            tally.right,
            tally.said,
            tally.signals.len(),
            tally.silent.len()
        );
        tally.signals.iter().chain(&tally.silent).take(10).for_each(|told| println!("  {told}"));
    }
    println!("of {} that no longer list, {saved} give something to an export", listed.said);
    let failed = [listed, exported, looked, wrote].iter().map(|t| t.signals.len() + t.silent.len()).sum::<usize>();
    assert_eq!(failed, 0, "signals and silent losses");
}

#[test]
#[ignore = "takes ten minutes; see the top of tests/campaign/mod.rs"]
fn no_damaged_log_ends_with_a_signal_or_a_silent_loss() {
    run(setting("WAYSIDE_CAMPAIGN", 2_500), 400);
}

/// The same in short, with every test.
#[test]
fn a_damaged_log_is_told() {
    run(48, 60);
}

/// An index answers as before, or says that it is damaged.
#[test]
#[ignore = "takes five minutes; see the top of tests/campaign/mod.rs"]
fn no_damaged_index_ends_with_a_signal_or_with_other_hits() {
    let many = setting("WAYSIDE_CAMPAIGN", 2_500) / 5;
    let home = Home::new();
    let shop = home.shop();
    home.json(&["ingest", shop.to_str().unwrap()]);
    let file = home.path().join("index/data.mdb");
    let whole = fs::read(&file).unwrap();
    let search = ["search", "How long does the lantern take to charge?", "--json"];
    let before = home.run(&search).stdout;
    let mut random = ChaCha12Rng::seed_from_u64(setting("WAYSIDE_CAMPAIGN_SEED", 26) as u64);
    let mut found = Tally::default();
    for n in 0..many {
        let mut bytes = whole.clone();
        let told = damage(&mut bytes, n, &mut random);
        fs::write(&file, &bytes).unwrap();
        let _ = fs::remove_file(home.path().join("index/lock.mdb"));
        let output = home.run(&search);
        found.count(&output, &told, output.stdout == before);
    }
    println!(
        "index of {} bytes, {many} damaged files: {} right, {} said, {} signals, {} other hits",
        whole.len(),
        found.right,
        found.said,
        found.signals.len(),
        found.silent.len()
    );
    found.signals.iter().chain(&found.silent).take(10).for_each(|told| println!("  {told}"));
    assert_eq!(found.signals.len() + found.silent.len(), 0, "signals and other hits");
}

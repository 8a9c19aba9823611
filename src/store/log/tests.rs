//! The log as its callers see it, on real files.

use super::*;
use crate::ErrorKind;
use crate::store::env::Kind;
use crate::watch::Cancel;
use proptest::prelude::*;
use serde_json::{Value, json};

fn open() -> (tempfile::TempDir, Log) {
    let home = tempfile::tempdir().unwrap();
    let log = Log::open(&home.path().join("log")).unwrap();
    (home, log)
}

fn asked(id: &str, second: i64) -> Interaction {
    let mut interaction = Interaction::new(vec![Message::new("user", "How?"), Message::new("assistant", "So.")]);
    interaction.id = id.to_owned();
    interaction.time = jiff::Timestamp::from_second(second).unwrap();
    interaction
}

fn ids(log: &Log, filter: Filter) -> Vec<String> {
    log.list(&filter).unwrap().interactions.into_iter().map(|i| i.id).collect()
}

#[test]
fn an_interaction_is_there_after_reopening_with_its_rating_and_correction() {
    let (home, log) = open();
    let mut kept = asked("a", 7);
    kept.subject = Some("ann".to_owned());
    kept.timings = Some(Timings { first_token_s: 0.25, tokens_per_s: 100.5, prompt_tokens: 10, answer_tokens: 3 });
    let source = Source::Passage { document: "d".into(), section: "s".into(), page: None, chunk: 4 };
    kept.hits = vec![Citation { n: 1, source, score: 0.1, quote: String::new() }];
    log.put(&kept).unwrap();
    log.rate("a", Rating::Down).unwrap();
    log.correct("a", "Thus.").unwrap();
    drop(log);
    let log = Log::open(&home.path().join("log")).unwrap();
    kept.rating = Some(Rating::Down);
    kept.correction = Some("Thus.".to_owned());
    assert_eq!(log.get("a").unwrap(), kept);
    assert_eq!(log.len().unwrap(), 1);
}

/// What the first version wrote.
static FIRST: Kind = Kind { upgrades: &[], ..SMALL };

/// The log as it is, but small.
const SMALL: Kind = Kind { name: "log", remedy: "", map_size: 1 << 20, upgrades: &[], check: |_, _, _| Ok(()) };

/// What version 3 wrote: an answer with marks, and a citation of a record that is told by its missing chunk.
const MARKED: &str = r#"{"id":"m","time":"2026-01-02T03:04:05Z","messages":[{"role":"user","content":"Which keys?"},
    {"role":"assistant","content":"Press [2] and [5]. [1] Your Wren was sent. [orders #7]"}],"rating":"up","citations":[
    {"n":1,"document":"keys.md","section":"Keys","chunk":3,"score":0.5},
    {"n":2,"document":"orders #7","section":"2026-01-01","score":0.4}]}"#;

#[test]
fn marks_leave_an_older_log_and_its_exports() {
    static THIRD: Kind = Kind { upgrades: &[|_, _| Ok(()), |_, _| Ok(())], ..SMALL };
    let marked: serde_json::Value = serde_json::from_str(MARKED).unwrap();
    let home = tempfile::tempdir().unwrap();
    let names = ["meta", "interactions", "times", "adapters", "standing", "erasures"];
    let (env, [_, interactions, times, ..]) = Env::open(home.path(), &THIRD, names).unwrap();
    env.write(|txn| {
        times.raw().put(txn, &keys::time("2026-01-02T03:04:05Z".parse().unwrap(), "m"), &[])?;
        interactions.put(txn, b"m", &marked)
    })
    .unwrap();
    drop(env);
    let log = Log::open(home.path()).unwrap();
    let upgraded = log.get("m").unwrap();
    assert_eq!(upgraded.answer(), Some("Press [2] and [5]. Your Wren was sent."));
    assert!(upgraded.is_personal() && upgraded.citations[1].is_record() && !upgraded.citations[0].is_record());
    assert_eq!(upgraded.rating, Some(Rating::Up));
    // So do those of an export of the time, and of one of today nothing.
    let (_other, imported) = open();
    imported.import(marked.to_string().as_bytes(), &Cancel::new()).unwrap();
    assert_eq!(imported.get("m").unwrap(), upgraded);
    let mut exported = Vec::new();
    log.export(&mut exported).unwrap();
    imported.import(exported.as_slice(), &Cancel::new()).unwrap();
    assert_eq!(imported.get("m").unwrap(), upgraded);
}

#[test]
fn a_log_of_the_first_version_is_upgraded() {
    let home = tempfile::tempdir().unwrap();
    let names = ["meta", "interactions", "times"];
    let (env, [_, interactions, times]) = Env::open(home.path(), &FIRST, names).unwrap();
    let kept = asked("a", 7);
    env.write(|txn| {
        times.raw().put(txn, &keys::time(kept.time, "a"), &[])?;
        interactions.put(txn, b"a", &kept)
    })
    .unwrap();
    drop(env);
    let log = Log::open(home.path()).unwrap();
    assert_eq!(log.list(&Filter::default()).unwrap().interactions, [kept]);
    assert_eq!(log.registry().unwrap(), []);
    log.set_retrain("m", true).unwrap();
    drop(log);
    // From now on it is this version's alone.
    assert_eq!(Env::open(home.path(), &FIRST, names).err().unwrap().kind(), ErrorKind::Incompatible);
    assert!(Log::open(home.path()).unwrap().standing("m").unwrap().retrain);
}

#[test]
fn the_list_is_newest_first_filtered_and_limited() {
    let (_home, log) = open();
    for (id, second) in [("b", 2), ("d", 4), ("a", 1), ("c", 3), ("old", -5)] {
        log.put(&asked(id, second)).unwrap();
    }
    assert_eq!(ids(&log, Filter::default()), ["d", "c", "b", "a", "old"]);
    assert_eq!(ids(&log, Filter { limit: Some(2), ..Filter::default() }), ["d", "c"]);
    log.rate("a", Rating::Up).unwrap();
    log.rate("b", Rating::Down).unwrap();
    assert_eq!(ids(&log, Filter { rating: Some(Rating::Up), ..Filter::default() }), ["a"]);
    // The same id at another time is the same interaction.
    let mut moved = asked("a", 9);
    moved.subject = Some("ann".to_owned());
    log.put(&moved).unwrap();
    assert_eq!(ids(&log, Filter::default()), ["a", "d", "c", "b", "old"]);
    assert_eq!(ids(&log, Filter { subject: Some("ann".to_owned()), ..Filter::default() }), ["a"]);
}

#[test]
fn whoever_has_heard_enough_reads_no_further() {
    let (_home, log) = open();
    for (id, second) in [("b", 2), ("d", 4), ("a", 1), ("c", 3)] {
        log.put(&asked(id, second)).unwrap();
    }
    let raw = log.tables.interactions.raw();
    log.env.write(|txn| Ok(raw.put(txn, b"a", b"no record")?)).unwrap();
    let until = |last: &str| {
        log.newest(|heard: &mut Vec<String>, interaction| {
            heard.push(interaction.id);
            if heard.last().is_some_and(|id| id == last) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    };
    assert_eq!(until("c").unwrap(), (vec!["d".into(), "c".into()], vec![]));
    let (heard, damaged) = until("none").unwrap();
    assert_eq!((heard.concat().as_str(), damaged.len()), ("dcb", 1));
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let (_home, log) = open();
    for id in ["", "line\nbreak", &"x".repeat(201)] {
        assert_eq!(log.put(&asked(id, 0)).unwrap_err().kind(), ErrorKind::Invalid, "{id:?}");
        assert_eq!(log.get(id).unwrap_err().kind(), ErrorKind::NotFound, "{id:?}");
    }
    assert_eq!(log.rate("nobody", Rating::Up).unwrap_err().kind(), ErrorKind::NotFound);
    log.put(&asked(&"x".repeat(200), 0)).unwrap();
    assert_eq!(log.correct(&"x".repeat(200), " ").unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn enough_of_an_ids_beginning_will_do() {
    let (_home, log) = open();
    for id in ["01a2-7", "01a2-8", "01b", "1", "17", "172"] {
        log.put(&asked(id, 0)).unwrap();
    }
    let id = |beginning: &str| log.get(beginning).map(|found| found.id);
    assert_eq!(id("01b").unwrap(), "01b");
    assert_eq!(id("01a2-8").unwrap(), "01a2-8");
    assert_eq!(id("17").unwrap(), "17", "a whole id is no beginning of others");
    log.rate("01b", Rating::Up).unwrap();
    log.correct("01a2-7", "Thus.").unwrap();
    log.rate("172", Rating::Down).unwrap();
    assert_eq!(log.get("01").unwrap_err().to_string(), "'01' could be 01a2-7 or 01a2-8 or 01b; give more of the id");
    assert_eq!(log.rate("01a", Rating::Up).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(log.correct("02", "So.").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(ids(&log, Filter { rating: Some(Rating::Up), ..Filter::default() }), ["01b"]);
    log.rate("01b", Rating::Down).unwrap();
    assert_eq!(ids(&log, Filter { rating: Some(Rating::Up), ..Filter::default() }), [""; 0]);
    for n in 3..9 {
        log.put(&asked(&format!("01c-{n}"), 0)).unwrap();
    }
    let several = log.get("01c").unwrap_err().to_string();
    assert_eq!(several, "'01c' could be 01c-3 or 01c-4 or 01c-5 or 01c-6 or others; give more of the id");
}

#[test]
fn what_people_have_comes_back_with_its_unknown_keys() {
    let (_home, log) = open();
    let lines = [
        json!({"id": "1", "time": "2024-01-02T03:04:05Z", "messages": [{"role": "user", "content": "hi", "weight": 1}],
            "source": {"file": "x", "lines": [1, 2]}, "rating": "up", "score": 0.1, "tags": ["t"]}),
        json!({"id": "2", "time": "2024-01-02T03:04:06.5Z", "messages": [], "subject": "ann", "correction": "no"}),
    ];
    let text = format!("\u{FEFF}{}\n\n{}", lines[0], lines[1]);
    assert_eq!(log.import(text.as_bytes(), &Cancel::new()).unwrap(), Imported { added: 2, ..Imported::default() });
    let mut out = Vec::new();
    assert_eq!(log.export(&mut out).unwrap(), Exported { written: 2, damaged: vec![] });
    let back: Vec<Value> = out.split(|b| *b == b'\n').flat_map(serde_json::from_slice).collect();
    assert_eq!(back, lines);
    assert_eq!(log.import(&out[..], &Cancel::new()).unwrap(), Imported { replaced: 2, ..Imported::default() });
}

#[test]
fn ids_and_times_are_filled_in() {
    let (_home, log) = open();
    let text = r#"{"messages":[]}
        {"messages":[],"id":null,"time":null,"rating":null,"tags":null}
        {"messages":[],"id":17}"#;
    let before = jiff::Timestamp::now();
    log.import(text.as_bytes(), &Cancel::new()).unwrap();
    let all = log.list(&Filter::default()).unwrap().interactions;
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|i| i.time >= before && !i.id.is_empty()), "{all:?}");
    assert!(log.get("17").is_ok());
}

#[test]
fn a_bad_line_is_named_and_changes_nothing() {
    let (_home, log) = open();
    for bad in [
        "{\"messages\":[]",
        "{}",
        "[]",
        "\u{0}",
        "{\"messages\":[],\"id\":\"a\\u0007\"}",
        "{\"messages\":[],\"rating\":\"fine\"}",
        "{\"messages\":[],\"time\":\"yesterday\"}",
    ] {
        let error = log.import(format!("{{\"messages\":[]}}\n\n{bad}\n").as_bytes(), &Cancel::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{bad}: {error}");
        assert!(error.to_string().contains("line 3"), "{bad}: {error}");
        assert!(log.is_empty().unwrap(), "{bad}");
    }
    let stop = Cancel::new();
    stop.cancel();
    assert_eq!(log.import(&b"{\"messages\":[]}"[..], &stop).unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn a_damaged_record_is_named_and_the_others_can_be_saved() {
    let (_home, log) = open();
    for (id, second) in [("a", 1), ("b", 2), ("c", 3)] {
        log.put(&asked(id, second)).unwrap();
    }
    let raw = log.tables.interactions.raw();
    log.env
        .write(|txn| {
            let mut record = raw.get(txn, b"b")?.unwrap().to_vec();
            *record.last_mut().unwrap() ^= 1;
            Ok(raw.put(txn, b"b", &record)?)
        })
        .unwrap();
    let error = log.get("b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let listed = log.list(&Filter::default()).unwrap();
    assert_eq!(listed.interactions.iter().map(|i| &i.id).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!(listed.damaged, [error.to_string()]);
    assert_eq!(log.verify().unwrap(), listed.damaged);
    assert!(error.to_string().contains("'b'") && error.to_string().contains("export"), "{error}");
    let mut out = Vec::new();
    let exported = log.export(&mut out).unwrap();
    assert_eq!((exported.written, exported.damaged.len()), (2, 1), "{exported:?}");
    assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_lines_never_panic(bytes: Vec<u8>, text in "[{}\\[\\]\",:a-z0-9\\\\ ]{0,60}") {
        let (_home, log) = open();
        let _ = log.import(&bytes[..], &Cancel::new());
        let _ = log.import(text.as_bytes(), &Cancel::new());
    }
}

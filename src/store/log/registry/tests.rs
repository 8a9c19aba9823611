//! Promotions, ways back and drops, on real files.

use super::*;
use crate::ErrorKind;
use serde_json::json;

fn open() -> (tempfile::TempDir, Log) {
    let home = tempfile::tempdir().unwrap();
    let log = Log::open(home.path()).unwrap();
    (home, log)
}

fn adapter(id: &str, subjects: &[&str]) -> Registered {
    Registered {
        id: id.into(),
        model: "m".into(),
        state: State::Candidate,
        time: Timestamp::from_second(id.bytes().map(i64::from).sum()).unwrap(),
        promoted: None,
        ended: None,
        reason: None,
        verdict: json!({ "held_out": { "mean": 0.25 } }),
        subjects: subjects.iter().map(|s| (*s).into()).collect(),
        spoken: BTreeMap::new(),
        extra: Map::new(),
    }
}

fn state(log: &Log, id: &str) -> State {
    log.registered(id).unwrap().unwrap().state
}

/// The active one, then the previous ones.
fn line(standing: &Standing) -> Vec<&str> {
    standing.active.iter().chain(&standing.previous).map(String::as_str).collect()
}

#[test]
fn a_record_comes_back_with_keys_that_mean_nothing_here() {
    let (home, log) = open();
    let mut kept = Registered { state: State::Refused, reason: Some("No better.".into()), ..adapter("a", &["s"]) };
    kept.extra.insert("seed".into(), 7.into());
    log.register(&kept).unwrap();
    drop(log);
    let log = Log::open(home.path()).unwrap();
    assert_eq!(log.registered("a").unwrap().as_ref(), Some(&kept));
    assert_eq!(serde_json::to_value(&kept).unwrap()["state"], "refused");
    assert_eq!(serde_json::to_value(State::RolledBack).unwrap(), "rolled_back");
    log.register(&adapter("b", &[])).unwrap();
    assert_eq!(log.registry().unwrap().iter().map(|r| &*r.id).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(log.registered("c").unwrap(), None);
    assert_eq!(log.registered("").unwrap(), None);
    assert_eq!(log.standing("m").unwrap(), Standing::default());
}

#[test]
fn the_last_three_can_be_gone_back_to() {
    let (_home, log) = open();
    for id in ["a", "b", "c", "d", "e"] {
        log.promote(&adapter(id, &[])).unwrap();
    }
    let standing = log.standing("m").unwrap();
    assert_eq!(line(&standing), ["e", "d", "c", "b"]);
    assert_eq!((state(&log, "e"), state(&log, "d"), state(&log, "a")), (State::Active, State::Retired, State::Retired));
    // Again is no second time; an earlier one leaves its old place.
    assert_eq!(line(&log.promote(&log.registered("e").unwrap().unwrap()).unwrap()), ["e", "d", "c", "b"]);
    assert_eq!(line(&log.promote(&log.registered("c").unwrap().unwrap()).unwrap()), ["c", "e", "d", "b"]);
    assert_eq!(line(&log.roll_back("m", "Worse.").unwrap()), ["e", "d", "b"]);
    let back = log.registered("c").unwrap().unwrap();
    assert_eq!((back.state, back.reason.as_deref()), (State::RolledBack, Some("Worse.")));
    assert!(back.promoted.is_some() && back.ended >= back.promoted);
    let again = log.registered("e").unwrap().unwrap();
    assert_eq!((again.state, again.ended, again.reason), (State::Active, None, None));
    for expected in [&["d", "b"][..], &["b"], &[]] {
        assert_eq!(line(&log.roll_back("m", "Worse.").unwrap()), expected);
    }
    assert_eq!(log.roll_back("m", "Worse.").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(log.roll_back("other", "Worse.").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn nothing_becomes_active_by_being_registered() {
    let (_home, log) = open();
    let active = Registered { state: State::Active, ..adapter("a", &[]) };
    assert_eq!(log.register(&active).unwrap_err().kind(), ErrorKind::Invalid);
    log.promote(&active).unwrap();
    assert_eq!(log.register(&adapter("a", &[])).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(log.promote(&adapter("", &[])).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(state(&log, "a"), State::Active);
}

#[test]
fn what_is_dropped_neither_serves_nor_comes_back() {
    let (_home, log) = open();
    for (id, subjects) in [("a", &[][..]), ("b", &["s"]), ("c", &[]), ("d", &["s", "t"])] {
        log.promote(&adapter(id, subjects)).unwrap();
    }
    let elsewhere = Registered { model: "n".into(), ..adapter("x", &["s"]) };
    log.promote(&elsewhere).unwrap();
    let of = |r: &Registered| r.subjects.iter().any(|s| s == "s");
    let dropped = log.drop_adapters(&of, "Erased.").unwrap();
    assert_eq!(dropped.iter().map(|r| &*r.id).collect::<Vec<_>>(), ["x", "d", "b"]);
    assert!(dropped.iter().all(|r| r.state == State::Dropped && r.ended.is_some()));
    let standing = log.standing("m").unwrap();
    assert_eq!((line(&standing), standing.retrain), (vec!["c", "a"], true));
    assert_eq!((log.standing("n").unwrap().active, state(&log, "c")), (None, State::Active));
    assert_eq!(log.drop_adapters(&of, "Erased.").unwrap(), []);
    log.set_retrain("m", false).unwrap();
    assert_eq!(log.standing("m").unwrap(), Standing { retrain: false, ..standing });
}

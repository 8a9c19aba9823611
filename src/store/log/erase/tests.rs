//! What concerns a subject goes, whenever the power does; what concerns nobody stays.

use super::super::registry::State;
use super::super::{Filter, Message};
use super::*;
use crate::ErrorKind;
use std::path::Path;

fn asked(id: &str, subject: Option<&str>) -> Interaction {
    let text = format!("the words of {}", subject.unwrap_or("nobody"));
    let mut interaction = Interaction::new(vec![Message::new("user", text), Message::new("assistant", "So.")]);
    interaction.id = id.into();
    interaction.subject = subject.map(Into::into);
    interaction
}

fn adapter(id: &str, subjects: &[&str]) -> Registered {
    let subjects: Vec<String> = subjects.iter().map(|s| subject_hash(s)).collect();
    serde_json::from_value(serde_json::json!({
        "id": id, "model": "m", "state": "candidate", "time": "2026-01-01T00:00:00Z", "subjects": subjects,
    }))
    .unwrap()
}

/// Three interactions of Ann, one of Bob, one of nobody.
fn open(dir: &Path) -> Log {
    let log = Log::open(dir).unwrap();
    for (id, subject) in [("1", Some("ann")), ("2", Some("bob")), ("3", Some("ann")), ("4", None), ("5", Some("ann"))] {
        log.put(&asked(id, subject)).unwrap();
    }
    log
}

fn ids(log: &Log) -> Vec<String> {
    log.list(&Filter::default()).unwrap().interactions.into_iter().map(|i| i.id).rev().collect()
}

fn holds(dir: &Path, text: &str) -> bool {
    let bytes = std::fs::read(dir.join("data.mdb")).unwrap();
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

#[test]
fn a_subject_s_words_leave_the_log_and_its_file() {
    let home = tempfile::tempdir().unwrap();
    let log = open(home.path());
    let erasure = log.erase("ann", &[], &[], 0).unwrap().unwrap();
    assert_eq!(ids(&log), ["2", "4"]);
    assert_eq!(erasure.subject, salted(&erasure.salt, "ann"));
    assert_eq!(erasure.lineage, salted(&erasure.salt, &subject_hash("ann")));
    assert_eq!(erasure.interactions.len(), 3);
    assert!(erasure.interactions.contains(&salted(&erasure.salt, "3")));
    assert!(log.uncompacted().unwrap().is_some() && holds(home.path(), "words of ann"));
    drop(log);
    let log = Log::open(home.path()).unwrap();
    assert_eq!((log.uncompacted().unwrap(), holds(home.path(), "words of ann")), (None, false));
    assert!(holds(home.path(), "words of bob") && ids(&log) == ["2", "4"]);
    // Until it is finished, it is there to go on with, and takes in what came since.
    assert_eq!(log.erase("ann", &[], &[], 0).unwrap().as_ref(), Some(&erasure));
    log.put(&asked("6", Some("ann"))).unwrap();
    let more = log.erase("ann", &["a".into()], &["shop".into()], 0).unwrap().unwrap();
    assert_eq!((more.salt == erasure.salt, more.interactions.len()), (true, 4));
    assert_eq!((&more.adapters[..], &more.models[..]), (&["a".to_owned()][..], &["shop".to_owned()][..]));
    log.finish_erasure("ann").unwrap();
    assert_eq!(log.erase("ann", &[], &[], 0).unwrap(), None);
    assert!(log.erased("ann").unwrap().is_some() && log.erased("bob").unwrap().is_none());
}

#[test]
fn who_is_unknown_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let log = open(home.path());
    for nobody in ["carol", "an", "anna", "", "ANN"] {
        assert_eq!(log.erase(nobody, &[], &[], 0).unwrap(), None);
        assert_eq!((log.erased(nobody).unwrap(), log.uncompacted().unwrap()), (None, None));
    }
    log.finish_erasure("carol").unwrap();
    assert_eq!((ids(&log).len(), log.erased("carol").unwrap()), (5, None));
}

#[test]
fn what_learned_from_a_subject_serves_no_more() {
    let home = tempfile::tempdir().unwrap();
    let log = open(home.path());
    log.promote(&adapter("a", &["bob"])).unwrap();
    log.promote(&adapter("b", &["ann", "bob"])).unwrap();
    log.promote(&adapter("c", &[])).unwrap();
    let erasure = log.erase("ann", &["c".into()], &[], 0).unwrap().unwrap();
    assert_eq!(erasure.adapters, ["b", "c"]);
    let standing = log.standing("m").unwrap();
    assert_eq!((standing.active.as_deref(), standing.previous.len(), standing.retrain), (Some("a"), 0, true));
    assert_eq!(log.registered("b").unwrap().unwrap().state, State::Dropped);
    assert_eq!(log.promote(&adapter("b", &[])).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_damaged_record_stops_no_erasure_and_is_counted() {
    let home = tempfile::tempdir().unwrap();
    let log = open(home.path());
    let raw = log.tables.interactions.raw();
    log.env.write(|txn| Ok(raw.put(txn, b"2", b"rot")?)).unwrap();
    let erasure = log.erase("ann", &[], &[], 0).unwrap().unwrap();
    assert_eq!((erasure.interactions.len(), erasure.unreadable), (3, 1));
    assert_eq!(ids(&log), ["4"]);
    // It may be hers: that she is gone stands.
    assert_eq!(log.promote(&adapter("a", &["ann"])).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn what_was_learning_meanwhile_is_not_promoted_later() {
    let home = tempfile::tempdir().unwrap();
    let log = open(home.path());
    let of_ann = |spoken: Option<Timestamp>| Registered {
        spoken: spoken.map(|time| (subject_hash("ann"), time)).into_iter().collect(),
        ..adapter("a", &["ann", "bob"])
    };
    let candidate = of_ann(Some(Timestamp::now()));
    log.erase("ann", &[], &[], 0).unwrap();
    let error = log.promote(&candidate).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("erased"), "{error}");
    log.promote(&adapter("b", &["bob"])).unwrap();
    // Until it is finished somebody may still be reading what it took out.
    assert!(log.promote(&of_ann(Some(Timestamp::now()))).is_err());
    log.finish_erasure("ann").unwrap();
    // Somebody who was erased and comes back can be learned from again: what was said since, and nothing else.
    let again = asked("6", Some("ann"));
    log.put(&again).unwrap();
    for before in [candidate, of_ann(None)] {
        assert_eq!(log.promote(&before).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(log.admit("a", &before.subjects, &before.spoken).unwrap_err().kind(), ErrorKind::Invalid);
    }
    log.promote(&of_ann(Some(again.time))).unwrap();
}

/// On a board without a battery the clock stands before what was erased: a counter tells before from after.
#[test]
fn after_an_erasure_a_subject_is_served_whatever_the_clock_says() {
    let home = tempfile::tempdir().unwrap();
    let log = Log::open(home.path()).unwrap();
    let mut later = asked("1", Some("ann"));
    later.time = Timestamp::now() + SignedDuration::from_hours(24 * 365);
    log.put(&later).unwrap();
    let before = log.erasures("ann").unwrap();
    log.erase("ann", &[], &[], 0).unwrap().unwrap();
    log.finish_erasure("ann").unwrap();
    let after = log.erasures("ann").unwrap();
    assert!(before < after && log.erasures("bob").unwrap() == 0);
    // What is asked now, a year before, is told from what was erased: it is kept, and gets a time behind that.
    log.put(&asked("2", Some("ann"))).unwrap();
    assert_eq!(log.erasures("ann").unwrap(), after);
    assert!(log.get("2").unwrap().time > later.time);
    // An adapter that learned the words that were erased is refused, although they were spoken after "now".
    let spoken = [(subject_hash("ann"), later.time)].into();
    assert!(log.admit("x", &[subject_hash("ann")], &spoken).is_err());
    let spoken = [(subject_hash("ann"), log.get("2").unwrap().time)].into();
    log.admit("x", &[subject_hash("ann")], &spoken).unwrap();
}

#[test]
fn an_import_leaves_out_what_was_erased_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let log = open(home.path());
    let mut backup = Vec::new();
    log.export(&mut backup).unwrap();
    log.erase("ann", &[], &[], 0).unwrap().unwrap();
    log.finish_erasure("ann").unwrap();
    let imported = log.import(&backup[..], &crate::watch::Cancel::new()).unwrap();
    assert_eq!((imported.added, imported.replaced, imported.left_out), (0, 2, 3));
    assert_eq!(ids(&log), ["2", "4"]);
    // What was said since comes back.
    log.put(&asked("6", Some("ann"))).unwrap();
    let mut backup = Vec::new();
    log.export(&mut backup).unwrap();
    assert_eq!(log.import(&backup[..], &crate::watch::Cancel::new()).unwrap().left_out, 0);
}

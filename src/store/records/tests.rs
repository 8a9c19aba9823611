//! Records under their persons: found, kept up to date, erased, and nobody else's.

use super::*;
use jiff::Timestamp;
use proptest::prelude::*;

fn new(subject: &str, key: &str, time: Option<i64>, vector: &[f32], words: &[u32]) -> NewRecord {
    let text = format!("{key} of {subject}");
    let record = Record { id: key.into(), date: None, time, text, row: Map::new() };
    NewRecord { subject: subject.into(), key: key.into(), record, vector: vector.to_vec(), words: words.to_vec() }
}

fn store() -> (tempfile::TempDir, Records) {
    let dir = tempfile::tempdir().unwrap();
    let records = Records::open(dir.path()).unwrap();
    (dir, records)
}

fn wanted(vector: &[f32], words: &[u32]) -> Wanted {
    Wanted { vector: vector.to_vec(), words: words.to_vec(), weight: 0.3 }
}

fn ids(found: Vec<(f32, Record)>) -> Vec<String> {
    found.into_iter().map(|(_, record)| record.text).collect()
}

#[test]
fn a_person_finds_the_nearest_and_the_newest_of_their_own() {
    let (_dir, records) = store();
    let all = [
        new("a", "1", Some(10), &[1.0, 0.0], &[7]),
        new("a", "2", Some(30), &[0.0, 1.0], &[8]),
        new("a", "3", None, &[0.6, 0.8], &[]),
        new("b", "1", Some(99), &[1.0, 0.0], &[7]),
    ];
    records.put("orders", "e", &all).unwrap();
    let a = records.of("a").unwrap().unwrap();
    assert_eq!(ids(a.nearest("orders", &wanted(&[1.0, 0.0], &[]), 2).unwrap()), ["1 of a", "3 of a"]);
    // The word outweighs the vector: 0.8 + 0.3 is more than 1.
    assert_eq!(ids(a.nearest("orders", &wanted(&[0.6, 0.8], &[8]), 1).unwrap()), ["2 of a"]);
    let newest: Vec<String> = a.newest("orders", 9).unwrap().into_iter().map(|r| r.id).collect();
    assert_eq!(newest, ["2", "1", "3"]);
    assert!(a.nearest("order", &wanted(&[1.0, 0.0], &[]), 9).unwrap().is_empty(), "a source is no prefix of another");
    assert!(a.newest("orders", 0).unwrap().is_empty());
    assert!(records.of("c").unwrap().is_none());
    assert_eq!(records.subjects().unwrap(), ["a", "b"]);
}

#[test]
fn what_is_no_longer_in_the_source_goes_and_what_is_unchanged_is_known() {
    let (_dir, records) = store();
    let all = [new("a", "1", None, &[1.0], &[]), new("a", "2", None, &[1.0], &[]), new("b", "1", None, &[1.0], &[])];
    records.put("orders", "e", &all).unwrap();
    records.put("visits", "e", &all[..1]).unwrap();
    let changed = Record { text: "else".into(), ..all[1].record.clone() };
    let asked = [("a", "1", &all[0].record), ("a", "2", &changed), ("z", "1", &all[0].record)];
    assert_eq!(records.unchanged("orders", "e", &asked).unwrap(), [true, false, false]);
    assert_eq!(records.unchanged("orders", "f", &asked).unwrap(), [false; 3]);
    let kept = HashSet::from([("a".to_owned(), "1".to_owned())]);
    assert_eq!(records.retain("orders", &kept).unwrap(), 2);
    assert_eq!(records.stats().unwrap().records, 2, "the other source's record stays");
}

#[test]
fn an_erased_person_leaves_nothing_and_a_namesake_begins_anew() {
    let (dir, records) = store();
    let secret = "quetzal-9931";
    let mut one = new("a", "1", None, &[1.0], &[]);
    one.record.text = secret.into();
    records.put("orders", "e", &[one, new("b", "1", None, &[1.0], &[])]).unwrap();
    let a = records.of("a").unwrap().unwrap();
    a.keep("tickets", &Said { time: Timestamp::now(), query: 1, rows: vec![] }).unwrap();
    assert_eq!(records.erase("a").unwrap(), 3);
    assert!(a.all().unwrap().is_empty() && a.said("tickets").unwrap().is_none());
    assert!(records.of("a").unwrap().is_none());
    assert_eq!(records.erase("a").unwrap(), 0);
    assert!(records.person("a").unwrap().number > 1, "numbers are not given twice");
    drop(records);
    let records = Records::open(dir.path()).unwrap();
    assert_eq!(records.uncompacted().unwrap(), None);
    let bytes = std::fs::read(dir.path().join("data.mdb")).unwrap();
    assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
    assert_eq!(records.of("b").unwrap().unwrap().all().unwrap().len(), 1);
}

#[test]
fn names_that_cannot_be_keys_are_refused() {
    let (_dir, records) = store();
    for name in ["", "a\0b", "\n", &"x".repeat(201)] {
        assert!(records.of(name).unwrap().is_none());
        assert!(records.person(name).is_err(), "{name:?}");
        assert!(records.put("orders", "e", &[new(name, "1", None, &[], &[])]).is_err(), "{name:?}");
        assert!(records.put(name, "e", &[new("a", "1", None, &[], &[])]).is_err(), "{name:?}");
    }
    assert_eq!(records.stats().unwrap().subjects, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whoever is asked for, under whatever name, only their own records come.
    #[test]
    fn nobody_sees_anothers(
        owned in prop::collection::vec(("[a-c]{1,3}", "[a-z0-9]{1,4}", "orders|order|o"), 1..40), asked in "[a-c]{1,3}",
    ) {
        let (_dir, records) = store();
        for (subject, key, source) in &owned {
            records.put(source, "e", &[new(subject, key, Some(1), &[1.0], &[3])]).unwrap();
        }
        let expected: HashSet<&str> =
            owned.iter().filter(|(s, ..)| *s == asked).map(|(_, key, _)| key.as_str()).collect();
        let Some(person) = records.of(&asked).unwrap() else {
            prop_assert!(expected.is_empty());
            return Ok(());
        };
        let mut seen = HashSet::new();
        for source in ["orders", "order", "o"] {
            for (_, record) in person.nearest(source, &wanted(&[1.0], &[3]), 99).unwrap() {
                let whole = format!("{} of {asked}", record.id);
                prop_assert_eq!(&record.text, &whole);
                seen.insert(record.id);
            }
        }
        prop_assert_eq!(seen.iter().map(String::as_str).collect::<HashSet<_>>(), expected);
        let ending = format!(" of {asked}");
        prop_assert!(person.all().unwrap().iter().all(|(_, r)| r.text.ends_with(&ending)));
    }
}

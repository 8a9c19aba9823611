//! Holds the sample to what it promises: whole, consistent with itself, and in the house style.

use super::*;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

const FILES: &[(&str, &str)] = SHOP.files;
const INTERACTIONS: &str = SHOP.interactions;
const PHONE: &str = "01632 960 418";
const NAMED: [&str; 9] = ["Wren", "Heron", "Otter", "Badger", "Marten", "Vole", "Moth", "Tarn", "Glow"];

fn file(path: &str) -> &'static str {
    FILES.iter().find(|(p, _)| *p == path).map(|(_, text)| *text).unwrap_or_else(|| panic!("{path} is not embedded"))
}

fn rows(path: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(file(path).as_bytes()).deserialize().map(|row| row.unwrap()).collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// Product number to its row.
fn catalogue() -> BTreeMap<String, BTreeMap<String, String>> {
    rows("documents/catalogue.csv").into_iter().map(|row| (row["sku"].clone(), row)).collect()
}

/// The answers that a model should learn from: rated up, or the correction of one rated down.
fn approved(interaction: &Value) -> Vec<&str> {
    match interaction["rating"].as_str() {
        Some("up") => interaction["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|m| m["role"] == "assistant")
            .map(|m| m["content"].as_str().unwrap())
            .collect(),
        Some("down") => vec![interaction["correction"].as_str().expect("a down-rated answer has a correction")],
        _ => Vec::new(),
    }
}

fn words(text: &str) -> HashSet<String> {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

fn sentences(answer: &str) -> Vec<&str> {
    let mut rest = answer;
    let mut found = Vec::new();
    while let Some(end) = rest.find(". ") {
        found.push(&rest[..=end]);
        rest = &rest[end + 2..];
    }
    found.push(rest);
    found
}

/// Which rule of the house style `answer` breaks, if any.
fn style(answer: &str) -> Result<(), String> {
    let parts = sentences(answer);
    let last = parts.last().unwrap();
    let step = last.strip_prefix("Next: ").ok_or("the last sentence is the next step")?;
    if !step.starts_with(|c: char| c.is_ascii_lowercase()) || !answer.ends_with('.') {
        return Err("the next step is written as in the middle of a sentence".into());
    }
    if !(2..=3).contains(&parts.len()) || answer.matches("Next:").count() != 1 {
        return Err(format!("{} sentences", parts.len()));
    }
    if let Some(long) = parts.iter().find(|s| s.split_whitespace().count() > 24) {
        return Err(format!("too long: {long}"));
    }
    let spoken: HashSet<&str> = answer.split(|c: char| !c.is_alphanumeric()).collect();
    let banned = [
        "I", "me", "my", "My", "sorry", "Sorry", "please", "Please", "thank", "Thank", "Hello", "inch", "inches",
        "feet",
    ];
    if let Some(word) = banned.iter().find(|w| spoken.contains(**w)) {
        return Err(format!("says {word}"));
    }
    if answer.contains('!') {
        return Err("exclaims".into());
    }
    for name in NAMED {
        let Some(at) = answer.find(name) else { continue };
        let after = &answer[at + name.len()..];
        let number = after
            .find('(')
            .filter(|open| after[..*open].chars().all(|c| c.is_ascii_lowercase() || c == ' ') && *open <= 20);
        if number.is_none() {
            return Err(format!("{name} without its number"));
        }
    }
    Ok(())
}

/// Whether `text` holds `number` as a number of its own, not as a part of a longer one.
fn states(text: &str, number: &str) -> bool {
    text.match_indices(number).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + number.len()..].chars();
        let (first, second) = (after.next(), after.next());
        let longer = before.is_some_and(|c| c.is_ascii_digit() || c == '.')
            || first.is_some_and(|c| c.is_ascii_digit())
            || (first == Some('.') && second.is_some_and(|c| c.is_ascii_digit()));
        !longer
    })
}

/// The first number, price or product number in `answer` that neither `document` nor the catalogue states.
fn invented(answer: &str, document: &str) -> Option<String> {
    let catalogue = catalogue();
    let answer = answer.replace(PHONE, "");
    let tokens = answer.split_whitespace().map(|t| t.trim_matches(|c: char| "(),.;:?".contains(c)));
    tokens.filter(|t| t.contains(|c: char| c.is_ascii_digit()) || catalogue.contains_key(*t)).find_map(|token| {
        let known = if let Some(price) = token.strip_prefix('£') {
            price.split_once('.').is_some_and(|(_, pence)| pence.len() == 2)
                && (catalogue.values().any(|row| row["price"] == price)
                    || states(document, price)
                    || price.strip_suffix(".00").is_some_and(|pounds| states(document, pounds)))
        } else if token.starts_with(|c: char| c.is_ascii_alphabetic()) {
            catalogue.contains_key(token) || document.contains(token)
        } else {
            let number = token.trim_start_matches('-');
            states(document, number) || catalogue.values().any(|row| row["name"].split(' ').any(|w| w == number))
        };
        (!known).then(|| token.to_owned())
    })
}

#[test]
fn it_writes_every_file() {
    let dir = tempfile::tempdir().unwrap();
    SHOP.write(dir.path()).unwrap();
    SHOP.write(dir.path()).unwrap();
    for (path, text) in FILES {
        assert_eq!(std::fs::read_to_string(dir.path().join(path)).unwrap(), *text);
    }
    let size: usize = FILES.iter().map(|(_, text)| text.len()).sum();
    assert!(size < 400_000, "{size} bytes");
}

#[test]
fn nothing_beside_the_code_is_left_out() {
    for scenario in [SHOP, CLINIC] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sample").join(scenario.name);
        let mut on_disk: Vec<String> = walkdir::WalkDir::new(&folder)
            .into_iter()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.path().strip_prefix(&folder).unwrap().to_string_lossy().replace('\\', "/"))
            .filter(|path| path != "questions.jsonl" && path != "STYLE.txt")
            .collect();
        on_disk.sort();
        assert_eq!(on_disk, scenario.files.iter().map(|(path, _)| *path).collect::<Vec<_>>());
    }
}

#[test]
fn the_style_check_notices() {
    style("It lasts 3 hours. Next: charge it.").unwrap();
    for broken in [
        "It lasts 3 hours.",
        "It lasts. It does. It will. Next: charge it.",
        "I think it lasts. Next: charge it.",
        "Sure! It lasts. Next: charge it.",
        "The Moth lasts. Next: charge it.",
        "It lasts. Next: Charge it.",
    ] {
        assert!(style(broken).is_err(), "{broken}");
    }
    assert_eq!(invented("It lasts 3 hours.", "lasts 3 hours"), None);
    for token in ["13", "£3", "£999.00", "P-999", "3.5"] {
        assert_eq!(invented(&format!("It is {token}."), "lasts 3 hours").as_deref(), Some(token));
    }
}

#[test]
fn interactions_are_whole_and_distinct() {
    let all = lines(INTERACTIONS);
    let count = |rating: Option<&str>| all.iter().filter(|i| i["rating"].as_str() == rating).count();
    assert!(all.len() >= 180 && count(Some("up")) >= 140 && count(Some("down")) >= 15 && count(None) >= 20);

    let ids: HashSet<_> = all.iter().map(|i| i["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), all.len());
    let times: Vec<jiff::Timestamp> = all.iter().map(|i| i["time"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted());
    assert!(times[0] >= "2026-09-21T00:00:00Z".parse().unwrap());
    assert!(*times.last().unwrap() < "2026-11-20T00:00:00Z".parse().unwrap());

    let customers: HashSet<String> = rows("records/customers.csv").into_iter().map(|c| c["id"].clone()).collect();
    for i in &all {
        assert!(i["subject"].as_str().is_none_or(|s| customers.contains(s)), "{i}");
        let turns = i["messages"].as_array().unwrap();
        assert!(turns.len() >= 2 && turns.len() % 2 == 0, "{i}");
        for (n, turn) in turns.iter().enumerate() {
            assert_eq!(turn["role"], ["user", "assistant"][n % 2], "{i}");
        }
    }
    let asked: Vec<_> = all.iter().map(|i| words(i["messages"][0]["content"].as_str().unwrap())).collect();
    for (n, a) in asked.iter().enumerate() {
        for b in &asked[..n] {
            assert!(2 * a.intersection(b).count() <= a.union(b).count(), "nearly the same: {a:?} {b:?}");
        }
    }
}

#[test]
fn approved_answers_keep_the_style_and_the_facts() {
    let mut used = HashSet::new();
    for i in lines(INTERACTIONS) {
        let document = i["document"].as_str();
        let text = document.map(|d| file(&format!("documents/{d}"))).unwrap_or_default();
        for answer in approved(&i) {
            style(answer).unwrap_or_else(|broken| panic!("{broken}: {answer}"));
            assert_eq!(invented(answer, text), None, "{answer}");
            assert_eq!(answer.starts_with("Our papers do not say."), document.is_none(), "{answer}");
            used.extend(document.map(str::to_owned));
        }
    }
    let documents = FILES.iter().filter_map(|(path, _)| path.strip_prefix("documents/"));
    assert_eq!(documents.filter(|d| !used.contains(*d)).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn questions_have_their_document_and_were_never_asked() {
    let questions = SHOP.questions().unwrap();
    assert_eq!(questions.iter().filter(|q| q.document.is_some()).count(), 12);
    assert_eq!(questions.iter().skip(12).filter(|q| q.document.is_none()).count(), 3);
    for q in &questions {
        if let Some(document) = &q.document {
            file(&format!("documents/{document}"));
        }
        let these = words(&q.question);
        for i in lines(INTERACTIONS) {
            let those = words(i["messages"][0]["content"].as_str().unwrap());
            assert!(2 * these.intersection(&those).count() <= these.union(&those).count(), "{these:?} {those:?}");
        }
    }
}

#[test]
fn documents_name_only_what_the_catalogue_sells() {
    let catalogue = catalogue();
    assert!((40..=60).contains(&catalogue.len()));
    assert_eq!(rows("documents/catalogue.csv").len(), catalogue.len(), "a number is used twice");
    for row in catalogue.values() {
        assert!(row["price"].parse::<f64>().unwrap() > 0.0 && row["in_stock"].parse::<u32>().is_ok(), "{row:?}");
    }
    for (path, text) in FILES.iter().filter(|(path, _)| path.starts_with("documents/") && !path.ends_with(".csv")) {
        for inner in text.split('(').skip(1).filter_map(|t| t.split_once(')')).map(|(inner, _)| inner) {
            let number = inner.split_once('-').is_some_and(|(kind, digits)| {
                kind.len() <= 2
                    && kind.chars().all(|c| c.is_ascii_uppercase())
                    && digits.starts_with(|c: char| c.is_ascii_digit())
            });
            assert!(!number || catalogue.contains_key(inner), "{path} names {inner}");
        }
    }
    assert!(lines(file("documents/bulletins.jsonl")).len() >= 10);
}

#[test]
fn records_agree_with_one_another() {
    let catalogue = catalogue();
    let customers: HashSet<String> = rows("records/customers.csv").into_iter().map(|c| c["id"].clone()).collect();
    assert_eq!(customers.len(), 40);
    let orders = rows("records/orders.csv");
    assert!(orders.len() >= 150);
    for line in &orders {
        assert!(customers.contains(&line["customer"]), "{line:?}");
        let price = &catalogue[&line["sku"]]["price"];
        assert!(line["unit_price"] == *price || line["unit_price"] == "0.00", "{line:?}");
    }
    let complaints = lines(file("records/complaints.jsonl"));
    assert!(complaints.len() >= 25 && complaints.iter().any(|c| c["status"] == "open"));
    for c in &complaints {
        let bought = |l: &&BTreeMap<String, String>| {
            c["order"] == l["order"].as_str()
                && c["customer"] == l["customer"].as_str()
                && c["product"] == l["sku"].as_str()
        };
        assert!(orders.iter().any(|l| bought(&l)), "{c}");
        assert_eq!(c["status"] == "open", c["answer"].is_null(), "{c}");
    }
}

//! What concerns a subject goes, whenever the power does. Adapters and models are their manifests alone: nothing here
//! looks further.

use super::*;
use crate::ErrorKind;
use crate::store::log::{Erasure, Interaction, Message, Registered};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

fn write(path: &Path, value: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, value.to_string()).unwrap();
}

fn adapter(home: &Path, id: &str, subjects: &[&str]) {
    let subjects: Vec<String> = subjects.iter().map(|s| subject_hash(s)).collect();
    let manifest = json!({
        "format": 1, "id": id, "base": "base", "base_fingerprint": "m", "tokenizer_sha256": "", "rank": 8,
        "created": "2026-01-01T00:00:00Z", "loss": [], "bytes": 1, "sha256": "",
        "lineage": { "data": [], "seed": 0, "steps": 1, "epochs": 1, "retrieval": false, "kind": "chat",
            "subjects": subjects },
    });
    write(&home.join("adapters").join(id).join("wayside.json"), &manifest);
}

fn model(home: &Path, name: &str, adapter: &str, subjects: &[&str]) {
    let subjects: Vec<String> = subjects.iter().map(|s| subject_hash(s)).collect();
    let manifest = json!({
        "format": 1, "name": name, "architecture": "llama", "parameters": 1, "weights": "int8", "source": "folder",
        "model": { "kind": "decoder", "layers": 2, "kv_heads": 1, "head_dim": 2, "vocabulary": 3, "context": 4,
            "bos": null, "eos": [], "cache": "in_place" },
        "merged": { "base": "base", "base_fingerprint": "m", "adapter": adapter, "subjects": subjects },
        "files": {},
    });
    write(&home.join("models").join(name).join("manifest.json"), &manifest);
}

/// A home where Ann and Bob have asked, and adapters have learned from each, both and neither.
fn home() -> (tempfile::TempDir, Runtime) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path();
    for (id, subjects) in [("aa", &["ann"][..]), ("bb", &["bob"]), ("ab", &["ann", "bob"]), ("00", &[])] {
        adapter(path, id, subjects);
    }
    model(path, "of-aa", "aa", &["ann"]);
    model(path, "of-bb", "bb", &["bob"]);
    model(path, "of-registered", "rr", &[]);
    // The adapter itself was removed by hand.
    model(path, "of-removed", "xx", &["ann"]);
    write(&path.join("learn/examples"), &json!("the words of ann"));
    write(&path.join("chat_history"), &json!("the words of ann"));
    fs::create_dir(path.join("adapters/.tmp-killed")).unwrap();
    write(&path.join("prefixes/by-aa"), &json!("what aa made of the instructions"));
    let runtime = Runtime::open(path).unwrap();
    let log = runtime.log().unwrap();
    for (id, subject) in [("1", "ann"), ("2", "bob"), ("3", "ann")] {
        let mut asked = Interaction::new(vec![Message::new("user", format!("the words of {subject}"))]);
        (asked.id, asked.subject) = (id.into(), Some(subject.into()));
        log.put(&asked).unwrap();
    }
    for (id, subjects) in [("bb", &["bob"][..]), ("rr", &["ann"])] {
        let record = json!({
            "id": id, "model": "m", "state": "candidate", "time": "2026-01-01T00:00:00Z",
            "subjects": subjects.iter().map(|s| subject_hash(s)).collect::<Vec<_>>(),
        });
        log.promote(&serde_json::from_value::<Registered>(record).unwrap()).unwrap();
    }
    drop(log);
    // Left by whoever brought the adapters in.
    drop(runtime.publishing().unwrap());
    (home, runtime)
}

/// Every file with its bytes, but for LMDB's own.
fn files(home: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(home).into_iter().flatten().filter(|e| e.file_type().is_file());
    let own = |path: &PathBuf| path.extension().is_none_or(|e| e != "mdb");
    entries.map(|e| e.into_path()).filter(own).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Ann is gone, and nothing else is.
fn check(home: &Path, runtime: &Runtime, erased: &Erased) {
    let receipt = &erased.receipt;
    assert_eq!((receipt.removed.interactions, receipt.compacted), (2, true), "{receipt:?}");
    assert_eq!(receipt.adapters, ["aa", "ab", "rr"]);
    assert_eq!(receipt.models, ["of-aa", "of-registered", "of-removed"]);
    assert_eq!(
        (names(&home.join("adapters")), names(&home.join("models"))),
        (vec!["00".into(), "bb".into()], vec!["of-bb".to_owned()])
    );
    assert!(!home.join("prefixes").exists());
    let log = runtime.log().unwrap();
    assert_eq!(log.list(&Filter::default()).unwrap().interactions.into_iter().map(|i| i.id).collect::<Vec<_>>(), ["2"]);
    let standing = log.standing("m").unwrap();
    assert_eq!((standing.active.as_deref(), standing.retrain), (Some("bb"), true));
    for entry in walkdir::WalkDir::new(home).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(12).any(|w| w == b"words of ann"), "{:?}", entry.path());
    }
    let claims = runtime.verify_erasure(&erased.path).unwrap();
    assert!(claims.iter().all(|claim| claim.ok) && claims.len() == 6, "{claims:?}");
    let error = runtime.erase("ann").unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("it was erased on"), "{error}");
    assert_eq!(names(&home.join("receipts")).len(), 1);
}

#[test]
fn what_concerns_a_subject_goes_and_the_rest_stays() {
    let (home, runtime) = home();
    let erased = runtime.erase("ann").unwrap();
    check(home.path(), &runtime, &erased);
}

#[test]
fn an_interrupted_erasure_is_finished_by_the_same_call() {
    type Step = fn(&Path, &Runtime, &Erasure);
    // After the transaction, these follow; the power goes after none of them, the first, the first two...
    let steps: [Step; 7] = [
        |home, _, _| fs::rename(home.join("models/of-aa"), home.join("models/.gone-of-aa")).unwrap(),
        |_, runtime, erasure| {
            erasure.models.iter().for_each(|name| durable::discard(&runtime.bundle_dir(name)).unwrap());
        },
        |home, _, _| fs::rename(home.join("adapters/aa"), home.join("adapters/.gone-aa")).unwrap(),
        |home, _, erasure| {
            erasure.adapters.iter().for_each(|id| durable::discard(&home.join("adapters").join(id)).unwrap());
        },
        |home, _, _| durable::discard(&home.join("learn")).unwrap(),
        |_, runtime, _| assert_eq!(runtime.compacted().unwrap(), None),
        |home, _, erasure| drop(Receipt::new(erasure.clone(), None).write(home).unwrap()),
    ];
    for taken in 0..=steps.len() {
        let (home, runtime) = home();
        let log = runtime.log().unwrap();
        let adapters = runtime.taught_by("ann", &log).unwrap();
        let models = runtime.merged_from("ann", &adapters).unwrap();
        let erasure = log.erase("ann", &adapters, &models, 0).unwrap().unwrap();
        drop(log);
        steps.iter().take(taken).for_each(|step| step(home.path(), &runtime, &erasure));
        // Another process goes on.
        drop(runtime);
        let runtime = Runtime::open(home.path()).unwrap();
        let erased = runtime.erase("ann").unwrap();
        check(home.path(), &runtime, &erased);
    }
}

#[test]
fn what_is_being_added_is_waited_for() {
    let (home, runtime) = home();
    let adding = runtime.publishing().unwrap();
    let erased = std::thread::scope(|scope| {
        let erasing = scope.spawn(|| runtime.erase("ann"));
        std::thread::sleep(std::time::Duration::from_millis(200));
        adapter(home.path(), "late", &["ann"]);
        model(home.path(), "late", "late", &["ann"]);
        drop(adding);
        erasing.join().unwrap().unwrap()
    });
    assert_eq!(erased.receipt.adapters, ["aa", "ab", "late", "rr"]);
    assert_eq!(names(&home.path().join("models")), ["of-bb"]);
    assert!(runtime.verify_erasure(&erased.path).unwrap().iter().all(|claim| claim.ok));
}

#[test]
fn nothing_changes_for_a_subject_that_nothing_concerns() {
    let (home, runtime) = home();
    let before = files(home.path());
    let error = runtime.erase("carol").unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("'carol'"), "{error}");
    assert_eq!(files(home.path()), before);
    assert_eq!(runtime.log().unwrap().uncompacted().unwrap(), None);
}

#[test]
fn what_nobody_can_read_stops_it_before_anything_changes() {
    let (home, runtime) = home();
    fs::write(home.path().join("adapters/00/wayside.json"), "{").unwrap();
    let error = runtime.erase("ann").unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("adapter 00"), "{error}");
    assert_eq!(runtime.log().unwrap().len().unwrap(), 3);
}

#[test]
fn what_is_damaged_is_reported_and_no_claim_is_made_about_it() {
    let (home, runtime) = home();
    drop(runtime);
    let path = home.path().join("log/data.mdb");
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<usize> = (0..bytes.len() - 12).filter(|&at| bytes[at..].starts_with(b"words of bob")).collect();
    places.into_iter().for_each(|at| bytes[at] ^= 1);
    fs::write(&path, bytes).unwrap();
    let runtime = Runtime::open(home.path()).unwrap();
    assert_eq!(runtime.interactions().unwrap().len(), 2, "what learning and probation look at");
    let error = runtime.erase("carol").unwrap_err().to_string();
    assert!(error.contains("'carol'; of the log's interactions 1 cannot be read"), "{error}");
    let erased = runtime.erase("ann").unwrap();
    assert_eq!((erased.receipt.removed.interactions, erased.receipt.unreadable), (2, 1));
    assert!(erased.receipt.is_whole());
    let claims = runtime.verify_erasure(&erased.path).unwrap();
    let wrong: Vec<&Claim> = claims.iter().filter(|claim| !claim.ok).collect();
    assert!(wrong.len() == 1 && wrong[0].check == "interactions" && wrong[0].detail.contains("'2'"), "{claims:?}");
}

#[test]
fn who_uses_the_log_meanwhile_puts_compaction_off() {
    let (home, runtime) = home();
    let log = runtime.log().unwrap();
    let erased = runtime.erase("ann").unwrap();
    assert!(!erased.receipt.compacted && erased.receipt.is_whole(), "{erased:?}");
    let open = |claims: Vec<Claim>| claims.into_iter().filter(|c| !c.ok).map(|c| c.check).collect::<Vec<_>>();
    assert_eq!(open(runtime.verify_erasure(&erased.path).unwrap()), ["compaction"]);
    drop((log, runtime));
    let runtime = Runtime::open(home.path()).unwrap();
    assert_eq!(open(runtime.verify_erasure(&erased.path).unwrap()), [""; 0]);
}

#[test]
fn what_comes_back_is_noticed() {
    let (home, runtime) = home();
    let erased = runtime.erase("ann").unwrap();
    let mut asked = Interaction::new(vec![]);
    asked.id = "1".into();
    runtime.log().unwrap().put(&asked).unwrap();
    asked.id = "new".into();
    asked.subject = Some("ann".into());
    runtime.log().unwrap().put(&asked).unwrap();
    adapter(home.path(), "again", &["ann"]);
    model(home.path(), "again", "aa", &[]);
    let text = fs::read_to_string(&erased.path).unwrap();
    fs::write(&erased.path, text.replacen("\"interactions\": 2", "\"interactions\": 1", 1)).unwrap();
    let claims = runtime.verify_erasure(&erased.path).unwrap();
    let wrong: Vec<&str> = claims.iter().filter(|c| !c.ok).map(|c| c.check).collect();
    assert_eq!(wrong, ["receipt", "interactions", "adapters", "models"], "{claims:?}");
    assert!(claims[1].detail.contains("1 is in the log") && claims[1].detail.contains("new is in the log"));
}

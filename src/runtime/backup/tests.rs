//! What is backed up comes back, whatever happens in between.

use super::*;
use crate::ErrorKind;
use crate::store::log::{Filter, Interaction, Message};
use crate::watch::{Cancel, Quiet};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A home that was lived in, and a place for its backup.
struct Life {
    dir: tempfile::TempDir,
    runtime: Runtime,
}

fn life() -> Life {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    for (path, text) in [
        ("config.toml", "threads = 1\n"),
        ("adapters/one/adapter_model.safetensors", "factors"),
        ("adapters/.tmp-half/file", "half"),
        ("receipts/20260101.json", "{}"),
        ("theme/theme.css", "b {}"),
        ("notes/of mine.lock", "anything"),
        ("models/m/weights.bin", "weights"),
        ("parts/p/lib.so", "library"),
        ("learn/adapter/checkpoint", "checkpoint"),
        ("prefixes/p", "prefix"),
        ("turn", ""),
        (".tmp-scratch/file", "scratch"),
    ] {
        fs::create_dir_all(home.join(path).parent().unwrap()).unwrap();
        fs::write(home.join(path), text).unwrap();
    }
    let runtime = Runtime::open(&home).unwrap();
    for n in 0..50 {
        say(&runtime, n);
    }
    runtime.index().unwrap();
    Life { dir, runtime }
}

fn say(runtime: &Runtime, n: usize) {
    let said =
        Interaction { id: format!("i-{n}"), ..Interaction::new(vec![Message::new("user", format!("words {n}"))]) };
    runtime.log().unwrap().put(&said).unwrap();
}

impl Life {
    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn back_up(&self) -> BackedUp {
        self.runtime.back_up(&self.at("backup"), false).unwrap()
    }

    fn verified(&self) -> Verified {
        verify(&self.at("backup"), &Quiet, &Cancel::new()).unwrap()
    }

    fn restore(&self, name: &str, replace: bool) -> Result<Restored> {
        restore(&self.at("backup"), &self.at(name), replace, &Quiet, &Cancel::new())
    }

    /// The interactions in a home.
    fn said(&self, name: &str) -> BTreeSet<String> {
        let log = Log::open(&self.at(name).join("log")).unwrap();
        log.list(&Filter::default()).unwrap().interactions.into_iter().map(|i| i.id).collect()
    }
}

#[test]
fn what_belongs_to_the_home_comes_back_and_only_what_is_new_is_written() {
    let life = life();
    let first = life.back_up();
    assert_eq!(first.left_out, ["learn", "models", "parts", "prefixes"]);
    assert_eq!((first.files, first.copied), (7, 7), "two stores and five files");
    let again = life.back_up();
    assert_eq!((again.files, again.copied, again.copied_bytes, again.bytes), (7, 0, 0, first.bytes));
    fs::write(life.at("home/theme/theme.css"), "i {}").unwrap();
    say(&life.runtime, 50);
    let third = life.back_up();
    assert_eq!((third.files, third.copied), (7, 2), "the style and the log");
    assert_eq!(fs::read_dir(life.at("backup/files")).unwrap().count(), 7, "what nobody names is gone");

    let restored = life.restore("new/home", false).unwrap();
    assert_eq!((restored.files, restored.former), (7, None));
    assert_eq!(life.said("new/home").len(), 51);
    let read = |path: &str| fs::read_to_string(life.at("new/home").join(path)).ok();
    for (path, text) in
        [("theme/theme.css", "i {}"), ("notes/of mine.lock", "anything"), ("config.toml", "threads = 1\n")]
    {
        assert_eq!(read(path).as_deref(), Some(text));
    }
    for path in ["models", "learn", "prefixes", "turn", "adapters/.tmp-half", ".tmp-scratch"] {
        assert!(!life.at("new/home").join(path).exists(), "{path}");
    }
    let with_models = life.runtime.back_up(&life.at("backup"), true).unwrap();
    assert_eq!((with_models.files, with_models.copied), (9, 2));
    life.restore("newer", false).unwrap();
    assert_eq!(fs::read_to_string(life.at("newer/models/m/weights.bin")).unwrap(), "weights");
}

#[cfg(unix)]
#[test]
fn backups_and_homes_are_their_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let life = life();
    life.back_up();
    life.restore("new", false).unwrap();
    for root in ["backup", "new"] {
        for entry in walkdir::WalkDir::new(life.at(root)) {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let wanted = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, wanted, "{}", entry.path().display());
        }
    }
}

#[test]
fn what_was_acknowledged_before_it_began_is_in_it() {
    let life = life();
    let (acknowledged, over) = (AtomicUsize::new(50), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 50.. {
                say(&life.runtime, n);
                acknowledged.store(n + 1, Ordering::SeqCst);
                if over.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        for round in 0..5 {
            let before = acknowledged.load(Ordering::SeqCst);
            life.back_up();
            let home = format!("home-{round}");
            life.restore(&home, false).unwrap();
            let said = life.said(&home);
            let missing: Vec<usize> = (0..before).filter(|n| !said.contains(&format!("i-{n}"))).collect();
            assert_eq!(missing, [0; 0], "of {before}");
            // And of what came later, no gaps: a state that there was.
            assert!((0..said.len()).all(|n| said.contains(&format!("i-{n}"))));
        }
        over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_flipped_byte_is_named_refused_and_mended_by_the_next_backup() {
    let life = life();
    life.back_up();
    let manifest = Manifest::read(&life.at("backup")).unwrap();
    for (file, entry) in &manifest.files {
        let copy = life.at("backup/files").join(&entry.sha256);
        let mut bytes = fs::read(&copy).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&copy, bytes).unwrap();
        let damaged = life.verified().damaged;
        assert_eq!(damaged.iter().map(|d| &d.file).collect::<Vec<_>>(), [file]);
        let refused = life.restore("new", false).unwrap_err();
        assert!(refused.kind() == ErrorKind::Corrupt && refused.to_string().contains(file), "{refused}");
        let refused = life.restore("home", true).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Corrupt);
        assert!(!life.at("new").exists() && life.at("home/notes/of mine.lock").exists());
        assert_eq!(life.back_up().copied, 1, "what rotted is written anew");
        assert_eq!(life.verified().damaged.len(), 0);
    }
    fs::remove_file(life.at("backup/files").join(&manifest.files["config.toml"].sha256)).unwrap();
    assert_eq!(life.verified().damaged[0].why, "it is missing");
    life.back_up();
    let list = fs::read(life.at("backup/backup.json")).unwrap();
    let mut unnoticed = 0;
    for at in 0..list.len() {
        let mut flipped = list.clone();
        flipped[at] ^= 1;
        fs::write(life.at("backup/backup.json"), flipped).unwrap();
        match verify(&life.at("backup"), &Quiet, &Cancel::new()) {
            Err(e) => assert!(matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible), "{e}"),
            // Space between words says nothing.
            Ok(found) => {
                assert!(found.damaged.is_empty() && list[at].is_ascii_whitespace());
                unnoticed += 1;
            }
        }
    }
    assert!(unnoticed < list.len() / 4);
}

#[test]
fn one_that_is_broken_off_leaves_the_former_one() {
    let life = life();
    life.back_up();
    let former = fs::read(life.at("backup/backup.json")).unwrap();
    say(&life.runtime, 50);
    fs::write(life.at("home/theme/theme.css"), "i {}").unwrap();
    for looks in 0.. {
        let left = AtomicUsize::new(looks);
        let cancel = Cancel::new()
            .or_when(move || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_err());
        let stopped = life.runtime.clone().watched(std::sync::Arc::new(Quiet), cancel);
        match stopped.back_up(&life.at("backup"), true) {
            Ok(done) => {
                assert!(looks > 10 && done.files == 9, "{looks} {done:?}");
                break;
            }
            Err(e) => assert_eq!(e.kind(), ErrorKind::Cancelled),
        }
        assert_eq!(fs::read(life.at("backup/backup.json")).unwrap(), former);
        assert_eq!(life.verified().damaged.len(), 0);
    }
    assert_eq!(life.restore("new", false).unwrap().files, 9);
    assert_eq!(life.said("new").len(), 51);
}

#[test]
fn a_home_that_holds_data_is_kept_beside_the_one_that_replaces_it() {
    let life = life();
    life.back_up();
    say(&life.runtime, 50);
    fs::write(life.at("home/receipts/20260202.json"), "{}").unwrap();
    let refused = life.restore("home", false).unwrap_err();
    assert!(refused.kind() == ErrorKind::Invalid && refused.to_string().contains("--replace"), "{refused}");
    assert_eq!(life.restore("home", true).unwrap_err().kind(), ErrorKind::Busy, "this process has the log open");
    life.runtime.loaded().log = None;
    life.runtime.loaded().index = None;
    let restored = life.restore("home", true).unwrap();
    let former = restored.former.unwrap();
    assert_eq!(restored.erased_since, ["20260202.json"]);
    assert_eq!((life.said("home").len(), life.said(former.file_name().unwrap().to_str().unwrap()).len()), (50, 51));
    assert_eq!(fs::read_to_string(life.at("home/models/m/weights.bin")).unwrap(), "weights", "models stay");
    assert!(former.join("models/m/weights.bin").exists() && former.join("learn").exists());

    // A home in which models were fetched, and nothing else: it takes a backup, and nothing is left beside it.
    fs::create_dir_all(life.at("fresh/models/other")).unwrap();
    fs::write(life.at("fresh/models/other/weights.bin"), "theirs").unwrap();
    assert_eq!(life.restore("fresh", false).unwrap().former, None);
    assert_eq!(fs::read_to_string(life.at("fresh/models/other/weights.bin")).unwrap(), "theirs");
    assert_eq!(life.said("fresh").len(), 50);
    let beside = fs::read_dir(life.dir.path()).unwrap().flatten().map(|e| e.path());
    let wanted = ["backup", "fresh", "home"].map(|name| life.at(name)).into_iter().chain([former]);
    assert_eq!(beside.collect::<BTreeSet<_>>(), wanted.collect());
}

#[test]
fn a_model_that_only_the_home_has_stays_whatever_the_backup_holds() {
    let life = life();
    life.runtime.back_up(&life.at("backup"), true).unwrap();
    fs::create_dir_all(life.at("fresh/models/mine")).unwrap();
    fs::write(life.at("fresh/models/mine/weights.bin"), "mine").unwrap();
    assert_eq!(life.restore("fresh", false).unwrap().former, None);
    for (path, text) in [("models/mine/weights.bin", "mine"), ("models/m/weights.bin", "weights")] {
        assert_eq!(fs::read_to_string(life.at("fresh").join(path)).unwrap(), text);
    }
}

#[test]
fn what_was_revoked_stays_so_and_receipts_come_along() {
    let life = life();
    fs::create_dir_all(life.at("home/trust")).unwrap();
    fs::write(life.at("home/trust/revoked"), "aa\n").unwrap();
    life.back_up();
    fs::write(life.at("home/trust/revoked"), "aa\nbb\n").unwrap();
    fs::write(life.at("home/receipts/20260202.json"), "{}").unwrap();
    fs::write(life.at("home/config.toml"), "[trust]\nrequire = true\n").unwrap();
    life.runtime.loaded().log = None;
    life.runtime.loaded().index = None;
    for _ in 0..2 {
        let restored = life.restore("home", true).unwrap();
        assert_eq!(restored.erased_since, ["20260202.json"], "each time anew");
    }
    assert_eq!(fs::read_to_string(life.at("home/trust/revoked")).unwrap(), "aa\nbb\n");
    assert!(life.at("home/receipts/20260202.json").exists());
    fs::write(life.at("home/config.toml"), "[trust]\nrequire = true\n").unwrap();
    assert!(life.restore("home", true).unwrap().unguarded);
}

#[cfg(unix)]
#[test]
fn names_are_taken_as_they_are() {
    let life = life();
    fs::create_dir(life.at("home/n")).unwrap();
    for (name, text) in [("n\\a", "one"), ("n/a", "two"), ("\\b", "three"), ("Cargo.lock", "four")] {
        fs::write(life.at("home").join(name), text).unwrap();
    }
    assert_eq!(life.back_up().files, 11);
    life.restore("new", false).unwrap();
    for (name, text) in [("n\\a", "one"), ("n/a", "two"), ("\\b", "three"), ("Cargo.lock", "four")] {
        assert_eq!(fs::read_to_string(life.at("new").join(name)).unwrap(), text);
    }
}

#[test]
fn what_is_no_home_is_not_replaced() {
    let life = life();
    life.back_up();
    fs::write(life.at("file"), "keep").unwrap();
    assert_eq!(life.restore("file", true).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(fs::read_to_string(life.at("file")).unwrap(), "keep");
    fs::create_dir(life.at("only")).unwrap();
    fs::write(life.at("only/uv.lock"), "keep").unwrap();
    assert_eq!(life.restore("only", false).unwrap_err().kind(), ErrorKind::Invalid);
    // Folders that only look like a backup's, and one that the home lies in.
    fs::create_dir_all(life.at("stick/files")).unwrap();
    fs::write(life.at("stick/files/photo.jpg"), "photo").unwrap();
    let told = life.runtime.back_up(&life.at("stick"), false).unwrap_err().to_string();
    assert!(told.contains("files/photo.jpg") && life.at("stick/files/photo.jpg").exists(), "{told}");
    assert_eq!(life.runtime.back_up(life.dir.path(), false).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn places_that_are_no_place_for_a_backup_are_refused() {
    let life = life();
    let kind = |dir: &str| life.runtime.back_up(&life.at(dir), false).unwrap_err().kind();
    assert_eq!((kind("home/backup"), kind("home")), (ErrorKind::Invalid, ErrorKind::Invalid));
    fs::create_dir(life.at("other")).unwrap();
    fs::write(life.at("other/letters.txt"), "dear").unwrap();
    assert_eq!(kind("other"), ErrorKind::Invalid);
    assert_eq!(fs::read_dir(life.at("other")).unwrap().count(), 1);
    life.back_up();
    let held = Place::to_write(&life.at("backup"), &life.at("home")).unwrap();
    assert_eq!(kind("backup"), ErrorKind::Busy);
    assert_eq!(life.restore("new", false).unwrap_err().kind(), ErrorKind::Busy);
    drop(held);
    let nobody = Runtime::open(&life.at("nobody")).unwrap();
    assert_eq!(nobody.back_up(&life.at("b"), false).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!life.at("b").exists() && !life.at("nobody").exists());
    assert_eq!(
        restore(&life.at("b"), &life.at("new"), false, &Quiet, &Cancel::new()).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn a_path_out_of_the_home_is_no_file_of_one() {
    let life = life();
    life.back_up();
    let manifest = Manifest::read(&life.at("backup")).unwrap();
    for path in ["../out", "/etc/out", "a/../../out"] {
        let mut files = manifest.files.clone();
        files.insert(path.into(), files["config.toml"].clone());
        Manifest::new(manifest.began, false, vec![], files).write(&life.at("backup")).unwrap();
        assert_eq!(life.restore("new", false).unwrap_err().kind(), ErrorKind::Corrupt, "{path}");
    }
}

//! Parts as a whole, on small wheels made here.

mod pieces;
mod pip;
mod shipped;

use super::*;
use crate::watch::Quiet;
use proptest::prelude::*;
use sha2::Digest as _;
use std::io::{Cursor, Write};
use std::sync::Mutex;
use zip::write::SimpleFileOptions;

const GGUF: &[u8] = b"GGUF and then some weights, some weights, some weights";
const TOKENIZER: &[u8] = b"{\"model\": {}}";
const POOLING: &[u8] = b"{\"mean\": true}";
const LICENSE: &[u8] = b"Do as you please.";
const WHEEL: &str = "tiny_model-1.0-py3-none-any.whl";

/// What hears progress and remembers it.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn start(&self, stage: &str, _: u64) {
        self.0.lock().unwrap().push(stage.to_owned());
    }
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

impl Heard {
    fn all(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

struct World {
    home: tempfile::TempDir,
    parts: Parts,
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn file(member: &str, content: &[u8], more: &str) -> String {
    let sha256 = hex(content);
    format!("[[part.file]]\nmember = '{member}'\nbytes = {}\nsha256 = '{sha256}'\n{more}\n", content.len())
}

fn hex(content: &[u8]) -> String {
    crate::hex::hex(&sha2::Sha256::digest(content))
}

fn inner_zip() -> Vec<u8> {
    zipped(&[("tokenizer.json", TOKENIZER), ("1_Pooling/config.json", POOLING), ("../outside", b"out")])
}

fn catalog() -> Catalog {
    let head = |name: &str, package: &str, entry: &str| {
        format!(
            "[[part]]\nname = '{name}'\nkind = 'embedder'\npackage = '{package}'\nversion = '1.0'\nlicense = 'MIT'\npublisher = 'us'\n\
             description = 'for tests'\nentry = '{entry}'\n[part.wheel]\nname = '{}-1.0-py3-none-any.whl'\nbytes = 9\n",
            package.replace('-', "_")
        )
    };
    let inner = inner_zip();
    Catalog::parse(
        &[
            head("tiny", "tiny-model", "tiny.gguf"),
            file("tiny_model/tiny.gguf", GGUF, "name = 'tiny.gguf'"),
            file("tiny_model/LICENSE", LICENSE, "name = 'LICENSE'\nnotice = true"),
            head("folded", "folded-model", "."),
            format!("[part.archive]\nmember = 'in/model.zip'\nbytes = {}\nsha256 = '{}'\n", inner.len(), hex(&inner)),
            file("tokenizer.json", TOKENIZER, ""),
            file("1_Pooling/config.json", POOLING, ""),
        ]
        .concat(),
    )
    .unwrap()
}

fn world() -> World {
    let home = tempfile::tempdir().unwrap();
    let mut parts = Parts::with_catalog(&home.path().join("parts"), catalog(), "any");
    parts.pip = Some(Pip::new(&[&["no-such-program"]]));
    fs::create_dir(home.path().join("from")).unwrap();
    World { home, parts }
}

/// A wheel that pip accepts.
fn wheel() -> Vec<u8> {
    let metadata = b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n";
    zipped(&[
        ("tiny_model/tiny.gguf", GGUF),
        ("tiny_model/LICENSE", LICENSE),
        ("../../evil", b"evil"),
        ("/etc/evil", b"evil"),
        ("tiny_model-1.0.dist-info/METADATA", metadata),
        ("tiny_model-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        ("tiny_model-1.0.dist-info/RECORD", b""),
    ])
}

impl World {
    fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.home.path().join("from").join(name), content).unwrap();
    }

    fn pull(&self, name: &str) -> Result<bool> {
        self.pull_with(name, &Quiet)
    }

    fn pull_with(&self, name: &str, progress: &dyn Progress) -> Result<bool> {
        let from = self.home.path().join("from");
        let pulled = self.parts.pull(&[name], Some(&from), progress, &Cancel::new())?;
        assert!(pulled.iter().all(|p| p.status.present));
        Ok(pulled[0].fetched)
    }

    /// Everything under the home but what was put there, as paths relative to it.
    fn files(&self) -> Vec<String> {
        let root = self.home.path();
        walkdir::WalkDir::new(root)
            .sort_by_file_name()
            .into_iter()
            .map(|e| e.unwrap())
            .filter(|e| e.file_type().is_file() && !e.path().starts_with(root.join("from")))
            .map(|e| e.path().strip_prefix(root).unwrap().display().to_string())
            .collect()
    }

    fn assert_refused(&self, kind: ErrorKind, words: &str) {
        let error = self.pull("tiny").unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(self.files(), ["parts/.lock"], "nothing half-made is left");
        assert_eq!(self.parts.path("tiny"), None);
    }
}

#[test]
fn a_wheel_gives_its_named_files_and_no_others() {
    let world = world();
    world.put(WHEEL, &wheel());
    assert!(world.pull("tiny").unwrap());
    let path = world.parts.path("tiny").unwrap();
    assert_eq!(fs::read(&path).unwrap(), GGUF);
    let expected = ["parts/.lock", "parts/tiny-1.0/.verified", "parts/tiny-1.0/LICENSE", "parts/tiny-1.0/tiny.gguf"];
    assert_eq!(world.files(), expected);
    let [tiny, folded] = &world.parts.list()[..] else { panic!("two parts") };
    assert!(tiny.present && tiny.path.as_ref() == Some(&path) && !folded.present && folded.path.is_none());
}

#[test]
fn a_zip_file_in_a_wheel_becomes_a_folder() {
    let world = world();
    world.put("Folded_Model-1.0-1piw-py3-none-any.whl", &zipped(&[("in/model.zip", &inner_zip())]));
    assert!(world.pull("folded").unwrap());
    let folder = world.parts.path("folded").unwrap();
    assert!(folder.is_dir());
    assert_eq!(fs::read(folder.join("1_Pooling/config.json")).unwrap(), POOLING);
    assert!(!world.home.path().join("parts/outside").exists());
}

#[test]
fn bare_files_are_known_by_their_content_whatever_their_name() {
    let world = world();
    world.put("renamed (1).bin", GGUF);
    world.put("another of that size", &GGUF.to_ascii_lowercase());
    world.put("model (1).zip", &inner_zip());
    assert!(world.pull("tiny").unwrap());
    assert!(world.pull("folded").unwrap());
    // The folder of parts of another home serves as it is.
    let other = self::world();
    let from = world.home.path().join("parts");
    assert_eq!(other.parts.pull(&[], Some(&from), &Quiet, &Cancel::new()).unwrap().len(), 2);
    assert!(other.parts.verify(&[], &Quiet, &Cancel::new()).unwrap().iter().all(|v| v.intact));
}

#[test]
fn damaged_wheels_are_refused_and_leave_nothing() {
    let good = wheel();
    let altered = zipped(&[("tiny_model/tiny.gguf", &GGUF.to_ascii_lowercase())]);
    let oversized = zipped(&[("tiny_model/tiny.gguf", &vec![0; 1 << 20])]);
    let mut flipped = good.clone();
    flipped[64] ^= 0x40;
    for (content, words) in [
        (&good[..good.len() / 2], "not a whole zip file"),
        (&good[..good.len() - 1], WHEEL),
        (&altered, "altered"),
        (&oversized, "expected 54"),
        (&flipped, WHEEL),
        (&zipped(&[("elsewhere/tiny.gguf", GGUF)]), "tiny_model/tiny.gguf"),
        (b"", "not a whole zip file"),
    ] {
        let world = world();
        world.put(WHEEL, content);
        world.assert_refused(ErrorKind::Corrupt, words);
    }
}

#[test]
fn a_member_that_lies_about_its_size_is_refused() {
    // The directory claims 54 bytes, the data holds a megabyte.
    let mut lying = zipped(&[("tiny_model/tiny.gguf", &vec![0; 1 << 20])]);
    let claim = (1u32 << 20).to_le_bytes();
    for at in 0..lying.len() - 4 {
        if lying[at..at + 4] == claim {
            lying[at..at + 4].copy_from_slice(&54u32.to_le_bytes());
        }
    }
    let world = world();
    world.put(WHEEL, &lying);
    world.assert_refused(ErrorKind::Corrupt, WHEEL);
}

#[test]
fn a_directory_that_claims_a_billion_members_takes_no_memory() {
    let mut bomb = zipped(&[("tiny_model/tiny.gguf", GGUF)]);
    let end = bomb.len() - 22;
    let tail = bomb.split_off(end);
    let directory = bomb.len() as u64;
    bomb.extend(b"PK\x06\x06");
    for field in [44u64, 0x002d_002d, 0, 1 << 36, 1 << 36, 46 << 36, 0] {
        let width = if field == 0x002d_002d { 4 } else { 8 };
        bomb.extend(&field.to_le_bytes()[..width]);
    }
    bomb.extend(b"PK\x06\x07\0\0\0\0");
    bomb.extend(directory.to_le_bytes());
    bomb.extend(1u32.to_le_bytes());
    bomb.extend(&tail[..8]);
    bomb.extend([0xff; 12]);
    bomb.extend(&tail[20..]);
    let world = world();
    world.put(WHEEL, &bomb);
    world.assert_refused(ErrorKind::Corrupt, "zip64");
}

#[test]
fn a_good_source_beside_a_damaged_one_serves() {
    let world = world();
    world.put(WHEEL, b"damaged");
    world.put("tiny.gguf", GGUF);
    assert!(world.pull("tiny").unwrap());
}

#[test]
fn an_empty_or_missing_folder_is_named() {
    let world = world();
    world.assert_refused(ErrorKind::NotFound, WHEEL);
    world.put("tiny.gguf", b"GG");
    world.assert_refused(ErrorKind::Corrupt, "has 2 bytes, expected 54");
    let nowhere = world.home.path().join("nowhere");
    let error = world.parts.pull(&[], Some(&nowhere), &Quiet, &Cancel::new()).unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn a_second_pull_neither_hashes_nor_writes() {
    let world = world();
    world.put(WHEEL, &wheel());
    world.pull("tiny").unwrap();
    fs::remove_dir_all(world.home.path().join("from")).unwrap();
    let heard = Heard::default();
    assert!(!world.pull_with("tiny", &heard).unwrap());
    assert_eq!(heard.all(), "");
}

#[test]
fn verify_names_what_is_altered_and_pull_repairs_it() {
    let world = world();
    world.put(WHEEL, &wheel());
    world.pull("tiny").unwrap();
    let path = world.parts.path("tiny").unwrap();
    let old = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, GGUF.to_ascii_lowercase()).unwrap();
    // Even with its time put back, so that nothing shows from outside.
    fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    assert!(!world.pull("tiny").unwrap(), "a pull does not hash what looks untouched");

    let verdict = &world.parts.verify(&["tiny"], &Quiet, &Cancel::new()).unwrap()[0];
    let problem = verdict.problem.as_deref().unwrap();
    assert!(
        !verdict.intact && problem.contains("altered") && problem.contains("wayside models pull tiny"),
        "{problem}"
    );
    assert!(world.pull("tiny").unwrap(), "now it repairs");
    assert_eq!(fs::read(&path).unwrap(), GGUF);
    assert!(world.parts.verify(&["tiny"], &Quiet, &Cancel::new()).unwrap()[0].intact);
}

#[test]
fn touched_and_truncated_files_are_noticed_without_verify() {
    let world = world();
    world.put(WHEEL, &wheel());
    world.pull("tiny").unwrap();
    let path = world.parts.path("tiny").unwrap();
    fs::write(&path, GGUF.to_ascii_lowercase()).unwrap();
    assert!(world.pull("tiny").unwrap(), "altered, with a younger time");
    fs::write(&path, &GGUF[1..]).unwrap();
    assert_eq!(world.parts.path("tiny"), None);
    let verdicts = world.parts.verify(&["tiny", "folded"], &Quiet, &Cancel::new()).unwrap();
    assert!(verdicts[0].problem.as_deref().unwrap().contains("truncated: 53 of 54"));
    assert!(verdicts[1].problem.as_deref().unwrap().contains("not there; run `wayside models pull folded`"));
    let from = world.home.path().join("from");
    assert_eq!(world.parts.ensure("tiny", Some(&from), &Quiet, &Cancel::new()).unwrap(), path);
    assert_eq!(fs::read(&path).unwrap(), GGUF);
}

#[test]
fn two_at_once_both_end_well() {
    let world = world();
    world.put(WHEEL, &wheel());
    let fetched: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| world.pull("tiny").unwrap())).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(fetched.iter().filter(|f| **f).count(), 1, "one of them does the work");
}

#[test]
fn waiting_for_the_lock_can_be_cancelled() {
    let world = world();
    let held = lock::hold(&world.parts.dir, &Quiet, &Cancel::new()).unwrap();
    let (heard, cancel) = (Heard::default(), Cancel::new());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| lock::hold(&world.parts.dir, &heard, &cancel).map(drop));
        while heard.all().is_empty() {
            std::thread::yield_now();
        }
        cancel.cancel();
        assert_eq!(waiting.join().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    });
    drop(held);
}

#[test]
fn what_a_killed_process_left_is_cleared() {
    let world = world();
    let orphan = world.parts.dir.join(".tmp-orphan");
    fs::create_dir_all(&orphan).unwrap();
    world.put(WHEEL, &wheel());
    world.pull("tiny").unwrap();
    assert!(!orphan.exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let mut world = world();
    world.parts.dir = "/proc/wayside".into();
    world.put(WHEEL, &wheel());
    assert!(world.pull("tiny").unwrap_err().to_string().contains("/proc/wayside"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let world = world();
        world.put(WHEEL, &bytes);
        prop_assert!(world.pull("tiny").is_err());
    }

    #[test]
    fn a_mutated_wheel_gives_the_right_bytes_or_none(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(), truncate in any::<bool>(),
    ) {
        let mut bytes = wheel();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        let world = world();
        world.put(WHEEL, &bytes);
        match world.pull("tiny") {
            Ok(_) => prop_assert_eq!(fs::read(world.parts.path("tiny").unwrap()).unwrap(), GGUF),
            Err(e) => prop_assert!(matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::NotFound), "{}", e),
        }
    }
}

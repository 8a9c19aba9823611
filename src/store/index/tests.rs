//! The index as its callers see it, on real files.

use super::*;
use crate::ErrorKind;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

const DIMS: usize = 384;

fn open(dims: usize) -> (tempfile::TempDir, Index) {
    let home = tempfile::tempdir().unwrap();
    let index = Index::open(&home.path().join("index")).unwrap();
    index.set_embedder("test", dims).unwrap();
    (home, index)
}

fn chunk(text: &str, vector: &[f32]) -> NewChunk {
    NewChunk { section: "Section".into(), text: text.into(), tokens: 3, vector: vector.to_vec() }
}

fn document(name: &str, chunks: Vec<NewChunk>) -> NewDocument {
    NewDocument { name: name.into(), digest: format!("{name}-digest"), title: format!("About {name}"), chunks }
}

fn put(index: &Index, collection: &str, documents: Vec<NewDocument>) -> Applied {
    index.apply(collection, documents, &[], &Cancel::new()).unwrap()
}

fn found(index: &Index, hits: Vec<Scored>) -> Vec<String> {
    hits.iter().map(|h| index.chunk(h.chunk).unwrap().text).collect()
}

#[test]
fn what_was_removed_leaves_the_file() {
    let (home, index) = open(2);
    let dir = home.path().join("index");
    let holds = |text: &[u8]| std::fs::read(dir.join("data.mdb")).unwrap().windows(text.len()).any(|w| w == text);
    put(&index, "a", vec![document("x", vec![chunk("red printer", &[1.0, 0.0])])]);
    put(&index, "a", vec![document("y", vec![chunk("green scanner", &[0.0, 1.0])])]);
    index.apply("a", vec![], &["x".into()], &Cancel::new()).unwrap();
    index.compact().unwrap();
    assert!(holds(b"red printer") && index.uncompacted().unwrap().is_some());
    drop(index);
    let index = Index::open(&dir).unwrap();
    assert!(!holds(b"red printer") && holds(b"green scanner") && index.uncompacted().unwrap().is_none());
    assert_eq!(found(&index, index.nearest(None, &[1.0, 0.5], 5).unwrap()), ["green scanner"]);
    assert_eq!(found(&index, index.words(None, "green", 5).unwrap()), ["green scanner"]);
}

#[test]
fn documents_are_found_replaced_and_removed() {
    let (home, index) = open(2);
    put(
        &index,
        "a",
        vec![
            document("x", vec![chunk("red printer", &[1.0, 0.0]), chunk("blue scanner", &[0.0, 2.0])]),
            document("y", vec![chunk("green printer jam", &[3.0, 3.0])]),
        ],
    );
    put(&index, "b", vec![document("x", vec![chunk("printers elsewhere", &[1.0, 0.1])])]);
    drop(index);
    let index = Index::open(&home.path().join("index")).unwrap();
    let near = |c| found(&index, index.nearest(c, &[5.0, 0.0], 2).unwrap());
    assert_eq!(near(Some("a")), ["red printer", "green printer jam"]);
    assert_eq!(near(None), ["red printer", "printers elsewhere"]);
    assert_eq!(found(&index, index.words(Some("a"), "printing a scanner", 9).unwrap())[0], "blue scanner");
    assert_eq!(index.words(None, "printers", 9).unwrap().len(), 3);
    assert_eq!(index.words(None, "the", 9).unwrap(), []);

    let applied = index.apply(
        "a",
        vec![document("x", vec![chunk("yellow plotter", &[1.0, 0.0])])],
        &["y".into(), "z".into()],
        &Cancel::new(),
    );
    assert_eq!(applied.unwrap(), Applied { documents: 1, chunks: 1, removed: 1 });
    assert_eq!(near(Some("a")), ["yellow plotter"]);
    assert_eq!(index.words(Some("a"), "printer scanner jam", 9).unwrap(), []);
    assert_eq!(index.document("a", "y").unwrap(), None);
    assert_eq!(index.document("a", "x").unwrap().unwrap().digest, "x-digest");
    assert_eq!(index.collections().unwrap()[0], Collection { name: "a".into(), documents: 1, chunks: 1 });
    assert!(index.drop_collection("a").unwrap());
    assert_eq!(index.nearest(Some("a"), &[1.0, 0.0], 1).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(near(None), ["printers elsewhere"]);
    assert_eq!(index.remove_documents("b", &["x".into()], &Cancel::new()).unwrap(), 1);
    let stats = index.stats().unwrap();
    assert_eq!((stats.collections, stats.documents, stats.chunks), (1, 0, 0));
    put(&index, "b", vec![]);
    index.drop_collection("b").unwrap();
    let searched = [index.vectors.blocks.table, index.codes.blocks.table, index.words.table];
    for table in [index.catalog.chunks, index.catalog.documents].into_iter().chain(searched) {
        assert!(index.env.read(|txn| Ok(table.raw().is_empty(txn)?)).unwrap(), "{table:?}");
    }
}

#[test]
fn a_view_sees_one_state_whatever_is_ingested_meanwhile() {
    let (_home, index) = open(2);
    put(&index, "a", vec![document("x", vec![chunk("red printer", &[1.0, 0.0])])]);
    let mut found = Vec::new();
    let seen = index.read(|view| {
        found = view.nearest(Some("a"), &[1.0, 0.0], 5)?;
        put(&index, "a", vec![document("x", vec![chunk("green scanner", &[1.0, 0.0])])]);
        assert_eq!(view.words(None, "scanner", 5)?, []);
        let chunk = view.chunk(found[0].chunk)?;
        Ok((view.document("a", "x")?.map(|d| d.first_chunk), chunk.text))
    });
    assert_eq!(seen.unwrap(), (Some(found[0].chunk), "red printer".into()));
    assert_eq!(index.chunk(found[0].chunk).unwrap_err().kind(), ErrorKind::NotFound, "it is gone by now");
    let refused = index.read(|view| view.check_embedder("other", 2)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Incompatible);
    assert!(refused.to_string().contains("ingest again"), "{refused}");
}

#[test]
fn what_cannot_be_indexed_changes_nothing() {
    let (_home, index) = open(2);
    let cases = [
        ("", vec![], ErrorKind::Invalid),
        ("a", vec![document("", vec![])], ErrorKind::Invalid),
        ("a", vec![document(&"n".repeat(501), vec![])], ErrorKind::Invalid),
        ("a", vec![document("x", vec![]), document("x", vec![])], ErrorKind::Invalid),
        ("a", vec![document("x", vec![chunk("t", &[1.0])])], ErrorKind::Incompatible),
        ("a", vec![document("x", vec![chunk("t", &[0.0, 0.0])])], ErrorKind::Invalid),
        ("a", vec![document("x", vec![chunk("t", &[f32::NAN, 0.0])])], ErrorKind::Invalid),
    ];
    for (collection, documents, kind) in cases {
        let error = index.apply(collection, documents, &[], &Cancel::new()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    assert_eq!(index.collections().unwrap(), []);
    let stop = Cancel::new();
    stop.cancel();
    let error = index.apply("a", vec![document("x", vec![chunk("t", &[1.0, 0.0])])], &[], &stop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(index.collections().unwrap(), []);
    assert_eq!(index.chunk(0).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn vectors_of_two_embedders_do_not_mix() {
    let (_home, index) = open(2);
    index.set_embedder("test", 2).unwrap();
    index.set_embedder("other", 3).unwrap();
    put(&index, "a", vec![document("x", vec![chunk("t", &[1.0, 0.0, 0.0])])]);
    let error = index.set_embedder("test", 2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert!(error.to_string().contains("ingest again"), "{error}");
    assert_eq!(index.nearest(None, &[1.0, 0.0], 1).unwrap_err().kind(), ErrorKind::Incompatible);
    index.clear().unwrap();
    index.set_embedder("test", 2).unwrap();
}

#[test]
fn damaged_vectors_and_postings_are_named() {
    let (home, mut index) = open(2);
    put(&index, "a", vec![document("x", vec![chunk("printer", &[1.0, 0.0])])]);
    let at = |table: usize| [index.vectors.blocks.table, index.words.table, index.codes.blocks.table][table].raw();
    for (table, bytes) in [(0, 4..24), (1, 0..9), (2, 4..80)] {
        for byte in bytes {
            let flip = || {
                let flipped = index.env.write(|txn| {
                    let (key, mut value) = at(table).first(txn)?.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap();
                    value[byte] ^= 1;
                    Ok(at(table).put(txn, &key, &value)?)
                });
                flipped.unwrap();
            };
            flip();
            index.codes_from = if table == 2 { 0 } else { CODES_FROM };
            let error = match table {
                0 | 2 => index.nearest(None, &[1.0, 0.0], 1).unwrap_err(),
                _ => index.words(None, "about printers", 1).unwrap_err(),
            };
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{table} {byte}");
            assert!(error.to_string().contains("ingest the documents again"), "{error}");
            flip();
        }
    }
    assert_eq!(index.nearest(None, &[1.0, 0.0], 1).unwrap().len(), 1);
    drop(home);
}

#[test]
fn words_are_scored_as_the_bm25_crate_scores_them() {
    let (_home, index) = open(1);
    let mut rng = SmallRng::seed_from_u64(3);
    let vocabulary = ["printer", "paper", "jam", "ink", "cable", "network", "screen", "power", "tray", "driver"];
    let mut text = || {
        let words = rng.random_range(1..30);
        (0..words)
            .map(|_| vocabulary[rng.random_range(0..10) * rng.random_range(0..10) / 9])
            .collect::<Vec<_>>()
            .join(" ")
    };
    // More than one block of postings.
    let texts: Vec<String> = (0..600).map(|_| text()).collect();
    let piece = |t: &String| NewChunk { section: String::new(), text: t.clone(), tokens: 1, vector: vec![1.0] };
    for (name, part) in ["a", "b", "c"].iter().zip(texts.chunks(200)) {
        let chunks = part.iter().map(piece).collect();
        put(&index, "c", vec![NewDocument { title: String::new(), ..document(name, chunks) }]);
    }
    let tokens: usize = texts.iter().map(|t| t.split(' ').count()).sum();
    let reference = bm25::SearchEngineBuilder::<u32>::with_documents(
        bm25::Language::English,
        texts.iter().zip(0..).map(|(t, id)| bm25::Document::new(id, t.as_str())),
    );
    let reference = reference.k1(1.2).b(0.75).avgdl(tokens as f32 / texts.len() as f32).build();
    for query in ["paper jam", "driver", "power cables of the networked printer"] {
        let found = index.words(Some("c"), query, 600).unwrap();
        let mut expected = reference.search(query, None);
        expected.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.document.id.cmp(&b.document.id)));
        assert_eq!(found.len(), expected.len(), "{query}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found.score - expected.score).abs() < 1e-3, "{query}: {found:?} {expected:?}");
        }
    }
}

/// Unit vectors in clusters, as sentence embeddings lie, and queries from the same clusters.
fn clustered(n: usize, queries: usize, rng: &mut SmallRng) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let normal = |rng: &mut SmallRng| -> f32 { (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0 };
    let centres: Vec<Vec<f32>> = (0..n / 100).map(|_| (0..DIMS).map(|_| normal(rng)).collect()).collect();
    let draw = |rng: &mut SmallRng| -> Vec<f32> {
        let centre = &centres[rng.random_range(0..centres.len())];
        let mut vector: Vec<f32> = centre.iter().map(|c| c + 0.7 * normal(rng)).collect();
        dot::normalize(&mut vector).unwrap();
        vector
    };
    let vectors = (0..n).map(|_| draw(rng)).collect();
    (vectors, (0..queries).map(|_| draw(rng)).collect())
}

/// Places of the ten nearest, by the plainest possible search.
fn exact(vectors: &[Vec<f32>], query: &[f32]) -> Vec<usize> {
    let score = |v: &Vec<f32>| v.iter().zip(query).map(|(a, b)| a * b).sum::<f32>();
    let mut scores: Vec<(f32, usize)> = vectors.iter().map(score).zip(0..).collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    scores.into_iter().take(10).map(|(_, i)| i).collect()
}

#[test]
fn recall_holds_by_scan_by_codes_by_trees_and_beside_them() {
    let (_home, mut index) = open(DIMS);
    let (vectors, queries) = clustered(20_000, 50, &mut SmallRng::seed_from_u64(7));
    let exact: Vec<Vec<usize>> = queries.iter().map(|q| exact(&vectors, q)).collect();
    let (most, rest) = vectors.split_at(18_500);
    let add = |index: &Index, name: &str, vectors: &[Vec<f32>]| {
        put(index, "a", vec![document(name, vectors.iter().map(|v| chunk(name, v)).collect())]);
    };
    // The place of a chunk's vector in `vectors`.
    let place = |index: &Index, id: u32| {
        let chunk = index.chunk(id).unwrap();
        chunk.ordinal as usize + if chunk.document == "most" { 0 } else { most.len() }
    };
    let recall = |index: &Index| {
        let hits = |(query, exact): (&Vec<f32>, &Vec<usize>)| {
            let found = index.nearest(Some("a"), query, 10).unwrap();
            found.iter().filter(|f| exact.contains(&place(index, f.chunk))).count()
        };
        queries.iter().zip(&exact).map(hits).sum::<usize>() as f64 / (10 * queries.len()) as f64
    };
    add(&index, "most", most);
    add(&index, "rest", rest);
    assert_eq!(index.stats().unwrap().in_trees, 0);
    assert!(recall(&index) >= 0.999);

    index.codes_from = 1_000;
    assert!(recall(&index) >= 0.99);

    index.trees_from = 1_000;
    index.rebuild("a", &Cancel::new()).unwrap();
    assert_eq!(index.stats().unwrap().in_trees, 20_000);
    assert!(recall(&index) >= 0.99);

    // Too little changes for new trees: what is gone is passed over, what is new is found beside them.
    index.remove_documents("a", &["rest".into()], &Cancel::new()).unwrap();
    let gone = exact.iter().flatten().filter(|i| **i >= most.len()).count();
    assert!(gone > 0 && recall(&index) >= 0.99 - gone as f64 / (10 * queries.len()) as f64);
    add(&index, "last", &rest[..400]);
    assert_eq!(index.stats().unwrap().in_trees, 20_000);
    add(&index, "last", rest);
    // Now it was a tenth.
    assert_eq!(index.stats().unwrap().in_trees, 20_000);
    assert!(recall(&index) >= 0.99);

    // By codes again, which have followed all of that.
    index.trees_from = 30_000;
    index.rebuild("a", &Cancel::new()).unwrap();
    assert_eq!(index.stats().unwrap().in_trees, 0);
    assert!(recall(&index) >= 0.99);
}

/// The bodies of all codes.
fn codes(index: &Index) -> Vec<(u32, Vec<u8>)> {
    let bodies = index.env.read(|txn| {
        let all = index.codes.blocks.from(txn, 0, 0)?;
        all.map(|entry| entry.map(|(block, body)| (block, body.to_vec()))).collect()
    });
    bodies.unwrap()
}

#[test]
fn the_code_of_what_was_removed_leaves_at_once_and_then_the_file() {
    let (home, index) = open(DIMS);
    let (vectors, _) = clustered(700, 0, &mut SmallRng::seed_from_u64(5));
    let of = |name: &str, part: &[Vec<f32>]| document(name, part.iter().map(|v| chunk(name, v)).collect());
    put(&index, "a", vec![of("stays", &vectors[..690]), of("goes", &vectors[690..])]);
    let gone: Vec<Vec<u8>> =
        vectors[690..].iter().map(|v| code::Code::new(&rotation::Rotation::new(DIMS), v).nibbles).collect();
    let held = |bytes: &[u8]| gone.iter().filter(|g| bytes.windows(g.len()).any(|w| w == &g[..])).count();
    let in_codes = |index: &Index| codes(index).iter().map(|(_, body)| held(body)).sum::<usize>();
    assert_eq!(in_codes(&index), 10);
    index.remove_documents("a", &["goes".into()], &Cancel::new()).unwrap();
    assert_eq!(in_codes(&index), 0);
    index.compact().unwrap();
    drop(index);
    let dir = home.path().join("index");
    let index = Index::open(&dir).unwrap();
    assert_eq!(held(&std::fs::read(dir.join("data.mdb")).unwrap()), 0);
    assert_eq!(codes(&index).len(), 2);
}

#[test]
fn an_index_of_the_first_layout_gets_its_codes_when_it_is_opened() {
    let (home, mut index) = open(DIMS);
    let (vectors, queries) = clustered(3_000, 20, &mut SmallRng::seed_from_u64(9));
    let of = |name: &str, part: &[Vec<f32>]| document(name, part.iter().map(|v| chunk(name, v)).collect());
    put(&index, "a", vec![of("x", &vectors[..2_000])]);
    put(&index, "b", vec![of("y", &vectors[2_000..])]);
    let find = |index: &Index| -> Vec<_> { queries.iter().map(|q| index.nearest(None, q, 10).unwrap()).collect() };
    let (before, exact) = (codes(&index), find(&index));
    // As version 1 left it: no codes, and trees where there are many.
    index.trees_from = 1_000;
    index.rebuild("a", &Cancel::new()).unwrap();
    assert_eq!(index.stats().unwrap().in_trees, 2_000);
    let first = index.env.write(|txn| {
        index.codes.blocks.table.raw().clear(txn)?;
        index.catalog.meta.put(txn, b"format", &serde_json::json!({ "store": "index", "version": 1 }))
    });
    first.unwrap();
    drop(index);
    let mut index = Index::open(&home.path().join("index")).unwrap();
    assert_eq!((codes(&index), index.stats().unwrap().in_trees), (before, 0));
    index.codes_from = 0;
    let same =
        find(&index).iter().zip(&exact).map(|(a, b)| a.iter().filter(|hit| b.contains(hit)).count()).sum::<usize>();
    assert!(same >= 198, "{same} of 200");
}

#[test]
fn another_embedder_takes_over_whole_or_not_at_all() {
    let (_home, index) = open(2);
    put(&index, "a", vec![document("x", vec![chunk("red", &[1.0, 0.0]), chunk("blue", &[0.0, 1.0])])]);
    put(&index, "b", vec![document("y", vec![chunk("green", &[1.0, 1.0])])]);
    let id = |text: &str| index.words(None, text, 1).unwrap()[0].chunk;
    let mut vectors = BTreeMap::from([(id("red"), vec![0.0, 0.0, 2.0]), (id("blue"), vec![0.0, 3.0, 0.0])]);
    // One passage has none: somebody put it in meanwhile.
    assert!(!index.replace_vectors("other", 3, &mut vectors, &Cancel::new()).unwrap());
    assert_eq!(index.embedder().unwrap().unwrap().id, "test");
    assert_eq!(found(&index, index.nearest(None, &[1.0, 0.1], 1).unwrap()), ["red"]);
    // One that is gone does not matter.
    vectors.extend([(id("green"), vec![1.0, 0.0, 0.0]), (999, vec![1.0, 1.0, 1.0])]);
    assert!(index.replace_vectors("other", 3, &mut vectors, &Cancel::new()).unwrap());
    assert_eq!(index.embedder().unwrap().unwrap().id, "other");
    for (query, text) in [([0.0, 0.0, 1.0], "red"), ([0.0, 1.0, 0.0], "blue"), ([1.0, 0.0, 0.0], "green")] {
        let hits = index.nearest(None, &query, 1).unwrap();
        assert!((hits[0].score - 1.0).abs() < 1e-6);
        assert_eq!(found(&index, hits), [text]);
    }
    assert_eq!(found(&index, index.words(None, "green", 5).unwrap()), ["green"]);
    // Who began with the former embedder does not mix its vectors in, though they are as long.
    let late = vec![document("z", vec![chunk("late", &[1.0, 0.0, 0.0])])];
    let refused = index.apply_of("test", "a", late.clone(), &Cancel::new()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Incompatible);
    assert_eq!(index.apply_of("other", "a", late, &Cancel::new()).unwrap().documents, 1);
    let wrong = index.replace_vectors("other", 2, &mut vectors, &Cancel::new()).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Incompatible);
}

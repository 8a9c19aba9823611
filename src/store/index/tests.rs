//! The index as its callers see it, on real files.

use super::*;
use crate::ErrorKind;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::time::Instant;

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
    for table in [index.catalog.chunks, index.catalog.documents, index.vectors.table, index.words.table] {
        assert!(index.env.read(|txn| Ok(table.raw().is_empty(txn)?)).unwrap(), "{table:?}");
    }
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
    assert!(error.to_string().contains("clear"), "{error}");
    assert_eq!(index.nearest(None, &[1.0, 0.0], 1).unwrap_err().kind(), ErrorKind::Incompatible);
    index.clear().unwrap();
    index.set_embedder("test", 2).unwrap();
}

#[test]
fn damaged_vectors_and_postings_are_named() {
    let (home, index) = open(2);
    put(&index, "a", vec![document("x", vec![chunk("printer", &[1.0, 0.0])])]);
    let at = |table: usize| [index.vectors.table, index.words.table][table].raw();
    for (table, bytes) in [(0, 4..24), (1, 0..9)] {
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
            let error = match table {
                0 => index.nearest(None, &[1.0, 0.0], 1).unwrap_err(),
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

/// Unit vectors in clusters, as sentence embeddings lie, and queries from the same clusters.
fn clustered(n: usize, queries: usize, rng: &mut SmallRng) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let normal = |rng: &mut SmallRng| -> f32 { (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0 };
    let centres: Vec<Vec<f32>> = (0..n / 100).map(|_| (0..DIMS).map(|_| normal(rng)).collect()).collect();
    let draw = |rng: &mut SmallRng| -> Vec<f32> {
        let centre = &centres[rng.random_range(0..centres.len())];
        centre.iter().map(|c| c + 0.7 * normal(rng)).collect()
    };
    let vectors = (0..n).map(|_| draw(rng)).collect();
    (vectors, (0..queries).map(|_| draw(rng)).collect())
}

fn recall(index: &Index, queries: &[Vec<f32>], exact: &[Vec<Scored>]) -> f64 {
    let mut hits = 0;
    for (query, exact) in queries.iter().zip(exact) {
        let found = index.nearest(Some("a"), query, 10).unwrap();
        assert_eq!(found.len(), 10);
        hits += found.iter().filter(|f| exact.iter().any(|e| e.chunk == f.chunk)).count();
    }
    hits as f64 / (10 * queries.len()) as f64
}

#[test]
fn recall_holds_by_scan_by_trees_and_with_a_tail() {
    let (_home, mut index) = open(DIMS);
    let mut rng = SmallRng::seed_from_u64(7);
    let (mut vectors, queries) = clustered(20_000, 100, &mut rng);
    let put_all = |index: &Index, vectors: &[Vec<f32>], name: &str| {
        let chunks = vectors.iter().map(|v| chunk("", v)).collect();
        put(index, "a", vec![document(name, chunks)])
    };
    let start = Instant::now();
    put_all(&index, &vectors[..18_500], "first");
    println!("put {:?}", start.elapsed());
    put_all(&index, &vectors[18_500..], "second");
    vectors.iter_mut().for_each(|v| dot::normalize(v).unwrap());
    let exact: Vec<Vec<Scored>> = queries
        .iter()
        .map(|q| {
            let mut q = q.clone();
            dot::normalize(&mut q).unwrap();
            let mut top = Top::new(10);
            let all = vectors.iter().zip(0..);
            all.for_each(|(v, i)| top.push(i, v.iter().zip(&q).map(|(a, b)| a * b).sum()));
            top.into_vec()
        })
        .collect();
    let time = |index: &Index, what: &str| {
        recall(index, &queries[..5], &exact);
        let start = Instant::now();
        let recall = recall(index, &queries, &exact);
        println!("{what}: recall {recall}, {:?} a query", start.elapsed() / queries.len() as u32);
        recall
    };
    assert_eq!(index.stats().unwrap().in_trees, 0);
    assert!(time(&index, "scan") > 0.999);

    index.trees_from = 1_000;
    index.remove_documents("a", &["second".into()], &Cancel::new()).unwrap();
    assert_eq!(index.stats().unwrap().in_trees, 18_500);
    let start = Instant::now();
    index.rebuild("a", &Cancel::new()).unwrap();
    println!("build {:?}", start.elapsed());
    // Too few to build anew: found beside the trees. Their ids have moved on by as many.
    put_all(&index, &vectors[18_500..], "third");
    assert_eq!(index.stats().unwrap().in_trees, 18_500);
    let exact: Vec<Vec<Scored>> = exact
        .into_iter()
        .map(|e| e.into_iter().map(|s| Scored { chunk: s.chunk + 1_500 * u32::from(s.chunk >= 18_500), ..s }).collect())
        .collect();
    recall(&index, &queries[..5], &exact);
    let start = Instant::now();
    let recall = recall(&index, &queries, &exact);
    println!("trees: recall {recall}, {:?} a query", start.elapsed() / queries.len() as u32);
    assert!(recall >= 0.99, "{recall}");
}

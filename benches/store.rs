//! The store at work: finding by meaning and by words among 20,000 chunks, and keeping an interaction.
//!
//! The log is measured twice, because it waits for the medium: on the disk that holds the build, and in memory, which
//! shows what is ours of it.

#![allow(missing_docs, reason = "criterion's macros write the functions")]
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be made should stop")]

use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::hint::black_box;
use std::path::Path;
use wayside::store::index::{NewChunk, NewDocument};
use wayside::store::log::{Interaction, Message};
use wayside::store::{Index, Log};
use wayside::watch::Cancel;

const CHUNKS: usize = 20_000;
const DIMENSIONS: usize = 384;
/// Words of a chunk, and of the language they come from.
const LENGTH: usize = 60;
const VOCABULARY: u32 = 5_000;

fn vector(rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..DIMENSIONS).map(|_| rng.next_u32() as f32 / u32::MAX as f32 - 0.5).collect()
}

/// Made-up words; the product of two draws makes some of them common and most of them rare.
fn words(rng: &mut ChaCha8Rng, count: usize) -> String {
    let mut draw = || rng.next_u32() % VOCABULARY;
    let word = |_| format!("word{}", u64::from(draw()) * u64::from(draw()) / u64::from(VOCABULARY));
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

fn index(folder: &Path, rng: &mut ChaCha8Rng) -> Index {
    let index = Index::open(&folder.join("index")).unwrap();
    index.set_embedder("bench", DIMENSIONS).unwrap();
    let mut chunk = |_| {
        let text = words(rng, LENGTH);
        NewChunk { section: String::new(), text, tokens: LENGTH as u32, vector: vector(rng) }
    };
    let document = NewDocument {
        name: "bench".into(),
        digest: String::new(),
        title: String::new(),
        chunks: (0..CHUNKS).map(&mut chunk).collect(),
    };
    index.apply("bench", vec![document], &[], &Cancel::new()).unwrap();
    index
}

fn search(c: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let index = index(folder.path(), &mut rng);
    let (query, question) = (vector(&mut rng), words(&mut rng, 8));
    let mut group = c.benchmark_group("search 20,000 chunks");
    group.sample_size(20);
    group.bench_function("nearest, exact", |b| b.iter(|| index.nearest(None, black_box(&query), 10).unwrap()));
    group.bench_function("words", |b| b.iter(|| index.words(None, black_box(&question), 10).unwrap()));
    group.finish();
}

fn keep(c: &mut Criterion) {
    let mut group = c.benchmark_group("keep an interaction");
    group.sample_size(20);
    for (name, folder) in [("on disk", env!("CARGO_TARGET_TMPDIR")), ("in memory", "/dev/shm")] {
        let Ok(folder) = tempfile::tempdir_in(folder) else { continue };
        let log = Log::open(&folder.path().join("log")).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| {
                let turns = [("user", "How long does delivery take?"), ("assistant", "Two days. Next: order by noon.")];
                let messages = turns.map(|(role, text)| Message::new(role, text));
                log.put(&Interaction::new(messages.to_vec())).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, search, keep);
criterion_main!(benches);

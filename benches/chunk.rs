//! From a long document to its pieces. Tokens are counted as words, so that this is the cutting alone.

#![allow(missing_docs, reason = "criterion's macros write the functions")]
#![allow(clippy::unwrap_used, reason = "a measurement that cannot be made should stop")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;
use wayside::sample;
use wayside::text::{chunk, document};

/// The sample's Markdown documents, over and over, as one of about a megabyte.
fn long() -> String {
    let parts = sample::SHOP.files.iter().filter(|(path, _)| path.ends_with(".md"));
    let once: String = parts.map(|(_, text)| format!("{text}\n\n")).collect();
    once.repeat((1 << 20) / once.len())
}

fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

fn bench(c: &mut Criterion) {
    let text = long();
    let path = Path::new("long.md");
    let mut group = c.benchmark_group("chunk");
    group.sample_size(10).throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("read", |b| b.iter(|| document::read(path, black_box(text.as_bytes()))));
    let document = document::read(path, text.as_bytes()).unwrap();
    group.bench_function("split", |b| b.iter(|| chunk::split(black_box(&document), 200, 30, &count)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);

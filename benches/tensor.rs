//! From a file's blocks to numbers, and to the blocks that are served: what an import spends its time on.
//!
//! The matrix is 576 by 1536, a feed-forward layer of the default model.

#![allow(missing_docs, reason = "criterion's macros write the functions")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use wayside::tensor::{Bits, Blocks, Encoding, Tensor};

const ROWS: usize = 576;
const COLUMNS: usize = 1536;

/// A Q4_1 matrix: in each block a scale of 0.01, a minimum of -0.08, and numbers that differ.
fn q4_1() -> Vec<u8> {
    let (scale, minimum) = (half::f16::from_f32(0.01).to_le_bytes(), half::f16::from_f32(-0.08).to_le_bytes());
    let block = |i: usize| -> Vec<u8> {
        let quants = (0..16).map(|j| ((i * 31 + j * 17) % 256) as u8);
        scale.into_iter().chain(minimum).chain(quants).collect()
    };
    (0..ROWS * COLUMNS / 32).flat_map(block).collect()
}

fn bench(c: &mut Criterion) {
    let bytes = q4_1();
    let source = Tensor { name: "bench", encoding: Encoding::Q4_1, shape: vec![ROWS, COLUMNS], bytes: &bytes };
    let pack = |bits, offsets| {
        let mut blocks = Blocks::new(bits, COLUMNS, offsets);
        blocks.append(&source, 0..ROWS).map(|()| blocks)
    };
    let mut group = c.benchmark_group("tensor");
    group.sample_size(20).throughput(Throughput::Elements((ROWS * COLUMNS) as u64));
    let mut floats = vec![0.0; ROWS * COLUMNS];
    group.bench_function("q4_1 to float32", |b| b.iter(|| source.encoding.decode(black_box(&bytes), &mut floats)));
    group.bench_function("q4_1 to 4 bit, exact", |b| b.iter(|| pack(black_box(Bits::Int4), true)));
    group.bench_function("q4_1 to 8 bit, rounded", |b| b.iter(|| pack(black_box(Bits::Int8), false)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);

//! Many rows of activations: sixteen outputs at a time, their weights turned into a panel that stays in the cache while
//! all rows go over it.

use super::activations::{Activations, Quad, TOGETHER};
use super::formats::{Format, Heads};
use super::gemv::{self, Rows, four};
use super::isa::{Isa, LANES, PanelBlock};
use super::matrix::{Matrix, PANEL, To};
use std::cell::RefCell;

/// A block of sixteen outputs.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Block {
    weights: PanelBlock,
    /// Of its first group and of its last.
    scales: [[f32; LANES]; 2],
    /// Likewise.
    offsets: [[f32; LANES]; 2],
}

const EMPTY: Block = Block { weights: [[[0; 4]; LANES]; 8], scales: [[0.0; LANES]; 2], offsets: [[0.0; LANES]; 2] };

thread_local! {
    /// Each thread's panel, so that none is allocated for every product.
    static PANELS: RefCell<Vec<Block>> = const { RefCell::new(vec![]) };
}

/// One panel of outputs, a whole one, for all rows.
#[inline(always)]
pub fn product<I: Isa, E: Format>(isa: I, matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
    if !I::TILES {
        return gemv::product::<I, E>(isa, matrix, rows, panel, to);
    }
    // Taken out, so that no closure stands between here and the loops.
    let mut blocks = PANELS.take();
    // Whole quads: what the last has too much is nothing.
    blocks.clear();
    blocks.resize(rows.blocks().next_multiple_of(4), EMPTY);
    for o in (0..PANEL).step_by(4) {
        if let Some(weights) = four::<E>(matrix, panel * PANEL + o) {
            fill::<I, E>(isa, weights, o, &mut blocks);
        }
    }
    let quads = blocks.as_chunks().0;
    for row in (0..rows.count()).step_by(TOGETHER) {
        let (x, together) = rows.together(row);
        let mut first = 0;
        while first < together {
            let (x, at) = (Rows { quads: x, together, first }, row + first);
            match together - first {
                4 if I::PANEL_ROWS == 4 => tile::<I, E, 4>(isa, quads, x, at, panel * PANEL, to),
                2.. => tile::<I, E, 2>(isa, quads, x, at, panel * PANEL, to),
                _ => tile::<I, E, 1>(isa, quads, x, at, panel * PANEL, to),
            }
            first += match together - first {
                4 if I::PANEL_ROWS == 4 => 4,
                2.. => 2,
                _ => 1,
            };
        }
    }
    PANELS.set(blocks);
}

/// Turns four outputs, of which the first is the panel's `o`-th.
#[inline(always)]
fn fill<I: Isa, E: Format>(isa: I, weights: [&[E::Raw]; 4], o: usize, to: &mut [Block]) {
    let mut heads = Heads::EMPTY;
    for (at, blocks) in to.chunks_mut(E::BLOCKS).enumerate().take(weights[0].len()) {
        E::heads(isa, weights.map(|row| &row[at]), &mut heads);
        for (b, block) in blocks.iter_mut().enumerate() {
            let groups = if E::GROUPS { 2 } else { 1 };
            for group in 0..groups {
                block.scales[group][o..o + 4].copy_from_slice(&heads.scales[groups * b + group]);
                if E::OFFSETS {
                    block.offsets[group][o..o + 4].copy_from_slice(&heads.offsets[groups * b + group]);
                }
            }
            for (i, row) in weights.iter().enumerate() {
                let numbers: [[u8; 4]; 8] = bytemuck::cast(isa.store_bytes(E::numbers(isa, &row[at], b)));
                for (to, numbers) in block.weights.iter_mut().zip(numbers) {
                    to[o + i] = numbers;
                }
            }
        }
    }
}

/// `R` rows, which are those from `row` on, for the outputs from `output` on.
#[inline(always)]
fn tile<I: Isa, E: Format, const R: usize>(
    isa: I,
    blocks: &[[Block; 4]],
    rows: Rows<'_>,
    row: usize,
    output: usize,
    to: To<'_>,
) {
    let mut sums = [[[0.0; LANES]; R]; 4];
    for (strand, sums) in sums.iter_mut().enumerate() {
        let mut acc = [isa.splat(0.0); R];
        for (q, blocks) in blocks.iter().enumerate() {
            let Some(quads) = rows.of::<R>(4 * q) else { break };
            let parts = parts::<I, E, R>(isa, &blocks[strand], quads, strand);
            for ((acc, part), x) in acc.iter_mut().zip(parts).zip(quads) {
                *acc = isa.fma(part, isa.splat(x.steps[strand]), *acc);
            }
        }
        for (sums, acc) in sums.iter_mut().zip(acc) {
            *sums = isa.store(acc);
        }
    }
    let [first, second, third, fourth] = sums;
    for (r, ((a, b), (c, d))) in first.iter().zip(&second).zip(third.iter().zip(&fourth)).enumerate() {
        to.put(row + r, output, &std::array::from_fn::<f32, LANES, _>(|i| (a[i] + b[i]) + (c[i] + d[i])));
    }
}

/// What a block of each quad gives, without its step.
#[inline(always)]
fn parts<I: Isa, E: Format, const R: usize>(isa: I, block: &Block, quads: &[Quad; R], b: usize) -> [I::Floats; R] {
    let mut x = [quads[0].numbers(b); R];
    for (x, quad) in x.iter_mut().zip(quads) {
        *x = quad.numbers(b);
    }
    let less = |x: &Quad, group: usize| match E::CENTRE {
        0 => 0,
        _ if I::is_centred::<E>() => 0,
        centre => x.less[group][b] << centre,
    };
    let mut parts = [isa.splat(0.0); R];
    let scales = [isa.load(&block.scales[0]), isa.load(&block.scales[1])];
    if E::GROUPS {
        let first = isa.panel_dots::<E, R>(&block.weights, x, 0..1);
        for ((part, dots), x) in parts.iter_mut().zip(first).zip(quads) {
            *part = isa.mul(isa.floats_plus(dots, less(x, 0)), scales[0]);
        }
        let last = isa.panel_dots::<E, R>(&block.weights, x, 1..2);
        for ((part, dots), x) in parts.iter_mut().zip(last).zip(quads) {
            *part = isa.fma(isa.floats_plus(dots, less(x, 1)), scales[1], *part);
        }
    } else {
        let both = isa.panel_dots::<E, R>(&block.weights, x, 0..2);
        for ((part, dots), x) in parts.iter_mut().zip(both).zip(quads) {
            *part = isa.mul(isa.floats_plus(dots, less(x, 2)), scales[0]);
        }
    }
    if E::OFFSETS {
        for (part, x) in parts.iter_mut().zip(quads) {
            if E::GROUPS {
                *part = isa.fma(isa.load(&block.offsets[0]), isa.splat(x.totals[0][b]), *part);
                *part = isa.fma(isa.load(&block.offsets[1]), isa.splat(x.totals[1][b]), *part);
            } else {
                *part = isa.fma(isa.load(&block.offsets[0]), isa.splat(x.totals[2][b]), *part);
            }
        }
    }
    parts
}

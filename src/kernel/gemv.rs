//! A few rows of activations: along the weights as they lie, four outputs at a time.

use super::activations::{Activations, Quad, TOGETHER};
use super::formats::{Format, Heads};
use super::isa::Isa;
use super::matrix::{Matrix, PANEL, To};

/// How far ahead of their use weights are asked for, in bytes.
const AHEAD: usize = 1024;

/// One panel of outputs for all rows.
#[inline(always)]
pub fn product<I: Isa, E: Format>(isa: I, matrix: &Matrix<'_>, rows: &Activations, panel: usize, to: To<'_>) {
    let outputs = panel * PANEL..matrix.outputs.min((panel + 1) * PANEL);
    for row in (0..rows.count()).step_by(TOGETHER) {
        let (quads, together) = rows.together(row);
        for first in outputs.clone().step_by(4) {
            let Some(four) = four::<E>(matrix, first) else { return };
            let valid = (outputs.end - first).min(4);
            let mut r = 0;
            while r < together {
                let x = Rows { quads, together, first: r };
                match together - r {
                    4 if I::TILES => put(tile::<I, E, 4>(isa, four, x), row + r, first, valid, to),
                    2.. if I::TILES => put(tile::<I, E, 2>(isa, four, x), row + r, first, valid, to),
                    _ => put(tile::<I, E, 1>(isa, four, x), row + r, first, valid, to),
                }
                r += match together - r {
                    4 if I::TILES => 4,
                    2.. if I::TILES => 2,
                    _ => 1,
                };
            }
        }
    }
}

/// Rows that go together, or some of them.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// `[quad][row]`.
    pub quads: &'a [Quad],
    /// How many rows there are.
    pub together: usize,
    /// The first that is meant.
    pub first: usize,
}

impl<'a> Rows<'a> {
    /// The quads of `R` of them that have a block.
    #[inline(always)]
    pub fn of<const R: usize>(self, block: usize) -> Option<&'a [Quad; R]> {
        self.quads.get(block / 4 * self.together + self.first..)?.first_chunk()
    }
}

#[inline(always)]
fn put<const R: usize>(sums: [[f32; 4]; R], row: usize, first: usize, valid: usize, to: To<'_>) {
    for (r, sums) in sums.iter().enumerate() {
        to.put(row + r, first, &sums[..valid]);
    }
}

/// The weights of four outputs; those that do not exist repeat the last.
#[inline(always)]
pub fn four<'a, E: Format>(matrix: &Matrix<'a>, first: usize) -> Option<[&'a [E::Raw]; 4]> {
    let row = |i: usize| bytemuck::try_cast_slice(matrix.row((first + i).min(matrix.outputs - 1))).ok();
    Some([row(0)?, row(1)?, row(2)?, row(3)?])
}

/// Four outputs for `R` rows.
#[inline(always)]
fn tile<I: Isa, E: Format, const R: usize>(isa: I, weights: [&[E::Raw]; 4], rows: Rows<'_>) -> [[f32; 4]; R] {
    let [first, second, third, fourth] = weights;
    let mut strands = [[isa.splat_four(0.0); 4]; R];
    let mut heads = Heads::EMPTY;
    for (at, ((a, b), (c, d))) in first.iter().zip(second).zip(third.iter().zip(fourth)).enumerate() {
        let raw = [a, b, c, d];
        for raw in raw {
            isa.prefetch(std::ptr::from_ref(raw).cast::<u8>().wrapping_add(AHEAD));
        }
        E::heads(isa, raw, &mut heads);
        for block in 0..E::BLOCKS {
            let b = at * E::BLOCKS + block;
            let Some(quads) = rows.of::<R>(b) else { break };
            let numbers = [
                E::numbers(isa, raw[0], block),
                E::numbers(isa, raw[1], block),
                E::numbers(isa, raw[2], block),
                E::numbers(isa, raw[3], block),
            ];
            for (strands, x) in strands.iter_mut().zip(quads) {
                let part = part::<I, E>(isa, numbers, &heads, block, x, b % 4);
                strands[b % 4] = isa.fma_four(part, isa.splat_four(x.steps[b % 4]), strands[b % 4]);
            }
        }
    }
    strands.map(|s| isa.store_four(isa.add_four(isa.add_four(s[0], s[1]), isa.add_four(s[2], s[3]))))
}

/// What a block gives of four outputs, without its step.
#[inline(always)]
fn part<I: Isa, E: Format>(isa: I, numbers: [I::Bytes; 4], heads: &Heads, block: usize, x: &Quad, b: usize) -> I::Four {
    let [first, last] = x.numbers(b);
    let numbers_of_x = isa.bytes(bytemuck::cast_ref(first), bytemuck::cast_ref(last));
    let [first, last] = isa.groups([
        isa.dots::<E>(numbers[0], numbers_of_x),
        isa.dots::<E>(numbers[1], numbers_of_x),
        isa.dots::<E>(numbers[2], numbers_of_x),
        isa.dots::<E>(numbers[3], numbers_of_x),
    ]);
    let centred = |sums, group: usize| match E::CENTRE {
        0 => sums,
        _ if I::is_centred::<E>() => sums,
        centre => isa.plus(sums, x.less[group][b] << centre),
    };
    let scaled = |sums, at: usize| isa.mul_four(isa.four_floats(sums), isa.load_four(&heads.scales[at]));
    let shifted = |part, at: usize, group: usize| {
        isa.fma_four(isa.load_four(&heads.offsets[at]), isa.splat_four(x.totals[group][b]), part)
    };
    if E::GROUPS {
        let part = scaled(centred(first, 0), 2 * block);
        let last = isa.four_floats(centred(last, 1));
        let part = isa.fma_four(last, isa.load_four(&heads.scales[2 * block + 1]), part);
        if E::OFFSETS { shifted(shifted(part, 2 * block, 0), 2 * block + 1, 1) } else { part }
    } else {
        let part = scaled(centred(isa.add_ints(first, last), 2), block);
        if E::OFFSETS { shifted(part, block, 2) } else { part }
    }
}

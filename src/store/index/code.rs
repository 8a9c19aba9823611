//! What is kept of a vector to find it quickly: its signs, and its numbers in 4 bits each.
//!
//! Both are taken after the fixed [`Rotation`], so that they say as much whatever the model. How many signs differ
//! tells the angle between two vectors roughly, at a bit a number; the 4 bits tell it within some 0.006 of the cosine.
//!
//! ```text
//! signs     64 numbers in a word, bit i of word j: number 64 j + i is not negative
//! nibbles   byte j: number j in the low 4 bits, number j + half in the high ones     half = dimensions / 2, rounded up
//!           n in 0..16 stands for (2 n - 15) steps
//! scale     what turns the sum of products with such steps into the cosine, relative to other vectors
//! ```

use super::rotation::Rotation;
use multiversion::multiversion;

/// Rows whose signs are kept together, a word of each after the other, so that one instruction compares many.
pub(super) const GROUP: usize = 64;
const WORD: usize = 8;
/// Sums of 16 bits that run side by side.
const LANES: usize = 32;
/// How far 4 bits reach, in standard deviations of a number: the steps with the least error for a normal distribution.
const REACH: f32 = 2.8;

/// Words of signs for a vector.
pub(super) fn words(dimensions: usize) -> usize {
    dimensions.div_ceil(64)
}

/// Bytes of 4-bit numbers for a vector.
pub(super) fn half(dimensions: usize) -> usize {
    dimensions.div_ceil(2)
}

/// The code of a vector of length one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Code {
    pub signs: Vec<u64>,
    pub scale: f32,
    pub nibbles: Vec<u8>,
}

impl Code {
    pub fn new(rotation: &Rotation, vector: &[f32]) -> Self {
        let turned = rotation.turn(vector);
        let step = REACH / 7.5 / (turned.len() as f32).sqrt();
        let steps = |x: &f32| ((x / step).floor() + 8.0).clamp(0.0, 15.0) as u8;
        let own: f32 = turned.iter().map(|x| x * (2.0 * f32::from(steps(x)) - 15.0)).sum();
        let (low, high) = turned.split_at(half(turned.len()));
        let high = high.iter().map(steps).chain(std::iter::repeat(0));
        let nibbles = low.iter().map(steps).zip(high).map(|(low, high)| low | high << 4).collect();
        Self { signs: signs(&turned), scale: 1.0 / own, nibbles }
    }
}

/// What a question's vector is compared as.
#[derive(Debug)]
pub(super) struct Sketch {
    pub signs: Vec<u64>,
    low: Vec<i16>,
    high: Vec<i16>,
    /// What the offset of the steps adds to every sum of products.
    offset: i32,
}

impl Sketch {
    pub fn new(vector: &[f32]) -> Self {
        let turned = Rotation::new(vector.len()).turn(vector);
        let largest = turned.iter().fold(f32::MIN_POSITIVE, |m, x| m.max(x.abs()));
        let mut low: Vec<i16> = turned.iter().map(|x| (x / largest * 127.0).round() as i16).collect();
        let offset = low.iter().map(|x| 15 * i32::from(*x)).sum();
        let mut high = low.split_off(half(low.len()));
        high.resize(low.len(), 0);
        Self { signs: signs(&turned), low, high, offset }
    }

    /// How near the vector with these nibbles is: comparable among all that this sketch is compared with.
    pub fn nearness(&self, nibbles: &[u8], scale: f32) -> f32 {
        (2 * products(&self.low, &self.high, nibbles) - self.offset) as f32 * scale
    }
}

fn signs(turned: &[f32]) -> Vec<u64> {
    let word = |part: &[f32]| part.iter().zip(0..).fold(0, |bits, (x, i)| bits | u64::from(*x >= 0.0) << i);
    turned.chunks(64).map(word).collect()
}

/// Appends to `found` the rows that differ from `query` in fewer than `limit` signs, each with in how many.
///
/// `signs` are whole groups; rows are counted from 0.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx512vpopcntdq+popcnt",
    "x86_64+avx2+popcnt",
    "x86_64+popcnt"
))]
pub(super) fn scan(query: &[u64], signs: &[u8], limit: u64, found: &mut Vec<(u32, u32)>) {
    let groups = signs.chunks_exact((query.len() * GROUP * WORD).max(1));
    for (group, first) in groups.zip((0..).step_by(GROUP)) {
        let mut differ = [0u64; GROUP];
        for (word, rows) in query.iter().zip(group.as_chunks::<{ GROUP * WORD }>().0) {
            for (differ, row) in differ.iter_mut().zip(rows.as_chunks::<WORD>().0) {
                *differ += u64::from((u64::from_le_bytes(*row) ^ word).count_ones());
            }
        }
        // The highest bit of a difference below zero, gathered without a branch for each row.
        let mut near = differ.iter().zip(0..).fold(0u64, |bits, (d, i)| bits | (d.wrapping_sub(limit) >> 63) << i);
        while near != 0 {
            let row = near.trailing_zeros();
            found.push((first + row, differ[row as usize] as u32));
            near &= near - 1;
        }
    }
}

/// The sum of products of the numbers in `low` and `high`, at most 127, with the low and the high nibbles.
///
/// Eight pairs of such products fit into 16 bits, and the narrower a number, the more are multiplied at once.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn products(low: &[i16], high: &[i16], nibbles: &[u8]) -> i32 {
    let (lows, low) = low.as_chunks::<LANES>();
    let (highs, high) = high.as_chunks::<LANES>();
    let (rows, rest) = nibbles.as_chunks::<LANES>();
    let last = low.iter().zip(high).zip(rest);
    let mut all = last.map(|((l, h), n)| i32::from(l * i16::from(n & 15) + h * i16::from(n >> 4))).sum::<i32>();
    for ((lows, highs), rows) in lows.chunks(8).zip(highs.chunks(8)).zip(rows.chunks(8)) {
        let mut sums = [0i16; LANES];
        for ((low, high), row) in lows.iter().zip(highs).zip(rows) {
            for (((sum, l), h), n) in sums.iter_mut().zip(low).zip(high).zip(row) {
                *sum += l * i16::from(n & 15) + h * i16::from(n >> 4);
            }
        }
        all += sums.iter().map(|s| i32::from(*s)).sum::<i32>();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_are_summed_whatever_the_length(
            rows in prop::collection::vec((-127i16..=127, -127i16..=127, any::<u8>()), 0..700),
        ) {
            let low: Vec<i16> = rows.iter().map(|r| r.0).collect();
            let high: Vec<i16> = rows.iter().map(|r| r.1).collect();
            let nibbles: Vec<u8> = rows.iter().map(|r| r.2).collect();
            let one = |(l, h, n): &(i16, i16, u8)| i32::from(l * i16::from(n & 15) + h * i16::from(n >> 4));
            prop_assert_eq!(products(&low, &high, &nibbles), rows.iter().map(one).sum::<i32>());
        }

        #[test]
        fn the_rows_below_the_limit_are_found(
            query in prop::collection::vec(any::<u64>(), 1..4), seed: u64, limit in 0..200u64,
        ) {
            let word = |i: usize| seed.wrapping_mul(i as u64 | 1).rotate_left(i as u32);
            let words: Vec<u64> = (0..2 * GROUP * query.len()).map(word).collect();
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
            let mut found = Vec::new();
            scan(&query, &bytes, limit, &mut found);
            let distance = |row: usize| -> u32 {
                let at = |w: usize| words[row / GROUP * GROUP * query.len() + w * GROUP + row % GROUP];
                query.iter().enumerate().map(|(w, q)| (q ^ at(w)).count_ones()).sum()
            };
            let rows = (0..2 * GROUP).map(|row| (row as u32, distance(row)));
            prop_assert_eq!(found, rows.filter(|(_, d)| u64::from(*d) < limit).collect::<Vec<_>>());
        }

        #[test]
        fn nearness_is_nearly_the_cosine(seed in 1..1000u32, dimensions in 64..400usize) {
            let vector = |of: u32| {
                let number = |i| ((i as u32 + 1).wrapping_mul(of).wrapping_mul(2_654_435_761) >> 8) as f32 - 8e6;
                let mut vector: Vec<f32> = (0..dimensions).map(number).collect();
                crate::store::index::dot::normalize(&mut vector).unwrap();
                vector
            };
            let (a, b) = (vector(seed), vector(seed + 7));
            let cosine: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            let (sketch, rotation) = (Sketch::new(&a), Rotation::new(dimensions));
            let near = |v| Code::new(&rotation, v);
            let [own, other] = [near(&a), near(&b)].map(|code| sketch.nearness(&code.nibbles, code.scale));
            prop_assert!((other / own - cosine).abs() < 0.05, "{} {cosine}", other / own);
        }
    }
}

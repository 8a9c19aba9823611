//! Grouped-query attention over a cache that grows in place.
//!
//! ```text
//! y[r, h] = sum over positions l <= past + r of  softmax(q[r, h] . k[l, h / G]) v[l, h / G]
//! q       [rows, H D]        keys, values  [KV, capacity, D] in float16        H = KV G;  q and k rotated
//! ```
//!
//! Queries that read the same keys go together, four at a time; positions go in stretches of 128, each with its own
//! maximum, and what stretches give is joined in their order. So a row's result does not depend on its neighbours, on
//! how many threads there are, or on who computed which stretch: a token decoded alone, checked among guesses or read
//! as part of a prompt has the same bits.

use super::exp::exp;
use super::isa::{LANES, Vectors};
use super::{LARGEST_HEAD, Output};
use half::f16;
use std::ops::Range;

/// Queries that go together.
const TILE: usize = 4;
/// Positions that share a maximum.
pub const STRETCH: usize = 128;

/// Extents of an attention.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// Heads of queries, H; a multiple of `kv_heads`.
    pub heads: usize,
    /// Heads of keys and values, KV.
    pub kv_heads: usize,
    /// Numbers of a head, D; a multiple of 16, and of two halves that rotate.
    pub dim: usize,
}

/// What becomes of scores before the softmax.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scores {
    /// Positions that a row sees, its own among them; all without.
    pub window: Option<usize>,
    /// They stay within this: `cap tanh(score / cap)`.
    pub cap: Option<f32>,
}

/// What one sequence attends to.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// Its extents.
    pub heads: Heads,
    /// What becomes of scores.
    pub scores: Scores,
    /// `[rows, H D]`, rotated, times the scale of scores.
    pub queries: &'a [f32],
    /// Rows, that is new positions.
    pub rows: usize,
    /// Positions before them.
    pub past: usize,
    /// `[KV, capacity, D]`.
    pub keys: &'a [f16],
    /// As `keys`.
    pub values: &'a [f16],
    /// Positions there is room for.
    pub capacity: usize,
}

impl Attention<'_> {
    /// Whether the arrays have what the extents say.
    fn is_whole(&self) -> bool {
        let Heads { heads, kv_heads, dim } = self.heads;
        let end = self.past + self.rows;
        let cached = kv_heads * self.capacity * dim;
        self.heads.fit()
            && end <= self.capacity
            && self.queries.len() == self.rows * heads * dim
            && self.keys.len() >= cached
            && self.values.len() >= cached
    }

    /// Tiles of queries, of which each is computed whole: the unit in which threads share a prompt.
    pub fn tiles(&self) -> usize {
        self.heads.kv_heads * self.tiles_of_a_head()
    }

    /// Stretches of positions there are.
    pub fn stretches(&self) -> usize {
        (self.past + self.rows).div_ceil(STRETCH)
    }

    /// Numbers that one tile's share of one stretch takes.
    pub fn share(&self) -> usize {
        TILE * (self.heads.dim + 2)
    }

    fn tiles_of_a_head(&self) -> usize {
        (self.rows * self.heads.group()).div_ceil(TILE)
    }

    /// What `tile` gets from one stretch, put at `at` and after: for each query the largest score, the sum of what the
    /// others are beside it, and the values weighted so; [`Attention::share`] numbers in all. Nothing happens where
    /// sizes do not fit.
    #[inline(always)]
    pub(super) fn stretch<V: Vectors>(&self, isa: V, tile: usize, stretch: usize, shares: &Output<'_>, at: usize) {
        if !self.is_whole() || tile >= self.tiles() {
            return;
        }
        let (kv_head, first) = (tile / self.tiles_of_a_head(), tile % self.tiles_of_a_head() * TILE);
        match self.rows * self.heads.group() - first {
            1 => self.queries_over::<V, 1>(isa, kv_head, first, stretch, shares, at),
            2 => self.queries_over::<V, 2>(isa, kv_head, first, stretch, shares, at),
            3 => self.queries_over::<V, 3>(isa, kv_head, first, stretch, shares, at),
            _ => self.queries_over::<V, TILE>(isa, kv_head, first, stretch, shares, at),
        }
    }

    /// Joins what `tile` got from each stretch, in their order, and puts its rows into `y`, `[rows, H D]`.
    #[inline(always)]
    pub(super) fn join(&self, tile: usize, shares: &[f32], y: &Output<'_>) {
        let Heads { heads, dim, .. } = self.heads;
        let (kv_head, first) = (tile / self.tiles_of_a_head(), tile % self.tiles_of_a_head() * TILE);
        let group = self.heads.group();
        let mut sums = [0.0; LARGEST_HEAD];
        for query in first..(self.rows * group).min(first + TILE) {
            let own = || shares.chunks_exact(self.share()).filter_map(|s| s.chunks_exact(dim + 2).nth(query - first));
            let most = own().map(|s| s[0]).fold(f32::NEG_INFINITY, f32::max);
            let (mut total, sums) = (0.0, &mut sums[..dim]);
            sums.fill(0.0);
            for share in own().filter(|s| s[1] > 0.0) {
                let weight = exp(share[0] - most);
                total += weight * share[1];
                sums.iter_mut().zip(&share[2..]).for_each(|(sum, value)| *sum += weight * value);
            }
            sums.iter_mut().for_each(|sum| *sum /= total);
            y.put((query / group * heads + kv_head * group + query % group) * dim, sums);
        }
    }

    /// [`Attention::stretch`] for `R` queries from `first` of those that read `kv_head`.
    #[inline(always)]
    fn queries_over<V: Vectors, const R: usize>(
        &self,
        isa: V,
        kv_head: usize,
        first: usize,
        stretch: usize,
        shares: &Output<'_>,
        at: usize,
    ) {
        let (dim, group) = (self.heads.dim, self.heads.group());
        let (begin, head) = (stretch * STRETCH, kv_head * self.capacity * dim);
        let keys = &self.keys[head + begin * dim..head + (self.past + self.rows) * dim];
        let values = &self.values[head + begin * dim..head + (self.past + self.rows) * dim];
        // Positions of this stretch that a query sees.
        let end = |q: usize| self.past + (first + q) / group + 1;
        let seen = |q: usize| {
            let from = self.scores.window.map_or(0, |window| end(q).saturating_sub(window));
            from.saturating_sub(begin)..end(q).saturating_sub(begin).min(STRETCH)
        };
        let longest = seen(R - 1).end;
        if (0..R).all(|q| seen(q).is_empty()) {
            for q in 0..R {
                shares.put(at + q * (dim + 2), &[f32::NEG_INFINITY, 0.0]);
            }
            return;
        }
        let mut queries = [&[][..]; R];
        for (q, query) in queries.iter_mut().enumerate() {
            let (row, head) = ((first + q) / group, kv_head * group + (first + q) % group);
            *query = &self.queries[(row * self.heads.heads + head) * dim..][..dim];
        }
        let mut weights = [[0.0; STRETCH]; R];
        scores(isa, queries, dim, keys, &mut weights, longest);
        for (q, weights) in weights.iter_mut().enumerate() {
            if let Some(cap) = self.scores.cap {
                weights.iter_mut().for_each(|score| *score = capped(*score, cap));
            }
            let (most, total) = if seen(q).is_empty() {
                weights.fill(0.0);
                (f32::NEG_INFINITY, 0.0)
            } else {
                softmax(weights, seen(q))
            };
            shares.put(at + q * (dim + 2), &[most, total]);
        }
        let mut done = 0;
        while done < dim {
            let at = at + 2 + done;
            let values = &values[done.min(values.len())..];
            if dim - done >= 64 && 4 * R <= V::ACCUMULATORS {
                put(weighted::<V, R, 4>(isa, &weights, values, dim, longest), shares, at, dim + 2);
                done += 64;
            } else if dim - done >= 32 && 2 * R <= V::ACCUMULATORS {
                put(weighted::<V, R, 2>(isa, &weights, values, dim, longest), shares, at, dim + 2);
                done += 32;
            } else {
                put(weighted::<V, R, 1>(isa, &weights, values, dim, longest), shares, at, dim + 2);
                done += 16;
            }
        }
    }
}

/// Puts what each query gets where it belongs.
#[inline(always)]
fn put<const R: usize, const J: usize>(sums: [[[f32; 16]; J]; R], shares: &Output<'_>, at: usize, stride: usize) {
    for (q, sums) in sums.iter().enumerate() {
        shares.put(at + q * stride, sums.as_flattened());
    }
}

impl Heads {
    /// Whether there are kernels for these extents.
    pub fn fit(&self) -> bool {
        self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads) && self.heads > 0 && super::fits_head(self.dim)
    }

    /// Heads of queries that share a head of keys.
    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
}

/// The products of queries with the first `count` keys.
#[inline(always)]
fn scores<V: Vectors, const R: usize>(
    isa: V,
    queries: [&[f32]; R],
    dim: usize,
    keys: &[f16],
    scores: &mut [[f32; STRETCH]; R],
    count: usize,
) {
    let count = count.min(keys.len() / dim).min(STRETCH);
    if 4 * R <= V::ACCUMULATORS {
        return beside::<V, R, 4>(isa, queries, dim, keys, scores, count);
    }
    // Fewer keys at a time, so that all sums stay in the registers.
    beside::<V, R, 1>(isa, queries, dim, keys, scores, count);
}

/// [`scores`], `K` keys at a time: 4, or 1.
#[inline(always)]
fn beside<V: Vectors, const R: usize, const K: usize>(
    isa: V,
    queries: [&[f32]; R],
    dim: usize,
    keys: &[f16],
    scores: &mut [[f32; STRETCH]; R],
    count: usize,
) {
    let mut rows = [&[][..]; R];
    for (row, query) in rows.iter_mut().zip(queries) {
        *row = query.as_chunks::<LANES>().0;
    }
    let pieces = dim / LANES;
    let rows = rows.map(|row| &row[..pieces]);
    for first in (0..count).step_by(K) {
        let mut own = [&[][..]; K];
        for (i, own) in own.iter_mut().enumerate() {
            // Positions that are not there repeat the last.
            *own = &keys[(first + i).min(count - 1) * dim..][..dim].as_chunks::<LANES>().0[..pieces];
        }
        let mut sums = [[isa.splat(0.0); K]; R];
        for at in 0..pieces {
            let mut k = [isa.splat(0.0); K];
            for (k, own) in k.iter_mut().zip(own) {
                *k = isa.load_f16(&own[at]);
            }
            for (sums, row) in sums.iter_mut().zip(rows) {
                let q = isa.load(&row[at]);
                for (sum, k) in sums.iter_mut().zip(k) {
                    *sum = isa.fma(q, k, *sum);
                }
            }
        }
        if K == 4 {
            for (scores, sums) in scores.iter_mut().zip(sums) {
                let four = isa.sums([sums[0], sums[1 % K], sums[2 % K], sums[3 % K]]);
                scores[first..first + 4].copy_from_slice(&four);
            }
        } else {
            let four = isa.sums([sums[0][0], sums[1 % R][0], sums[2 % R][0], sums[3 % R][0]]);
            for (scores, sum) in scores.iter_mut().zip(four) {
                scores[first] = sum;
            }
        }
    }
}

/// `cap tanh(score / cap)`.
#[inline(always)]
fn capped(score: f32, cap: f32) -> f32 {
    cap - 2.0 * cap / (exp(2.0 / cap * score) + 1.0)
}

/// Scores to what they are beside the largest, in place; zeros around those that are `seen`. Returns the largest, and
/// the sum.
#[inline(always)]
fn softmax(scores: &mut [f32; STRETCH], seen: Range<usize>) -> (f32, f32) {
    let hide = |scores: &mut [f32; STRETCH], with: f32| {
        scores[..seen.start].fill(with);
        scores[seen.end..].fill(with);
    };
    hide(scores, f32::NEG_INFINITY);
    let mut mosts = [f32::NEG_INFINITY; 16];
    for sixteen in scores.as_chunks::<16>().0 {
        mosts.iter_mut().zip(sixteen).for_each(|(most, s)| *most = if *s > *most { *s } else { *most });
    }
    let most = mosts.into_iter().fold(f32::NEG_INFINITY, f32::max);
    scores.iter_mut().for_each(|s| *s = exp(*s - most));
    hide(scores, 0.0);
    let mut sums = [0.0; 16];
    for sixteen in scores.as_chunks::<16>().0 {
        sums.iter_mut().zip(sixteen).for_each(|(sum, s)| *sum += s);
    }
    (most, sums.iter().sum())
}

/// The first `count` values, each weighted, of `16 J` numbers every `dim`.
#[inline(always)]
fn weighted<V: Vectors, const R: usize, const J: usize>(
    isa: V,
    weights: &[[f32; STRETCH]; R],
    values: &[f16],
    dim: usize,
    count: usize,
) -> [[[f32; LANES]; J]; R] {
    let mut sums = [[isa.splat(0.0); J]; R];
    for (l, values) in values.chunks(dim).enumerate().take(count.min(STRETCH)) {
        let Some(pieces) = values.as_chunks::<LANES>().0.get(..J) else { break };
        let mut value = [isa.splat(0.0); J];
        for (value, piece) in value.iter_mut().zip(pieces) {
            *value = isa.load_f16(piece);
        }
        for (sums, weights) in sums.iter_mut().zip(weights) {
            let weight = isa.splat(weights[l]);
            for (sum, value) in sums.iter_mut().zip(value) {
                *sum = isa.fma(weight, value, *sum);
            }
        }
    }
    let mut out = [[[0.0; LANES]; J]; R];
    for (out, sum) in out.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
        *out = isa.store(*sum);
    }
    out
}

/// Rotates `x`, one head at one position: the first half of its numbers against the second, of as many as there are
/// cosines and sines for. The others stay as they are.
pub fn rotate(x: &[f32], cosines: &[f32], sines: &[f32], out: &mut [f32]) {
    let (x, rest) = x.split_at((2 * cosines.len()).min(x.len()));
    let (out, kept) = out.split_at_mut(x.len());
    kept.copy_from_slice(rest);
    let (first, second) = x.split_at(x.len() / 2);
    let (low, high) = out.split_at_mut(first.len());
    let halves = low.iter_mut().zip(high).zip(first.iter().zip(second));
    for (((low, high), (first, second)), (cosine, sine)) in halves.zip(cosines.iter().zip(sines)) {
        *low = first * cosine - second * sine;
        *high = second * cosine + first * sine;
    }
}

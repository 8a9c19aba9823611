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
use super::{LARGEST_HEAD, Output};
use half::f16;
use std::arch::x86_64::*;
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
    /// [`super::available`] says no or sizes do not fit.
    #[allow(unsafe_code, reason = "kernels for an instruction set; what makes it sound is said at the call")]
    pub fn stretch(&self, tile: usize, stretch: usize, shares: &Output<'_>, at: usize) {
        if !super::available() || !self.is_whole() || tile >= self.tiles() {
            return;
        }
        let (kv_head, first) = (tile / self.tiles_of_a_head(), tile % self.tiles_of_a_head() * TILE);
        let all = self.rows * self.heads.group();
        // SAFETY: the machine has the instructions, and the arrays are whole, as was just asked.
        unsafe {
            match all - first {
                1 => self.queries_over::<1>(kv_head, first, stretch, shares, at),
                2 => self.queries_over::<2>(kv_head, first, stretch, shares, at),
                3 => self.queries_over::<3>(kv_head, first, stretch, shares, at),
                _ => self.queries_over::<TILE>(kv_head, first, stretch, shares, at),
            }
        }
    }

    /// Joins what `tile` got from each stretch, in their order, and puts its rows into `y`, `[rows, H D]`.
    pub fn join(&self, tile: usize, shares: &[f32], y: &Output<'_>) {
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
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    fn queries_over<const R: usize>(
        &self,
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
            return (0..R).for_each(|q| shares.put(at + q * (dim + 2), &[f32::NEG_INFINITY, 0.0]));
        }
        let mut queries = [&[][..]; R];
        for (q, query) in queries.iter_mut().enumerate() {
            let (row, head) = ((first + q) / group, kv_head * group + (first + q) % group);
            *query = &self.queries[(row * self.heads.heads + head) * dim..][..dim];
        }
        let mut weights = [[0.0; STRETCH]; R];
        scores(queries, dim, keys, &mut weights, longest);
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
            let sums = |q: usize| at + q * (dim + 2) + 2 + done;
            let values = &values[done.min(values.len())..];
            if dim - done >= 64 {
                let sum = weighted::<R, 4>(&weights, values, dim, longest);
                (0..R).for_each(|q| shares.put(sums(q), sum[q].as_flattened()));
                done += 64;
            } else {
                let sum = weighted::<R, 1>(&weights, values, dim, longest);
                (0..R).for_each(|q| shares.put(sums(q), sum[q].as_flattened()));
                done += 16;
            }
        }
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
#[allow(unsafe_code, reason = "unchecked loads: checks in this loop cost more than the loop")]
fn scores<const R: usize>(
    queries: [&[f32]; R],
    dim: usize,
    keys: &[f16],
    scores: &mut [[f32; STRETCH]; R],
    count: usize,
) {
    let count = count.min(keys.len() / dim).min(STRETCH);
    for first in (0..count).step_by(4) {
        // Positions that are not there repeat the last.
        let key = |i: usize| keys.as_ptr().wrapping_add((first + i).min(count - 1) * dim);
        let (k0, k1, k2, k3) = (key(0), key(1), key(2), key(3));
        let mut sums = [[_mm512_setzero_ps(); 4]; R];
        for at in (0..dim).step_by(16) {
            // SAFETY: `dim` is a multiple of 16, and each key has that many numbers.
            let (k0, k1, k2, k3) = unsafe { (widened(k0, at), widened(k1, at), widened(k2, at), widened(k3, at)) };
            for (sums, query) in sums.iter_mut().zip(queries) {
                // SAFETY: `dim` is a multiple of 16, and a query has that many numbers.
                let q = unsafe { _mm512_loadu_ps(query.as_ptr().add(at)) };
                sums[0] = _mm512_fmadd_ps(q, k0, sums[0]);
                sums[1] = _mm512_fmadd_ps(q, k1, sums[1]);
                sums[2] = _mm512_fmadd_ps(q, k2, sums[2]);
                sums[3] = _mm512_fmadd_ps(q, k3, sums[3]);
            }
        }
        for (scores, [s0, s1, s2, s3]) in scores.iter_mut().zip(sums) {
            let s01 = _mm512_add_ps(_mm512_unpacklo_ps(s0, s1), _mm512_unpackhi_ps(s0, s1));
            let s23 = _mm512_add_ps(_mm512_unpacklo_ps(s2, s3), _mm512_unpackhi_ps(s2, s3));
            let (s01, s23) = (_mm512_castps_pd(s01), _mm512_castps_pd(s23));
            let lanes = _mm512_add_ps(
                _mm512_castpd_ps(_mm512_unpacklo_pd(s01, s23)),
                _mm512_castpd_ps(_mm512_unpackhi_pd(s01, s23)),
            );
            let lanes: [__m128; 4] = bytemuck::cast(lanes);
            let four = _mm_add_ps(_mm_add_ps(lanes[0], lanes[1]), _mm_add_ps(lanes[2], lanes[3]));
            scores[first..first + 4].copy_from_slice(&bytemuck::cast::<_, [f32; 4]>(four));
        }
    }
}

/// Sixteen numbers from `at`.
///
/// # Safety
/// They are there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
#[allow(unsafe_code, reason = "unchecked loads")]
unsafe fn widened(numbers: *const f16, at: usize) -> __m512 {
    // SAFETY: as the caller says.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(numbers.add(at).cast()) })
}

/// `cap tanh(score / cap)`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn capped(score: f32, cap: f32) -> f32 {
    cap - 2.0 * cap / (exp(2.0 / cap * score) + 1.0)
}

/// Scores to what they are beside the largest, in place; zeros around those that are `seen`. Returns the largest, and
/// the sum.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
#[allow(unsafe_code, reason = "unchecked loads: checks in this loop cost more than the loop")]
fn weighted<const R: usize, const J: usize>(
    weights: &[[f32; STRETCH]; R],
    values: &[f16],
    dim: usize,
    count: usize,
) -> [[[f32; 16]; J]; R] {
    let mut sums = [[_mm512_setzero_ps(); J]; R];
    let there = (values.len() + dim).saturating_sub(16 * J) / dim;
    for l in 0..count.min(there) {
        let mut value = [_mm512_setzero_ps(); J];
        for (j, value) in value.iter_mut().enumerate() {
            // SAFETY: `l` is less than how many positions have 16 J numbers here.
            *value = unsafe { widened(values.as_ptr(), l * dim + 16 * j) };
        }
        for (sums, weights) in sums.iter_mut().zip(weights) {
            let weight = _mm512_set1_ps(weights[l % STRETCH]);
            for (sum, value) in sums.iter_mut().zip(value) {
                *sum = _mm512_fmadd_ps(weight, value, *sum);
            }
        }
    }
    sums.map(|sums| sums.map(bytemuck::cast))
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

//! Grouped-query attention over a cache that grows in place.
//!
//! ```text
//! y[r, h] = sum over positions l <= past + r of  softmax(q[r, h] . k[l, h / G] / sqrt(D)) v[l, h / G]
//! q       [rows, H D], not rotated yet        keys, values  [KV, capacity, D], keys rotated        H = KV G
//! ```
//!
//! Queries that read the same keys go together, four at a time; positions go in stretches of 256, each with its own
//! maximum, and what stretches give is joined in their order. So a row's result does not depend on its neighbours, on
//! how many threads there are, or on who computed which stretch: a token decoded alone, checked among guesses or read
//! as part of a prompt has the same bits.

use super::exp::exp;
use super::{LARGEST_HEAD, Output};
use std::arch::x86_64::*;

/// Queries that go together.
const TILE: usize = 4;
/// Positions that share a maximum.
pub const STRETCH: usize = 256;

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

/// What one sequence attends to.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// Its extents.
    pub heads: Heads,
    /// `[rows, H D]`, or wider where keys and values follow.
    pub queries: &'a [f32],
    /// Numbers from one row of `queries` to the next.
    pub stride: usize,
    /// Rows, that is new positions.
    pub rows: usize,
    /// Positions before them.
    pub past: usize,
    /// `[KV, capacity, D]`.
    pub keys: &'a [f32],
    /// As `keys`.
    pub values: &'a [f32],
    /// Positions there is room for.
    pub capacity: usize,
    /// `[positions, D / 2]`: cosines of the rotation.
    pub cosines: &'a [f32],
    /// As `cosines`.
    pub sines: &'a [f32],
}

impl Attention<'_> {
    /// Whether the arrays have what the extents say.
    fn is_whole(&self) -> bool {
        let Heads { heads, kv_heads, dim } = self.heads;
        let end = self.past + self.rows;
        let queries = self.rows.saturating_sub(1) * self.stride + heads * dim;
        let cached = kv_heads * self.capacity * dim;
        self.heads.fit()
            && end <= self.capacity
            && (self.rows == 0 || self.queries.len() >= queries)
            && self.keys.len() >= cached
            && self.values.len() >= cached
            && self.cosines.len() >= end * dim / 2
            && self.sines.len() >= end * dim / 2
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

    /// What `tile` gets from one stretch, into `share`: for each query the largest score, the sum of what the others
    /// are beside it, and the values weighted so. Nothing happens where [`super::available`] says no or sizes do not
    /// fit.
    #[allow(unsafe_code, reason = "kernels for an instruction set; what makes it sound is said at the call")]
    pub fn stretch(&self, tile: usize, stretch: usize, share: &mut [f32]) {
        if !super::available() || !self.is_whole() || tile >= self.tiles() || share.len() < self.share() {
            return;
        }
        let (kv_head, first) = (tile / self.tiles_of_a_head(), tile % self.tiles_of_a_head() * TILE);
        let all = self.rows * self.heads.group();
        // SAFETY: the machine has the instructions, and the arrays are whole, as was just asked.
        unsafe {
            match all - first {
                1 => self.queries_over::<1>(kv_head, first, stretch, share),
                2 => self.queries_over::<2>(kv_head, first, stretch, share),
                3 => self.queries_over::<3>(kv_head, first, stretch, share),
                _ => self.queries_over::<TILE>(kv_head, first, stretch, share),
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
    fn queries_over<const R: usize>(&self, kv_head: usize, first: usize, stretch: usize, share: &mut [f32]) {
        let dim = self.heads.dim;
        let (begin, head) = (stretch * STRETCH, kv_head * self.capacity * dim);
        let keys = &self.keys[head + begin * dim..head + (self.past + self.rows) * dim];
        let values = &self.values[head + begin * dim..head + (self.past + self.rows) * dim];
        let mut weights = [[0.0; STRETCH]; R];
        let mut longest = 0;
        for (q, weights) in weights.iter_mut().enumerate() {
            let query = first + q;
            // Positions of this stretch that the query sees.
            let seen = (self.past + query / self.heads.group() + 1).saturating_sub(begin).min(STRETCH);
            let (most, total) = match seen {
                0 => (f32::NEG_INFINITY, 0.0),
                _ => {
                    scores(&self.query(kv_head, query)[..dim], keys, &mut weights[..seen]);
                    softmax(weights, seen)
                }
            };
            share[q * (dim + 2)..][..2].copy_from_slice(&[most, total]);
            longest = longest.max(seen);
        }
        let mut at = 0;
        while at < dim {
            let sums = |q: usize| q * (dim + 2) + 2 + at;
            if dim - at >= 64 {
                let sum = weighted::<R, 4>(&weights, &values[at.min(values.len())..], dim, longest);
                (0..R).for_each(|q| share[sums(q)..][..64].copy_from_slice(bytemuck::cast_slice(&sum[q])));
                at += 64;
            } else {
                let sum = weighted::<R, 1>(&weights, &values[at.min(values.len())..], dim, longest);
                (0..R).for_each(|q| share[sums(q)..][..16].copy_from_slice(bytemuck::cast_slice(&sum[q])));
                at += 16;
            }
        }
    }

    /// A query of a head of keys, rotated and scaled.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    fn query(&self, kv_head: usize, query: usize) -> [f32; LARGEST_HEAD] {
        let (dim, group) = (self.heads.dim, self.heads.group());
        let (row, head) = (query / group, kv_head * group + query % group);
        let mut rotated = [0.0; LARGEST_HEAD];
        let [cosines, sines] = [self.cosines, self.sines].map(|t| &t[(self.past + row) * dim / 2..][..dim / 2]);
        rotate(&self.queries[row * self.stride + head * dim..][..dim], cosines, sines, &mut rotated[..dim]);
        let scale = 1.0 / (dim as f32).sqrt();
        rotated[..dim].iter_mut().for_each(|x| *x *= scale);
        rotated
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

/// The products of a query with the first keys, as many as there is room for.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
#[allow(unsafe_code, reason = "unchecked loads: checks in this loop cost more than the loop")]
fn scores(query: &[f32], keys: &[f32], scores: &mut [f32]) {
    let dim = query.len();
    let last = (keys.len() / dim).min(scores.len()).saturating_sub(1);
    for (four, scores) in scores.chunks_mut(4).enumerate() {
        // Positions that are not there repeat the last.
        let key = |i: usize| keys.as_ptr().wrapping_add((4 * four + i).min(last) * dim);
        let (k0, k1, k2, k3) = (key(0), key(1), key(2), key(3));
        let (mut s0, mut s1) = (_mm512_setzero_ps(), _mm512_setzero_ps());
        let (mut s2, mut s3) = (s0, s1);
        for at in (0..dim).step_by(16) {
            // SAFETY: `dim` is a multiple of 16, and each key and the query have that many numbers.
            unsafe {
                let q = _mm512_loadu_ps(query.as_ptr().add(at));
                s0 = _mm512_fmadd_ps(q, _mm512_loadu_ps(k0.add(at)), s0);
                s1 = _mm512_fmadd_ps(q, _mm512_loadu_ps(k1.add(at)), s1);
                s2 = _mm512_fmadd_ps(q, _mm512_loadu_ps(k2.add(at)), s2);
                s3 = _mm512_fmadd_ps(q, _mm512_loadu_ps(k3.add(at)), s3);
            }
        }
        let s01 = _mm512_add_ps(_mm512_unpacklo_ps(s0, s1), _mm512_unpackhi_ps(s0, s1));
        let s23 = _mm512_add_ps(_mm512_unpacklo_ps(s2, s3), _mm512_unpackhi_ps(s2, s3));
        let (s01, s23) = (_mm512_castps_pd(s01), _mm512_castps_pd(s23));
        let lanes = _mm512_add_ps(
            _mm512_castpd_ps(_mm512_unpacklo_pd(s01, s23)),
            _mm512_castpd_ps(_mm512_unpackhi_pd(s01, s23)),
        );
        let lanes: [[f32; 4]; 4] = bytemuck::cast(lanes);
        for (i, score) in scores.iter_mut().enumerate() {
            *score = (lanes[0][i] + lanes[1][i]) + (lanes[2][i] + lanes[3][i]);
        }
    }
}

/// Scores to what they are beside the largest, in place; zeros behind those that are `seen`. Returns the largest, and
/// the sum.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn softmax(scores: &mut [f32; STRETCH], seen: usize) -> (f32, f32) {
    let most = scores[..seen].iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores[..seen].iter_mut().for_each(|s| *s = exp(*s - most));
    let mut lanes = [0.0; 16];
    for sixteen in scores.chunks_exact(16) {
        lanes.iter_mut().zip(sixteen).for_each(|(lane, s)| *lane += s);
    }
    (most, lanes.iter().sum())
}

/// The first `count` values, each weighted, of `16 J` numbers every `dim`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
#[allow(unsafe_code, reason = "unchecked loads: checks in this loop cost more than the loop")]
fn weighted<const R: usize, const J: usize>(
    weights: &[[f32; STRETCH]; R],
    values: &[f32],
    dim: usize,
    count: usize,
) -> [[[f32; 16]; J]; R] {
    let mut sums = [[_mm512_setzero_ps(); J]; R];
    let there = (values.len() + dim).saturating_sub(16 * J) / dim;
    for l in 0..count.min(there) {
        let mut value = [_mm512_setzero_ps(); J];
        for (j, value) in value.iter_mut().enumerate() {
            // SAFETY: `l` is less than how many positions have 16 J numbers here.
            *value = unsafe { _mm512_loadu_ps(values.as_ptr().add(l * dim + 16 * j)) };
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

/// Rotates `x`, one head at one position: the first half of its numbers against the second.
pub fn rotate(x: &[f32], cosines: &[f32], sines: &[f32], out: &mut [f32]) {
    let (first, second) = x.split_at(x.len() / 2);
    let (low, high) = out.split_at_mut(first.len());
    let halves = low.iter_mut().zip(high).zip(first.iter().zip(second));
    for (((low, high), (first, second)), (cosine, sine)) in halves.zip(cosines.iter().zip(sines)) {
        *low = first * cosine - second * sine;
        *high = second * cosine + first * sine;
    }
}

//! Attention in a stack: what is new goes into the cache of its lane, and every row attends to its own.

use crate::kernel::{Attention, Backend, Heads, LARGEST_HEAD, Output, Scores, ThreadPool, rotate};
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Tiles from which each is a unit of work; fewer are shared out by stretches, too.
const ENOUGH: usize = 16;
/// New rows that one unit of work puts into the cache.
const ROWS: usize = 16;

/// One conversation's part in a pass.
pub struct Lane<'a> {
    /// `[KV, capacity, D]`.
    pub keys: &'a mut [f16],
    /// As `keys`.
    pub values: &'a mut [f16],
    /// Positions there is room for.
    pub capacity: usize,
    /// D.
    pub dim: usize,
    /// How many numbers of a head are turned to their position.
    pub turned: usize,
    /// Positions after this pass.
    pub total: usize,
    /// Its rows in this pass: all, if there is no word.
    pub rows: Option<usize>,
    /// Positions before them.
    pub past: usize,
}

/// What a step attends with. Queries are `[rows, H D]`, keys and values `[rows, KV D]`, or all three side by side.
pub struct Reads<'a> {
    pub queries: &'a [f32],
    pub beside: Option<[&'a [f32]; 2]>,
    /// What turns heads, if anything does.
    pub rope: Option<Tables<'a>>,
    /// What scores are multiplied by; one over the root of D without.
    pub scale: Option<f32>,
}

/// Cosines and sines.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    pub cosines: &'a [f32],
    pub sines: &'a [f32],
    /// Whether they begin at position 0; otherwise they have a row for each row of the pass.
    pub whole: bool,
}

impl<'a> Tables<'a> {
    /// Those of a row of the pass, which is at `position`.
    fn of(self, row: usize, position: usize, pairs: usize) -> [&'a [f32]; 2] {
        let at = if self.whole { position } else { row } * pairs;
        [&self.cosines[at..][..pairs], &self.sines[at..][..pairs]]
    }
}

/// Lets the rows of all lanes, one after the other, attend; `y` is `[rows, H D]`.
pub fn attend(
    heads: Heads,
    scores: Scores,
    reads: &Reads<'_>,
    lanes: &mut [Lane<'_>],
    with: (Backend, &ThreadPool),
    y: &mut [f32],
) {
    let scale = reads.scale.unwrap_or(1.0 / (heads.dim as f32).sqrt());
    let (width, own) = (heads.heads * heads.dim, heads.kv_heads * heads.dim);
    let mut first = 0;
    // A lane that rests in this pass has no rows.
    for lane in lanes.iter_mut().filter(|lane| lane.total > lane.past) {
        let (rows, past) = (lane.total - lane.past, lane.past);
        let queries_and = if reads.beside.is_some() { width } else { width + 2 * own };
        let queries = reads.queries.get(first * queries_and..).unwrap_or_default();
        let new = match reads.beside {
            Some([keys, values]) => New { keys: &keys[first * own..], values: &values[first * own..], stride: own },
            None => New {
                keys: queries.get(width..).unwrap_or_default(),
                values: queries.get(width + own..).unwrap_or_default(),
                stride: queries_and,
            },
        };
        let mut rotated = vec![0.0; rows * width];
        {
            let cache = [Output::new(lane.keys), Output::new(lane.values)];
            let rotated = Output::new(&mut rotated);
            with.1.parallel_for(rows.div_ceil(ROWS), |unit| {
                for row in unit * ROWS..rows.min((unit + 1) * ROWS) {
                    let tables = reads.rope.map(|rope| rope.of(first + row, past + row, lane.turned / 2));
                    let tables = tables.unwrap_or_default();
                    for head in 0..heads.heads {
                        let query = &queries[row * queries_and + head * heads.dim..][..heads.dim];
                        turn(query, tables, scale, &rotated, row * width + head * heads.dim);
                    }
                    for head in 0..heads.kv_heads {
                        let at = (head * lane.capacity + past + row) * heads.dim;
                        new.remember(row, head, heads.dim, tables, &cache, at);
                    }
                }
            });
        }
        let attention = Attention {
            heads,
            scores,
            queries: &rotated,
            rows,
            past,
            keys: lane.keys,
            values: lane.values,
            capacity: lane.capacity,
        };
        tiles(&attention, with, &Output::new(&mut y[first * width..(first + rows) * width]));
        first += rows;
    }
}

/// A head of a query, rotated and scaled as [`Attention`] has it, put at `at` and after.
fn turn(query: &[f32], [cosines, sines]: [&[f32]; 2], scale: f32, queries: &Output<'_>, at: usize) {
    let mut rotated = [0.0; LARGEST_HEAD];
    let rotated = &mut rotated[..query.len()];
    rotate(query, cosines, sines, rotated);
    rotated.iter_mut().for_each(|x| *x *= scale);
    queries.put(at, rotated);
}

/// Computes a sequence: tile by tile, or where there are few of them by their stretches first.
fn tiles(attention: &Attention<'_>, (backend, pool): (Backend, &ThreadPool), y: &Output<'_>) {
    let (tiles, stretches, share) = (attention.tiles(), attention.stretches(), attention.share());
    if tiles >= ENOUGH {
        return pool.parallel_for(tiles, |tile| {
            let mut shares = vec![0.0; stretches * share];
            let all = Output::new(&mut shares);
            (0..stretches).for_each(|s| backend.stretch(attention, tile, s, &all, s * share));
            backend.join(attention, tile, &shares, y);
        });
    }
    let mut shares = vec![0.0; tiles * stretches * share];
    {
        let shares = Output::new(&mut shares);
        pool.parallel_for(tiles * stretches, |unit| {
            backend.stretch(attention, unit / stretches, unit % stretches, &shares, unit * share);
        });
    }
    for (tile, shares) in shares.chunks_exact(stretches * share).enumerate() {
        backend.join(attention, tile, shares, y);
    }
}

/// Where a lane's new keys and values are.
struct New<'a> {
    keys: &'a [f32],
    values: &'a [f32],
    /// Numbers from one row to the next.
    stride: usize,
}

impl New<'_> {
    /// Puts one head of a row, of `dim` numbers, into the cache, its key rotated. `tables` are cosines and sines of its
    /// position.
    fn remember(
        &self,
        row: usize,
        head: usize,
        dim: usize,
        tables: [&[f32]; 2],
        cache: &[Output<'_, f16>; 2],
        at: usize,
    ) {
        let begin = row * self.stride + head * dim;
        let mut rotated = [0.0; LARGEST_HEAD];
        rotate(&self.keys[begin..][..dim], tables[0], tables[1], &mut rotated[..dim]);
        let mut half = [f16::ZERO; LARGEST_HEAD];
        for (cache, numbers) in cache.iter().zip([&rotated[..dim], &self.values[begin..][..dim]]) {
            half[..dim].convert_from_f32_slice(numbers);
            cache.put(at, &half[..dim]);
        }
    }
}

//! The best few of many scores.

use serde::Serialize;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A chunk and how well it matches: cosine for vectors, BM25 for words; larger is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scored {
    /// The chunk's id.
    pub chunk: u32,
    /// Comparable only with the scores of the same search.
    pub score: f32,
}

/// Orders by score, the older chunk first among equals, so that results do not depend on the order of search.
struct Ranked(Scored);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.score.total_cmp(&other.0.score).then(other.0.chunk.cmp(&self.0.chunk))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// Keeps the best `k`.
pub(super) struct Top {
    k: usize,
    heap: BinaryHeap<Reverse<Ranked>>,
}

impl Top {
    pub fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    pub fn push(&mut self, chunk: u32, score: f32) {
        let new = Ranked(Scored { chunk, score });
        if self.heap.len() < self.k {
            self.heap.push(Reverse(new));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && new > worst.0
        {
            *worst = Reverse(new);
        }
    }

    /// The best first.
    pub fn into_vec(self) -> Vec<Scored> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(Ranked(scored))| scored).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn top_is_a_sorted_prefix(scores in prop::collection::vec(-3i8..3, 0..50), k in 0..12usize) {
            let mut top = Top::new(k);
            let mut all: Vec<_> = scores.iter().zip(0..).map(|(s, i)| (Reverse(*s), i)).collect();
            for (Reverse(score), chunk) in all.iter().rev() {
                top.push(*chunk, f32::from(*score));
            }
            all.sort();
            all.truncate(k);
            let found: Vec<_> = top.into_vec().iter().map(|s| (Reverse(s.score as i8), s.chunk)).collect();
            prop_assert_eq!(found, all);
        }
    }
}

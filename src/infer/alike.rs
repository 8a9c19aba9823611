//! Batches of texts of like length: padding is work for nothing.

use std::cmp::Reverse;

/// The places of texts, by their `lengths`, in batches of at most so many `tokens`, padding included; the longest
/// first. A text that is longer by itself is a batch by itself.
pub fn alike(lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&at| Reverse(lengths.get(at).copied()));
    let mut batches = Vec::new();
    let mut rest = order.as_slice();
    while let Some(&longest) = rest.first() {
        let width = lengths.get(longest).copied().unwrap_or_default().max(1);
        let (now, later) = rest.split_at((tokens / width).clamp(1, rest.len()));
        batches.push(now.to_vec());
        rest = later;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_in_one_batch_beside_its_like() {
        assert_eq!(alike(&[3, 9, 4, 0, 4], 8), [vec![1], vec![2, 4], vec![0, 3]]);
        assert!(alike(&[], 8).is_empty());
    }
}

//! The nearest so far by a small whole distance, kept without sorting.

/// Keeps the `wanted` nearest, and as many more as are as far as the last of them.
#[derive(Debug)]
pub(super) struct Shortlist {
    wanted: usize,
    /// How many were kept at each distance.
    counts: Vec<usize>,
    /// The largest distance that is still kept, and how many are within it.
    farthest: u32,
    within: usize,
    kept: Vec<(u32, usize)>,
}

impl Shortlist {
    /// For distances up to `farthest`.
    pub fn new(wanted: usize, farthest: u32) -> Self {
        let counts = vec![0; farthest as usize + 1];
        Self { wanted: wanted.max(1), counts, farthest, within: 0, kept: Vec::new() }
    }

    /// What is not below this distance need not be pushed.
    pub fn limit(&self) -> u64 {
        u64::from(self.farthest) + u64::from(self.within < self.wanted)
    }

    pub fn push(&mut self, distance: u32, place: usize) {
        if u64::from(distance) >= self.limit() {
            return;
        }
        self.kept.push((distance, place));
        if let Some(count) = self.counts.get_mut(distance as usize) {
            *count += 1;
            self.within += 1;
        }
        // The farthest go when there are enough without them.
        while let Some(last) = self.counts.get(self.farthest as usize)
            && self.within - last >= self.wanted
        {
            self.within -= last;
            self.farthest -= 1;
        }
    }

    /// The places that were kept, in the order in which they came.
    pub fn into_places(self) -> impl Iterator<Item = usize> {
        self.kept.into_iter().filter(move |(distance, _)| *distance <= self.farthest).map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_nearest_are_kept_and_few_others(
            distances in prop::collection::vec(0..9u32, 0..200), wanted in 1..20usize,
        ) {
            let mut list = Shortlist::new(wanted, 8);
            distances.iter().zip(0..).for_each(|(distance, place)| list.push(*distance, place));
            let found: Vec<usize> = list.into_places().collect();
            let mut sorted = distances.clone();
            sorted.sort_unstable();
            let last = sorted.get(wanted - 1).or(sorted.last()).copied().unwrap_or(0);
            prop_assert!(found.len() >= wanted.min(distances.len()));
            prop_assert!(found.is_sorted());
            prop_assert!(found.iter().all(|place| distances[*place] <= last));
            let nearer = |place: &usize| distances[*place] < last;
            let expected: Vec<usize> = (0..distances.len()).filter(nearer).collect();
            prop_assert_eq!(found.into_iter().filter(nearer).collect::<Vec<_>>(), expected);
        }
    }
}

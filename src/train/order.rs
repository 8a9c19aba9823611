//! Which examples go into which step.
//!
//! Every epoch is a permutation of its own. Within a window of a few steps, examples of near length go into the same
//! step, so that little is padded; then the window's steps change places, so that short ones do not always come first.
//! The order depends on seed, lengths and batch alone: not on how a step is cut into micro-batches, and not on where
//! the run began. So a [`Position`] is all that a run needs to go on.

use crate::error::{Error, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};

/// The most steps whose examples are sorted by length together.
const WINDOW: usize = 8;
/// The fewest windows of an epoch. If all of it were one, its steps would be the same in every epoch.
const WINDOWS: usize = 4;

/// Where in the data a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Epochs that are over.
    pub epoch: u64,
    /// Steps of this epoch that are over.
    pub index: u64,
}

/// The order of the examples.
#[derive(Clone, Debug)]
pub struct Order {
    lengths: Vec<usize>,
    batch: usize,
    seed: u64,
}

impl Order {
    /// The order of examples of these `lengths` (in tokens), `batch` of them in a step.
    pub fn new(lengths: Vec<usize>, batch: usize, seed: u64) -> Result<Self> {
        if lengths.is_empty() {
            return Err(Error::invalid("there are no examples to learn from"));
        }
        if batch == 0 {
            return Err(Error::invalid("a batch of 0 examples learns nothing; choose 1 or more"));
        }
        Ok(Self { lengths, batch, seed })
    }

    /// Steps in an epoch; the last may have fewer examples.
    pub fn steps(&self) -> u64 {
        self.lengths.len().div_ceil(self.batch) as u64
    }

    /// The steps from `position` on, without end: the examples of each, the shortest first, so that a run of them is
    /// a micro-batch of near lengths; and the position after it.
    pub fn from(&self, position: Position) -> impl Iterator<Item = (Vec<usize>, Position)> + '_ {
        (position.epoch..).flat_map(move |epoch| {
            let skipped = if epoch == position.epoch { position.index } else { 0 };
            let steps = (0..self.steps()).zip(self.epoch(epoch)).skip(usize::try_from(skipped).unwrap_or(usize::MAX));
            steps.map(move |(index, examples)| (examples, self.after(Position { epoch, index })))
        })
    }

    /// The position behind a step.
    pub fn after(&self, Position { epoch, index }: Position) -> Position {
        let next = Position { epoch, index: index + 1 };
        if next.index < self.steps() { next } else { Position { epoch: epoch.saturating_add(1), index: 0 } }
    }

    /// The steps of an epoch.
    fn epoch(&self, epoch: u64) -> Vec<Vec<usize>> {
        let mut random = ChaCha12Rng::seed_from_u64(self.seed);
        random.set_stream(epoch);
        let order = shuffled((0..self.lengths.len()).collect(), &mut random);
        let mut steps = Vec::with_capacity(order.len().div_ceil(self.batch));
        let steps_together = (order.len() / self.batch / WINDOWS).clamp(1, WINDOW);
        for window in order.chunks(self.batch.saturating_mul(steps_together)) {
            let mut window = window.to_vec();
            window.sort_by_key(|&example| self.lengths.get(example));
            steps.extend(shuffled(window.chunks(self.batch).map(<[usize]>::to_vec).collect(), &mut random));
        }
        steps
    }
}

/// `items` in an order drawn from `random`. By sorting, so that it depends on the stream alone and not on how a
/// version of a library shuffles.
fn shuffled<T>(items: Vec<T>, random: &mut ChaCha12Rng) -> Vec<T> {
    let mut keyed: Vec<(u64, T)> = items.into_iter().map(|item| (random.next_u64(), item)).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn padding(lengths: &[usize], steps: &[Vec<usize>]) -> usize {
        let padded = |step: &Vec<usize>| {
            let longest = step.iter().map(|e| lengths[*e]).max().unwrap();
            step.iter().map(|e| longest - lengths[*e]).sum::<usize>()
        };
        steps.iter().map(padded).sum()
    }

    #[test]
    fn the_order_is_the_one_it_has_always_been() {
        // A checkpoint of an earlier version must go on with the data it has not seen.
        let order = Order::new(vec![5, 9, 2, 7, 7, 1, 3], 2, 42).unwrap();
        let steps: Vec<_> = order.from(Position::default()).take(8).map(|(step, _)| step).collect();
        let wanted: [&[usize]; 8] = [&[4, 3], &[5, 0], &[2, 1], &[6], &[5, 2], &[0, 4], &[3, 1], &[6]];
        assert_eq!(steps, wanted);
    }

    #[test]
    fn lengths_in_a_step_are_near() {
        let lengths: Vec<usize> = (0..640).map(|i| 20 + (i * 7919) % 480).collect();
        let order = Order::new(lengths.clone(), 8, 1).unwrap();
        let plain = Order::new(vec![0; 640], 8, 1).unwrap();
        let (near, far) = (padding(&lengths, &order.epoch(0)), padding(&lengths, &plain.epoch(0)));
        assert!(near * 4 < far, "{near} tokens of padding, {far} without windows");
        // The sizes of the steps do not rise in every window.
        let first: Vec<usize> = order.epoch(0)[..WINDOW].iter().map(|step| lengths[step[0]]).collect();
        assert!(!first.is_sorted(), "{first:?}");
    }

    #[test]
    fn nothing_to_order_is_an_error() {
        assert!(Order::new(vec![], 4, 0).is_err());
        assert!(Order::new(vec![3], 0, 0).is_err());
    }

    proptest! {
        #[test]
        fn an_epoch_holds_every_example_once(
            lengths in prop::collection::vec(1usize..50, 1..200), batch in 1usize..20, seed: u64, epoch: u64,
        ) {
            let order = Order::new(lengths.clone(), batch, seed).unwrap();
            let steps = order.epoch(epoch);
            prop_assert_eq!(steps.len() as u64, order.steps());
            prop_assert!(steps.iter().all(|s| s.len() <= batch && s.is_sorted_by_key(|e| lengths[*e])));
            let mut all: Vec<usize> = steps.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
        }

        #[test]
        fn a_run_goes_on_where_it_stopped(count in 1usize..60, batch in 1usize..8, seed: u64, stop in 1usize..40) {
            let order = Order::new(vec![1; count], batch, seed).unwrap();
            let whole: Vec<_> = order.from(Position::default()).take(stop + 20).collect();
            let resumed: Vec<_> = order.from(whole[stop - 1].1).take(20).collect();
            prop_assert_eq!(&whole[stop..], &resumed[..]);
        }

        #[test]
        fn epochs_and_seeds_differ(seed in 0..u64::MAX) {
            let order = |seed| Order::new(vec![1; 64], 4, seed).unwrap();
            prop_assert_ne!(order(seed).epoch(0), order(seed).epoch(1));
            prop_assert_ne!(order(seed).epoch(0), order(seed + 1).epoch(0));
            // Not only the order of the steps differs, but who learns with whom.
            let few = Order::new((1..=12).collect(), 3, seed).unwrap();
            let together: std::collections::BTreeSet<_> = (0..8).flat_map(|epoch| few.epoch(epoch)).collect();
            prop_assert!(together.len() > 4, "{together:?}");
        }
    }
}

//! What one cycle trains on: mostly what is new, some of what is old, a little that is neither.
//!
//! New examples bring the change, old ones keep what was learnt, anchors keep the model what it was. Training begins at
//! the base each time, so what is replayed had better be the same from cycle to cycle: an example's place in the queue
//! is the hash of its id and the seed, nothing else. The old are a reservoir without a file.

use super::curated::Kept;
use super::split::{Side, stable};
use jiff::Timestamp;
use std::cmp::Reverse;

/// Parts of ten that are new, and that are anchors. The rest is replayed.
const NEW: usize = 6;
const ANCHORS: usize = 1;

/// What to train on, as indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mix {
    /// New examples: indices into `kept`.
    pub new: Vec<usize>,
    /// Old ones, likewise.
    pub replay: Vec<usize>,
    /// Anchors: indices below the number there are.
    pub anchors: Vec<usize>,
}

impl Mix {
    /// How many there are in all.
    pub fn len(&self) -> usize {
        self.new.len() + self.replay.len() + self.anchors.len()
    }

    /// Whether there is nothing to train on.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Chooses at most `most` of what is kept for training and of `anchors` that are at hand. New is what is newer than
/// `new_since`; without it, everything.
///
/// Six in ten are new, the newest; three are replayed; one is an anchor. What one of the first two lacks goes to the
/// other, so that all of them are used where there are few. Anchors are never more than a tenth.
pub fn mix(kept: &[Kept], new_since: Option<Timestamp>, anchors: usize, most: usize, seed: u64) -> Mix {
    let lot = |id: &str| stable(&format!("{seed} {id}"));
    let train =
        (0..kept.len()).filter_map(|i| kept.get(i).filter(|k| k.side == Side::Train).map(|k| (i, &k.interaction)));
    let is_new = |time: Timestamp| new_since.is_none_or(|since| time > since);
    let (mut new, mut old): (Vec<_>, Vec<_>) = train.partition(|(_, interaction)| is_new(interaction.time));
    new.sort_by_key(|(_, interaction)| Reverse((interaction.time, interaction.id.as_str())));
    old.sort_by_cached_key(|(_, interaction)| (lot(&interaction.id), interaction.id.as_str()));

    let said = new.len() + old.len();
    let share = (most * ANCHORS / 10).min(said.div_ceil(10 - ANCHORS)).min(anchors);
    let room = most - share;
    let fresh = new.len().min((most * NEW / 10).max(room.saturating_sub(old.len())));
    let replay = old.len().min(room - fresh.min(room));
    let indices = |examples: Vec<(usize, _)>, n: usize| {
        let mut indices: Vec<usize> = examples.into_iter().take(n).map(|(i, _)| i).collect();
        indices.sort_unstable();
        indices
    };
    let mut drawn: Vec<usize> = (0..anchors).collect();
    drawn.sort_by_cached_key(|i| (lot(&format!("anchor {i}")), *i));
    drawn.truncate(share);
    drawn.sort_unstable();
    Mix { new: indices(new, fresh), replay: indices(old, replay), anchors: drawn }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::{Interaction, Message};
    use jiff::SignedDuration;
    use proptest::prelude::*;

    fn kept(n: usize) -> Vec<Kept> {
        let start: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let one = |i: usize| {
            let mut interaction = Interaction::new(vec![Message::new("user", "q"), Message::new("assistant", "a")]);
            interaction.id = format!("i{i}");
            interaction.time = start + SignedDuration::from_hours(i as i64);
            let side = if i % 5 == 4 { Side::HeldOut } else { Side::Train };
            Kept { interaction, side, scrubbed: vec![] }
        };
        (0..n).map(one).collect()
    }

    fn counts(mix: &Mix) -> (usize, usize, usize) {
        (mix.new.len(), mix.replay.len(), mix.anchors.len())
    }

    #[test]
    fn six_three_one() {
        let kept = kept(1000);
        let since = Some(kept[499].interaction.time);
        let chosen = mix(&kept, since, 500, 100, 7);
        assert_eq!(counts(&chosen), (60, 30, 10));
        assert!(chosen.new.iter().all(|&i| i >= 900), "the newest");
        assert!(chosen.replay.iter().all(|&i| i < 500));
        assert_eq!(chosen, mix(&kept, since, 500, 100, 7));
        assert_ne!(chosen.replay, mix(&kept, since, 500, 100, 8).replay);
        // With fewer new ones, more is replayed, and the other way round.
        assert_eq!(counts(&mix(&kept, Some(kept[979].interaction.time), 500, 100, 7)), (16, 74, 10));
        assert_eq!(counts(&mix(&kept, Some(kept[9].interaction.time), 500, 100, 7)), (82, 8, 10));
        assert_eq!(counts(&mix(&kept, None, 500, 100, 7)), (90, 0, 10));
    }

    #[test]
    fn the_same_old_ones_are_replayed_when_the_log_grows() {
        let since = |kept: &[Kept]| Some(kept[kept.len() - 101].interaction.time);
        let (small, large) = (kept(1000), kept(1100));
        let before = mix(&small, since(&small), 0, 300, 7).replay;
        let after = mix(&large, since(&large), 0, 300, 7).replay;
        let stayed = before.iter().filter(|i| after.contains(i)).count();
        assert!(stayed * 10 >= before.len() * 8, "{stayed} of {}", before.len());
    }

    #[test]
    fn few_are_all_used() {
        let kept = kept(50);
        let chosen = mix(&kept, Some(kept[24].interaction.time), 1000, 2000, 0);
        assert_eq!(counts(&chosen), (20, 20, 5));
        assert!(mix(&[], None, 10, 100, 0).is_empty());
    }

    proptest! {
        #[test]
        fn within_bounds_and_never_held_out(sizes in (0..80usize, 0..80usize, 0..40usize, 0..90usize)) {
            let (n, at, anchors, most) = sizes;
            let kept = kept(n);
            let chosen = mix(&kept, kept.get(at).map(|k| k.interaction.time), anchors, most, 1);
            prop_assert!(chosen.len() <= most);
            let mut all = [chosen.new.clone(), chosen.replay.clone()].concat();
            prop_assert!(all.iter().all(|&i| kept[i].side == Side::Train));
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), chosen.new.len() + chosen.replay.len());
            let train = kept.iter().filter(|k| k.side == Side::Train).count();
            prop_assert!(all.len() == train || chosen.len() == most);
            prop_assert!(chosen.anchors.iter().all(|&i| i < anchors));
        }
    }
}

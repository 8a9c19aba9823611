//! Probation: whether people find the answers since a promotion worse than those before it.

use statrs::distribution::{Binomial, DiscreteCDF, Hypergeometric};

/// Judged answers since a promotion below which nothing is concluded.
const LEAST: usize = 5;
/// Judged answers since a promotion that are looked at; afterwards an adapter has proved itself.
const MOST: usize = 200;
/// Judged answers before a promotion that say how many were bad until then: the newest so many. The share is known to
/// within three in a hundred by then, and a longer log need not be read.
const BEFORE: usize = 1000;
/// How unlikely it must be that nothing has changed.
const CHANCE: f64 = 0.02;
/// The share of bad answers that is taken for what came before, where nobody judged that.
const USUAL: f64 = 0.3;

/// Answers around a promotion, told from the newest back, for as long as they can change the verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probation {
    before: Judged,
    after: Judged,
}

impl Probation {
    /// One since the promotion: good, bad, or not for this adapter to answer for. Says whether older ones matter.
    pub fn since(&mut self, good: Option<bool>) -> bool {
        self.after.add(good);
        self.after.all() <= MOST
    }

    /// One before the promotion. Says whether older ones matter.
    pub fn before(&mut self, good: Option<bool>) -> bool {
        self.before.add(good);
        // Too few since then, or all of them good: whatever was before.
        self.after.all() >= LEAST && self.after.bad > 0 && self.before.all() < BEFORE
    }

    /// The reason to go back, if there is one.
    pub fn verdict(self) -> Option<String> {
        if self.after.all() > MOST { None } else { worse(self.before, self.after) }
    }
}

/// Answers that people judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Judged {
    /// Rated up.
    good: usize,
    /// Rated down, or corrected.
    bad: usize,
}

impl Judged {
    /// One more, where somebody judged it.
    fn add(&mut self, good: Option<bool>) {
        match good {
            Some(true) => self.good += 1,
            Some(false) => self.bad += 1,
            None => {}
        }
    }

    /// How many there are.
    fn all(self) -> usize {
        self.good + self.bad
    }

    fn share(self) -> f64 {
        self.bad as f64 / self.all().max(1) as f64
    }
}

/// The reason to go back, when bad answers have become more frequent than chance explains: a one-sided test of Fisher's
/// on the two shares.
fn worse(before: Judged, after: Judged) -> Option<String> {
    let usual = if before.all() < LEAST { USUAL } else { before.share() };
    if after.all() < LEAST || after.share() <= usual {
        return None;
    }
    let chance = if before.all() < LEAST { binomial(after, USUAL) } else { hypergeometric(before, after) };
    (chance < CHANCE).then(|| {
        format!(
            "{} of {} judged answers since it was promoted were rated down or corrected, {} of {} before",
            after.bad,
            after.all(),
            before.bad,
            before.all()
        )
    })
}

/// How likely so many bad answers or more are, when each is bad with probability `share`.
fn binomial(after: Judged, share: f64) -> f64 {
    Binomial::new(share, after.all() as u64).map_or(1.0, |chance| at_least(&chance, after.bad))
}

/// How likely so many of all bad answers, or more, fall into `after` by chance.
fn hypergeometric(before: Judged, after: Judged) -> f64 {
    let (all, bad, drawn) = (before.all() + after.all(), before.bad + after.bad, after.all());
    Hypergeometric::new(all as u64, bad as u64, drawn as u64).map_or(1.0, |chance| at_least(&chance, after.bad))
}

fn at_least(chance: &impl DiscreteCDF<u64, f64>, count: usize) -> f64 {
    count.checked_sub(1).map_or(1.0, |below| chance.sf(below as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(good: usize, bad: usize) -> Judged {
        Judged { good, bad }
    }

    #[test]
    fn more_bad_answers_than_chance_explains_are_a_reason() {
        assert!(worse(judged(184, 15), judged(5, 5)).unwrap().contains("5 of 10"));
        assert_eq!(worse(judged(184, 15), judged(9, 1)), None, "one in ten may be chance");
        assert_eq!(worse(judged(184, 15), judged(0, 4)), None, "too few to say");
        assert_eq!(worse(judged(10, 30), judged(5, 8)), None, "it was no better before");
        assert!(worse(judged(0, 0), judged(0, 5)).is_some());
        assert_eq!(worse(judged(0, 0), judged(5, 2)), None);
    }

    /// The verdict on answers told from the newest back, and how many were asked for.
    fn verdict(since: &[Option<bool>], before: &[Option<bool>]) -> (Option<String>, usize) {
        let (mut probation, mut asked) = (Probation::default(), 0);
        let mut all = since.iter().map(|good| (true, good)).chain(before.iter().map(|good| (false, good)));
        let mut goes_on = true;
        while let Some((is_since, good)) = all.next().filter(|_| goes_on) {
            asked += 1;
            goes_on = if is_since { probation.since(*good) } else { probation.before(*good) };
        }
        (probation.verdict(), asked)
    }

    #[test]
    fn no_more_is_read_than_matters() {
        let (good, bad) = (Some(true), Some(false));
        let log = [good, None, bad, None].repeat(1000);
        assert_eq!(verdict(&[bad; 4], &log), (None, 5), "too few to say");
        assert_eq!(verdict(&[good; 9], &log), (None, 10), "none was bad");
        assert_eq!(verdict(&[bad; 300], &log), (None, 201), "it has proved itself");
        let (reason, asked) = verdict(&[bad; 9], &log);
        assert!(reason.unwrap().contains("500 of 1000 before"));
        assert_eq!(asked, 9 + 1999, "every second was judged");
    }

    proptest! {
        #[test]
        fn the_verdict_is_that_of_the_whole_log(
            since in prop::collection::vec(prop::option::of(prop::bool::weighted(0.6)), 0..230),
            before in prop::collection::vec(prop::option::of(prop::bool::weighted(0.8)), 0..BEFORE),
        ) {
            let count = |all: &[Option<bool>]| {
                let mut judged = Judged::default();
                all.iter().for_each(|good| judged.add(*good));
                judged
            };
            let (after, earlier) = (count(&since), count(&before));
            let whole = if after.all() > MOST { None } else { worse(earlier, after) };
            prop_assert_eq!(verdict(&since, &before).0, whole);
        }
    }

    #[test]
    fn chances_are_those_of_the_books() {
        // Fisher's tea: all four cups right, by chance once in 70.
        assert!((hypergeometric(judged(4, 0), judged(0, 4)) - 1.0 / 70.0).abs() < 1e-12);
        assert!((hypergeometric(judged(3, 1), judged(1, 3)) - 17.0 / 70.0).abs() < 1e-12);
        assert!((binomial(judged(0, 3), 0.5) - 0.125).abs() < 1e-12);
        assert!((hypergeometric(judged(5, 5), judged(10, 0)) - 1.0).abs() < 1e-12);
    }
}

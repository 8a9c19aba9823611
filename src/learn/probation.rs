//! Probation: whether people find the answers since a promotion worse than those before it.

use statrs::distribution::{Binomial, DiscreteCDF, Hypergeometric};

/// Judged answers since a promotion below which nothing is concluded.
const LEAST: usize = 5;
/// How unlikely it must be that nothing has changed.
const CHANCE: f64 = 0.02;
/// The share of bad answers that is taken for what came before, where nobody judged that.
const USUAL: f64 = 0.3;

/// Answers that people judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Rated up.
    pub good: usize,
    /// Rated down, or corrected.
    pub bad: usize,
}

impl Judged {
    /// One more.
    pub fn add(&mut self, good: bool) {
        if good { self.good += 1 } else { self.bad += 1 }
    }

    /// How many there are.
    pub fn all(self) -> usize {
        self.good + self.bad
    }

    fn share(self) -> f64 {
        self.bad as f64 / self.all().max(1) as f64
    }
}

/// The reason to go back, when bad answers have become more frequent than chance explains: a one-sided test of Fisher's
/// on the two shares.
pub fn worse(before: Judged, after: Judged) -> Option<String> {
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

    #[test]
    fn chances_are_those_of_the_books() {
        // Fisher's tea: all four cups right, by chance once in 70.
        assert!((hypergeometric(judged(4, 0), judged(0, 4)) - 1.0 / 70.0).abs() < 1e-12);
        assert!((hypergeometric(judged(3, 1), judged(1, 3)) - 17.0 / 70.0).abs() < 1e-12);
        assert!((binomial(judged(0, 3), 0.5) - 0.125).abs() < 1e-12);
        assert!((hypergeometric(judged(5, 5), judged(10, 0)) - 1.0).abs() < 1e-12);
    }
}

//! Truth: whether a candidate's answers are as often true as they were without it.
//!
//! An answer is true where each of its sentences stands in what was found or in the answer that was accepted, by the
//! check that decides what is shown. Manner may change with an adapter; this may not.

use super::verdict::Check;
use serde_json::json;

/// How unlikely a fall must be by chance to count.
const CHANCE: f64 = 0.05;

/// Whether answers to the same questions, asked with passages, are true.
#[derive(Clone, Debug, Default)]
pub struct Truths {
    /// Of the adapter in use; before anything was learned, of the bare model.
    pub before: Vec<bool>,
    /// Of the candidate.
    pub candidate: Vec<bool>,
}

/// The check. Questions on which both are alike say nothing; of the others, the candidate may lose as many as a coin
/// would: a sign test, one-sided.
pub fn truth(truths: &Truths) -> Check {
    let pairs = || truths.before.iter().zip(&truths.candidate);
    let lost = pairs().filter(|(before, now)| **before && !**now).count();
    let won = pairs().filter(|(before, now)| !**before && **now).count();
    let asked = pairs().count();
    let count = |list: &[bool]| list.iter().take(asked).filter(|is_true| **is_true).count();
    let (before, now) = (count(&truths.before), count(&truths.candidate));
    let chance = at_least(lost, lost + won);
    let detail = match asked {
        0 => "nothing that was found answers a held-out question".to_owned(),
        _ => format!("{now} of its {asked} answers are true; {before} were without it"),
    };
    let numbers = json!({ "asked": asked, "before": before, "true": now, "lost": lost, "won": won, "chance": chance });
    Check::new("answers are as often true", chance >= CHANCE, detail, numbers)
}

/// The chance that a coin shows heads at least so often in so many throws.
fn at_least(heads: usize, throws: usize) -> f64 {
    // From one row of Pascal's triangle to the next, halved each time: no factorial grows too large.
    let mut row = vec![1.0_f64];
    for _ in 0..throws {
        let shifted = [0.0].into_iter().chain(row.iter().copied());
        row = row.iter().copied().chain([0.0]).zip(shifted).map(|(a, b)| (a + b) / 2.0).collect();
    }
    row.iter().skip(heads).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: usize, both: usize, candidate: usize, neither: usize) -> Check {
        let list = |first: bool, second: bool| {
            let parts = [(first, before), (true, both), (second, candidate), (false, neither)];
            parts.into_iter().flat_map(|(value, n)| std::iter::repeat_n(value, n)).collect()
        };
        truth(&Truths { before: list(true, false), candidate: list(false, true) })
    }

    #[test]
    fn chances_are_those_of_a_coin() {
        for (heads, throws, chance) in [(0, 0, 1.0), (1, 1, 0.5), (5, 5, 1.0 / 32.0), (2, 3, 0.5), (0, 9, 1.0)] {
            assert!((at_least(heads, throws) - chance).abs() < 1e-12, "{heads} of {throws}");
        }
    }

    #[test]
    fn a_sure_fall_fails_and_a_hair_does_not() {
        assert!(check(0, 0, 0, 0).passed);
        assert!(check(4, 8, 0, 4).passed, "four of four may be chance");
        assert!(!check(5, 8, 0, 3).passed);
        assert!(check(5, 0, 3, 8).passed);
        assert!(!check(9, 0, 1, 0).passed);
        assert!(check(0, 0, 16, 0).passed);
        let told = check(5, 8, 0, 3);
        assert_eq!(told.detail, "8 of its 16 answers are true; 13 were without it");
    }
}

//! Choosing the next token.

use crate::error::{Error, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};

/// How tokens are chosen. Each filter works on what the one before left: penalty, temperature, top-k, top-p, min-p.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 takes the likeliest token always; 1 is the model's own distribution.
    pub temperature: f32,
    /// Only the k likeliest; 0 is all.
    pub top_k: usize,
    /// Only the likeliest that together reach this probability; 1 is all.
    pub top_p: f32,
    /// Only those at least this many times as likely as the likeliest; 0 is all.
    pub min_p: f32,
    /// Divides the logits of tokens already in the answer (multiplies negative ones); 1 is none. The prompt does not
    /// count: an answer should quote its sources.
    pub repetition_penalty: f32,
    /// Equal seeds give equal answers.
    pub seed: u64,
}

impl Sampling {
    /// Always the likeliest token.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, top_k: 0, top_p: 1.0, min_p: 0.0, repetition_penalty: 1.0, seed: 0 }
    }

    /// Errors: `Invalid` naming the setting that makes no sense.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::invalid(what.to_owned()));
        match () {
            () if !(0.0..=100.0).contains(&self.temperature) => wrong("temperature must be between 0 and 100"),
            () if !(self.top_p > 0.0 && self.top_p <= 1.0) => wrong("top-p must be above 0 and at most 1"),
            () if !(0.0..=1.0).contains(&self.min_p) => wrong("min-p must be between 0 and 1"),
            () if !(0.1..=10.0).contains(&self.repetition_penalty) => {
                wrong("repetition penalty must be between 0.1 and 10")
            }
            () => Ok(()),
        }
    }
}

/// Draws tokens.
pub struct Sampler {
    settings: Sampling,
    random: ChaCha12Rng,
}

impl Sampler {
    /// A sampler at the beginning of its seed. Errors: `Invalid` for settings that make no sense.
    pub fn new(settings: &Sampling) -> Result<Self> {
        settings.check()?;
        Ok(Self { settings: settings.clone(), random: ChaCha12Rng::seed_from_u64(settings.seed) })
    }

    /// The next token after `before`. Errors: `Engine` when no logit is a number.
    pub fn next(&mut self, logits: &mut [f32], before: &[u32]) -> Result<u32> {
        if self.settings.repetition_penalty != 1.0 {
            penalize(logits, before, self.settings.repetition_penalty);
        }
        if self.settings.temperature == 0.0 {
            return likeliest(logits);
        }
        let mut candidates = self.candidates(logits)?;
        let total: f32 = candidates.iter().map(|(_, p)| p).sum();
        let mut at = self.random.random::<f32>() * total;
        let last = candidates.pop().map_or(0, |(id, _)| id);
        for (id, p) in candidates {
            at -= p;
            if at < 0.0 {
                return Ok(id);
            }
        }
        Ok(last)
    }

    /// Tokens and weights that pass the filters, the likeliest first; never empty. What is minus infinity is forbidden.
    fn candidates(&self, logits: &[f32]) -> Result<Vec<(u32, f32)>> {
        let s = &self.settings;
        let mut scored: Vec<(u32, f32)> =
            (0..).zip(logits.iter().copied()).filter(|(_, l)| *l > f32::NEG_INFINITY).collect();
        if scored.is_empty() {
            return Err(no_numbers());
        }
        if s.top_k > 0 && s.top_k < scored.len() {
            scored.select_nth_unstable_by(s.top_k - 1, |a, b| b.1.total_cmp(&a.1));
            scored.truncate(s.top_k);
        }
        scored.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let best = scored[0].1;
        for (_, l) in &mut scored {
            *l = ((*l - best) / s.temperature).exp();
        }
        let total: f32 = scored.iter().map(|(_, p)| p).sum();
        let mut sum = 0.0;
        let nucleus = scored.iter().position(|(_, p)| {
            sum += p / total;
            sum >= s.top_p
        });
        scored.truncate(nucleus.map_or(scored.len(), |at| at + 1));
        // The likeliest weighs 1.
        let kept = scored.partition_point(|(_, p)| *p >= s.min_p);
        scored.truncate(kept.max(1));
        Ok(scored)
    }
}

fn penalize(logits: &mut [f32], before: &[u32], penalty: f32) {
    let mut seen = before.to_vec();
    seen.sort_unstable();
    seen.dedup();
    for id in seen {
        if let Some(l) = logits.get_mut(id as usize) {
            *l = if *l > 0.0 { *l / penalty } else { *l * penalty };
        }
    }
}

fn likeliest(logits: &[f32]) -> Result<u32> {
    let mut best: Option<(u32, f32)> = None;
    for (id, &l) in (0..).zip(logits) {
        if !l.is_nan() && best.is_none_or(|(_, b)| l > b) {
            best = Some((id, l));
        }
    }
    best.map(|(id, _)| id).ok_or_else(no_numbers)
}

fn no_numbers() -> Error {
    Error::engine("the model gave no numbers; its weights may be damaged, `wayside doctor` tells")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(settings: Sampling, logits: &[f32]) -> Vec<f64> {
        let mut sampler = Sampler::new(&settings).unwrap();
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..20_000 {
            counts[sampler.next(&mut logits.to_vec(), &[]).unwrap() as usize] += 1.0 / 20_000.0;
        }
        counts
    }

    const LOGITS: [f32; 4] = [0.0, 1.0, 2.0, f32::NAN];

    #[test]
    fn greedy_takes_the_likeliest_and_the_first_of_equals() {
        let mut sampler = Sampler::new(&Sampling::greedy()).unwrap();
        assert_eq!(sampler.next(&mut [0.0, 3.0, 3.0, f32::NAN], &[]).unwrap(), 1);
        assert!(sampler.next(&mut [f32::NAN], &[]).is_err());
    }

    #[test]
    fn sampling_follows_the_softmax_and_each_filter_cuts_it() {
        let free = Sampling { temperature: 1.0, seed: 7, ..Sampling::greedy() };
        let exact = [0.090, 0.245, 0.665, 0.0];
        for (share, exact) in shares(free.clone(), &LOGITS).iter().zip(exact) {
            assert!((share - exact).abs() < 0.02, "{share} {exact}");
        }
        assert_eq!(shares(Sampling { top_k: 2, ..free.clone() }, &LOGITS)[0], 0.0);
        assert_eq!(shares(Sampling { top_p: 0.6, ..free.clone() }, &LOGITS)[2].round(), 1.0);
        assert_eq!(shares(Sampling { min_p: 0.2, ..free.clone() }, &LOGITS)[0], 0.0);
        let hot = shares(Sampling { temperature: 100.0, ..free }, &LOGITS);
        assert!((hot[0] - 0.33).abs() < 0.02);
    }

    #[test]
    fn what_is_forbidden_is_never_drawn() {
        let hot = Sampling { temperature: 100.0, seed: 1, ..Sampling::greedy() };
        let shares = shares(hot, &[f32::NEG_INFINITY, -50.0, f32::NEG_INFINITY, f32::NEG_INFINITY]);
        assert!((shares[1] - 1.0).abs() < 1e-9, "{shares:?}");
    }

    #[test]
    fn the_penalty_makes_what_was_said_less_likely() {
        let settings = Sampling { repetition_penalty: 2.0, ..Sampling::greedy() };
        let mut sampler = Sampler::new(&settings).unwrap();
        assert_eq!(sampler.next(&mut [1.0, 1.5, -1.0], &[1, 1]).unwrap(), 0);
    }

    #[test]
    fn equal_seeds_give_equal_draws() {
        let settings = Sampling { temperature: 1.0, seed: 3, ..Sampling::greedy() };
        let draw = || {
            let mut sampler = Sampler::new(&settings).unwrap();
            (0..50).map(|_| sampler.next(&mut LOGITS.to_vec(), &[]).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let bad = Sampling { top_p: 0.0, ..Sampling::greedy() };
        assert!(Sampler::new(&bad).err().unwrap().to_string().contains("top-p"));
        assert!(Sampler::new(&Sampling { temperature: f32::NAN, ..Sampling::greedy() }).is_err());
    }
}

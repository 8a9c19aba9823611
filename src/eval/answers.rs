//! How well a model answers: how likely it finds the reference answers, and how near its own come to them.

use super::perplexity::log_probability;
use super::rouge::Words;
use crate::error::Result;
use crate::infer::Context;
use crate::watch::Cancel;
use serde::Serialize;

/// The negative log-likelihood of `answer` after `prompt` in nats, all its tokens together: each is predicted from
/// those before it (teacher forcing). End `answer` with the token that ends it: knowing when to stop is part of it.
///
/// Only what the context does not hold yet is computed, and it then ends within the answer.
/// Errors: `Invalid` when prompt and answer are longer than the model's context; `Cancelled` between chunks.
pub fn nats(context: &mut Context, prompt: &[u32], answer: &[u32], cancel: &Cancel) -> Result<f64> {
    let Some((&first, rest)) = answer.split_first() else { return Ok(0.0) };
    context.expect(prompt.len() + rest.len());
    let mut sum = -log_probability(&context.set(prompt, cancel)?, first);
    let mut next = rest.iter();
    // What follows the last token is of no interest.
    let given = &answer[..rest.len()];
    context.feed_all(given, cancel, |_, logits| {
        sum -= next.next().map_or(0.0, |&token| log_probability(logits, token));
    })?;
    Ok(sum)
}

/// How one way of answering did on a set of examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Mean negative log-likelihood in nats a token, over all tokens of all reference answers.
    pub nll: f64,
    /// Mean ROUGE-L F1 of the model's own answers; none where it was not asked to answer.
    pub rouge_l: Option<f64>,
    /// Mean F1 of the words they share with the references.
    pub token_f1: Option<f64>,
    /// The share of answers whose words are the reference's.
    pub exact_match: Option<f64>,
    /// Examples.
    pub n: usize,
    /// Tokens of the reference answers.
    pub tokens: usize,
}

/// A score in the making.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    examples: usize,
    nats: f64,
    tokens: usize,
    answers: usize,
    rouge_l: f64,
    token_f1: f64,
    exact: usize,
}

impl Tally {
    /// Counts an example: what its reference answer's tokens cost.
    pub fn likelihood(&mut self, nats: f64, tokens: usize) {
        self.examples += 1;
        self.nats += nats;
        self.tokens += tokens;
    }

    /// Counts the model's own answer to an example.
    pub fn answer(&mut self, answer: &str, reference: &str) {
        let (answer, reference) = (Words::of(answer), Words::of(reference));
        self.answers += 1;
        self.rouge_l += answer.rouge_l(&reference);
        self.token_f1 += answer.token_f1(&reference);
        self.exact += usize::from(answer == reference);
    }

    /// The means so far.
    pub fn score(&self) -> Score {
        let mean = |sum: f64| (self.answers > 0).then(|| sum / self.answers as f64);
        Score {
            nll: self.nats / self.tokens.max(1) as f64,
            rouge_l: mean(self.rouge_l),
            token_f1: mean(self.token_f1),
            exact_match: mean(self.exact as f64),
            n: self.examples,
            tokens: self.tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_references_weigh_more_and_answers_count_alike() {
        let mut tally = Tally::default();
        tally.likelihood(6.0, 2);
        tally.likelihood(4.0, 8);
        assert_eq!((tally.score().nll, tally.score().n, tally.score().tokens), (1.0, 2, 10));
        assert_eq!(tally.score().rouge_l, None);
        tally.answer("Three hours.", "three hours");
        tally.answer("hours three", "three hours");
        let score = tally.score();
        assert_eq!((score.rouge_l, score.token_f1, score.exact_match), (Some(0.75), Some(1.0), Some(0.5)));
    }

    #[test]
    fn nothing_costs_nothing() {
        assert_eq!(Tally::default().score().nll, 0.0);
    }
}

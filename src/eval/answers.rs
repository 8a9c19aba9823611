//! How well a model answers: how likely it finds the reference answers, and how near its own come to them.

use super::bootstrap::{Likelihood, mean, nats_per_token};
use super::keyed::Outcome;
use super::perplexity::log_probability;
use super::reference::Reference;
use super::rouge::Words;
use crate::error::Result;
use crate::infer::Context;
use crate::watch::Cancel;
use serde::Serialize;

/// With what share of draws the intervals of a comparison hold.
pub const LEVEL: f64 = 0.95;
/// The most words of a reference that answers are expected to match word for word.
pub const SHORT: usize = 10;

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

/// How one way of answering did on a set of examples. Intervals hold with [`LEVEL`], low and high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Mean negative log-likelihood in nats a token, over all tokens of all reference answers.
    pub nll: f64,
    /// Its interval.
    pub nll_interval: [f64; 2],
    /// Mean ROUGE-L F1 of the model's own answers; none where it was not asked to answer.
    pub rouge_l: Option<f64>,
    /// Its interval.
    pub rouge_l_interval: Option<[f64; 2]>,
    /// Mean F1 of the words they share with the references; over short references, as nothing longer is said in the
    /// same words twice. None where there are none.
    pub token_f1: Option<f64>,
    /// The share of answers whose words are the reference's; over short references.
    pub exact_match: Option<f64>,
    /// Of the passages that answers cite, the share from the document that the reference names. None where nothing is
    /// cited, or no reference names a document.
    pub citation_precision: Option<f64>,
    /// Answers of its own that are right: that hold a key of the reference's, or, where it has none, say nothing that
    /// the reference does not. None where it was not asked to answer.
    pub right: Option<usize>,
    /// Those that say something else.
    pub wrong: Option<usize>,
    /// Those that say nothing, or that nothing was found.
    pub silent: Option<usize>,
    /// Examples.
    pub n: usize,
    /// Those among them with a reference of at most [`SHORT`] words.
    pub short: usize,
    /// Tokens of the reference answers.
    pub tokens: usize,
}

/// A score in the making.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    likelihoods: Vec<Likelihood>,
    rouge_l: Vec<f64>,
    short: usize,
    token_f1: f64,
    exact: usize,
    cited: usize,
    cited_rightly: usize,
    outcomes: Vec<Outcome>,
}

impl Tally {
    /// Counts an example: what its reference answer's tokens cost.
    pub fn likelihood(&mut self, nats: f64, tokens: usize) {
        self.likelihoods.push(Likelihood { nats, tokens });
    }

    /// Counts the model's own answer to an example, which cites passages of the documents `cited`.
    pub fn answer(&mut self, answer: &str, cited: &[&str], reference: &Reference) {
        let (answer, known) = (Words::of(answer), Words::of(&reference.answer));
        self.rouge_l.push(answer.rouge_l(&known));
        if known.count() <= SHORT {
            self.short += 1;
            self.token_f1 += answer.token_f1(&known);
            self.exact += usize::from(answer == known);
        }
        if !reference.documents.is_empty() {
            self.cited += cited.len();
            self.cited_rightly += cited.iter().filter(|document| reference.names(document)).count();
        }
    }

    /// Counts what came of the model's own answer to an example.
    pub fn came(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// What each example's reference cost, in the order in which they were counted.
    pub fn likelihoods(&self) -> &[Likelihood] {
        &self.likelihoods
    }

    /// The means so far.
    pub fn score(&self) -> Score {
        let share = |sum: f64, of: usize| (of > 0).then(|| sum / of as f64);
        let came = |outcome: Outcome| self.outcomes.iter().filter(|came| **came == outcome).count();
        let came = |outcome: Outcome| (!self.outcomes.is_empty()).then(|| came(outcome));
        let nll = nats_per_token(&self.likelihoods, LEVEL);
        let rouge_l = (!self.rouge_l.is_empty()).then(|| mean(&self.rouge_l, LEVEL));
        Score {
            nll: nll.mean,
            nll_interval: [nll.low, nll.high],
            rouge_l: rouge_l.map(|r| r.mean),
            rouge_l_interval: rouge_l.map(|r| [r.low, r.high]),
            token_f1: share(self.token_f1, self.short),
            exact_match: share(self.exact as f64, self.short),
            citation_precision: share(self.cited_rightly as f64, self.cited),
            right: came(Outcome::Right),
            wrong: came(Outcome::Wrong),
            silent: came(Outcome::Silent),
            n: self.likelihoods.len(),
            short: self.short,
            tokens: self.likelihoods.iter().map(|l| l.tokens).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(answer: &str, documents: &[&str]) -> Reference {
        let documents = documents.iter().map(|d| (*d).to_owned()).collect();
        Reference {
            line: 1,
            subject: None,
            history: vec![],
            question: "q".into(),
            answer: answer.into(),
            documents,
            keys: vec![],
        }
    }

    #[test]
    fn long_references_weigh_more_and_answers_count_alike() {
        let mut tally = Tally::default();
        tally.likelihood(6.0, 2);
        tally.likelihood(4.0, 8);
        let score = tally.score();
        assert_eq!((score.nll, score.nll_interval, score.n, score.tokens), (1.0, [0.5, 3.0], 2, 10));
        assert_eq!((score.rouge_l, score.rouge_l_interval), (None, None));
        let known = reference("three hours", &[]);
        tally.answer("Three hours. [1]", &["a"], &known);
        tally.answer("hours three", &[], &known);
        let score = tally.score();
        assert_eq!((score.rouge_l, score.token_f1, score.exact_match), (Some(0.75), Some(1.0), Some(0.5)));
        assert_eq!((score.rouge_l_interval, score.citation_precision, score.short), (Some([0.5, 1.0]), None, 2));
    }

    #[test]
    fn only_short_references_are_matched_word_for_word() {
        let mut tally = Tally::default();
        tally.answer("yes", &[], &reference("one two three four five six seven eight nine ten eleven", &[]));
        let score = tally.score();
        assert_eq!((score.rouge_l, score.token_f1, score.exact_match, score.short), (Some(0.0), None, None, 0));
        tally.answer("yes", &[], &reference("Yes.", &[]));
        assert_eq!((tally.score().exact_match, tally.score().short), (Some(1.0), 1));
    }

    #[test]
    fn citations_are_right_when_they_name_the_references_document() {
        let mut tally = Tally::default();
        let known = reference("yes", &["moth.md"]);
        tally.answer("Yes.", &[], &known);
        assert_eq!(tally.score().citation_precision, None, "nothing was cited");
        tally.answer("Yes.", &["/docs/moth.md", "/docs/mammoth.md", "moth.md"], &known);
        tally.answer("Yes.", &["/docs/otter.md"], &known);
        tally.answer("Yes.", &["/docs/otter.md"], &reference("yes", &[]));
        assert_eq!(tally.score().citation_precision, Some(0.5));
    }

    #[test]
    fn outcomes_are_counted_where_there_are_any() {
        let mut tally = Tally::default();
        assert_eq!(tally.score().right, None);
        [Outcome::Right, Outcome::Wrong, Outcome::Right].into_iter().for_each(|outcome| tally.came(outcome));
        let Score { right, wrong, silent, .. } = tally.score();
        assert_eq!((right, wrong, silent), (Some(2), Some(1), Some(0)));
    }

    #[test]
    fn nothing_costs_nothing() {
        assert_eq!(Tally::default().score().nll, 0.0);
    }
}

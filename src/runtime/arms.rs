//! `eval arms`: the same questions with and without retrieval, with and without an adapter.
//!
//! Facts come from retrieval, manner from the adapter; whether both together beat each alone depends on the data, so
//! all four are measured, on the prompts that `ask` makes.

use super::answer::NOTHING;
use super::{Question, Runtime};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::{Reference, References, Score, Tally, nats};
use crate::infer::{Context, Request, generate};
use crate::rag::Hit;
use serde::Serialize;

/// What to compare. The default compares the configured model with and without retrieval.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The collection to search; all without.
    pub collection: Option<String>,
    /// The model; the configured one without.
    pub model: Option<String>,
    /// The adapter: an id, enough of its beginning, or a folder. Without one, the two arms that wear it are not
    /// measured.
    pub adapter: Option<String>,
    /// Only so many references, from the first.
    pub limit: Option<usize>,
    /// The longest answer of the model's own, in tokens; the configured one without.
    pub max_tokens: Option<usize>,
    /// Whether the model only says how likely it finds the references, which is faster, and gives no answers.
    pub no_answers: bool,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// The model.
    pub model: String,
    /// The adapter.
    pub adapter: Option<String>,
    /// References that every arm was measured on.
    pub examples: usize,
    /// Lines that hold no reference, or one that does not fit the model.
    pub left_out: usize,
    /// Examples for which retrieval found something; to the others it says so, or makes no difference.
    pub found: usize,
    /// The scores.
    pub arms: Arms,
}

/// A score for each way of answering.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arms {
    /// The model alone.
    pub base: Score,
    /// With passages in the prompt.
    pub retrieval: Score,
    /// With the adapter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<Score>,
    /// With both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub both: Option<Score>,
}

/// A reference with its two prompts.
struct Case {
    answer: String,
    plain: Shown,
    grounded: Shown,
    found: bool,
    /// Whether `ask` would say that it found nothing, and not ask the model.
    silent: bool,
}

/// What the model is shown, and what it should say.
struct Shown {
    prompt: Vec<u32>,
    reply: Vec<u32>,
}

impl Runtime {
    /// Measures every arm on the references in `data`, JSON lines in the chat format.
    ///
    /// A reference that does not fit the model's context is left out of all arms, with a note. Where `ask` would
    /// say that nothing was found, that is the answer of the arms with retrieval; the reference is then measured
    /// after the prompt without passages.
    pub fn compare(&self, data: &str, comparison: &Comparison) -> Result<Compared> {
        let mut references = References::read(data)?;
        references.list.truncate(comparison.limit.unwrap_or(usize::MAX));
        let context = |adapter| self.context(comparison.model.as_deref(), adapter);
        let alone = context(None)?;
        let worn = comparison.adapter.as_deref().map(|adapter| context(Some(adapter))).transpose()?;
        let adapter_id = worn.as_ref().and_then(Context::adapter).map(str::to_owned);
        let model = alone.model().name().to_owned();
        let cases = self.cases(&alone, &references.list, comparison)?;
        let mut work = Work { runtime: self, comparison, done: 0 };
        let arms = if worn.is_some() { 4 } else { 2 };
        self.progress.start("measure", cases.len() as u64 * arms);
        let [base, retrieval] = work.arms(alone, &cases)?;
        let with = worn.map(|context| work.arms(context, &cases)).transpose()?;
        self.progress.finish();
        let [adapter, both] = with.map_or([None, None], |scores| scores.map(Some));
        Ok(Compared {
            model,
            adapter: adapter_id,
            examples: cases.len(),
            left_out: references.left_out + references.list.len() - cases.len(),
            found: cases.iter().filter(|c| c.found).count(),
            arms: Arms { base, retrieval, adapter, both },
        })
    }

    /// The prompts of every reference. Passages are looked up once, for all arms.
    fn cases(&self, context: &Context, references: &[Reference], comparison: &Comparison) -> Result<Vec<Case>> {
        let mut cases = Vec::new();
        self.progress.start("retrieve", references.len() as u64);
        for (done, reference) in (1..).zip(references) {
            self.cancel.check()?;
            match self.case(context, reference, comparison) {
                Ok(case) => cases.push(case),
                Err(e) if e.kind() == ErrorKind::Invalid => {
                    self.progress.note(&format!("line {} is left out: {e}", reference.line));
                }
                Err(e) => return Err(e),
            }
            self.progress.at(done);
        }
        self.progress.finish();
        if cases.is_empty() {
            return Err(Error::invalid("no reference fits the model; give shorter ones, or a larger model"));
        }
        Ok(cases)
    }

    fn case(&self, context: &Context, reference: &Reference, comparison: &Comparison) -> Result<Case> {
        let mut question = self.question(&reference.question);
        question.collection.clone_from(&comparison.collection);
        // As `ask` leaves room for its answer; a longer reference must fit too.
        let tokens = context.model().tokenizer().count(&reference.answer) + 1;
        question.max_tokens = self.longest(comparison).max(tokens);
        let hits = self.passages(&question, &reference.history)?;
        let found = !hits.is_empty();
        Ok(Case {
            answer: reference.answer.clone(),
            plain: self.shown(context, &question, reference, &[])?,
            grounded: self.shown(context, &question, reference, &hits)?,
            found,
            silent: !found && reference.history.is_empty(),
        })
    }

    fn shown(&self, context: &Context, question: &Question, reference: &Reference, hits: &[Hit]) -> Result<Shown> {
        let prompt = self.prompt(context, question, &reference.history, hits)?;
        let reply = context.model().encode_reply(&prompt.messages, &reference.answer)?;
        Ok(Shown { prompt: prompt.tokens, reply })
    }

    /// The longest answer, in tokens.
    fn longest(&self, comparison: &Comparison) -> usize {
        comparison.max_tokens.unwrap_or(self.config.generate.max_tokens)
    }
}

/// A comparison under way.
struct Work<'a> {
    runtime: &'a Runtime,
    comparison: &'a Comparison,
    /// Cases measured, of all arms.
    done: u64,
}

impl Work<'_> {
    /// The scores without and with passages.
    fn arms(&mut self, mut context: Context, cases: &[Case]) -> Result<[Score; 2]> {
        let (mut plain, mut grounded) = (Tally::default(), Tally::default());
        for case in cases {
            self.measure(&mut context, &case.plain, false, &case.answer, &mut plain)?;
            self.measure(&mut context, &case.grounded, case.silent, &case.answer, &mut grounded)?;
        }
        Ok([plain.score(), grounded.score()])
    }

    fn measure(
        &mut self,
        context: &mut Context,
        shown: &Shown,
        silent: bool,
        reference: &str,
        tally: &mut Tally,
    ) -> Result<()> {
        let cancel = &self.runtime.cancel;
        tally.likelihood(nats(context, &shown.prompt, &shown.reply, cancel)?, shown.reply.len());
        if silent && !self.comparison.no_answers {
            tally.answer(NOTHING, reference);
        } else if !self.comparison.no_answers {
            let request = Request {
                prompt: shown.prompt.clone(),
                max_tokens: self.runtime.longest(self.comparison),
                sampling: self.runtime.sampling(),
                stop: vec![],
            };
            let generated = generate(context, &request, cancel, &mut |_| {})?;
            // Half an answer must not count.
            cancel.check()?;
            tally.answer(&generated.text, reference);
        }
        self.done += 1;
        self.runtime.progress.at(self.done);
        Ok(())
    }
}

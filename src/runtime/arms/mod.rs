//! `eval arms`: the same questions with and without retrieval, with and without an adapter.
//!
//! Facts come from retrieval, manner from the adapter; whether both together beat each alone depends on the data, so
//! all four are measured, on the prompts that `ask` makes.

mod case;
mod work;

use super::{Runtime, Wear};
use crate::error::Result;
use crate::eval::{Arms, Gain, LEVEL, Recommendation, References, Score, gains, recommend};
use crate::infer::Context;
use serde::Serialize;
use work::Work;

/// What to compare. The default compares the configured model with and without retrieval.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The collection to search; all without.
    pub collection: Option<String>,
    /// The model; the configured one without.
    pub model: Option<String>,
    /// The adapter. Where there is none to wear, the two arms that wear one are not measured.
    pub adapter: Wear,
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
    pub arms: Arms<Score>,
    /// What each arm gains over each simpler one, from pairs.
    pub gains: Vec<Gain>,
    /// What that recommends.
    pub recommendation: Recommendation,
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
        let given = references.list.len();
        let context = |wear| self.context(comparison.model.as_deref(), wear);
        let alone = context(&Wear::Nothing)?;
        let worn = Some(context(&comparison.adapter)?).filter(|context| context.adapter().is_some());
        let adapter_id = worn.as_ref().and_then(Context::adapter).map(str::to_owned);
        let model = alone.model().name().to_owned();
        let cases = self.cases(&alone, references.list, comparison)?;
        let mut work = Work::new(self, comparison);
        self.progress.start("measure", cases.len() as u64 * if worn.is_some() { 4 } else { 2 });
        let [base, retrieval] = work.arms(alone, &cases)?;
        let with = worn.map(|context| work.arms(context, &cases)).transpose()?;
        self.progress.finish();
        let [adapter, both] = with.map_or([None, None], |tallies| tallies.map(Some));
        let tallies = Arms { base, retrieval, adapter, both };
        let gains = gains(&tallies, LEVEL)?;
        Ok(Compared {
            model,
            adapter: adapter_id,
            examples: cases.len(),
            left_out: references.left_out + given - cases.len(),
            found: cases.iter().filter(|c| c.found).count(),
            arms: tallies.map(|tally| tally.score()),
            recommendation: recommend(cases.len(), &gains),
            gains,
        })
    }
}

//! Whether what a candidate says under passages is true: the check that decides what is shown, on held-out questions.

use super::Bench;
use crate::error::Result;
use crate::eval::Reference;
use crate::infer::{Context, Finish, Request, Sampling, generate};
use crate::learn::Truths;
use crate::rag::{self, Draft, Drafted, Ground, support};
use crate::runtime::answer::{Standing, standing};
use crate::store::log::Interaction;
use crate::watch::Cancel;

/// Held-out questions that are asked under passages.
const ASKED: usize = 16;
/// The longest answer, in tokens. A sentence that it cuts is not held against anyone.
const LONGEST: usize = 64;

/// A question under what was found for it.
struct Posed {
    question: String,
    prompt: Vec<u32>,
    /// What the model is shown.
    shown: String,
    /// What may support an answer: units that were found.
    standing: Vec<Standing>,
    /// And the answer that was accepted.
    accepted: String,
}

impl Bench<'_> {
    /// Answers of the adapter in use, the bare model where nothing was learned, and of the candidate, to held-out
    /// questions for which something is found.
    pub(super) fn truths(&mut self, held_out: &[&Interaction], serving: Option<&mut Context>) -> Result<Truths> {
        let mut posed = Vec::new();
        for interaction in held_out {
            self.cancel.check()?;
            if posed.len() == ASKED {
                break;
            }
            if let Some(reference) = Reference::of(interaction) {
                posed.extend(super::fitting(self.pose(reference))?.flatten());
            }
        }
        let serving = serving.unwrap_or(&mut self.factory);
        let before = posed.iter().map(|posed| is_true(serving, posed, self.cancel)).collect::<Result<_>>()?;
        let candidate = posed.iter().map(|posed| is_true(&mut self.candidate, posed, self.cancel));
        Ok(Truths { before, candidate: candidate.collect::<Result<_>>()? })
    }

    /// A question as `ask` shows it; none where nothing would be shown.
    fn pose(&self, reference: Reference) -> Result<Option<Posed>> {
        let language = self.factory.model();
        let asked = self.runtime.question(&reference.question);
        let (messages, sources) = self.runtime.asked(language, &asked, &reference.history, None)?;
        let least = self.runtime.config.answer.certainty;
        let standing = standing(&sources, &sources, &rag::quotes(&sources, least), least);
        if standing.is_empty() {
            return Ok(None);
        }
        let prompt = language.encode_chat(&messages)?;
        let shown: Vec<&str> = sources.iter().map(|source| source.text.as_str()).collect();
        let (shown, accepted) = (shown.join("\n"), reference.answer);
        Ok(Some(Posed { question: reference.question, prompt, shown, standing, accepted }))
    }
}

/// Whether all that a model says to a question stands in what was found, or in the answer that was accepted.
fn is_true(context: &mut Context, posed: &Posed, cancel: &Cancel) -> Result<bool> {
    let sampling = Sampling::greedy();
    let request = Request { prompt: posed.prompt.clone(), max_tokens: LONGEST, sampling, stop: vec![] };
    let mut draft = Draft::new(&posed.shown);
    let mut said: Vec<Drafted> = Vec::new();
    let generated = generate(context, &request, cancel, &mut |piece| said.extend(draft.push(piece)))?;
    // Half an answer must not count.
    cancel.check()?;
    if generated.finish == Finish::Stop {
        said.extend(draft.finish());
    }
    let units = posed.standing.iter().map(Standing::ground);
    let grounds: Vec<Ground> = units.chain([Ground { text: &posed.accepted, headings: "", best: true }]).collect();
    let stands = |sentence: &Drafted| support(&sentence.text, &posed.question, &grounds).is_supported();
    Ok(!said.is_empty() && said.iter().all(stands))
}

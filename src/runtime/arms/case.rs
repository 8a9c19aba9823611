//! What the model is shown for each reference: the prompts of `ask`, without passages and with them.

use super::super::{Question, Runtime};
use super::Comparison;
use crate::error::{Error, ErrorKind, Result};
use crate::eval::Reference;
use crate::infer::Context;
use crate::rag::{Conversation, Prompt, Source, surest};

/// A reference with its two prompts.
pub struct Case {
    pub reference: Reference,
    pub plain: Shown,
    pub grounded: Shown,
    /// Whether retrieval found something.
    pub found: bool,
    /// What `ask` would say without asking the model.
    pub fixed: Option<&'static str>,
}

/// What the model is shown, and what it should say.
pub struct Shown {
    pub prompt: Prompt,
    pub reply: Vec<u32>,
}

impl Runtime {
    /// The prompts of every reference. Passages are looked up once, for all arms.
    pub(super) fn cases(
        &self,
        context: &Context,
        references: Vec<Reference>,
        comparison: &Comparison,
    ) -> Result<Vec<Case>> {
        let mut cases = Vec::new();
        self.progress.start("retrieve", references.len() as u64);
        for (done, reference) in (1..).zip(references) {
            self.cancel.check()?;
            let line = reference.line;
            match self.case(context, reference, comparison) {
                Ok(case) => cases.push(case),
                Err(e) if e.kind() == ErrorKind::Invalid => {
                    self.progress.note(&format!("line {line} is left out: {e}"));
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

    fn case(&self, context: &Context, reference: Reference, comparison: &Comparison) -> Result<Case> {
        let mut question = self.question(&reference.question);
        question.collection.clone_from(&comparison.collection);
        // As `ask` leaves room for its answer; a longer reference must fit too.
        let tokens = context.model().tokenizer().count(&reference.answer) + 1;
        question.max_tokens = comparison.max_tokens.unwrap_or(question.max_tokens).max(tokens);
        question.subject.clone_from(&reference.subject);
        // A notice is what `ask` would say; its prompt is the one without anything found.
        let before = Conversation::of(&reference.history, None);
        let found = self.find(&question, &before)?;
        let sure = found.sources.iter().any(|source| surest(source) >= self.config.answer.certainty);
        let silent = (!sure).then_some(self.config.language.phrases().nothing);
        Ok(Case {
            plain: self.shown(context, &question, &reference, &before, &[])?,
            grounded: self.shown(context, &question, &reference, &before, &found.sources)?,
            found: !found.sources.is_empty(),
            fixed: found.notice.or(silent),
            reference,
        })
    }

    fn shown(
        &self,
        context: &Context,
        question: &Question,
        reference: &Reference,
        before: &Conversation,
        sources: &[Source],
    ) -> Result<Shown> {
        let prompt = self.prompt(context.model(), question, before, sources)?;
        let reply = context.model().encode_reply(&prompt.messages, &reference.answer)?;
        Ok(Shown { prompt, reply })
    }
}

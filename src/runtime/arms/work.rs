//! Measuring: what the reference costs after each prompt, and what the model itself says.

use super::super::Runtime;
use super::Comparison;
use super::case::{Case, Shown};
use crate::error::Result;
use crate::eval::{Reference, Tally, nats};
use crate::infer::Context;
use std::time::Instant;

/// A comparison under way.
pub struct Work<'a> {
    runtime: &'a Runtime,
    comparison: &'a Comparison,
    /// Cases measured, of all arms.
    done: u64,
}

impl<'a> Work<'a> {
    pub fn new(runtime: &'a Runtime, comparison: &'a Comparison) -> Self {
        Self { runtime, comparison, done: 0 }
    }

    /// What a context, with its adapter or without, makes of all cases: without passages and with them.
    pub fn arms(&mut self, mut context: Context, cases: &[Case]) -> Result<[Tally; 2]> {
        let (mut plain, mut grounded) = (Tally::default(), Tally::default());
        for case in cases {
            self.measure(&mut context, &case.plain, None, &case.reference, &mut plain)?;
            self.measure(&mut context, &case.grounded, case.fixed, &case.reference, &mut grounded)?;
        }
        Ok([plain, grounded])
    }

    fn measure(
        &mut self,
        context: &mut Context,
        shown: &Shown,
        fixed: Option<&str>,
        reference: &Reference,
        tally: &mut Tally,
    ) -> Result<()> {
        let cancel = &self.runtime.cancel;
        tally.likelihood(nats(context, &shown.prompt.tokens, &shown.reply, cancel)?, shown.reply.len());
        if let Some(text) = fixed.filter(|_| !self.comparison.no_answers) {
            tally.answer(text, &[], reference);
        } else if !self.comparison.no_answers {
            let mut question = self.runtime.question(&reference.question);
            question.max_tokens = self.comparison.max_tokens.unwrap_or(question.max_tokens);
            let prompt = shown.prompt.clone();
            let said = self.runtime.say(context, &question, prompt, Instant::now(), cancel, &mut |_| {})?;
            // Half an answer must not count.
            cancel.check()?;
            let cited: Vec<&str> = said.cited.iter().map(|source| source.document()).collect();
            tally.answer(&said.text, &cited, reference);
        }
        self.done += 1;
        self.runtime.progress.at(self.done);
        Ok(())
    }
}

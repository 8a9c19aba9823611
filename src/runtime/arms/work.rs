//! Measuring: what the reference costs after each prompt, and what the model itself says.

use super::super::Runtime;
use super::Comparison;
use super::case::{Case, Shown};
use crate::error::Result;
use crate::eval::keyed::{Outcome, holds};
use crate::eval::{Reference, Tally, nats};
use crate::infer::Context;
use crate::rag::{Conversation, Drafted, Ground, support};

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
        match fixed {
            _ if self.comparison.no_answers => {}
            Some(notice) => {
                tally.answer(notice, &[], reference);
                tally.came(Outcome::Silent);
            }
            None => self.ask(context, shown, reference, tally)?,
        }
        self.done += 1;
        self.runtime.progress.at(self.done);
        Ok(())
    }

    /// Lets the model answer, and counts what came of it.
    fn ask(&self, context: &mut Context, shown: &Shown, reference: &Reference, tally: &mut Tally) -> Result<()> {
        let cancel = &self.runtime.cancel;
        let mut question = self.runtime.question(&reference.question);
        question.max_tokens = self.comparison.max_tokens.unwrap_or(question.max_tokens);
        let before = Conversation::of(&reference.history, None);
        let (mut said, mut sentences) = (String::new(), Vec::new());
        self.runtime.say(context, &question, shown.prompt.clone(), &before, cancel, &mut |Drafted { text, gap }| {
            said.push_str(&gap);
            said.push_str(&text);
            sentences.push(text);
        })?;
        // Half an answer must not count.
        cancel.check()?;
        let cited: Vec<&str> = shown.prompt.sources.iter().take(1).map(|source| source.document()).collect();
        tally.answer(&said, &cited, reference);
        tally.came(came(&said, &sentences, reference));
        Ok(())
    }
}

/// What came of an answer: held against the reference's keys, or against the reference itself where it has none.
fn came(said: &str, sentences: &[String], reference: &Reference) -> Outcome {
    let grounds = [Ground { text: &reference.answer, headings: "", best: true }];
    let is_said = |sentence: &String| support(sentence, &reference.question, &grounds).is_supported();
    let is_right = || match reference.keys.as_slice() {
        [] => sentences.iter().all(is_said),
        keys => keys.iter().any(|key| holds(said, key)),
    };
    match said.trim() {
        "" => Outcome::Silent,
        _ if is_right() => Outcome::Right,
        _ => Outcome::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::References;

    #[test]
    fn keys_tell_what_is_right_and_the_reference_where_there_are_none() {
        let line = |keys: &str| {
            let turns = r#"[{"role":"user","content":"When is the shop open on Saturday?"},
                {"role":"assistant","content":"On Saturday the shop is open from 9:00 to 17:00."}]"#;
            let json = format!(r#"{{"messages":{turns}{keys}}}"#).replace('\n', "");
            References::read(&json).unwrap().list.remove(0)
        };
        let came = |said: &str, keys: &str| came(said, &[said.to_owned()], &line(keys));
        let keys = r#","answers":["9:00 to 17:00","nine to five"]"#;
        assert_eq!(came("From nine to five.", keys), Outcome::Right);
        assert_eq!(came("From 13:00 to 16:30.", keys), Outcome::Wrong);
        assert_eq!(came(" ", keys), Outcome::Silent);
        assert_eq!(came("On Saturday the shop is open from 9:00 to 17:00.", ""), Outcome::Right);
        assert_eq!(came("On Saturday the shop is open from 13:00 to 16:30.", ""), Outcome::Wrong);
    }
}

//! A conversation: questions one after another, each with its own passages, over one cache.

use super::{Answer, Question, Runtime, Wear};
use crate::error::{Error, Result};
use crate::infer::Context;
use crate::store::log::{Message, Rating};
use crate::watch::Cancel;

/// A conversation under way. Its memory is its own; dropping it forgets.
pub struct Chat<'r> {
    runtime: &'r Runtime,
    context: Context,
    /// What the model was shown and said, without the instructions.
    history: Vec<Message>,
    /// Whom the conversation is with.
    subject: Option<String>,
    last: Option<Answer>,
}

impl Runtime {
    /// A new conversation with a model (the configured one without), wearing an adapter to its end.
    pub fn chat(&self, model: Option<&str>, wear: &Wear) -> Result<Chat<'_>> {
        let context = self.context(model, wear)?;
        Ok(Chat { runtime: self, context, history: vec![], subject: None, last: None })
    }
}

impl Chat<'_> {
    /// Asks the next question. Another subject than before begins anew: nothing that was said or shown to one person is
    /// before the next. What the conversation already holds is not computed again; when it grows too long, the
    /// oldest turns are forgotten.
    pub fn ask(&mut self, question: &Question, cancel: &Cancel, say: &mut dyn FnMut(&str)) -> Result<&Answer> {
        if question.subject != self.subject {
            self.forget()?;
            self.subject.clone_from(&question.subject);
        }
        let (answer, shown) = self.runtime.answer(&mut self.context, question, &self.history, cancel, say)?;
        if !shown.is_empty() {
            self.history = shown.into_iter().filter(|m| m.role != "system").collect();
        }
        Ok(self.last.insert(answer))
    }

    /// Forgets everything: what was said, what was shown, and what the model remembers of it.
    pub fn forget(&mut self) -> Result<()> {
        self.history.clear();
        (self.subject, self.last) = (None, None);
        self.context.wipe()
    }

    /// All that the model has before it.
    pub fn seen(&self) -> Result<String> {
        self.context.model().tokenizer().decode(self.context.tokens())
    }

    /// The latest answer.
    pub fn last(&self) -> Option<&Answer> {
        self.last.as_ref()
    }

    /// Rates the latest answer. Errors: `NotFound` before the first.
    pub fn rate(&self, rating: Rating) -> Result<()> {
        self.runtime.rate(self.id()?, rating).map(drop)
    }

    /// Says what the latest answer should have been.
    pub fn correct(&self, text: &str) -> Result<()> {
        self.runtime.correct(self.id()?, text).map(drop)
    }

    fn id(&self) -> Result<&str> {
        let last = self.last.as_ref().ok_or_else(|| Error::not_found("there is no answer yet; ask something first"))?;
        Ok(&last.interaction)
    }
}

//! A conversation: questions one after another, each with its own passages, over one cache. It is about one subject at
//! a time; nothing of it is there for the next, and nothing outlives an erasure.

use super::{Answer, Question, Runtime, Wear};
use crate::error::{Error, Result};
use crate::infer::Context;
use crate::rag::History;
use crate::store::log::{Rating, State};
use crate::watch::Cancel;
use jiff::Timestamp;

/// A conversation under way. Its memory is its own; dropping it forgets, and so does [`Chat::end`].
pub struct Chat {
    runtime: Runtime,
    model: Option<String>,
    wear: Wear,
    /// Whom it concerns.
    subject: Option<String>,
    /// When it began.
    begun: Timestamp,
    /// None before the first question to a conversation that begins anew.
    context: Option<Context>,
    history: History,
    last: Option<Answer>,
}

impl Runtime {
    /// A new conversation with a model (the configured one without), wearing an adapter to its end.
    pub fn chat(&self, model: Option<&str>, wear: &Wear) -> Result<Chat> {
        Ok(Chat {
            runtime: self.clone(),
            model: model.map(str::to_owned),
            wear: wear.clone(),
            subject: None,
            begun: Timestamp::now(),
            context: Some(self.context(model, wear)?),
            history: History::default(),
            last: None,
        })
    }
}

impl Chat {
    /// Asks the next question. What the conversation already holds is not computed again; when it grows too long, the
    /// oldest turns are forgotten. A question that concerns another subject than the one before begins anew: the two
    /// share no words and no cache. So does one after the subject, or what the adapter learned from, was erased.
    pub fn ask(&mut self, question: &Question, cancel: &Cancel, say: &mut dyn FnMut(&str)) -> Result<&Answer> {
        question.check()?;
        if self.subject != question.subject || self.holds_what_was_erased()? {
            self.end();
            self.subject.clone_from(&question.subject);
        }
        let runtime = self.runtime.stopped_by(cancel);
        let context = match &mut self.context {
            Some(context) => context,
            none => {
                self.begun = Timestamp::now();
                none.insert(runtime.context(self.model.as_deref(), &self.wear)?)
            }
        };
        let answer = runtime.answer(context, question, &mut self.history, cancel, say)?;
        Ok(self.last.insert(answer))
    }

    /// Whether its subject was erased since it began, or its adapter was dropped, by whatever process.
    fn holds_what_was_erased(&self) -> Result<bool> {
        let Some(context) = &self.context else { return Ok(false) };
        let registered = context.adapter().map_or(Ok(None), |id| self.runtime.log()?.registered(id))?;
        let dropped = registered.is_some_and(|adapter| adapter.state == State::Dropped);
        Ok(dropped || self.runtime.erased_since(self.subject.as_deref(), self.begun)?)
    }

    /// Ends the conversation: what was said, what was computed and the latest answer are forgotten. The next question
    /// begins a new one, with the adapter that serves then.
    pub fn end(&mut self) {
        self.subject = None;
        if let Some(mut context) = self.context.take() {
            context.wipe();
        }
        self.history = History::default();
        self.last = None;
    }

    /// All that the model has before it.
    pub fn seen(&self) -> Result<String> {
        let context = self.context.as_ref();
        context.map_or(Ok(String::new()), |context| context.model().tokenizer().decode(context.tokens()))
    }

    /// The latest answer.
    pub fn last(&self) -> Option<&Answer> {
        self.last.as_ref()
    }

    /// Rates the latest answer. Errors: `NotFound` before the first.
    pub fn rate(&self, rating: Rating) -> Result<()> {
        self.runtime.rate(self.id()?, rating).map(drop)
    }

    /// Says what the latest answer should have been. Errors: `NotFound` before the first.
    pub fn correct(&self, text: &str) -> Result<()> {
        self.runtime.correct(self.id()?, text).map(drop)
    }

    fn id(&self) -> Result<&str> {
        let last = self.last.as_ref().ok_or_else(|| Error::not_found("there is no answer yet; ask something first"))?;
        Ok(&last.interaction)
    }
}

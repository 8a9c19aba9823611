//! A conversation: questions one after another, each with its own passages, over one cache. It is about one subject at
//! a time; nothing of it is there for the next, and nothing outlives an erasure.

use super::answer::{Seat, shown};
use super::{Answer, Heard, Question, Runtime, Wear};
use crate::error::{Error, Result};
use crate::rag::{Conversation, Turn};
use crate::store::log::{Message, Rating, State};
use crate::watch::Cancel;

/// A conversation under way. Its memory is its own; dropping it forgets, and so does [`Chat::end`].
pub struct Chat {
    runtime: Runtime,
    /// Whom it concerns.
    subject: Option<String>,
    /// How often the subject had been erased when the conversation began.
    erasures: u64,
    seat: Seat,
    conversation: Conversation,
    last: Option<Answer>,
}

impl Runtime {
    /// A new conversation with a model (none means the configured one), wearing an adapter to its end. The model is
    /// loaded when it is first needed. Errors: `NotFound` for a name that no model has.
    pub fn chat(&self, model: Option<&str>, wear: &Wear) -> Result<Chat> {
        self.check_model(model)?;
        self.check_adapter(wear)?;
        Ok(Chat {
            runtime: self.clone(),
            subject: None,
            erasures: 0,
            seat: Seat::new(model, wear),
            conversation: Conversation::default(),
            last: None,
        })
    }
}

impl Chat {
    /// Asks the next question. What the conversation already holds is not computed again; when it grows too long, the
    /// oldest turns are forgotten. A question that concerns another subject than the one before begins anew: the two
    /// share no words and no cache. So does one after the subject, or what the adapter learned from, was erased.
    pub fn ask(&mut self, question: &Question, cancel: &Cancel, say: &mut dyn FnMut(&str)) -> Result<&Answer> {
        self.ask_hearing(question, cancel, &mut shown(say))
    }

    /// As [`Chat::ask`], telling `hear` words as they come and sentences as they are sure.
    pub fn ask_hearing(
        &mut self,
        question: &Question,
        cancel: &Cancel,
        hear: &mut dyn FnMut(Heard),
    ) -> Result<&Answer> {
        question.check()?;
        if self.subject != question.subject || self.holds_what_was_erased()? {
            self.end();
            self.subject.clone_from(&question.subject);
        }
        let runtime = self.runtime.stopped_by(cancel);
        if self.conversation.is_empty() {
            self.erasures = self.runtime.erasures(self.subject.as_deref())?;
        }
        let answer = runtime.answer(&mut self.seat, question, &mut self.conversation, cancel, hear)?;
        Ok(self.last.insert(answer))
    }

    /// Whether its subject was erased since it began, or its adapter was dropped, by whatever process.
    fn holds_what_was_erased(&self) -> Result<bool> {
        let adapter = self.seat.context().and_then(|context| context.adapter());
        let registered = adapter.map_or(Ok(None), |id| self.runtime.log()?.registered(id))?;
        let dropped = registered.is_some_and(|adapter| adapter.state == State::Dropped);
        Ok(dropped || self.runtime.erasures(self.subject.as_deref())? != self.erasures)
    }

    /// This conversation as if `messages` had been said in it, to or by `subject`: instructions, questions and answers,
    /// the answer of the latest question last. A system message takes the place of the house's instructions.
    pub fn after(mut self, subject: Option<&str>, messages: &[Message]) -> Self {
        self.end();
        self.subject = subject.map(str::to_owned);
        self.conversation = Conversation::of(messages, None);
        self
    }

    /// Ends the conversation: what was said, what was computed and the latest answer are forgotten. The next question
    /// begins a new one, with the adapter that serves then.
    pub fn end(&mut self) {
        self.subject = None;
        self.seat.wipe();
        self.conversation = Conversation::default();
        self.last = None;
    }

    /// All that the conversation holds: what its turns say, and what the model has before it.
    pub fn seen(&self) -> Result<String> {
        let context = self.seat.context();
        let model =
            context.map_or(Ok(String::new()), |context| context.model().tokenizer().decode(context.tokens()))?;
        let turns = self.conversation.turns.iter().flat_map(Turn::messages).map(|message| message.content.as_str());
        Ok(turns.chain([model.as_str()]).collect::<Vec<_>>().join("\n"))
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

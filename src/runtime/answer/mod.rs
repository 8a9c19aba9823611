//! Asking: question, units that answer, quotation, what a model writes, log; and the log before the answer is called
//! finished.
//!
//! The quotation is known before a language model has read anything, so it is said first. What a model writes is held
//! back sentence by sentence, until it is known whether something that was found says so.

mod find;
mod reply;
mod said;
#[cfg(test)]
mod tests;
mod write;

pub use find::Found;
pub use said::{Heard, Said};
pub(super) use write::{Standing, Written, standing};

use super::{Runtime, Wear};
use crate::config::{Language, Mode};
use crate::error::{Error, Result};
use crate::infer::{Context, Finish, Sampling};
use crate::rag::{Conversation, Fact, Turn, surest};
use crate::store::log::{Citation, Interaction, Message, Sentence, Timings, check_subject};
use crate::thread;
use crate::watch::Cancel;
use reply::Reply;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Instant;

/// A question and how to answer it.
#[derive(Clone, Debug)]
pub struct Question {
    /// The question.
    pub text: String,
    /// The collection to search; none means all.
    pub collection: Option<String>,
    /// The person served: their records are looked up, and the interaction is kept under them.
    pub subject: Option<String>,
    /// Whether documents are searched and records looked up. Otherwise the model speaks freely, from what it learned.
    pub retrieval: bool,
    /// Whose words an answer is made of.
    pub mode: Mode,
    /// The model; none means the configured one.
    pub model: Option<String>,
    /// The adapter it wears.
    pub adapter: Wear,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The longest answer of a model, in tokens.
    pub max_tokens: usize,
    /// Any of these ends what a model writes.
    pub stop: Vec<String>,
    /// In which language it is said that nothing answers.
    pub language: Language,
}

impl Question {
    /// What can be wrong with a question before anything is loaded for it or said.
    pub(super) fn check(&self) -> Result<()> {
        if self.text.trim().is_empty() {
            return Err(Error::invalid("the question is empty"));
        }
        self.subject.as_deref().map_or(Ok(()), check_subject)?;
        self.sampling.check()
    }
}

/// An answer, and what it rests on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The id under which it is in the log.
    pub interaction: String,
    /// Whether something answers: false where nothing was found, or nobody may be answered.
    pub found: bool,
    /// How surely the surest unit of what was found answers, from 0 to 1: below `answer.certainty` it is not quoted.
    pub chance: f32,
    /// The answer, without marks.
    pub answer: String,
    /// Its sentences, with what each rests on; none of a notice of the house's.
    pub sentences: Vec<Sentence>,
    /// The passages and records that it cites, with the words that it rests on.
    pub citations: Vec<Citation>,
    /// All passages and records that were weighed.
    pub hits: Vec<Citation>,
    /// The facts about the person served that were weighed.
    pub facts: Vec<Fact>,
    /// What a source of records did not do as declared, one sentence each.
    pub notes: Vec<String>,
    /// Tokens of the prompt; 0 where no model was asked.
    pub prompt_tokens: usize,
    /// Tokens that a model wrote, whether they are in the answer or not.
    pub answer_tokens: usize,
    /// Seconds from the question to the first sentence, retrieval included.
    pub first_token_s: f64,
    /// Tokens a second after a model's first.
    pub tokens_per_s: f64,
    /// The model of the conversation.
    pub model: String,
    /// The adapter that it wears; none where no model was asked.
    pub adapter: Option<String>,
    /// Why the answer ended.
    pub finish: Finish,
}

/// Says what a person is shown.
pub(super) fn shown(say: &mut dyn FnMut(&str)) -> impl FnMut(Heard) + '_ {
    move |heard| {
        let shown = heard.shown();
        if !shown.is_empty() {
            say(shown);
        }
    }
}

/// A model's place in a conversation, which is taken when a model is first needed.
pub(super) struct Seat {
    model: Option<String>,
    wear: Wear,
    context: Option<Context>,
}

impl Seat {
    /// A place for a model, none meaning the configured one, that wears an adapter to the end of the conversation.
    pub fn new(model: Option<&str>, wear: &Wear) -> Self {
        Self { model: model.map(str::to_owned), wear: wear.clone(), context: None }
    }

    /// The model's context, where it was needed already.
    pub fn context(&self) -> Option<&Context> {
        self.context.as_ref()
    }

    /// The model's context, loaded where it was not. Where it is to write from what was `found` and nothing serves that
    /// was learned here, it wears what it came with.
    pub fn take(&mut self, runtime: &Runtime, found: bool) -> Result<&mut Context> {
        let none = match &mut self.context {
            Some(context) => return Ok(context),
            none => none,
        };
        let factory = if found && self.wear == Wear::Promoted {
            let model = runtime.model(self.model.as_deref())?;
            let serves = runtime.promoted(model.bundle())?.is_some();
            if serves { None } else { runtime.factory(&model)? }
        } else {
            None
        };
        let context = match factory {
            Some(worn) => {
                let mut context = Context::wearing(worn)?;
                context.draft(runtime.config.generate.draft);
                context
            }
            None => runtime.context(self.model.as_deref(), &self.wear)?,
        };
        Ok(none.insert(context))
    }

    /// Forgets what was computed, and overwrites it.
    pub fn wipe(&mut self) {
        if let Some(mut context) = self.context.take() {
            context.wipe();
        }
    }
}

impl Runtime {
    /// A question with the configured settings.
    pub fn question(&self, text: impl Into<String>) -> Question {
        Question {
            text: text.into(),
            collection: None,
            subject: None,
            retrieval: true,
            mode: self.config.answer.mode,
            model: None,
            adapter: Wear::Promoted,
            sampling: self.sampling(),
            max_tokens: self.config.generate.max_tokens,
            stop: vec![],
            language: self.config.language,
        }
    }

    /// The configured way to choose tokens.
    pub fn sampling(&self) -> Sampling {
        let g = &self.config.generate;
        Sampling {
            temperature: g.temperature,
            top_k: g.top_k,
            top_p: g.top_p,
            min_p: g.min_p,
            repetition_penalty: g.repetition_penalty,
            seed: 0,
        }
    }

    /// Answers, telling `say` the answer as it is shown, marks and all, as it comes. The interaction is on the disk
    /// when this returns; cancelled answers are kept as far as they came.
    pub fn ask(&self, question: &Question, cancel: &Cancel, say: &mut dyn FnMut(&str)) -> Result<Answer> {
        self.ask_hearing(question, cancel, &mut shown(say))
    }

    /// As [`Runtime::ask`], telling `hear` words as they come and sentences as they are sure.
    pub fn ask_hearing(&self, question: &Question, cancel: &Cancel, hear: &mut dyn FnMut(Heard)) -> Result<Answer> {
        question.check()?;
        // From here on, so that loading is not slowed down either.
        let _turn = self.turn().answer();
        let this = self.stopped_by(cancel);
        let mut seat = Seat::new(question.model.as_deref(), &question.adapter);
        this.answer(&mut seat, question, &mut Conversation::default(), cancel, hear)
    }

    /// Loads what a question needs in any case, side by side where more than one thread may run.
    fn ready(&self, seat: &mut Seat, question: &Question) -> Result<()> {
        // A name that is none is said before anything is answered.
        self.check_model(question.model.as_deref())?;
        self.check_adapter(&question.adapter)?;
        if !question.retrieval {
            return seat.take(self, false).map(drop);
        }
        // What is not there yet is fetched one after another, in sight.
        self.bundle(&self.embedder_name())?;
        self.engine()?;
        if self.config.threads == 1 {
            self.embedder()?;
            return self.answer_judge().map(drop);
        }
        std::thread::scope(|scope| {
            let embedder = thread::spawn_in(scope, "embedder", || self.embedder())?;
            let judge = self.answer_judge();
            embedder.join().map_err(|_| Error::engine("the embedder was not loaded"))??;
            judge.map(drop)
        })
    }

    /// Answers a checked question within a conversation, and adds the turn to it.
    pub(super) fn answer(
        &self,
        seat: &mut Seat,
        question: &Question,
        conversation: &mut Conversation,
        cancel: &Cancel,
        hear: &mut dyn FnMut(Heard),
    ) -> Result<Answer> {
        let _turn = self.turn().answer();
        let log = self.log()?;
        // Loading is not part of answering.
        self.ready(seat, question)?;
        let begin = Instant::now();
        let erasures = self.erasures(question.subject.as_deref())?;
        let mut interaction = Interaction::new(vec![Message::new("user", &question.text)]);
        let found = self.find(question, conversation)?;
        // A question that was given up before its first word has no answer to log.
        cancel.check()?;
        let mut reply = Reply::new(&found.sources, begin, hear);
        let written = match found.notice {
            Some(notice) => {
                reply.notice(notice);
                Written::default()
            }
            None => self.compose(seat, question, conversation, &found, &mut reply, cancel)?,
        };
        if !reply.answers() && written.finish != Finish::Cancelled && found.notice.is_none() {
            reply.notice(question.language.phrases().nothing);
        }
        let reply = reply.finish();
        let asked = written.prompt_tokens > 0;
        let used = seat.context().filter(|_| asked);
        interaction.subject.clone_from(&question.subject);
        interaction.model = used.map(|context| context.model().name().to_owned());
        interaction.adapter = used.and_then(|context| context.adapter().map(str::to_owned));
        interaction.settings = json!({
            "sampling": question.sampling, "max_tokens": question.max_tokens, "retrieval": question.retrieval,
            "collection": question.collection, "mode": question.mode, "finish": written.finish,
        });
        interaction.messages.push(Message::new("assistant", &reply.text));
        interaction.found = Some(reply.found);
        interaction.sentences.clone_from(&reply.sentences);
        interaction.citations.clone_from(&reply.citations);
        let before = conversation.found().filter(|source| source.fact().is_some()).filter(|_| written.goes_on);
        let hits = found.sources.iter().chain(before).map(|source| source.citation(&[]));
        interaction.hits = hits.collect();
        interaction.hits.dedup_by_key(|hit| hit.n);
        interaction.timings = Some(Timings {
            first_token_s: reply.first_s,
            tokens_per_s: written.tokens_per_s,
            prompt_tokens: written.prompt_tokens as u64,
            answer_tokens: written.answer_tokens as u64,
        });
        if self.erasures(question.subject.as_deref())? != erasures {
            return Err(Error::cancelled("who asked was erased meanwhile; the answer is not kept"));
        }
        if !self.is_on_trial {
            log.put(&interaction)?;
        }
        conversation.turns.drain(..conversation.turns.len() - written.turns.min(conversation.turns.len()));
        conversation.turns.push(Turn {
            question: found.sought,
            shown: written.shown.unwrap_or_else(|| vec![Message::new("user", &question.text)]),
            sources: written.sources,
            found: found.sources.clone(),
            answer: Message::new("assistant", &reply.text),
        });
        Ok(Answer {
            interaction: interaction.id,
            found: reply.found,
            chance: found.sources.first().map_or(0.0, surest),
            answer: reply.text,
            sentences: interaction.sentences,
            citations: interaction.citations,
            hits: found.sources.iter().map(|source| source.citation(&[])).collect(),
            facts: found.sources.iter().filter_map(|source| source.fact().cloned()).collect(),
            notes: found.notes,
            prompt_tokens: written.prompt_tokens,
            answer_tokens: written.answer_tokens,
            first_token_s: reply.first_s,
            tokens_per_s: written.tokens_per_s,
            model: question.model.clone().unwrap_or_else(|| self.config.model.clone()),
            adapter: interaction.adapter,
            finish: written.finish,
        })
    }
}

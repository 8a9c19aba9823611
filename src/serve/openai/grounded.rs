//! A question asked over the documents: an answer with what it rests on.

use super::asked::{Asked, Model};
use super::message::{Said, split};
use crate::serve::gate::Caller;
use crate::serve::house::{House, Kept};
use crate::serve::problem::Problem;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Instant;
use wayside::store::log::Message;
use wayside::watch::Cancel;
use wayside::{Answer, Heard, Question, Said as Sentence};

/// A question after what was said before.
pub struct Grounded {
    question: Question,
    before: Vec<Message>,
}

impl Grounded {
    /// What a request asks for.
    ///
    /// # Errors
    /// Something in it makes no sense.
    pub fn new(house: &House, caller: &Caller, asked: &Asked, model: &Model, said: &[Said]) -> Result<Self, Problem> {
        let (before, text) = split(said)?;
        let mut question = house.runtime.question(text);
        question.subject = house.subject(caller, asked.subject.as_deref())?;
        question.collection.clone_from(&asked.collection);
        question.model.clone_from(&model.bundle);
        question.adapter = asked.wear();
        question.sampling = asked.sampling(house)?;
        question.max_tokens = asked.most()?.unwrap_or(question.max_tokens);
        question.stop = asked.stop()?;
        Ok(Self { question, before })
    }

    /// What a model would be shown for it: the instructions, the documents' words, the question.
    ///
    /// # Errors
    /// The search's.
    pub fn shown(&self, house: &House) -> Result<Vec<Value>, Problem> {
        let shown = house.runtime.preview(&self.question)?;
        Ok(shown.prompt.iter().map(|m| json!({ "role": m.role, "content": m.content })).collect())
    }

    /// Asks it.
    ///
    /// # Errors
    /// The answer's.
    pub fn ask(
        &self,
        house: &House,
        caller: &Caller,
        cancel: &Cancel,
        tell: &mut dyn FnMut(&Sentence),
    ) -> Result<Answer, Problem> {
        let Question { subject, model, adapter, .. } = &self.question;
        let key = format!("{model:?} {adapter:?}");
        let said = transcript(&self.before);
        let fits = |kept: &Kept<_>| (kept.model == key && kept.subject == *subject && kept.said == said).then_some(0);
        let kept = if self.before.is_empty() { None } else { house.chats.take(&caller.owner, fits) };
        let mut talk = match kept {
            Some(kept) => kept.talk,
            None => house.runtime.chat(model.as_deref(), adapter)?.after(subject.as_deref(), &self.before),
        };
        let mut hear = |heard: Heard| {
            if let Heard::Sentence(sentence) = heard {
                tell(sentence);
            }
        };
        let answer =
            timed(house, cancel, &mut hear, |hear| Ok(talk.ask_hearing(&self.question, cancel, hear)?.clone()))?;
        let now = [Message::new("user", &self.question.text), Message::new("assistant", &answer.answer)];
        let said = transcript(&[&self.before[..], &now].concat());
        house.chats.put(&caller.owner, Kept { model: key, subject: subject.clone(), said, talk });
        Ok(answer)
    }
}

/// Takes the time of an answer, and counts it.
///
/// # Errors
/// The answer's.
pub fn timed(
    house: &House,
    cancel: &Cancel,
    hear: &mut dyn FnMut(Heard),
    ask: impl FnOnce(&mut dyn FnMut(Heard)) -> Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    let begin = Instant::now();
    let mut first = None;
    let answer = ask(&mut |heard| {
        first.get_or_insert_with(|| begin.elapsed().as_secs_f64());
        hear(heard);
    })?;
    let whole = begin.elapsed().as_secs_f64();
    let metrics = &house.metrics;
    metrics.answered(first.unwrap_or(whole), whole);
    metrics.prompt_tokens.fetch_add(answer.prompt_tokens as u64, Ordering::Relaxed);
    metrics.answer_tokens.fetch_add(answer.answer_tokens as u64, Ordering::Relaxed);
    let counted = if answer.found { &metrics.found } else { &metrics.silent };
    counted.fetch_add(1, Ordering::Relaxed);
    metrics.left.fetch_add(u64::from(cancel.is_cancelled()), Ordering::Relaxed);
    Ok(answer)
}

/// What was said, so that the same is known again.
fn transcript(messages: &[Message]) -> String {
    json!(messages.iter().map(|message| [&message.role, &message.content]).collect::<Vec<_>>()).to_string()
}

/// Tokens, counted as clients expect it. A quotation takes none.
pub fn usage(answer: &Answer) -> Value {
    let Answer { prompt_tokens, answer_tokens, .. } = answer;
    json!({
        "prompt_tokens": prompt_tokens,
        "completion_tokens": answer_tokens,
        "total_tokens": prompt_tokens + answer_tokens,
    })
}

/// What is told beside an answer.
pub fn extension(answer: &Answer) -> Value {
    json!({
        "interaction": answer.interaction,
        "found": answer.found,
        "chance": answer.chance,
        "sentences": answer.sentences,
        "citations": answer.citations,
        "notes": answer.notes,
        "model": answer.model,
        "adapter": answer.adapter,
        "finish": answer.finish,
        "first_token_s": answer.first_token_s,
        "tokens_per_s": answer.tokens_per_s,
    })
}

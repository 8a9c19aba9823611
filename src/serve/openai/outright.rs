//! A model asked outright: one that has read the beginning already, where there is one.

use super::asked::{Asked, Model, finish};
use crate::serve::gate::Caller;
use crate::serve::house::{House, Kept};
use crate::serve::problem::Problem;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Instant;
use wayside::watch::Cancel;
use wayside::{Completed, Completion, Given, Piece};

/// What is asked of which model.
pub struct Outright {
    /// The model.
    pub model: Model,
    /// How.
    pub asked: Asked,
    /// What.
    pub completion: Completion,
}

impl Outright {
    /// What a request asks for, going on from `given`.
    ///
    /// # Errors
    /// Something in it makes no sense.
    pub fn new(house: &House, caller: &Caller, asked: &Asked, given: Given) -> Result<Self, Problem> {
        Ok(Self {
            model: asked.model(house)?,
            completion: Completion {
                given,
                sampling: asked.sampling(house)?,
                max_tokens: asked.most()?,
                stop: asked.stop()?,
                form: asked.form()?,
                chances: None,
                keep: asked.store.unwrap_or(false),
                subject: house.subject(caller, asked.subject.as_deref())?,
            },
            asked: asked.clone(),
        })
    }

    /// Asks it.
    ///
    /// # Errors
    /// The model's.
    pub fn ask(
        &self,
        house: &House,
        caller: &Caller,
        cancel: &Cancel,
        say: &mut dyn FnMut(Piece),
    ) -> Result<Completed, Problem> {
        let begin = Instant::now();
        let wear = self.asked.wear();
        let key = format!("{:?} {wear:?}", self.model.bundle);
        let said = match &self.completion.given {
            Given::Text(text) => text.clone(),
            Given::Conversation { messages, tools } => json!([tools, messages]).to_string(),
        };
        let fits = |kept: &Kept<_>| (kept.model == key).then(|| alike(&kept.said, &said));
        let kept = house.completers.take(&caller.owner, fits).map(|kept| kept.talk);
        let mut talk = match kept.filter(|talk| talk.is_current().unwrap_or(false)) {
            Some(talk) => talk,
            None => house.runtime.completer(self.model.bundle.as_deref(), &wear)?,
        };
        let mut first = None;
        let completed = talk.complete(&self.completion, cancel, &mut |piece| {
            first.get_or_insert_with(|| begin.elapsed().as_secs_f64());
            say(piece);
        });
        let subject = self.completion.subject.clone();
        house.completers.put(&caller.owner, Kept { model: key, subject, said, talk });
        let completed = completed?;
        let whole = begin.elapsed().as_secs_f64();
        house.metrics.answered(first.unwrap_or(whole), whole);
        house.metrics.prompt_tokens.fetch_add(completed.prompt_tokens as u64, Ordering::Relaxed);
        house.metrics.known_tokens.fetch_add(completed.known_tokens as u64, Ordering::Relaxed);
        house.metrics.answer_tokens.fetch_add(completed.answer_tokens as u64, Ordering::Relaxed);
        house.metrics.left.fetch_add(u64::from(cancel.is_cancelled()), Ordering::Relaxed);
        Ok(completed)
    }
}

/// How many bytes two texts begin with alike.
fn alike(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
}

/// Tokens, counted as clients expect it.
pub fn usage(completed: &Completed) -> Value {
    let Completed { prompt_tokens, answer_tokens, known_tokens, .. } = completed;
    json!({
        "prompt_tokens": prompt_tokens,
        "completion_tokens": answer_tokens,
        "total_tokens": prompt_tokens + answer_tokens,
        "prompt_tokens_details": { "cached_tokens": known_tokens },
    })
}

/// What is told beside an answer.
pub fn extension(completed: &Completed) -> Value {
    json!({
        "interaction": completed.interaction,
        "model": completed.model,
        "adapter": completed.adapter,
        "finish": completed.finish,
        "first_token_s": completed.first_token_s,
        "tokens_per_s": completed.tokens_per_s,
    })
}

/// Why it ended, in the API's words.
pub fn ended(completed: &Completed) -> &'static str {
    finish(completed.finish)
}

//! Questions, in conversations that have a name.

use crate::serve::body::Reply;
use crate::serve::house::{House, Kept};
use crate::serve::openai::grounded::timed;
use crate::serve::problem::Problem;
use crate::serve::route::Asked;
use crate::serve::work::{json as document, streamed, whole};
use hyper::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wayside::config::{Language, Mode};
use wayside::infer::Sampling;
use wayside::store::log::{Message, check_subject};
use wayside::watch::Cancel;
use wayside::{Answer, Heard, Question, Said, Wear};

/// The longest session, in seconds: a day.
const LONGEST: u64 = 86_400;

/// A question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    question: String,
    /// Whether sentences come as they are sure.
    #[serde(default)]
    stream: bool,
    /// The conversation it belongs to, by whatever name the caller gives it.
    conversation: Option<String>,
    subject: Option<String>,
    collection: Option<String>,
    #[serde(default)]
    retrieval: Option<bool>,
    mode: Option<Mode>,
    model: Option<String>,
    adapter: Option<String>,
    max_tokens: Option<usize>,
    #[serde(default)]
    stop: Vec<String>,
    sampling: Option<Sampling>,
    /// In which language it is said that nothing answers.
    language: Option<Language>,
    /// What was said before in the conversation, for one that is not remembered any more.
    #[serde(default)]
    before: Vec<Message>,
}

impl Ask {
    fn question(&self, house: &House, subject: Option<String>) -> Question {
        let mut question = house.runtime.question(&self.question);
        question.subject = subject;
        question.collection.clone_from(&self.collection);
        question.retrieval = self.retrieval.unwrap_or(true);
        question.mode = self.mode.unwrap_or(question.mode);
        question.model.clone_from(&self.model);
        question.adapter = match self.adapter.as_deref() {
            None => Wear::Promoted,
            Some("none") => Wear::Nothing,
            Some(named) => Wear::Named(named.to_owned()),
        };
        question.max_tokens = self.max_tokens.unwrap_or(question.max_tokens);
        question.stop.clone_from(&self.stop);
        question.language = self.language.unwrap_or(question.language);
        question.sampling = self.sampling.clone().unwrap_or(question.sampling);
        question
    }
}

/// Answers a question.
///
/// # Errors
/// It makes no sense, or cannot be answered.
pub async fn run(house: &Arc<House>, asked: Asked) -> Result<Response<Reply>, Problem> {
    let ask: Ask = asked.json()?;
    let subject = house.subject(&asked.caller, ask.subject.as_deref())?;
    let question = ask.question(house, subject);
    let (owner, before) = (asked.caller.owner, ask.before);
    let conversation = ask.conversation.map(|name| Named { owner, name, before });
    let answer = move |house: &House, cancel: &Cancel, hear: &mut dyn FnMut(Heard)| -> Result<Answer, Problem> {
        timed(house, cancel, hear, |hear| match &conversation {
            Some(named) => converse(house, named, &question, cancel, hear),
            None => Ok(house.runtime.ask_hearing(&question, cancel, hear)?),
        })
    };
    if !ask.stream {
        let answer = whole(house, &house.answers, move |house, cancel| answer(house, cancel, &mut |_| {})).await?;
        return Ok(document(&json!(answer)));
    }
    streamed(house, &house.answers, move |house, teller, cancel| {
        let answer = answer(house, cancel, &mut |heard| match heard {
            Heard::Words(words) => teller.event(Some("words"), &json!({ "text": words })),
            Heard::Sentence(said) => teller.event(Some("sentence"), &sentence(said)),
        })?;
        teller.event(Some("answer"), &json!(answer));
        Ok(())
    })
    .await
}

/// A sentence as an event has it.
fn sentence(said: &Said) -> Value {
    let mut told = json!(said);
    // As a person is shown it.
    told["shown"] = said.to_string().into();
    told
}

/// A conversation that a question belongs to.
struct Named {
    owner: String,
    name: String,
    before: Vec<Message>,
}

/// Answers within a conversation. One that is not remembered any more begins after what the caller says was said.
fn converse(
    house: &House,
    named: &Named,
    question: &Question,
    cancel: &Cancel,
    hear: &mut dyn FnMut(Heard),
) -> Result<Answer, Problem> {
    let Named { owner, name, before } = named;
    let key = format!("conversation {:?} {:?}", question.model, question.adapter);
    let fits = |kept: &Kept<_>| (kept.said == *name && kept.model == key).then_some(0);
    let mut talk = match house.chats.take(owner, fits) {
        Some(kept) => kept.talk,
        None => {
            let new = house.runtime.chat(question.model.as_deref(), &question.adapter)?;
            if before.is_empty() { new } else { new.after(question.subject.as_deref(), before) }
        }
    };
    let answered = talk.ask_hearing(question, cancel, hear).cloned();
    // Also after one that failed: what was said before it stands.
    let subject = question.subject.clone();
    house.chats.put(owner, Kept { model: key, subject, said: name.clone(), talk });
    Ok(answered?)
}

/// Forgets a conversation.
pub fn end(house: &House, asked: &Asked, name: &str) -> Value {
    let before = house.chats.len();
    let own = |owner: &str, kept: &Kept<_>| {
        owner == asked.caller.owner && kept.said == name && kept.model.starts_with("conversation ")
    };
    house.chats.sweep(Instant::now(), own);
    json!({ "forgotten": house.chats.len() < before })
}

/// A session in which one person is served, as staff grants it.
///
/// # Errors
/// Somebody else asks, or nobody can be served by that name.
pub fn session(house: &House, asked: &Asked) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        subject: String,
        #[serde(default)]
        seconds: Option<u64>,
    }
    asked.staff()?;
    let wanted: Wanted = asked.json()?;
    check_subject(&wanted.subject)?;
    let seconds = wanted.seconds.unwrap_or(house.runtime.config().serve.idle_seconds);
    if !(1..=LONGEST).contains(&seconds) {
        return Err(Problem::invalid("seconds", format!("a session lasts 1 to {LONGEST} seconds")));
    }
    let session = house.gate.grant(&wanted.subject, Duration::from_secs(seconds));
    Ok(json!({ "session": session, "subject": wanted.subject, "seconds": seconds }))
}

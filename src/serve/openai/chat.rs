//! `/v1/chat/completions`.

use super::asked::{Asked, finish};
use super::grounded::{self, Grounded};
use super::message::Said;
use super::outright::{self, Outright, ended};
use super::tools::Tools;
use crate::serve::body::{Reply, Teller};
use crate::serve::gate::Caller;
use crate::serve::house::House;
use crate::serve::problem::Problem;
use crate::serve::work::{json as document, streamed, whole};
use hyper::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use wayside::{Answer, Chance, Completed, Given};

/// A request.
#[derive(Debug, Deserialize)]
pub struct Chat {
    #[serde(flatten)]
    asked: Asked,
    messages: Vec<Said>,
    #[serde(flatten)]
    tools: Tools,
    logprobs: Option<bool>,
    top_logprobs: Option<usize>,
}

/// What all parts of an answer begin with.
struct Head {
    id: String,
    model: String,
    created: i64,
}

impl Head {
    fn new(model: &str) -> Self {
        let id = format!("chatcmpl-{}", uuid::Uuid::now_v7().simple());
        Self { id, model: model.to_owned(), created: Timestamp::now().as_second() }
    }

    fn with(&self, object: &str, choices: Value) -> Value {
        let fingerprint = concat!("wayside-", env!("CARGO_PKG_VERSION"));
        json!({
            "id": self.id, "object": object, "created": self.created, "model": self.model,
            "system_fingerprint": fingerprint, "choices": choices,
        })
    }

    /// A part of a stream.
    fn part(&self, delta: Value, finish: Option<&str>) -> Value {
        self.with("chat.completion.chunk", json!([{ "index": 0, "delta": delta, "finish_reason": finish }]))
    }

    /// The last parts of a stream.
    fn end(&self, teller: &Teller, finish: &str, usage: Option<Value>, extension: Value) {
        let mut last = self.part(json!({}), Some(finish));
        last["wayside"] = extension;
        teller.event(None, &last);
        if let Some(usage) = usage {
            let mut counted = self.with("chat.completion.chunk", json!([]));
            counted["usage"] = usage;
            teller.event(None, &counted);
        }
        teller.done();
    }

    /// An answer, whole.
    fn whole(&self, mut message: Value, finish: &str, usage: Value, extension: Value) -> Value {
        message["role"] = "assistant".into();
        message["refusal"] = Value::Null;
        let choice = json!([{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish }]);
        let mut answer = self.with("chat.completion", choice);
        answer["usage"] = usage;
        answer["wayside"] = extension;
        answer
    }
}

/// Answers a request.
///
/// # Errors
/// It makes no sense, or cannot be answered.
pub async fn run(house: &Arc<House>, caller: Caller, chat: Chat) -> Result<Response<Reply>, Problem> {
    let model = chat.asked.model(house)?;
    if chat.messages.is_empty() {
        return Err(Problem::invalid("messages", "there are no messages"));
    }
    let is_free = model.grounded && chat.asked.form()?.is_none() && chat.tools.shown().is_empty();
    if is_free && chat.logprobs != Some(true) {
        let grounded = Grounded::new(house, &caller, &chat.asked, &model, &chat.messages)?;
        return over_documents(house, caller, chat, grounded).await;
    }
    let grounded = match model.grounded {
        true => Some(Grounded::new(house, &caller, &chat.asked, &model, &chat.messages)?),
        false => None,
    };
    by_model(house, caller, chat, grounded).await
}

async fn over_documents(
    house: &Arc<House>,
    caller: Caller,
    chat: Chat,
    grounded: Grounded,
) -> Result<Response<Reply>, Problem> {
    let head = Head::new(&chat.asked.model);
    if !chat.asked.streams() {
        let answer: Answer =
            whole(house, &house.answers, move |house, cancel| grounded.ask(house, &caller, cancel, &mut |_| {}))
                .await?;
        let message = json!({
            "content": answer.answer, "sentences": answer.sentences, "citations": answer.citations,
        });
        let usage = grounded::usage(&answer);
        return Ok(document(&head.whole(message, finish(answer.finish), usage, grounded::extension(&answer))));
    }
    streamed(house, &house.answers, move |house, teller, cancel| {
        let mut delta = json!({ "role": "assistant", "content": "" });
        let answer = grounded.ask(house, &caller, cancel, &mut |said| {
            delta["content"] = format!("{}{}", said.gap, said.text).into();
            delta["wayside"] = json!(said);
            teller.event(None, &head.part(delta.take(), None));
            delta = json!({});
        })?;
        let usage = chat.asked.counts().then(|| grounded::usage(&answer));
        head.end(teller, finish(answer.finish), usage, grounded::extension(&answer));
        Ok(())
    })
    .await
}

async fn by_model(
    house: &Arc<House>,
    caller: Caller,
    chat: Chat,
    grounded: Option<Grounded>,
) -> Result<Response<Reply>, Problem> {
    let messages = chat.messages.iter().map(Said::value).collect::<Result<Vec<_>, _>>()?;
    let given = Given::Conversation { messages, tools: chat.tools.shown() };
    let mut outright = Outright::new(house, &caller, &chat.asked, given)?;
    if let Some(form) = chat.tools.form()? {
        outright.completion.form = Some(form);
    }
    if chat.logprobs == Some(true) {
        outright.completion.chances = Some(chat.top_logprobs.unwrap_or(0));
    }
    let head = Head::new(&chat.asked.model);
    let look = move |house: &House, outright: &mut Outright| -> Result<(), Problem> {
        if let (Some(grounded), Given::Conversation { messages, .. }) = (&grounded, &mut outright.completion.given) {
            *messages = grounded.shown(house)?;
        }
        Ok(())
    };
    if !chat.asked.streams() {
        let (completed, chances) = whole(house, &house.answers, move |house, cancel| {
            look(house, &mut outright)?;
            let mut chances = Vec::new();
            let completed = outright.ask(house, &caller, cancel, &mut |piece| chances.extend(piece.chances))?;
            Ok((completed, outright.completion.chances.map(|_| chances)))
        })
        .await?;
        return Ok(document(&told(&head, &chat.tools, &completed, chances)));
    }
    streamed(house, &house.answers, move |house, teller, cancel| {
        look(house, &mut outright)?;
        // A call is known as one when it is whole.
        let waits = !chat.tools.shown().is_empty();
        let mut delta = json!({ "role": "assistant", "content": "" });
        let completed = outright.ask(house, &caller, cancel, &mut |piece| {
            if waits {
                return;
            }
            delta["content"] = piece.text.into();
            let mut part = head.part(delta.take(), None);
            if outright.completion.chances.is_some() {
                part["choices"][0]["logprobs"] = logprobs(&piece.chances);
            }
            teller.event(None, &part);
            delta = json!({});
        })?;
        let mut end = ended(&completed);
        if waits {
            let (text, calls) = chat.tools.calls(&completed.text);
            let mut delta = json!({ "role": "assistant", "content": text });
            if !calls.is_empty() {
                end = "tool_calls";
                delta["tool_calls"] = numbered(calls);
            }
            teller.event(None, &head.part(delta, None));
        }
        let usage = chat.asked.counts().then(|| outright::usage(&completed));
        head.end(teller, end, usage, outright::extension(&completed));
        Ok(())
    })
    .await
}

/// Calls as a stream has them.
fn numbered(calls: Vec<Value>) -> Value {
    let calls = calls.into_iter().enumerate().map(|(at, mut call)| {
        call["index"] = at.into();
        call
    });
    calls.collect()
}

/// What a model said, whole.
fn told(head: &Head, tools: &Tools, completed: &Completed, chances: Option<Vec<Chance>>) -> Value {
    let (text, calls) = tools.calls(&completed.text);
    let (message, end) = match calls.is_empty() {
        true => (json!({ "content": text }), ended(completed)),
        false => {
            let content = if text.is_empty() { Value::Null } else { text.into() };
            (json!({ "content": content, "tool_calls": calls }), "tool_calls")
        }
    };
    let mut answer = head.whole(message, end, outright::usage(completed), outright::extension(completed));
    if let Some(chances) = chances {
        answer["choices"][0]["logprobs"] = logprobs(&chances);
    }
    answer
}

fn logprobs(chances: &[Chance]) -> Value {
    let one = |chance: &Chance| json!({ "token": chance.token, "logprob": chance.logprob, "bytes": chance.bytes });
    let told = |chance: &Chance| {
        let mut told = one(chance);
        told["top_logprobs"] = chance.top.iter().map(one).collect();
        told
    };
    json!({ "content": chances.iter().map(told).collect::<Vec<_>>(), "refusal": null })
}

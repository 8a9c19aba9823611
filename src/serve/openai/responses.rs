//! `/v1/responses`, as far as it needs no memory of its own: each request tells the whole conversation.

use super::asked::Asked;
use super::grounded::{self, Grounded};
use super::message::{Content, Said};
use super::outright::{self, Outright};
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
use wayside::Given;
use wayside::infer::Finish;
use wayside::watch::Cancel;

/// A request.
#[derive(Debug, Deserialize)]
pub struct Respond {
    #[serde(flatten)]
    asked: Asked,
    input: Input,
    instructions: Option<String>,
    previous_response_id: Option<String>,
    /// Where the form of the answer stands.
    #[serde(default)]
    text: Value,
}

/// A question, or a conversation.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Item>),
}

/// An item of a conversation.
#[derive(Debug, Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    content: Option<Content>,
}

impl Respond {
    /// The messages of the conversation.
    fn messages(&self) -> Result<Vec<Value>, Problem> {
        let mut messages = Vec::new();
        if let Some(instructions) = &self.instructions {
            messages.push(json!({ "role": "system", "content": instructions }));
        }
        match &self.input {
            Input::Text(text) => messages.push(json!({ "role": "user", "content": text })),
            Input::Items(items) => {
                for item in items {
                    let (Some(role), Some(content)) = (&item.role, &item.content) else {
                        let kind = item.kind.as_deref().unwrap_or("nothing");
                        return Err(Problem::invalid("input", format!("items are messages here, not {kind}")));
                    };
                    messages.push(json!({ "role": role, "content": content.text("input")? }));
                }
            }
        }
        Ok(messages)
    }
}

/// What an answer came to.
struct Done {
    text: String,
    usage: Value,
    extension: Value,
    finish: Finish,
}

/// What is to answer.
enum Answerer {
    Documents(Box<Grounded>),
    Model(Box<Outright>),
}

impl Answerer {
    fn ask(&self, house: &House, caller: &Caller, cancel: &Cancel, say: &mut dyn FnMut(&str)) -> Result<Done, Problem> {
        match self {
            Self::Documents(grounded) => {
                let answer =
                    grounded.ask(house, caller, cancel, &mut |said| say(&format!("{}{}", said.gap, said.text)))?;
                let (usage, extension) = (grounded::usage(&answer), grounded::extension(&answer));
                Ok(Done { usage, extension, finish: answer.finish, text: answer.answer })
            }
            Self::Model(outright) => {
                let completed = outright.ask(house, caller, cancel, &mut |piece| say(&piece.text))?;
                let (usage, extension) = (outright::usage(&completed), outright::extension(&completed));
                Ok(Done { usage, extension, finish: completed.finish, text: completed.text })
            }
        }
    }
}

/// A response under way.
struct Told {
    id: String,
    item: String,
    model: String,
    created: i64,
    next: u64,
}

impl Told {
    fn new(model: &str) -> Self {
        let id = |kind: &str| format!("{kind}_{}", uuid::Uuid::now_v7().simple());
        let created = Timestamp::now().as_second();
        Self { id: id("resp"), item: id("msg"), model: model.to_owned(), created, next: 0 }
    }

    fn response(&self, status: &str, done: Option<&Done>) -> Value {
        let output = done.map(|done| self.message("completed", Some(&done.text)));
        let usage = done.map(|done| {
            json!({
                "input_tokens": done.usage["prompt_tokens"],
                "input_tokens_details": { "cached_tokens": done.usage["prompt_tokens_details"]["cached_tokens"]
                    .as_u64().unwrap_or(0) },
                "output_tokens": done.usage["completion_tokens"],
                "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": done.usage["total_tokens"],
            })
        });
        let cut = done.filter(|done| done.finish != Finish::Stop);
        json!({
            "id": self.id, "object": "response", "created_at": self.created, "status": status, "error": null,
            "incomplete_details": cut.map(|_| json!({ "reason": "max_output_tokens" })), "instructions": null,
            "metadata": {}, "model": self.model, "output": output.into_iter().collect::<Vec<_>>(),
            "parallel_tool_calls": false, "temperature": null, "tool_choice": "none", "tools": [], "top_p": null,
            "usage": usage, "wayside": done.map(|done| &done.extension),
        })
    }

    fn message(&self, status: &str, text: Option<&str>) -> Value {
        let content: Vec<Value> = text.into_iter().map(part).collect();
        json!({ "id": self.item, "type": "message", "status": status, "role": "assistant", "content": content })
    }

    fn event(&mut self, teller: &Teller, kind: &str, mut data: Value) {
        data["type"] = kind.into();
        data["sequence_number"] = self.next.into();
        self.next += 1;
        teller.event(Some(kind), &data);
    }

    fn begin(&mut self, teller: &Teller) {
        let response = self.response("in_progress", None);
        self.event(teller, "response.created", json!({ "response": response }));
        self.event(teller, "response.in_progress", json!({ "response": response }));
        let item = self.message("in_progress", None);
        self.event(teller, "response.output_item.added", json!({ "output_index": 0, "item": item }));
        let data = json!({ "item_id": self.item, "output_index": 0, "content_index": 0, "part": part("") });
        self.event(teller, "response.content_part.added", data);
    }

    fn piece(&mut self, teller: &Teller, text: &str) {
        if self.next == 0 {
            self.begin(teller);
        }
        let data = json!({
            "item_id": self.item, "output_index": 0, "content_index": 0, "delta": text, "logprobs": [],
        });
        self.event(teller, "response.output_text.delta", data);
    }

    fn end(&mut self, teller: &Teller, done: &Done) {
        if self.next == 0 {
            self.begin(teller);
        }
        let place = json!({ "item_id": self.item, "output_index": 0, "content_index": 0 });
        let with = |key: &str, value: Value| {
            let mut data = place.clone();
            data[key] = value;
            data
        };
        let mut text = with("text", done.text.clone().into());
        text["logprobs"] = json!([]);
        self.event(teller, "response.output_text.done", text);
        self.event(teller, "response.content_part.done", with("part", part(&done.text)));
        let item = self.message("completed", Some(&done.text));
        self.event(teller, "response.output_item.done", json!({ "output_index": 0, "item": item }));
        let status = status(done);
        let response = self.response(status, Some(done));
        self.event(teller, &format!("response.{status}"), json!({ "response": response }));
    }
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn status(done: &Done) -> &'static str {
    if done.finish == Finish::Stop { "completed" } else { "incomplete" }
}

/// Answers a request.
///
/// # Errors
/// It makes no sense, or cannot be answered.
pub async fn run(house: &Arc<House>, caller: Caller, mut respond: Respond) -> Result<Response<Reply>, Problem> {
    if respond.previous_response_id.is_some() {
        let message = "no response is kept here to go on from; send the conversation as `input`";
        return Err(Problem::invalid("previous_response_id", message));
    }
    if let Some(format) = respond.text.get_mut("format") {
        respond.asked.response_format = Some(format.take());
    }
    let model = respond.asked.model(house)?;
    let messages = respond.messages()?;
    let said: Vec<Said> =
        serde_json::from_value(messages.clone().into()).map_err(|e| Problem::invalid("input", e.to_string()))?;
    let answerer = match model.grounded && respond.asked.form()?.is_none() {
        true => Answerer::Documents(Box::new(Grounded::new(house, &caller, &respond.asked, &model, &said)?)),
        false => {
            let messages = said.iter().map(Said::value).collect::<Result<_, _>>()?;
            let given = Given::Conversation { messages, tools: vec![] };
            let mut asked = respond.asked.clone();
            asked.store = Some(asked.store.unwrap_or(false));
            Answerer::Model(Box::new(Outright::new(house, &caller, &asked, given)?))
        }
    };
    let mut told = Told::new(&respond.asked.model);
    if !respond.asked.streams() {
        let done = whole(house, &house.answers, move |house, cancel| answerer.ask(house, &caller, cancel, &mut |_| {}))
            .await?;
        return Ok(document(&told.response(status(&done), Some(&done))));
    }
    streamed(house, &house.answers, move |house, teller, cancel| {
        let done = answerer.ask(house, &caller, cancel, &mut |text| told.piece(teller, text))?;
        told.end(teller, &done);
        Ok(())
    })
    .await
}

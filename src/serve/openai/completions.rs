//! `/v1/completions`: a text goes on, with nothing around it.

use super::asked::Asked;
use super::outright::{Outright, ended, extension, usage};
use crate::serve::body::Reply;
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

/// A request.
#[derive(Debug, Deserialize)]
pub struct Complete {
    #[serde(flatten)]
    asked: Asked,
    prompt: Prompt,
    #[serde(default)]
    echo: bool,
}

/// A text, or several of which there is one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Prompt {
    One(String),
    Several(Vec<String>),
}

/// Answers a request.
///
/// # Errors
/// It makes no sense, or cannot be answered.
pub async fn run(house: &Arc<House>, caller: Caller, complete: Complete) -> Result<Response<Reply>, Problem> {
    let prompt = match complete.prompt {
        Prompt::One(text) => text,
        Prompt::Several(mut texts) if texts.len() == 1 => texts.remove(0),
        Prompt::Several(_) => return Err(Problem::invalid("prompt", "one prompt at a time")),
    };
    let echo = if complete.echo { prompt.clone() } else { String::new() };
    let mut asked = complete.asked;
    // A text goes on as it was begun: there is no question in it to look for.
    asked.retrieval = Some(false);
    asked.max_tokens = asked.most()?.or(Some(house.runtime.config().generate.max_tokens));
    let outright = Outright::new(house, &caller, &asked, Given::Text(prompt))?;
    let id = format!("cmpl-{}", uuid::Uuid::now_v7().simple());
    let created = Timestamp::now().as_second();
    let model = asked.model.clone();
    let part = move |text: &str, finish: Option<&str>| -> Value {
        json!({
            "id": id, "object": "text_completion", "created": created, "model": model,
            "choices": [{ "index": 0, "text": text, "logprobs": null, "finish_reason": finish }],
        })
    };
    if !asked.streams() {
        let completed =
            whole(house, &house.answers, move |house, cancel| outright.ask(house, &caller, cancel, &mut |_| {}))
                .await?;
        let mut answer = part(&format!("{echo}{}", completed.text), Some(ended(&completed)));
        answer["usage"] = usage(&completed);
        answer["wayside"] = extension(&completed);
        return Ok(document(&answer));
    }
    streamed(house, &house.answers, move |house, teller, cancel| {
        let mut before = echo;
        let completed = outright.ask(house, &caller, cancel, &mut |piece| {
            teller.event(None, &part(&format!("{before}{}", piece.text), None));
            before.clear();
        })?;
        let mut last = part("", Some(ended(&completed)));
        last["wayside"] = extension(&completed);
        if asked.counts() {
            last["usage"] = usage(&completed);
        }
        teller.event(None, &last);
        teller.done();
        Ok(())
    })
    .await
}

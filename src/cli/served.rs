//! Asking the service that runs in the same home: it has the models loaded already.

use super::app::App;
use crate::serve::client::{Event, ask};
use serde_json::{Map, Value, json};
use std::path::Path;
use wayside::{Answer, Error, Question, Wear};

/// What the service answers; none where there is no service, or the question is for this process alone.
///
/// # Errors
/// The service's, or that it went away in the midst of its answer.
pub fn served(app: &App, question: &Question, say: &mut dyn FnMut(&str)) -> Result<Option<Answer>, Error> {
    if app.names_a_device() {
        return Ok(None);
    }
    let mut answer = None;
    let there = ask(&app.home, &asked(question), &app.cancel, &mut |event| match event {
        Event::Said(text) => say(&text),
        Event::Answer(whole) => answer = Some(whole),
    })?;
    if !there {
        return Ok(None);
    }
    let answer = answer.ok_or_else(|| Error::new(wayside::ErrorKind::Io, "the service went away before its answer"))?;
    serde_json::from_value(answer).map(Some).map_err(|e| {
        Error::incompatible("the service is of another version; restart it, or ask with --no-service").because(e)
    })
}

/// A question as the service takes it.
fn asked(question: &Question) -> Value {
    let adapter = match &question.adapter {
        Wear::Promoted => None,
        Wear::Nothing => Some("none".to_owned()),
        // A folder is meant from here, not from where the service runs.
        Wear::Named(named) if Path::new(named).is_dir() => {
            std::path::absolute(named).ok().map(|path| path.display().to_string())
        }
        Wear::Named(named) => Some(named.clone()),
    };
    let mut asked: Map<String, Value> = Map::new();
    let mut put = |key: &str, value: Value| asked.insert(key.to_owned(), value);
    put("question", question.text.clone().into());
    put("stream", true.into());
    put("retrieval", question.retrieval.into());
    put("mode", json!(question.mode));
    put("max_tokens", question.max_tokens.into());
    put("stop", json!(question.stop));
    put("sampling", json!(question.sampling));
    for (key, value) in [
        ("subject", question.subject.clone()),
        ("collection", question.collection.clone()),
        ("model", question.model.clone()),
        ("adapter", adapter),
    ] {
        value.into_iter().for_each(|value| drop(put(key, value.into())));
    }
    Value::Object(asked)
}

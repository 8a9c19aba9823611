//! Asking the service that runs in the same home: it has the models loaded already.

use super::app::App;
use crate::serve::client;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use wayside::store::log::Message;
use wayside::watch::Cancel;
use wayside::{Answer, Error, Heard, Question, Wear};

/// What the service answers; none where there is no service, or the question is for this process alone.
///
/// # Errors
/// The service's, or that it went away in the midst of its answer.
pub fn served(app: &App, question: &Question, hear: &mut dyn FnMut(Heard)) -> Result<Option<Answer>, Error> {
    if app.names_a_device() {
        return Ok(None);
    }
    client::ask(&app.home, &asked(question), &app.cancel, hear)
}

/// A conversation that the service of a home holds.
pub struct Conversation {
    home: PathBuf,
    name: String,
    /// Whether the service knows it.
    is_known: bool,
    /// What was said, where nobody in particular is served: a service that was started anew goes on with it. What is
    /// said to a person is kept by the service alone, which knows when that person is erased.
    said: Vec<Message>,
}

impl Conversation {
    /// A new one, where a service runs and the models are not wanted on another device.
    pub fn begin(app: &App) -> Option<Self> {
        let is_there = !app.names_a_device() && client::is_there(&app.home);
        is_there.then(|| Self { home: app.home.clone(), name: unheard(), is_known: false, said: vec![] })
    }

    /// What was said so far, as far as it may be said again.
    pub fn said(&self) -> &[Message] {
        &self.said
    }

    /// Asks the next question; none where the service is gone.
    ///
    /// # Errors
    /// As [`served`].
    pub fn ask(
        &mut self,
        question: &Question,
        cancel: &Cancel,
        hear: &mut dyn FnMut(Heard),
    ) -> Result<Option<Answer>, Error> {
        let mut asked = asked(question);
        asked["conversation"] = self.name.clone().into();
        asked["before"] = json!(self.said);
        self.is_known = true;
        let answer = client::ask(&self.home, &asked, cancel, hear)?;
        if let Some(answer) = answer.as_ref().filter(|_| question.subject.is_none()) {
            let turn = [Message::new("user", &question.text), Message::new("assistant", &answer.answer)];
            self.said.extend(turn);
        }
        Ok(answer)
    }

    /// Forgets what was said, here and there, and begins anew.
    pub fn forget(&mut self) {
        if self.is_known
            && let Err(e) = client::forget(&self.home, &self.name)
        {
            log::warn!("the service forgets the conversation when nobody goes on with it: {e}");
        }
        self.is_known = false;
        self.said.clear();
        self.name = unheard();
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.forget();
    }
}

/// A name that no conversation has.
fn unheard() -> String {
    uuid::Uuid::new_v4().simple().to_string()
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

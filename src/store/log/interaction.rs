//! An interaction as people and programs exchange it: the chat format, with what Wayside knows besides.

use super::answer::{Citation, Sentence, unmarked};
use crate::error::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Bytes an id or a subject may have: it is part of a key.
const LONGEST_ID: usize = 200;

/// One exchange. As JSON, what is unset is left out and what is unknown is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// Unique in the log: 1 to 200 bytes without control characters. Empty in JSON that names none.
    #[serde(default, deserialize_with = "id")]
    pub id: String,
    /// When it happened, in UTC; RFC 3339 in JSON, the present when it names none.
    #[serde(default = "Timestamp::now", deserialize_with = "time")]
    pub time: Timestamp,
    /// Whom it concerns, for listing and erasing by person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The conversation, oldest first; the last message is usually the answer.
    pub messages: Vec<Message>,
    /// What a person thought of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// What the answer should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<String>,
    /// Free labels.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether the answer was found in documents or records; none where nothing was sought, or in what comes from
    /// elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<bool>,
    /// The sentences of the answer, with what each rests on; none in what comes from elsewhere.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub sentences: Vec<Sentence>,
    /// What the answer cites.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// All that was retrieved, cited or not; and the records that a conversation had shown before, for as long as a
    /// turn of it stood in the prompt.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<Citation>,
    /// The model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The adapter it wore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// Sampling and retrieval settings, as the layer above wrote them.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
    /// Keys that mean nothing here.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant`, or another name the chat template knows.
    pub role: String,
    /// The text.
    pub content: String,
    /// Keys that mean nothing here.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Message {
    /// A message without further keys.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into(), extra: Map::new() }
    }
}

/// What a person thought of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    /// Good.
    Up,
    /// Bad.
    Down,
}

/// How long an answer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Seconds from the question to the first token.
    pub first_token_s: f64,
    /// Tokens of the answer a second.
    pub tokens_per_s: f64,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub answer_tokens: u64,
}

impl Interaction {
    /// A new interaction that happened now, under a new id.
    pub fn new(messages: Vec<Message>) -> Self {
        Self {
            id: new_id(),
            time: Timestamp::now(),
            subject: None,
            messages,
            rating: None,
            correction: None,
            tags: Vec::new(),
            found: None,
            sentences: Vec::new(),
            citations: Vec::new(),
            hits: Vec::new(),
            model: None,
            adapter: None,
            settings: Value::Null,
            timings: None,
            extra: Map::new(),
        }
    }

    /// Whether its answer rests on records of one person. A fact of theirs must not become a habit of a model's: it
    /// would tell the next.
    pub fn is_personal(&self) -> bool {
        self.hits.iter().chain(&self.citations).any(Citation::is_record)
    }

    /// Takes the marks out of an answer that was written before answers were structures; see [`unmarked`].
    pub(super) fn unmark(&mut self) {
        if self.found.is_some() || !self.sentences.is_empty() || self.citations.is_empty() {
            return;
        }
        if let Some(answer) = self.messages.iter_mut().rfind(|m| m.role == "assistant") {
            answer.content = unmarked(&answer.content, &self.citations);
        }
        // Said once: what is left of the kind is the text's own.
        self.found = Some(true);
    }

    /// The last question, where there is one.
    pub fn question(&self) -> Option<&str> {
        self.messages.iter().rfind(|m| m.role == "user").map(|m| m.content.as_str())
    }

    /// The last answer, where there is one.
    pub fn answer(&self) -> Option<&str> {
        self.messages.iter().rfind(|m| m.role == "assistant").map(|m| m.content.as_str())
    }

    /// What a person said the answer should have been, unless that says nothing.
    pub fn correction(&self) -> Option<&str> {
        self.correction.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// The conversation as it should have been: a correction takes the place of the last answer, or is the first one
    /// where none was given. `None` where nobody can tell: the answer was rated down, and not corrected.
    pub fn corrected(&self) -> Option<Vec<Message>> {
        let mut messages = self.messages.clone();
        match self.correction() {
            None if self.rating == Some(Rating::Down) => return None,
            None => {}
            Some(text) => {
                messages.pop_if(|last| last.role == "assistant");
                messages.push(Message::new("assistant", text));
            }
        }
        Some(messages)
    }

    /// Invalid when the log could not keep it.
    pub(super) fn validate(&self) -> Result<()> {
        validate_id(&self.id)?;
        match &self.subject {
            Some(subject) => check_subject(subject),
            None => Ok(()),
        }
    }
}

/// A new id; later ones sort after earlier ones.
pub(super) fn new_id() -> String {
    let id = match Timestamp::now() < Timestamp::UNIX_EPOCH {
        // A board without a battery may think so, and such an id knows no time before.
        true => uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 0, 0)),
        false => uuid::Uuid::now_v7(),
    };
    id.to_string()
}

/// Invalid when `id` cannot be an interaction's.
pub(super) fn validate_id(id: &str) -> Result<()> {
    validate_name("interaction's id", id)
}

/// Errors: [`Invalid`](crate::ErrorKind::Invalid) when nothing can be kept under `subject`.
pub fn check_subject(subject: &str) -> Result<()> {
    validate_name("subject", subject)
}

/// Invalid when `name` cannot be part of a key.
pub(in crate::store) fn validate_name(what: &str, name: &str) -> Result<()> {
    let fault = match name.len() {
        0 => "is empty",
        n if n > LONGEST_ID => "has more than 200 bytes",
        _ if name.chars().any(char::is_control) => "holds control characters",
        _ => return Ok(()),
    };
    Err(Error::invalid(format!("the {what} {fault}: '{}'", name.chars().take(40).collect::<String>().escape_debug())))
}

/// Ids are text here; data sets often number their rows.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(i64),
    }
    Ok(match Option::deserialize(deserializer)? {
        Some(Id::Text(text)) => text,
        Some(Id::Number(number)) => number.to_string(),
        None => String::new(),
    })
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(Timestamp::now))
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

//! Messages, as clients write them.

use crate::serve::problem::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use wayside::store::log::Message;

/// A message of a conversation.
#[derive(Clone, Debug, Deserialize)]
pub struct Said {
    role: String,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    tool_calls: Option<Value>,
    #[serde(default)]
    tool_call_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

/// A text, or parts of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// A text.
    Text(String),
    /// Parts.
    Parts(Vec<Part>),
}

/// A part of a message.
#[derive(Clone, Debug, Deserialize)]
pub struct Part {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

impl Content {
    /// Its text.
    ///
    /// # Errors
    /// A part is none.
    pub fn text(&self, param: &str) -> Result<String, Problem> {
        let parts = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::Parts(parts) => parts,
        };
        let text = |part: &Part| match (part.kind.as_str(), &part.text) {
            ("text" | "input_text" | "output_text" | "refusal", Some(text)) => Ok(text.clone()),
            (kind, _) => Err(Problem::invalid(param, format!("models here read text, and no parts of type `{kind}`"))),
        };
        Ok(parts.iter().map(text).collect::<Result<Vec<_>, _>>()?.join("\n"))
    }
}

impl Said {
    fn role(&self) -> Result<&str, Problem> {
        match self.role.as_str() {
            "developer" => Ok("system"),
            role @ ("system" | "user" | "assistant" | "tool") => Ok(role),
            role => Err(Problem::invalid("messages", format!("there is no role {role:?}"))),
        }
    }

    fn text(&self) -> Result<String, Problem> {
        self.content.as_ref().map_or(Ok(String::new()), |content| content.text("messages"))
    }

    /// As templates take it.
    ///
    /// # Errors
    /// It is no message.
    pub fn value(&self) -> Result<Value, Problem> {
        let mut value = json!({ "role": self.role()?, "content": self.text()? });
        let more = [
            ("tool_calls", self.tool_calls.clone()),
            ("tool_call_id", self.tool_call_id.clone().map(Value::from)),
            ("name", self.name.clone().map(Value::from)),
        ];
        if let Some(value) = value.as_object_mut() {
            value.extend(more.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        }
        Ok(value)
    }

    /// As a conversation over documents takes it.
    ///
    /// # Errors
    /// It is no message, or says what tools did: documents call none.
    pub fn message(&self) -> Result<Message, Problem> {
        match self.role()? {
            "tool" => Err(Problem::invalid("messages", "documents call no tools; ask a model alone")),
            role => Ok(Message::new(role, self.text()?)),
        }
    }
}

/// What was said before a question, and the question.
///
/// # Errors
/// The last message is no user's.
pub fn split(said: &[Said]) -> Result<(Vec<Message>, String), Problem> {
    let mut messages = said.iter().map(Said::message).collect::<Result<Vec<_>, _>>()?;
    match messages.pop() {
        Some(last) if last.role == "user" => Ok((messages, last.content)),
        _ => Err(Problem::invalid("messages", "the last message must be the user's: it is the question")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: Value) -> Vec<Said> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_last_message_is_the_question() {
        let (before, question) = split(&said(json!([
            { "role": "developer", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "How" }, { "type": "text", "text": "long?" }] },
        ])))
        .unwrap();
        assert_eq!((before[0].role.as_str(), question.as_str()), ("system", "How\nlong?"));
        for bad in [
            json!([]),
            json!([{ "role": "assistant", "content": "I am." }]),
            json!([{ "role": "somebody", "content": "?" }]),
            json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] }]),
        ] {
            assert!(split(&said(bad.clone())).is_err(), "{bad}");
        }
    }
}

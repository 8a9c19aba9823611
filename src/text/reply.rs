//! A turn of a conversation as tokens: the prompt exactly as it is served, and the reply that should follow. Training
//! and whoever measures what was trained go by this one function.

use super::template::Template;
use super::tokenizer::Tokenizer;
use crate::error::{Error, Result};
use serde::Serialize;
use serde_json::Value;

/// A prompt and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What the server gives the model before it begins to speak.
    pub prompt: Vec<u32>,
    /// What the model should then say, as the template writes it; it ends with the token that ends an answer.
    pub answer: Vec<u32>,
}

/// How a model reads and writes a conversation.
#[derive(Clone, Copy)]
pub struct Speech<'a> {
    /// Text to tokens.
    pub tokenizer: &'a Tokenizer,
    /// Conversations to text.
    pub template: &'a Template,
    /// Any of these ends an answer.
    pub eos: &'a [u32],
}

impl Speech<'_> {
    /// The tokens of the message `answer` after the messages of `prompt`.
    ///
    /// What follows the end of the answer (a line break, in most templates) is not part of it: the server stops there.
    /// A template that ends no turn with a token that the server knows gets one, or the model would never learn to
    /// stop.
    pub fn turn(&self, prompt: &[impl Serialize], answer: &impl Serialize) -> Result<Turn> {
        let json = |e| Error::invalid("this conversation cannot be written as JSON").because(e);
        let mut messages = prompt.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(json)?;
        let answer = serde_json::to_value(answer).map_err(json)?;
        let content = answer.get("content").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        let asked = self.template.render(&messages, true)?;
        messages.push(answer);
        let answered = self.template.render(&messages, false)?;
        let prompt = self.tokenizer.encode(&asked, false)?;
        let mut said = match self.tokenizer.encode(&answered, false)?.strip_prefix(prompt.as_slice()) {
            Some(rest) => rest.to_vec(),
            // Tokens can reach over the border, and templates write a conversation anew once it is answered. The server
            // decodes from the border on, so that is where the answer's tokens begin.
            None => self.tokenizer.encode(rest(&asked, &answered, &content), false)?,
        };
        match said.iter().position(|token| self.eos.contains(token)) {
            Some(end) => said.truncate(end + 1),
            None => said.extend(self.eos.first()),
        }
        Ok(Turn { prompt, answer: said })
    }
}

/// What `answered` says after `asked`; `content` is the answer's own text.
fn rest<'t>(asked: &str, answered: &'t str, content: &'t str) -> &'t str {
    if let Some(rest) = answered.strip_prefix(asked) {
        return rest;
    }
    let Some(at) = answered.rfind(content) else { return content };
    let (before, rest) = answered.split_at(at);
    // White space before the answer is part of it where the prompt does not bring it.
    let space = before.len() - before.trim_end().len();
    if asked.ends_with(char::is_whitespace) { rest } else { &answered[at - space..] }
}

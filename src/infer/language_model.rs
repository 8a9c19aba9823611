//! A decoder, loaded once and shared by every conversation.

use super::sessions::Sessions;
use super::worn::Worn;
use crate::bundle::{self, Bundle, Decoder, Model};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::lora::Adapter;
use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;
use serde::Serialize;
use std::sync::Arc;

/// The name under which a graph takes how many positions' logits it should compute, counted from the end.
pub(super) const LOGITS_TO_KEEP: &str = "logits_to_keep";

/// A decoder with its tokenizer and chat template.
pub struct LanguageModel {
    pub(super) sessions: Sessions,
    pub(super) decoder: Decoder,
    tokenizer: Tokenizer,
    template: Template,
}

impl LanguageModel {
    /// Opens a bundle; its weights are loaded for the first [`super::Context`]. Errors: `Invalid` when it holds an encoder.
    pub fn open(engine: &Engine, bundle: &Bundle) -> Result<Self> {
        let name = bundle.manifest.name.clone();
        let Model::Decoder(decoder) = bundle.manifest.model.clone() else {
            return Err(Error::invalid(format!("{name} makes vectors, it cannot answer; choose a language model")));
        };
        let tokenizer = Tokenizer::open(&bundle.path(bundle::TOKENIZER)?, decoder.vocabulary)?;
        let text = |id: Option<u32>| id.and_then(|id| tokenizer.token(id)).unwrap_or_default();
        let source = std::fs::read_to_string(bundle.path(bundle::TEMPLATE)?).ok();
        let template = Template::new(source.as_deref(), &text(decoder.bos), &text(decoder.eos.first().copied()))?;
        Ok(Self { sessions: Sessions::new(engine, bundle), decoder, tokenizer, template })
    }

    /// The model wearing `adapter`, which goes by `id`: see [`super::Context::wearing`]. The first time, a session is made
    /// that serves all adapters, of whatever ranks.
    ///
    /// Errors: as [`crate::lora::Places::open`] and [`Adapter::check`]; `Invalid` for an adapter that changes nothing;
    /// `Incompatible` when the model was imported again meanwhile.
    pub fn wear(self: &Arc<Self>, adapter: &Adapter, id: &str) -> Result<Worn> {
        let (session, arrays) = self.sessions.adapted(adapter)?;
        Ok(Worn { model: self.clone(), session, arrays, id: id.to_owned() })
    }

    /// The bundle it was loaded from.
    pub fn bundle(&self) -> &Bundle {
        self.sessions.bundle()
    }

    /// The bundle's name.
    pub fn name(&self) -> &str {
        &self.bundle().manifest.name
    }

    /// The most tokens it can look at.
    pub fn context(&self) -> usize {
        self.decoder.context
    }

    /// Numbers in a row of logits.
    pub fn vocabulary(&self) -> usize {
        self.decoder.vocabulary
    }

    /// Whether `token` ends an answer.
    pub fn ends(&self, token: u32) -> bool {
        self.decoder.eos.contains(&token)
    }

    /// Its tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The tokens of plain text, with the beginning token where the model was trained with one.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let mut tokens: Vec<u32> = self.decoder.bos.into_iter().collect();
        tokens.extend(self.tokenizer.encode(text, false)?);
        Ok(tokens)
    }

    /// The tokens of `reply` as the assistant's next turn after `messages`, up to and with the one that ends it: what
    /// the model would say if it said that.
    pub fn encode_reply(&self, messages: &[impl Serialize], reply: &str) -> Result<Vec<u32>> {
        let json = |e| Error::invalid("this conversation cannot be written as JSON").because(e);
        let mut said = messages.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(json)?;
        let open = self.template.render(&said, true)?;
        said.push(serde_json::json!({ "role": "assistant", "content": reply }));
        let closed = self.template.render(&said, false)?;
        // A template may open a turn otherwise than it writes one; then the reply stands as it is.
        let mut tokens = self.tokenizer.encode(closed.strip_prefix(&open).unwrap_or(reply), false)?;
        match tokens.iter().position(|&t| self.ends(t)) {
            Some(end) => tokens.truncate(end + 1),
            None => tokens.extend(self.decoder.eos.first()),
        }
        Ok(tokens)
    }

    /// The tokens of a conversation, up to where the assistant begins to speak.
    pub fn encode_chat(&self, messages: &[impl Serialize]) -> Result<Vec<u32>> {
        self.tokenizer.encode(&self.template.render(messages, true)?, false)
    }
}

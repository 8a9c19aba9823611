//! How a decoder reads and writes: tokens, conversations, and what ends an answer. All that is known of a model without
//! running it.

use crate::bundle::{self, Bundle, Decoder};
use crate::error::{Error, Result};
use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;
use serde::Serialize;

/// A decoder's tokenizer, chat template and manifest.
pub struct Language {
    pub(super) decoder: Decoder,
    tokenizer: Tokenizer,
    template: Template,
    name: String,
}

impl Language {
    /// Reads what a bundle says. Errors: `Invalid` when it holds an encoder.
    pub fn open(bundle: &Bundle) -> Result<Self> {
        let name = bundle.manifest.name.clone();
        let decoder = bundle.decoder()?.clone();
        let tokenizer = Tokenizer::open(&bundle.path(bundle::TOKENIZER)?, decoder.vocabulary)?;
        let text = |id: Option<u32>| id.and_then(|id| tokenizer.token(id)).unwrap_or_default();
        let source = std::fs::read_to_string(bundle.path(bundle::TEMPLATE)?).ok();
        let template = Template::new(source.as_deref(), &text(decoder.bos), &text(decoder.eos.first().copied()))?;
        let template = template.guarding(tokenizer.specials());
        Ok(Self { decoder, tokenizer, template, name })
    }

    /// The bundle's name.
    pub fn name(&self) -> &str {
        &self.name
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

    /// Its chat template.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The token before every text, where the model was trained so.
    pub fn bos(&self) -> Option<u32> {
        self.decoder.bos
    }

    /// The tokens that end an answer.
    pub fn eos(&self) -> &[u32] {
        &self.decoder.eos
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

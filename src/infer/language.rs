//! How a decoder reads and writes: tokens, conversations, and what ends an answer. All that is known of a model without
//! running it.

use crate::bundle::{self, Bundle, Decoder};
use crate::error::Result;
use crate::text::reply::Speech;
use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;
use serde::Serialize;
use serde_json::json;

/// Whether a model that brings no chat template has the tokens of ChatML.
pub fn has_turns(tokenizer: &Tokenizer) -> bool {
    ["<|im_start|>", "<|im_end|>"].iter().all(|token| tokenizer.id(token).is_some())
}

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
        let (bos, eos) = (text(decoder.bos), text(decoder.eos.first().copied()));
        let template = match std::fs::read_to_string(bundle.path(bundle::TEMPLATE)?) {
            Ok(source) => Template::new(&source, &bos, &eos)?,
            Err(_) => Template::without(has_turns(&tokenizer), &bos, &eos)?,
        };
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
    /// the model would say if it said that, as training learns it.
    pub fn encode_reply(&self, messages: &[impl Serialize], reply: &str) -> Result<Vec<u32>> {
        let speech = Speech { tokenizer: &self.tokenizer, template: &self.template, eos: self.eos() };
        Ok(speech.turn(messages, &json!({ "role": "assistant", "content": reply }))?.answer)
    }

    /// As [`Language::encode_chat`], showing tools to a template that knows them.
    pub fn encode_asked(&self, messages: &[impl Serialize], tools: &[impl Serialize]) -> Result<Vec<u32>> {
        if tools.is_empty() {
            return self.encode_chat(messages);
        }
        let more = json!({ "tools": tools, "enable_thinking": false });
        self.tokenizer.encode(&self.template.render_with(messages, true, &more)?, false)
    }

    /// The tokens of a conversation, up to where the assistant begins to speak.
    pub fn encode_chat(&self, messages: &[impl Serialize]) -> Result<Vec<u32>> {
        self.tokenizer.encode(&self.template.render(messages, true)?, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Cache;
    use std::path::Path;

    /// The tiny llama of the goldens, as far as it reads, with a template.
    fn language(template: &str) -> Language {
        let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny/llama/tokenizer.json");
        Language {
            decoder: Decoder {
                layers: 1,
                kv_heads: 1,
                head_dim: 1,
                vocabulary: 384,
                context: 64,
                bos: None,
                eos: vec![2],
                cache: Cache::Appended,
                hyperparameters: None,
            },
            tokenizer: Tokenizer::open(&tokenizer, 384).unwrap(),
            template: Template::new(template, "<|endoftext|>", "<|im_end|>").unwrap(),
            name: "tiny".into(),
        }
    }

    /// What was learned must be what is measured, also where a template writes a turn otherwise than it opens one.
    #[test]
    fn a_reply_is_measured_as_it_was_learned() {
        let asked = [json!({ "role": "user", "content": "How?" })];
        for (template, prompt, wanted) in [
            // The system's word moves once there is an answer, and a space goes before it.
            (
                "{% if add_generation_prompt %}[ASK] {{ messages[0].content }} [/ASK]{% else %}[ASK] Well: \
                 {{ messages[0].content }} [/ASK] {{ messages[1].content }}{{ eos_token }}{% endif %}",
                "[ASK] How? [/ASK]",
                " Hold it.",
            ),
            // The border's space melts into the word behind it.
            (
                "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}\
                 {% if add_generation_prompt %}assistant: {% endif %}",
                "user: How?\nassistant: ",
                "Hold it.\n",
            ),
        ] {
            let language = language(template);
            let encode = |text: &str| language.tokenizer.encode(text, false).unwrap();
            assert_eq!(language.encode_chat(&asked).unwrap(), encode(prompt));
            let end = [encode(wanted), vec![2]].concat();
            assert_eq!(language.encode_reply(&asked, "Hold it.").unwrap(), end, "{wanted:?}");
        }
    }
}

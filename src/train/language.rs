//! How a model reads. Everything that training must do exactly as serving does, without a session.

use crate::text::template::Template;
use crate::text::tokenizer::Tokenizer;

/// What documents are parted by in the data most models come from, where they name no beginning of their own.
const END_OF_TEXT: &str = "<|endoftext|>";

/// A model's tokenizer and template, and the tokens that mean something to it.
#[derive(Clone, Copy)]
pub struct Language<'a> {
    /// Text to tokens.
    pub tokenizer: &'a Tokenizer,
    /// Conversations to text.
    pub template: &'a Template,
    /// Put before every text, where the model was trained so.
    pub bos: Option<u32>,
    /// Any of these ends an answer.
    pub eos: &'a [u32],
}

impl Language<'_> {
    /// The token between two documents: the model's beginning, the usual end of a text, or the end of an answer.
    pub fn boundary(&self) -> Option<u32> {
        self.bos.or_else(|| self.tokenizer.id(END_OF_TEXT)).or_else(|| self.eos.first().copied())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::path::Path;

    /// A model of the goldens, as far as it reads.
    pub struct Fixture {
        pub tokenizer: Tokenizer,
        pub template: Template,
        pub bos: Option<u32>,
        pub eos: Vec<u32>,
    }

    impl Fixture {
        /// The tiny llama, with its own template (ChatML).
        pub fn llama() -> Self {
            let folder = golden("tiny/llama");
            let config: serde_json::Value =
                serde_json::from_slice(&std::fs::read(folder.join("tokenizer_config.json")).unwrap()).unwrap();
            Self::new(config["chat_template"].as_str().unwrap())
        }

        /// The tiny llama with one of the templates of the goldens, by name.
        pub fn templated(name: &str) -> Self {
            let all: serde_json::Value =
                serde_json::from_slice(&std::fs::read(golden("template.json")).unwrap()).unwrap();
            Self::new(all["templates"][name].as_str().unwrap())
        }

        /// The tiny llama with this template.
        pub fn new(template: &str) -> Self {
            let tokenizer = Tokenizer::open(&golden("tiny/llama").join("tokenizer.json"), 384).unwrap();
            let template = Template::new(template, "<|endoftext|>", "<|im_end|>").unwrap();
            Self { tokenizer, template, bos: None, eos: vec![2] }
        }

        pub fn language(&self) -> Language<'_> {
            Language { tokenizer: &self.tokenizer, template: &self.template, bos: self.bos, eos: &self.eos }
        }
    }

    fn golden(path: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)
    }

    #[test]
    fn a_boundary_is_what_the_model_knows_best() {
        let mut fixture = Fixture::llama();
        assert_eq!(fixture.language().boundary(), fixture.tokenizer.id("<|endoftext|>"));
        fixture.bos = Some(1);
        assert_eq!(fixture.language().boundary(), Some(1));
    }
}

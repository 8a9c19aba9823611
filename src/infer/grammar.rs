//! Forms by `llguidance`: before each token, those that cannot go on are forbidden.

use super::form::Form;
use super::generate::Guide;
use super::language_model::LanguageModel;
use crate::error::{Error, Result};
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, SimpleVob, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// The longest form, in bytes as JSON: a larger one takes longer to read than to answer.
const LONGEST: usize = 256 << 10;

/// From so few tokens before the end on, what closes something is preferred, so that the end is reached in form.
const CLOSING: usize = 24;

/// What a token that closes gains then: more than any difference between logits.
const GAIN: f32 = 1e4;

/// What a vocabulary was made into, so that a form is soon ready.
#[derive(Default)]
pub struct Forms(OnceLock<Option<Vocabulary>>);

struct Vocabulary {
    parsers: ParserFactory,
    words: Arc<Vec<Vec<u8>>>,
    /// The tokens that close a text, and maybe what it stands in.
    texts: Arc<Vec<u32>>,
    /// The tokens that close lists and objects, and those that end an answer.
    others: Arc<Vec<u32>>,
}

/// A guide that keeps an answer of `most` tokens in its form.
///
/// # Errors
/// Invalid: a form that makes no sense. Unsupported: one that needs what is not there, or a vocabulary that cannot be
/// read.
pub fn guide(model: &LanguageModel, form: &Form, most: usize) -> Result<Box<dyn Guide>> {
    let vocabulary = model.forms.0.get_or_init(|| Vocabulary::of(model)).as_ref();
    let vocabulary = vocabulary
        .ok_or_else(|| Error::unsupported(format!("the vocabulary of {} serves no forms of answers", model.name())))?;
    let parser = vocabulary.parsers.create_parser(form.grammar()?);
    let parser = parser.map_err(|e| Error::invalid(format!("the form of the answer cannot be used: {}", line(&e))))?;
    Ok(Box::new(Formed {
        matcher: Matcher::new(Ok(parser)),
        ends: model.eos().to_vec(),
        words: vocabulary.words.clone(),
        texts: vocabulary.texts.clone(),
        others: vocabulary.others.clone(),
        place: Place::default(),
        left: most,
    }))
}

impl Form {
    /// As the parser takes it.
    fn grammar(&self) -> Result<TopLevelGrammar> {
        let (length, grammar) = match self {
            Self::Json => (0, TopLevelGrammar::from_json_schema(compact(json!({ "type": "object" })))),
            Self::Schema(schema) => {
                (schema.to_string().len(), TopLevelGrammar::from_json_schema(compact(schema.clone())))
            }
            Self::Expression(expression) => (expression.len(), TopLevelGrammar::from_regex(expression)),
            Self::Grammar(grammar) => (grammar.len(), TopLevelGrammar::from_lark(grammar.clone())),
        };
        match length {
            0..LONGEST => Ok(grammar),
            _ => Err(Error::invalid(format!("the form of the answer has more than {LONGEST} bytes"))),
        }
    }
}

/// A schema whose answers have no white space to lose oneself in, unless it says how they are to be written.
fn compact(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut()
        && !schema.contains_key("x-guidance")
    {
        let written = json!({ "whitespace_flexible": false, "key_separator": ": ", "item_separator": ", " });
        schema.insert("x-guidance".to_owned(), written);
    }
    schema
}

impl Vocabulary {
    fn of(model: &LanguageModel) -> Option<Self> {
        let words = model.tokenizer().bytes(model.vocabulary());
        let info = TokRxInfo::new(u32::try_from(words.len()).ok()?, *model.eos().first()?);
        let closing = |first: &[u8]| -> Vec<u32> {
            let closes = |word: &Vec<u8>| {
                word.first().is_some_and(|byte| first.contains(byte)) && word.iter().skip(1).all(|b| b"]}".contains(b))
            };
            (0..).zip(&words).filter(|(_, word)| word.as_ref().is_some_and(closes)).map(|(id, _)| id).collect()
        };
        let (texts, mut others) = (closing(b"\""), closing(b"]}"));
        others.extend(model.eos());
        let words: Vec<Vec<u8>> = words.into_iter().map(Option::unwrap_or_default).collect();
        let env: TokEnv = Arc::new(ApproximateTokEnv::new(TokTrie::from(&info, &words)));
        let mut parsers = ParserFactory::new_simple(&env).ok()?;
        // It would tell standard error.
        parsers.quiet();
        parsers.limits_mut().verbose_errors = false;
        Some(Self { parsers, words: Arc::new(words), texts: Arc::new(texts), others: Arc::new(others) })
    }
}

/// An answer that keeps its form.
struct Formed {
    matcher: Matcher,
    ends: Vec<u32>,
    words: Arc<Vec<Vec<u8>>>,
    texts: Arc<Vec<u32>>,
    others: Arc<Vec<u32>>,
    place: Place,
    /// Tokens that may still come.
    left: usize,
}

/// Where in JSON an answer stands: a brace in a text closes nothing.
#[derive(Default)]
struct Place {
    in_text: bool,
    escaped: bool,
}

impl Place {
    fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                _ => {}
            }
        }
    }
}

impl Guide for Formed {
    fn before(&mut self, logits: &mut [f32]) -> Result<()> {
        let allowed = self.matcher.compute_mask_or_eos().map_err(|e| unanswerable(&e))?;
        let may_end = self.ends.first().is_some_and(|&end| allows(&allowed, end));
        for (id, logit) in (0..).zip(logits.iter_mut()) {
            let ends = may_end && self.ends.contains(&id);
            if !ends && !allows(&allowed, id) {
                *logit = f32::NEG_INFINITY;
            }
        }
        if self.left <= CLOSING {
            let closing = if self.place.in_text { &self.texts } else { &self.others };
            for &id in closing.iter() {
                logits.get_mut(id as usize).into_iter().for_each(|logit| *logit += GAIN);
            }
        }
        Ok(())
    }

    fn after(&mut self, token: u32) -> Result<bool> {
        self.left = self.left.saturating_sub(1);
        self.place.pass(self.words.get(token as usize).map_or(&[][..], Vec::as_slice));
        self.matcher.consume_token(token).map_err(|e| unanswerable(&e))?;
        Ok(self.matcher.is_stopped())
    }
}

fn allows(allowed: &SimpleVob, id: u32) -> bool {
    (id as usize) < allowed.len() && allowed.is_allowed(id)
}

/// The parser gave up on the way: it has bounds on what it does for a token.
fn unanswerable(error: &impl std::fmt::Display) -> Error {
    Error::invalid(format!("the form of the answer is too intricate: {}", line(error)))
}

/// The first line of what went wrong.
fn line(error: &impl std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_says_how_it_is_written_unless_it_does_already() {
        assert_eq!(compact(json!({}))["x-guidance"]["whitespace_flexible"], false);
        let own = json!({ "x-guidance": { "whitespace_flexible": true } });
        assert_eq!(compact(own.clone()), own);
        assert_eq!(compact(json!(true)), true);
    }

    #[test]
    fn a_brace_in_a_text_is_none() {
        let at = |text: &str| {
            let mut place = Place::default();
            place.pass(text.as_bytes());
            place.in_text
        };
        assert!(at("{\"a}") && at("{\"a\\\"") && !at("{\"a\"") && !at("{\"a\\\\\"}"));
    }

    #[test]
    fn a_form_has_its_bounds() {
        let long = Form::Expression("a".repeat(LONGEST));
        assert!(long.grammar().err().is_some_and(|e| e.to_string().contains("bytes")));
        assert!(Form::Json.grammar().is_ok());
    }
}

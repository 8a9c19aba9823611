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
    /// The tokens that close a text, a list or an object.
    closing: Vec<u32>,
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
        closing: vocabulary.closing.clone(),
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
        let closes = |word: &Vec<u8>| {
            let closing = word.iter().filter(|byte| b"\"]}".contains(byte)).count();
            closing > 0 && closing == word.len()
        };
        let closing = (0..).zip(&words).filter(|(_, word)| word.as_ref().is_some_and(closes)).map(|(id, _)| id);
        let closing = closing.chain(model.eos().iter().copied()).collect();
        let words: Vec<Vec<u8>> = words.into_iter().map(Option::unwrap_or_default).collect();
        let env: TokEnv = Arc::new(ApproximateTokEnv::new(TokTrie::from(&info, &words)));
        let mut parsers = ParserFactory::new_simple(&env).ok()?;
        // It would tell standard error.
        parsers.quiet();
        parsers.limits_mut().verbose_errors = false;
        Some(Self { parsers, closing })
    }
}

/// An answer that keeps its form.
struct Formed {
    matcher: Matcher,
    ends: Vec<u32>,
    closing: Vec<u32>,
    /// Tokens that may still come.
    left: usize,
}

impl Guide for Formed {
    fn before(&mut self, logits: &mut [f32]) -> Result<()> {
        let allowed = self.matcher.compute_mask_or_eos().map_err(|e| unanswerable(&e))?;
        let may_end = self.ends.first().is_some_and(|&end| allows(&allowed, end));
        for (id, logit) in (0..).zip(logits.iter_mut()) {
            if !allows(&allowed, id) && !(may_end && self.ends.contains(&id)) {
                *logit = f32::NEG_INFINITY;
            }
        }
        if self.left <= CLOSING {
            for &id in &self.closing {
                logits.get_mut(id as usize).into_iter().for_each(|logit| *logit += GAIN);
            }
        }
        Ok(())
    }

    fn after(&mut self, token: u32) -> Result<bool> {
        self.left = self.left.saturating_sub(1);
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
    fn a_form_has_its_bounds() {
        let long = Form::Expression("a".repeat(LONGEST));
        assert!(long.grammar().err().is_some_and(|e| e.to_string().contains("bytes")));
        assert!(Form::Json.grammar().is_ok());
    }
}

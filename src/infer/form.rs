//! The form of an answer: what all of its tokens together must be.

#[cfg(feature = "grammar")]
pub use super::grammar::{Forms, guide};

use serde_json::Value;

/// What an answer must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// An object in JSON.
    Json,
    /// What a JSON Schema describes.
    Schema(Value),
    /// What a regular expression matches, from beginning to end.
    Expression(String),
    /// What a grammar in Lark's notation derives from its `start`.
    Grammar(String),
}

/// What a vocabulary was made into, so that a form is soon ready.
#[cfg(not(feature = "grammar"))]
#[derive(Default)]
pub struct Forms;

/// A guide that keeps an answer of `most` tokens in its form.
///
/// # Errors
/// Unsupported: this build knows no forms.
#[cfg(not(feature = "grammar"))]
pub fn guide(_: &super::LanguageModel, _: &Form, _: usize) -> crate::error::Result<Box<dyn super::Guide>> {
    Err(crate::Error::unsupported("forms of answers are not in this build: it was made without the feature `grammar`"))
}

//! A decoder, loaded once and shared by every conversation.

use super::language::Language;
use crate::bundle::{self, Bundle};
use crate::engine::{Engine, Session};
use crate::error::Result;
use crate::onnx;
use std::ops::Deref;

/// The name under which a graph takes how many positions' logits it should compute, counted from the end.
pub(super) const LOGITS_TO_KEEP: &str = "logits_to_keep";

/// A decoder at work: its [`Language`], and a session that runs it.
pub struct LanguageModel {
    pub(super) session: Session,
    language: Language,
}

impl LanguageModel {
    /// Loads a bundle. Errors: `Invalid` when it holds an encoder.
    pub fn open(engine: &Engine, bundle: &Bundle) -> Result<Self> {
        let language = Language::open(bundle)?;
        let graph = onnx::requiring(&bundle.path(bundle::MODEL)?, LOGITS_TO_KEEP)?;
        Ok(Self { session: engine.session(&graph, &bundle.dir)?, language })
    }
}

impl Deref for LanguageModel {
    type Target = Language;

    fn deref(&self) -> &Language {
        &self.language
    }
}

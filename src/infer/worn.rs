//! An adapter as a session takes it.

use super::language_model::LanguageModel;
use super::sessions::Arrays;
use crate::engine::Session;
use std::sync::Arc;

/// A model wearing an adapter: the adapter's arrays, loaded once and shared by all conversations that wear it.
pub struct Worn {
    pub(super) model: Arc<LanguageModel>,
    pub(super) session: Arc<Session>,
    pub(super) arrays: Arrays,
    pub(super) id: String,
}

impl Worn {
    /// The adapter's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The model that wears it.
    pub fn model(&self) -> &Arc<LanguageModel> {
        &self.model
    }
}

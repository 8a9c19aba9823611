//! A decoder, loaded once and shared by every conversation.

use super::ahead::Agreement;
use super::form::Forms;
use super::language::Language;
use super::sessions::Sessions;
use super::step::Recorded;
use super::turns::Turns;
use super::worn::Worn;
use crate::bundle::Bundle;
use crate::engine::Engine;
use crate::error::Result;
use crate::lora::Adapter;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// The name under which a graph takes how many positions' logits it should compute, counted from the end.
pub(super) const LOGITS_TO_KEEP: &str = "logits_to_keep";

/// A decoder at work: its [`Language`], and sessions that run it.
pub struct LanguageModel {
    pub(super) sessions: Sessions,
    language: Language,
    /// Of the plain session, and of the one that takes adapters.
    pub(super) agreements: [OnceLock<Agreement>; 2],
    /// Who runs it when.
    pub(super) turns: Turns,
    /// Caches that no conversation has now, and what was recorded over them.
    pub(super) recorded: Recorded,
    /// Its vocabulary as forms of answers need it.
    #[cfg_attr(not(feature = "grammar"), expect(dead_code, reason = "no form is known"))]
    pub(super) forms: Forms,
}

impl LanguageModel {
    /// Opens a bundle; its weights are loaded for the first [`super::Context`]. Errors: `Invalid` when it holds an
    /// encoder.
    pub fn open(engine: &Engine, bundle: &Bundle) -> Result<Self> {
        let (language, sessions) = (Language::open(bundle)?, Sessions::new(engine, bundle));
        Ok(Self {
            sessions,
            language,
            agreements: Default::default(),
            turns: Turns::default(),
            recorded: Recorded::default(),
            forms: Default::default(),
        })
    }

    /// The model wearing `adapter`, which goes by `id`: see [`super::Context::wearing`]. The first time, a session is
    /// made that serves all adapters, of whatever ranks.
    ///
    /// Errors: as [`crate::lora::Places::open`] and [`Adapter::check`]; `Invalid` for an adapter that changes nothing;
    /// `Incompatible` when the model was imported again meanwhile.
    pub fn wear(self: &Arc<Self>, adapter: &Adapter, id: &str) -> Result<Worn> {
        let (session, arrays) = self.sessions.adapted(adapter)?;
        Ok(Worn { model: self.clone(), session, arrays, id: id.to_owned() })
    }

    /// Whether passes of one token are recorded and repeated; loads the model.
    pub fn records(&self) -> Result<bool> {
        Ok(self.sessions.plain()?.records())
    }

    /// The bundle it was loaded from.
    pub fn bundle(&self) -> &Bundle {
        self.sessions.bundle()
    }
}

impl Deref for LanguageModel {
    type Target = Language;

    fn deref(&self) -> &Language {
        &self.language
    }
}

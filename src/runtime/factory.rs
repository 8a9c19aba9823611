//! What the default model comes with: an adapter that taught it to answer from passages, and to refuse.
//!
//! It serves where nothing was learned on the device yet, and only where something was found: what a model says freely
//! is its own. What the device learns sees some of its examples again, and the gate holds what was learned against it.
//! Learning does not begin at it: of the sample, what had begun there was refused, because general text and a canary
//! had suffered. `models/factory/` says what it was taught on and how.

use super::Runtime;
use crate::bundle::Bundle;
use crate::durable;
use crate::error::Result;
use crate::infer::{LanguageModel, Worn};
use crate::lora::Adapter;
use crate::parts::LANGUAGE_MODEL;
use std::sync::Arc;

/// The name it goes by.
pub const FACTORY: &str = "factory";
/// PEFT's files, half as long: the factors are float16.
const FILES: [(&str, &[u8]); 2] = [
    ("adapter_config.json", include_bytes!("../../models/factory/adapter_config.json")),
    ("adapter_model.safetensors", include_bytes!("../../models/factory/adapter_model.safetensors")),
];

impl Runtime {
    /// The factory's adapter for a model, loaded once; none for a model that it was not made for.
    pub(super) fn factory(&self, model: &Arc<LanguageModel>) -> Result<Option<Arc<Worn>>> {
        if !Self::is_taught(model.bundle()) {
            return Ok(None);
        }
        let is_it = |worn: &Arc<Worn>| worn.id() == FACTORY && Arc::ptr_eq(worn.model(), model);
        if let Some(worn) = self.loaded().worn.iter().find(|worn| is_it(worn)) {
            return Ok(Some(worn.clone()));
        }
        let worn = Arc::new(model.wear(&self.factors()?, FACTORY).map_err(|e| e.context(FACTORY))?);
        self.loaded().worn.insert(0, worn.clone());
        Ok(Some(worn))
    }

    /// Whether a model is the one that the factory taught: then what it was taught is among what a cycle sees again.
    pub(super) fn is_taught(model: &Bundle) -> bool {
        model.manifest.name == LANGUAGE_MODEL
    }

    fn factors(&self) -> Result<Adapter> {
        let folder = self.scratch()?;
        for (name, bytes) in FILES {
            durable::write(&folder.path().join(name), bytes)?;
        }
        Adapter::read(folder.path())
    }
}

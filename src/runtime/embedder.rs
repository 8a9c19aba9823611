//! Which embedder the home uses: the configured one, or the one that its index has vectors of.

use super::Runtime;
use crate::bundle;
use crate::config::AUTO;
use crate::error::Result;
use crate::infer::Embedder;
use crate::parts;
use crate::rag::Embedders;
use std::sync::Arc;

impl Runtime {
    /// The embedder's name. `auto` is the one that the index has vectors of, where it is here; else the default.
    pub fn embedder_name(&self) -> String {
        if self.config.embedder != AUTO {
            return self.config.embedder.clone();
        }
        let held = self.home.join("index").exists().then(|| self.index().and_then(|index| index.embedder()));
        let held = held.and_then(Result::ok).flatten().map(|held| bundle::name_of_id(&held.id).to_owned());
        let is_here = |name: &String| {
            self.bundle_dir(name).join(bundle::MANIFEST).exists() || self.parts.model(name).is_some_and(|p| p.present)
        };
        held.filter(is_here).unwrap_or_else(|| parts::EMBEDDER.to_owned())
    }

    /// The embedder, loaded once. The default one is pulled and imported when it is not there.
    pub fn embedder(&self) -> Result<Arc<Embedder>> {
        let name = self.embedder_name();
        // Another process may have taken in documents in other languages since.
        if let Some(embedder) = self.loaded().embedder.as_ref().filter(|embedder| embedder.name() == name) {
            return Ok(embedder.clone());
        }
        let embedder = self.embedder_called(&name)?;
        let mut loaded = self.loaded();
        loaded.described = None;
        Ok(loaded.embedder.insert(embedder).clone())
    }

    /// What documents are taken in with: where the house leaves the choice, their languages make it.
    pub(super) fn with_embedders<T>(&self, work: impl FnOnce(Embedders) -> Result<T>) -> Result<T> {
        let first = self.embedder()?;
        let is_open = self.config.embedder == AUTO && first.name() == parts::EMBEDDER;
        let of_languages = || {
            self.parts.ensure(parts::MULTILINGUAL, None, &*self.progress, &self.cancel)?;
            self.embedder_called(parts::MULTILINGUAL)
        };
        work(Embedders { first, of_languages: if is_open { Some(&of_languages) } else { None } })
    }

    fn embedder_called(&self, name: &str) -> Result<Arc<Embedder>> {
        Ok(Arc::new(Embedder::open(&self.engine()?, &self.bundle(name)?)?))
    }
}

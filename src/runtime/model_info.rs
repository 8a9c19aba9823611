//! Models as people choose among them: what each is and needs, which of them answers, and which goes.

use super::Runtime;
use crate::bundle::{Bundle, Decoder, Manifest, Model};
use crate::durable;
use crate::error::{Error, Result};
use crate::machine::Machine;
use serde::Serialize;

/// What a process takes beside weights and cache: the engine, the tables of a tokenizer, logits.
const BESIDE: u64 = 64 << 20;
const MIB: f64 = (1 << 20) as f64;

/// A model that is ready.
#[derive(Clone, Debug, Serialize)]
pub struct ModelInfo {
    /// What it is called.
    pub name: String,
    /// `language-model`, `embedder`, or `merged`: a language model that carries an adapter.
    pub kind: &'static str,
    /// `llama`, `gemma3_text`, `bert`...
    pub family: String,
    /// How many numbers were trained.
    pub parameters: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// `int4`, `int8` or `as given`.
    pub weights: String,
    /// The most tokens it can look at.
    pub context: usize,
    /// Memory that a conversation of `generate.context` tokens takes, in MiB; none for an embedder.
    pub context_mb: Option<f64>,
    /// Memory that it takes at work, in MiB: weights, that conversation, and what is beside them.
    pub memory_mb: f64,
    /// The licence, where its files name one.
    pub license: Option<String>,
    /// The file or folder it was made from.
    pub source: String,
    /// The model under it and the adapter it carries, where it was merged of both.
    pub merged: Option<String>,
    /// Whether it answers, or makes the vectors, unless somebody names another.
    pub in_use: bool,
}

/// What [`Runtime::use_model`] changed.
#[derive(Clone, Debug, Serialize)]
pub struct Chosen {
    /// The model that is in use now.
    pub name: String,
    /// The setting that says so.
    pub setting: &'static str,
    /// The model that was.
    pub before: String,
}

impl Runtime {
    /// Every model there is, damaged ones as errors under their names.
    pub fn model_infos(&self) -> Result<Vec<(String, Result<ModelInfo>)>> {
        let infos = self.bundles()?.into_iter();
        Ok(infos.map(|(name, bundle)| (name, bundle.map(|bundle| self.told_model(&bundle)))).collect())
    }

    /// One model. Errors: `NotFound` for a name that no model has; `Corrupt` for a damaged one.
    pub fn model_info(&self, name: &str) -> Result<ModelInfo> {
        self.here(name).map(|bundle| self.told_model(&bundle))
    }

    fn told_model(&self, bundle: &Bundle) -> ModelInfo {
        let Manifest { name, architecture, parameters, weights, source, license, model, merged, .. } =
            bundle.manifest.clone();
        let license = license.or_else(|| self.parts.model(&name).map(|part| part.license));
        let (kind, context, cache) = match &model {
            Model::Decoder(decoder) => ("language-model", decoder.context, Some(self.cache_bytes(decoder))),
            Model::Encoder(encoder) => ("embedder", encoder.context, None),
        };
        ModelInfo {
            kind: if merged.is_some() { "merged" } else { kind },
            family: architecture,
            parameters,
            bytes: bundle.manifest.files.values().map(|file| file.bytes).sum(),
            weights,
            context,
            context_mb: cache.map(|bytes| bytes as f64 / MIB),
            memory_mb: needs(bundle, cache.unwrap_or(0)) as f64 / MIB,
            license,
            source,
            merged: merged.map(|merged| format!("{} with {}", merged.base, merged.adapter)),
            in_use: name == self.config.model || name == self.embedder_name(),
            name,
        }
    }

    /// Bytes of the keys and values of a conversation as long as the configuration lets it be.
    fn cache_bytes(&self, decoder: &Decoder) -> u64 {
        let tokens = self.config.generate.context.min(decoder.context);
        let width = if self.config.kernels.are_ours() { 2 } else { 4 };
        (2 * decoder.layers * decoder.kv_heads * decoder.head_dim * tokens * width) as u64
    }

    /// Refuses a language model that this machine has no memory for, and says what would fit.
    pub(super) fn check_memory(&self, bundle: &Bundle) -> Result<()> {
        let Some(free) = Machine::this().free_memory().filter(|_| self.config.memory_check) else { return Ok(()) };
        let decoder = bundle.decoder()?;
        let need = needs(bundle, self.cache_bytes(decoder));
        if need <= free {
            return Ok(());
        }
        let fits = |info: &ModelInfo| info.context_mb.is_some() && info.memory_mb * MIB <= free as f64;
        let mut others: Vec<ModelInfo> =
            self.model_infos()?.into_iter().filter_map(|(_, info)| info.ok()).filter(fits).collect();
        others.sort_by_key(|info| std::cmp::Reverse(info.bytes));
        let remedy = match others.first() {
            Some(other) => {
                let name = &other.name;
                format!("{name} would fit in {:.0} MiB (`wayside models use {name}`)", other.memory_mb)
            }
            None => "take a smaller one".into(),
        };
        let mib = |bytes: u64| bytes as f64 / MIB;
        Err(Error::full(format!(
            "{} needs {:.0} MiB of memory, {:.0} of them for {} tokens, and {:.0} MiB are free; {remedy}, lower \
             `generate.context`, or set `memory_check = false`",
            bundle.manifest.name,
            mib(need),
            mib(self.cache_bytes(decoder)),
            self.config.generate.context.min(decoder.context),
            mib(free),
        )))
    }

    /// Makes a model the one that answers, or that makes vectors: changes that one line of `config.toml`. It holds from
    /// the next start on. A part that was pulled is imported first.
    ///
    /// Errors: `NotFound` for a name that no model has; `Invalid` where the file cannot be changed so.
    pub fn use_model(&self, name: &str) -> Result<Chosen> {
        if self.parts.model(name).is_some_and(|part| part.present) {
            self.bundle(name)?;
        }
        let info = self.model_info(name)?;
        let (setting, before) = match info.kind {
            "embedder" => ("embedder", self.config.embedder.clone()),
            _ => ("model", self.config.model.clone()),
        };
        self.change(setting, toml_edit::value(name))?;
        Ok(Chosen { name: name.to_owned(), setting, before })
    }

    /// Removes a model's files. The part it was made of stays, and adapters made for it. Returns the bytes that went.
    ///
    /// Errors: `NotFound` for a name that no model has; `Invalid` for one that is in use.
    pub fn remove_model(&self, name: &str) -> Result<u64> {
        // A damaged one can go, too.
        let dir = self.bundle_dir(name);
        if name.is_empty() || !dir.join(crate::bundle::MANIFEST).exists() || crate::bundle::name_of(&dir).is_err() {
            return Err(self.none_here(name));
        }
        if name == self.config.model || name == self.embedder_name() {
            return Err(Error::invalid(format!(
                "{name} is in use; choose another first with `wayside models use NAME`"
            )));
        }
        let bytes = Bundle::open(&dir).map_or(0, |b| b.manifest.files.values().map(|file| file.bytes).sum());
        let _publishing = self.publishing()?;
        self.loaded().models.remove(name);
        durable::discard(&dir)?;
        Ok(bytes)
    }

    fn here(&self, name: &str) -> Result<Bundle> {
        durable::sweep(&self.models)?;
        let dir = self.bundle_dir(name);
        if name.is_empty() || !dir.join(crate::bundle::MANIFEST).exists() {
            return Err(self.none_here(name));
        }
        Bundle::open(&dir)
    }

    fn none_here(&self, name: &str) -> Error {
        if let Some(part) = self.parts.model(name) {
            let remedy = if part.present { "use" } else { "pull" };
            return Error::not_found(format!("{name} is not ready yet; run `wayside models {remedy} {name}`"));
        }
        let known = self.bundles().unwrap_or_default();
        let known: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        let known =
            if known.is_empty() { "there is none yet".to_owned() } else { format!("there are {}", known.join(", ")) };
        Error::not_found(format!("there is no model {name:?} ready; {known}; `wayside import` makes one of a file"))
    }
}

/// Bytes of memory that a model takes at work with a cache of so many: its weights are mapped, and all are read.
fn needs(bundle: &Bundle, cache: u64) -> u64 {
    let weights: u64 =
        bundle.manifest.files.iter().filter(|(name, _)| !name.ends_with(".json")).map(|(_, f)| f.bytes).sum();
    weights + cache + BESIDE
}

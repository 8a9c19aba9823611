//! Models: from parts and files to loaded ones.

use super::Runtime;
use crate::bundle::{self, Bundle, Model};
use crate::device::Device;
use crate::engine::{Engine, driver};
use crate::error::{Error, Result};
use crate::import::{JUDGE, Options, export, import, judge, judge_source};
use crate::infer::{Judge, LanguageModel, has_turns};
use crate::text::tokenizer::Tokenizer;
use crate::trust::Origin;
use crate::{durable, parts};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What an import made.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// The bundle's name.
    pub name: String,
    /// The family: `llama`, `bert`...
    pub architecture: String,
    /// How many numbers were trained.
    pub parameters: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// `int4`, `int8` or `as given`.
    pub weights: String,
    /// How long it took.
    pub seconds: f64,
    /// What whoever uses it should know.
    pub notes: Vec<String>,
}

/// What an export wrote.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// Files, and their bytes.
    pub files: BTreeMap<String, u64>,
    /// All their bytes.
    pub bytes: u64,
}

impl Runtime {
    /// Imports a GGUF file, or a folder with safetensors or ONNX files, as the model `name`.
    pub fn import(&self, path: &Path, name: &str, options: Options) -> Result<Imported> {
        let begin = Instant::now();
        if Path::new(name).file_name().is_none_or(|f| f != name) {
            return Err(Error::invalid(format!("{name:?} cannot be a model's name: it is no plain file name")));
        }
        let _alone = self.importing(name)?;
        self.vouched_source(path)?;
        let bundle = import(path, &self.bundle_dir(name), self.suited(options), &*self.progress, &self.cancel)?;
        self.made(&bundle.dir)?;
        let notes = notes(&bundle)?;
        let manifest = bundle.manifest;
        Ok(Imported {
            name: manifest.name,
            architecture: manifest.architecture,
            parameters: manifest.parameters,
            bytes: manifest.files.values().map(|f| f.bytes).sum(),
            weights: manifest.weights,
            seconds: begin.elapsed().as_secs_f64(),
            notes,
        })
    }

    /// Writes a language model (the configured one without a name) as a folder that any ONNX Runtime loads; see
    /// [`crate::import::export`].
    pub fn export_onnx(&self, name: Option<&str>, dir: &Path) -> Result<Exported> {
        let bundle = self.bundle(name.unwrap_or(&self.config.model))?;
        let files = export(&bundle, dir, &*self.progress, &self.cancel)?;
        Ok(Exported { bytes: files.values().sum(), files })
    }

    /// The bundles there are, damaged ones as errors under their names.
    pub fn bundles(&self) -> Result<Vec<(String, Result<Bundle>)>> {
        durable::sweep(&self.models)?;
        let Ok(entries) = std::fs::read_dir(&self.models) else { return Ok(vec![]) };
        let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|n| !n.starts_with('.')).collect();
        names.sort();
        Ok(names.into_iter().map(|n| (n.clone(), Bundle::open(&self.bundle_dir(&n)))).collect())
    }

    /// A language model by name (the configured one without), loaded once. The default model is pulled and imported
    /// when it is not there.
    pub fn model(&self, name: Option<&str>) -> Result<Arc<LanguageModel>> {
        let name = name.unwrap_or(&self.config.model);
        if let Some(model) = self.loaded().models.get(name) {
            return Ok(model.clone());
        }
        let bundle = self.bundle(name)?;
        self.check_memory(&bundle)?;
        let model = Arc::new(LanguageModel::open(&self.engine()?, &bundle)?);
        Ok(self.loaded().models.entry(name.to_owned()).or_insert(model).clone())
    }

    /// Whether a model of that name can be loaded; none means the configured one. Errors: `NotFound` where not.
    pub(super) fn check_model(&self, name: Option<&str>) -> Result<()> {
        let name = name.unwrap_or(&self.config.model);
        bundle::check_name(name)?;
        if self.bundle_dir(name).join(bundle::MANIFEST).exists() {
            return Ok(());
        }
        self.no_bundle(name).map_or(Ok(()), Err)
    }

    /// Lets go of what finds passages: it has done its work, and training wants the room.
    pub(super) fn forget_finders(&self) {
        let mut loaded = self.loaded();
        (loaded.embedder, loaded.judge) = (None, None);
    }

    /// What says whether a text answers a question, loaded once. It is made from the default embedder's part when it
    /// is not there, or an older program made it.
    pub fn answer_judge(&self) -> Result<Arc<Judge>> {
        if let Some(judge) = &self.loaded().judge {
            return Ok(judge.clone());
        }
        let dir = self.bundle_dir(JUDGE);
        durable::sweep(&self.models)?;
        if dir.join(bundle::MANIFEST).exists() {
            self.vouched("the judge", &dir, Origin::Here)?;
        }
        let made = Bundle::open(&dir).ok().filter(|bundle| bundle.manifest.source == judge_source());
        let bundle = match made {
            Some(bundle) => bundle,
            None => {
                let part = self.part(parts::EMBEDDER)?;
                self.vouched_source(&part)?;
                let bundle = judge(&part, &dir, &*self.progress, &self.cancel)?;
                self.made(&dir)?;
                bundle
            }
        };
        let judge = Arc::new(Judge::open(&self.engine()?, &bundle)?);
        Ok(self.loaded().judge.get_or_insert(judge).clone())
    }

    /// ONNX Runtime: `ORT_DYLIB_PATH`, the configuration's library, or the part: the home's, the one beside the
    /// program, or it is pulled. On the configuration's device, or on the CPU where that does not work: that is noted
    /// for the first who hears notes, unless it is to be an error.
    pub fn engine(&self) -> Result<Engine> {
        let engine = self.loaded().engine.clone();
        let engine = engine.map_or_else(|| self.load_engine(), Ok)?;
        if self.progress.hears() {
            // Told after the lock is free: who hears it may use the runtime.
            let fell_back = self.loaded().fell_back.take();
            fell_back.iter().for_each(|why| self.progress.note(why));
        }
        Ok(engine)
    }

    fn load_engine(&self) -> Result<Engine> {
        let settled = self.settle(|| match self.config.chosen_library()? {
            Some(library) => Ok(library),
            None => self.part(parts::RUNTIME),
        })?;
        let fell_back = match (settled.refused, self.config.device) {
            (None, _) => None,
            (Some(why), device) if !self.may_fall_back() => {
                return Err(why.context(format!("models do not run on {device}, and the CPU may not take over")));
            }
            (Some(why), Device::Auto) => {
                log::info!("models run on the CPU: {why}");
                None
            }
            (Some(why), device) => Some(format!("models run on the CPU instead of {device}: {why}")),
        };
        let mut loaded = self.loaded();
        loaded.fell_back = fell_back;
        Ok(loaded.engine.get_or_insert(settled.engine).clone())
    }

    fn part(&self, name: &str) -> Result<PathBuf> {
        self.parts.ensure(name, None, &*self.progress, &self.cancel)
    }

    pub(super) fn bundle_dir(&self, name: &str) -> PathBuf {
        self.models.join(name)
    }

    /// A bundle by name. The two default models come from their parts, and so do those that were pulled by name; any
    /// other must have been imported.
    pub(super) fn bundle(&self, name: &str) -> Result<Bundle> {
        bundle::check_name(name)?;
        let dir = self.bundle_dir(name);
        durable::sweep(&self.models)?;
        if dir.join(bundle::MANIFEST).exists() {
            return self.opened(name);
        }
        if let Some(none) = self.no_bundle(name) {
            return Err(none);
        }
        let path = self.part(name)?;
        // Whoever else makes it is waited for, and has made it then.
        let _alone = self.imported_by_another(name)?;
        if dir.join(bundle::MANIFEST).exists() {
            return self.opened(name);
        }
        self.vouched_source(&path)?;
        let bundle = import(&path, &dir, self.suited(Options::default()), &*self.progress, &self.cancel)?;
        self.made(&dir)?;
        Ok(bundle)
    }

    /// A bundle that is there: the one way to the bytes of a model.
    fn opened(&self, name: &str) -> Result<Bundle> {
        let dir = self.bundle_dir(name);
        self.vouched(&format!("the model {name}"), &dir, Origin::Here)?;
        let bundle = Bundle::open(&dir)?;
        self.named(name, &bundle)?;
        Ok(bundle)
    }

    /// How to import for what models run on here.
    fn suited(&self, options: Options) -> Options {
        let on_gpu = match self.config.device {
            Device::Cpu => false,
            Device::Auto => driver().is_ok(),
            Device::Cuda | Device::TensorRt => true,
        };
        Options { stock: options.stock || on_gpu || !self.config.kernels.are_ours(), ..options }
    }

    /// What is wrong with the name of a model that is not here, unless a part makes it.
    pub(super) fn no_bundle(&self, name: &str) -> Option<Error> {
        match self.parts.model(name) {
            Some(part) if part.present || !part.optional => None,
            Some(_) => Some(Error::not_found(format!("{name} is not there yet; run `wayside models pull {name}`"))),
            None => Some(Error::not_found(format!(
                "there is no model {name:?} in {}; import it with `wayside import PATH --name {name}`",
                self.models.display()
            ))),
        }
    }
}

/// What is worth knowing of a model that was just imported.
fn notes(bundle: &Bundle) -> Result<Vec<String>> {
    let Model::Decoder(decoder) = &bundle.manifest.model else { return Ok(vec![]) };
    if bundle.path(bundle::TEMPLATE)?.exists() {
        return Ok(vec![]);
    }
    let tokenizer = Tokenizer::open(&bundle.path(bundle::TOKENIZER)?, decoder.vocabulary)?;
    let how = if has_turns(&tokenizer) { "as ChatML, whose tokens it has" } else { "in plain lines" };
    Ok(vec![format!("{} brings no chat template: questions are put to it {how}", bundle.manifest.name)])
}

//! Adapters: from files to worn ones, and into models of their own.

use super::Runtime;
use super::factory::FACTORY;
use crate::error::{Error, ErrorKind, Result};
use crate::infer::{Context, LanguageModel, Worn};
use crate::learn::{Check, Verdict};
use crate::lora::{self, Adapter, Dataset, Entry, Library, Lineage, Manifest, check_base};
use crate::store::log::{Registered, State};
use crate::trust::Origin;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Adapters that stay loaded when nobody wears them, the latest first. Each takes some ten MB.
const LOADED: usize = 4;

/// An adapter as `adapters` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterInfo {
    /// Its name: the beginning of its hash.
    pub id: String,
    /// Where it stands: `active`, `retired`, `rolled_back`, `refused` or `dropped`, as judged; `ready` when it never
    /// was; `damaged`.
    pub state: String,
    /// The model it belongs to.
    pub base: Option<String>,
    /// Its rank.
    pub rank: Option<usize>,
    /// What it was trained on; empty for one from elsewhere.
    pub trained_on: Vec<Dataset>,
    /// What the gate found: `passed` or `refused`; none where it was never judged.
    pub verdict: Option<String>,
    /// When it was made, or came in; of one whose files are gone, when it was judged.
    pub created: Option<Timestamp>,
    /// When it was promoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted: Option<Timestamp>,
    /// When it stopped serving.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it was refused, or stopped serving.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// An adapter in full.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterDetails {
    /// What a list shows.
    #[serde(flatten)]
    pub info: AdapterInfo,
    /// The scale of its update: alpha over the rank, or over its root.
    pub scaling: f32,
    /// The matrices it changes, by PEFT's names.
    pub targets: Vec<&'static str>,
    /// Its numbers.
    pub parameters: usize,
    /// How it was trained.
    pub lineage: Lineage,
    /// Its training loss over time, in nats a token.
    pub loss: Vec<f32>,
    /// What the gate looked at, where it was judged.
    pub checks: Vec<Check>,
    /// Its folder.
    pub path: PathBuf,
}

/// What a merge made.
#[derive(Clone, Debug, Serialize)]
pub struct Merged {
    /// The adapter, and the model under it.
    #[serde(flatten)]
    pub adapter: AdapterInfo,
    /// The new model.
    pub name: String,
    /// Its bytes that are not its base's.
    pub own_bytes: u64,
    /// How long it took.
    pub seconds: f64,
}

/// What a model wears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wear {
    /// The adapter that was promoted for it, if there is one.
    #[default]
    Promoted,
    /// Nothing: the model as it came.
    Nothing,
    /// An adapter by its id, by enough of its beginning, or by the path of its folder.
    Named(String),
}

impl AdapterInfo {
    fn new(manifest: Manifest) -> Self {
        Self {
            id: manifest.id,
            state: "ready".into(),
            base: Some(manifest.base),
            rank: Some(manifest.rank),
            trained_on: manifest.lineage.data,
            verdict: None,
            created: Some(manifest.created),
            promoted: None,
            ended: None,
            reason: None,
            problem: None,
        }
    }

    /// One of which nothing is known but its id.
    fn unknown(id: String) -> Self {
        Self {
            id,
            state: "damaged".into(),
            base: None,
            rank: None,
            trained_on: vec![],
            verdict: None,
            created: None,
            promoted: None,
            ended: None,
            reason: None,
            problem: None,
        }
    }

    /// One that cannot be read.
    fn damaged(id: String, why: &Error) -> Self {
        Self { problem: Some(why.to_string()), ..Self::unknown(id) }
    }

    /// With what the registry knows of it.
    fn registered(mut self, registered: Option<&Registered>) -> Self {
        let Some(registered) = registered else { return self };
        if self.problem.is_none() {
            self.state = registered.state.to_string();
        }
        self.verdict = registered.verdict.get("passed").and_then(Value::as_bool).map(word);
        self.created = self.created.or(Some(registered.time));
        (self.promoted, self.ended) = (registered.promoted, registered.ended);
        self.reason.clone_from(&registered.reason);
        self
    }

    /// As the gate has just judged it. One that served and did not pass was also rolled back for it.
    pub(super) fn judged(self, passed: bool) -> Self {
        let state = if passed { State::Active } else { State::Refused };
        Self { state: state.to_string(), verdict: Some(word(passed)), ..self }
    }
}

/// A verdict in a word.
fn word(passed: bool) -> String {
    if passed { "passed" } else { "refused" }.to_owned()
}

impl Runtime {
    /// The adapters of this home.
    pub fn library(&self) -> Result<Library> {
        Library::open(&self.home.join("adapters"))
    }

    /// An empty conversation with a model (the configured one without), wearing an adapter. See [`Runtime::adapter`].
    ///
    /// A promoted adapter that cannot be worn is left off, with a note: a model as it came is better than none.
    pub fn context(&self, model: Option<&str>, wear: &Wear) -> Result<Context> {
        let model = self.model(model)?;
        let mut context = match wear {
            Wear::Nothing => Context::new(model)?,
            Wear::Named(adapter) => Context::wearing(self.adapter(adapter, &model)?)?,
            Wear::Promoted => match self.promoted(model.bundle())?.map(|id| self.adapter(&id, &model)) {
                Some(Ok(worn)) => Context::wearing(worn)?,
                Some(Err(e)) => {
                    self.progress.note(&format!("answering without the promoted adapter: {e}"));
                    Context::new(model)?
                }
                None => Context::new(model)?,
            },
        };
        context.draft(self.config.generate.draft);
        Ok(context)
    }

    /// An adapter for `model` by its id, by enough of its beginning, or by the path of its folder. Those used lately
    /// stay loaded.
    ///
    /// Errors: `NotFound`; `Incompatible` when it was made for another model; `Corrupt` when it was altered; `Invalid`
    /// when it changes nothing.
    pub fn adapter(&self, adapter: &str, model: &Arc<LanguageModel>) -> Result<Arc<Worn>> {
        if adapter == FACTORY
            && let Some(worn) = self.factory(model)?
        {
            return Ok(worn);
        }
        let (dir, manifest) = self.located(adapter)?;
        let manifest = match manifest {
            Some(manifest) => manifest,
            None => {
                check_base(&dir, model.bundle())?;
                Manifest::of(&dir, model.bundle())?
            }
        };
        manifest.belongs_to(model.bundle())?;
        let is_it = |worn: &Arc<Worn>| worn.id() == manifest.id && Arc::ptr_eq(worn.model(), model);
        if let Some(worn) = self.loaded().worn.iter().find(|w| is_it(w)) {
            return Ok(worn.clone());
        }
        manifest.verify(&dir)?;
        let worn = model.wear(&Adapter::read(&dir)?, &manifest.id).map_err(|e| e.context(adapter))?;
        let worn = Arc::new(worn);
        let mut loaded = self.loaded();
        loaded.worn.insert(0, worn.clone());
        loaded.worn.truncate(LOADED);
        Ok(worn)
    }

    /// The folder of an adapter, and its manifest where it is one of the library's.
    fn located(&self, adapter: &str) -> Result<(PathBuf, Option<Manifest>)> {
        let path = Path::new(adapter);
        let is_path = path.components().count() > 1 || path.is_absolute();
        let entry = if is_path { None } else { Some(self.entry(adapter)) };
        match entry {
            Some(Ok(entry)) => Ok((entry.dir, Some(entry.manifest))),
            Some(Err(e)) if e.kind() != ErrorKind::NotFound || !path.is_dir() => Err(e),
            _ => {
                self.vouched(&format!("the adapter {adapter}"), path, Origin::Here)?;
                Ok((path.to_owned(), None))
            }
        }
    }

    /// An adapter of the library, as [`Library::get`]: the one way to the bytes of one.
    pub(super) fn entry(&self, adapter: &str) -> Result<Entry> {
        let library = self.library()?;
        let id = library.id(adapter)?;
        self.vouched(&format!("the adapter {id}"), &library.dir().join(&id), Origin::Here)?;
        library.get(&id)
    }

    /// Whether what is to be worn is there, before anything is said for it. Errors: as [`Runtime::adapter`].
    pub(super) fn check_adapter(&self, wear: &Wear) -> Result<()> {
        match wear {
            Wear::Named(named) if named != FACTORY => match self.located(named)? {
                (dir, None) => Adapter::read(&dir).map(drop),
                (_, Some(_)) => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The adapters there are and those that were judged, the latest first: also those whose files are gone.
    pub fn adapters(&self) -> Result<Vec<AdapterInfo>> {
        let registry = self.log()?.registry()?;
        let of = |id: &str| registry.iter().find(|registered| registered.id == id);
        let present = self.library()?.list()?.into_iter().map(|(id, entry)| match entry {
            Ok(entry) => AdapterInfo::new(entry.manifest).registered(of(&id)),
            Err(e) => AdapterInfo::damaged(id.clone(), &e).registered(of(&id)),
        });
        let mut list: Vec<AdapterInfo> = present.collect();
        for registered in &registry {
            if !list.iter().any(|info| info.id == registered.id) {
                list.push(AdapterInfo::unknown(registered.id.clone()).registered(Some(registered)));
            }
        }
        list.sort_by_key(|info| std::cmp::Reverse(info.promoted.or(info.created)));
        Ok(list)
    }

    /// An adapter as a list shows it.
    pub(super) fn told(&self, manifest: Manifest) -> Result<AdapterInfo> {
        let registered = self.log()?.registered(&manifest.id)?;
        Ok(AdapterInfo::new(manifest).registered(registered.as_ref()))
    }

    /// An adapter by its whole id as a list shows it, also one whose files are gone or damaged.
    pub(super) fn adapter_info(&self, id: &str) -> Result<AdapterInfo> {
        let registered = self.log()?.registered(id)?;
        let info = match self.library().and_then(|library| library.get(id)) {
            Ok(entry) => AdapterInfo::new(entry.manifest),
            Err(e) if e.kind() == ErrorKind::NotFound => AdapterInfo::unknown(id.to_owned()),
            Err(e) => AdapterInfo::damaged(id.to_owned(), &e),
        };
        Ok(info.registered(registered.as_ref()))
    }

    /// An adapter in full, every byte of it checked.
    pub fn adapter_details(&self, id: &str) -> Result<AdapterDetails> {
        let entry = self.entry(id)?;
        let adapter = entry.adapter()?;
        let registered = self.log()?.registered(&entry.manifest.id)?;
        Ok(AdapterDetails {
            scaling: adapter.config.scaling(),
            targets: adapter.config.targets.iter().map(|t| t.peft()).collect(),
            parameters: adapter.parameters(),
            lineage: entry.manifest.lineage.clone(),
            loss: entry.manifest.loss.clone(),
            checks: registered.as_ref().map(checks).unwrap_or_default(),
            info: AdapterInfo::new(entry.manifest).registered(registered.as_ref()),
            path: entry.dir,
        })
    }

    /// Refuses an adapter that was dropped, or that learned what was erased since.
    pub(super) fn admit(&self, manifest: &Manifest) -> Result<()> {
        self.log()?.admit(&manifest.id, &manifest.lineage.subjects, &manifest.lineage.spoken)
    }

    /// Removes an adapter's files; what the registry knows of it stays, and nobody goes back to it. Returns its id.
    /// Errors: as [`Library::id`]; `Invalid` while it serves.
    pub fn remove_adapter(&self, id: &str) -> Result<String> {
        let _publishing = self.publishing()?;
        let library = self.library()?;
        let id = library.id(id)?;
        self.log()?.withdraw(&id)?;
        library.remove(&id)
    }

    /// Copies an adapter into a new folder `dir`. Errors: as [`Library::export`].
    pub fn export_adapter(&self, id: &str, dir: &Path) -> Result<AdapterInfo> {
        let library = self.library()?;
        library.export(id, dir)?;
        self.told(library.get(id)?.manifest)
    }

    /// Makes the model `name` of an adapter, named as in [`Runtime::adapter`], and the model it belongs to (the
    /// configured one, where it does not say). The new model shares the files of that model, and answers as that
    /// model does when it wears the adapter.
    ///
    /// Errors: as [`Runtime::adapter`]; `Invalid` for a name that cannot be one, or an adapter that learned what was
    /// erased here since.
    pub fn merge_adapter(&self, adapter: &str, name: &str) -> Result<Merged> {
        let begin = Instant::now();
        let (dir, manifest) = self.located(adapter)?;
        let named = manifest.map_or_else(|| Manifest::read(&dir), Ok).map(|manifest| manifest.base);
        let base = match named {
            Err(e) if e.kind() == ErrorKind::NotFound => self.bundle(&self.config.model)?,
            named => self.bundle(&named?)?,
        };
        if Path::new(name).file_name().is_none_or(|f| f != name) {
            return Err(Error::invalid(format!("{name:?} cannot be a model's name: it is no plain file name")));
        }
        let _publishing = self.publishing()?;
        let manifest = Manifest::of(&dir, &base)?;
        self.admit(&manifest)?;
        let numbers = Adapter::read(&dir)?;
        let subjects = &manifest.lineage.subjects;
        let bundle = lora::merge(&base, &numbers, &manifest.id, subjects, &self.bundle_dir(name), &self.cancel)?;
        self.made(&bundle.dir)?;
        let own = bundle.manifest.files.iter().filter(|(file, about)| base.manifest.files.get(*file) != Some(about));
        Ok(Merged {
            name: bundle.manifest.name.clone(),
            own_bytes: own.map(|(_, about)| about.bytes).sum(),
            seconds: begin.elapsed().as_secs_f64(),
            adapter: self.told(manifest)?,
        })
    }
}

/// What the gate looked at.
fn checks(registered: &Registered) -> Vec<Check> {
    serde_json::from_value::<Verdict>(registered.verdict.clone()).map(|verdict| verdict.checks).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_removed_is_not_gone_back_to() {
        let home = tempfile::tempdir().unwrap();
        let runtime = Runtime::open(home.path()).unwrap();
        let log = runtime.log().unwrap();
        for id in ["a", "b", "c"] {
            std::fs::create_dir_all(home.path().join("adapters").join(id)).unwrap();
            let record = json!({ "id": id, "model": "m", "state": "candidate", "time": "2026-01-01T00:00:00Z" });
            log.promote(&serde_json::from_value::<Registered>(record).unwrap()).unwrap();
        }
        assert_eq!(runtime.remove_adapter("c").unwrap_err().kind(), ErrorKind::Invalid, "it serves");
        assert_eq!(runtime.remove_adapter("b").unwrap(), "b");
        assert!(!home.path().join("adapters/b").exists());
        assert_eq!(log.roll_back("m", "Worse.").unwrap().active.as_deref(), Some("a"));
        assert!(log.registered("b").unwrap().is_some(), "its story stays");
    }
}

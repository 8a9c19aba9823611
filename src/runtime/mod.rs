//! Everything together: one home directory, the models it names, its index and its log.
//!
//! ```text
//! home/
//!   config.toml     optional
//!   parts/          what `models pull` fetched
//!   models/<name>/  bundles
//!   adapters/<id>/  what training learnt
//!   prefixes/       what models make of the house's instructions; derived
//!   index/          documents, vectors, words; derived, can be made again
//!   log/            interactions; the truth
//!   sources.toml    optional; where records of persons come from
//!   records/        records of persons; copies
//!   receipts/       what erasures removed
//!   trust/          optional; the keys that are trusted
//!   device/         this home's own key, and what was verified with it
//! ```

mod adapter_import;
mod adapters;
mod answer;
mod arms;
mod backup;
mod chat;
mod complete;
mod device;
mod doctor;
mod embedder;
mod erase;
mod eval_answers;
mod factory;
mod figures;
mod injections;
mod knowledge;
mod learn;
mod lock;
mod model_info;
mod models;
mod receipt;
mod records;
mod records_speed;
mod settings;
mod signatures;
mod speed;
mod speed_together;
mod status;
mod train;
mod walls;
mod yardstick;

pub use adapters::{AdapterDetails, AdapterInfo, Merged, Wear};
pub use answer::{Answer, Heard, Question, Said};
pub use arms::{Compared, Comparison};
pub use backup::{BackedUp, Damaged, Restored, Verified, restore, verify as verify_backup};
pub use chat::Chat;
pub use complete::{Chance, Completed, Completer, Completion, Given, MOST_ALTERNATIVES, Piece};
pub use doctor::Check;
pub use erase::{Claim, Erased};
pub use eval_answers::{Examination, Examined, ExaminedCase};
pub use figures::{Bound, Figure, Figures};
pub use injections::{Case, Effect, Injected};
pub use learn::{Learned, Learning, Outcome, Promotion};
pub use model_info::{Chosen, ModelInfo};
pub use models::{Exported, Imported};
pub use receipt::{Receipt, Removed};
pub use records::{CheckedQuery, ImportedRecords, Shown};
pub use records_speed::RecordsSpeed;
pub use settings::settings_text;
pub use speed::{AskSpeed, EmbedSpeed, GenerateSpeed, SearchSpeed, TrainSpeed};
pub use speed_together::TogetherSpeed;
pub use status::{LastLearn, Status};
pub use train::{Trained, Training};
pub use walls::{Tried, Walls};
pub use yardstick::Yardstick;

use crate::config::Config;
use crate::durable;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::infer::{Embedder, Judge, LanguageModel, Prefixes, Worn};
use crate::parts::Parts;
use crate::sources::{Environment, Sources};
use crate::store::log::{Exported as Salvaged, Filter, Interaction, Listed, salvage};
use crate::store::{Index, Log, Records};
use crate::turn::Turn;
use crate::watch::{Cancel, Progress, Quiet};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A runtime over one home directory. Opening is cheap: engine, models and stores are loaded when first needed, once,
/// and shared between threads. Clones are the same runtime: they share whatever is loaded.
#[derive(Clone)]
pub struct Runtime {
    home: PathBuf,
    models: PathBuf,
    config: Config,
    parts: Parts,
    progress: Arc<dyn Progress>,
    cancel: Cancel,
    prefixes: Arc<Prefixes>,
    /// Whether answers are only tried: the log hears nothing of them.
    is_on_trial: bool,
    /// The program that reads documents in a process of its own.
    reader: Option<PathBuf>,
    /// The home whose keys count.
    keys: PathBuf,
    /// Looks up what `sources.toml` wants of the environment.
    environment: Option<Environment>,
    loaded: Arc<Mutex<Loaded>>,
}

#[derive(Default)]
struct Loaded {
    engine: Option<Engine>,
    /// Why it is not on the device that was asked for, until somebody heard it.
    fell_back: Option<String>,
    models: BTreeMap<String, Arc<LanguageModel>>,
    /// Used lately, the latest first.
    worn: Vec<Arc<Worn>>,
    embedder: Option<Arc<Embedder>>,
    judge: Option<Arc<Judge>>,
    log: Option<Arc<Log>>,
    index: Option<Arc<Index>>,
    records: Option<Arc<Records>>,
    sources: Option<Arc<Sources>>,
    /// The vectors of what the sources' queries answer.
    described: Option<Arc<Vec<Vec<f32>>>>,
}

impl Runtime {
    /// A runtime over `home`, with the configuration in it. Nothing is written before there is something to keep. A
    /// path that is not absolute is meant from where the process is now. Errors: `Invalid` for an empty one.
    pub fn open(home: &Path) -> Result<Self> {
        Self::with_parts(home, &home.join("parts"))
    }

    /// As [`Runtime::open`], with the parts in a folder that several homes share.
    pub fn with_parts(home: &Path, parts: &Path) -> Result<Self> {
        let full = |path| std::path::absolute(path).map_err(|e| Error::io(format!("cannot use {path:?} as a home"), e));
        let (home, parts) = (full(home)?, full(parts)?);
        Ok(Self {
            models: home.join("models"),
            config: Config::load(&home)?,
            parts: Parts::open(&parts)?,
            progress: Arc::new(Quiet),
            cancel: Cancel::new(),
            prefixes: Arc::new(Prefixes::new(&home.join("prefixes"))),
            is_on_trial: false,
            reader: None,
            keys: home.clone(),
            environment: None,
            loaded: Arc::default(),
            home,
        })
    }

    /// A runtime over another home that shares this one's configuration, parts and models: only documents and log are
    /// its own. Models that are loaded already are loaded for both.
    pub fn beside(&self, home: &Path) -> Self {
        let loaded = self.loaded();
        Self {
            home: home.to_owned(),
            models: self.models.clone(),
            config: self.config.clone(),
            parts: self.parts.clone(),
            progress: self.progress.clone(),
            cancel: self.cancel.clone(),
            prefixes: Arc::new(Prefixes::new(&home.join("prefixes"))),
            is_on_trial: self.is_on_trial,
            reader: self.reader.clone(),
            keys: self.keys.clone(),
            environment: self.environment,
            loaded: Arc::new(Mutex::new(Loaded {
                engine: loaded.engine.clone(),
                models: loaded.models.clone(),
                embedder: loaded.embedder.clone(),
                judge: loaded.judge.clone(),
                ..Loaded::default()
            })),
        }
    }

    /// Fetches nothing: a part that is not in its folder is `NotFound`, and no other process is started.
    pub fn offline(mut self) -> Self {
        self.parts = self.parts.offline();
        self
    }

    /// Reads PDF and documents of offices by `program`, the `wayside` command, in a process of its own: a file that was
    /// made to exhaust its reader then harms nobody else. Without, they are read in this process.
    pub fn reading_apart(mut self, program: PathBuf) -> Self {
        self.reader = Some(program);
        self
    }

    /// Lets `sources.toml` name variables of the environment, which `look` looks up. Without, the library reads none.
    pub fn knowing(mut self, look: Environment) -> Self {
        self.environment = Some(look);
        self
    }

    /// Tells `progress` how long work comes along, and stops it when `cancel` is made. A clone may have others.
    pub fn watched(mut self, progress: Arc<dyn Progress>, cancel: Cancel) -> Self {
        self.progress = progress;
        self.cancel = cancel;
        self
    }

    /// This one for a call that `cancel` stops, too, wherever it works.
    fn stopped_by(&self, cancel: &Cancel) -> Self {
        let own = self.cancel.clone();
        self.clone().watched(self.progress.clone(), cancel.or_when(move || own.is_cancelled()))
    }

    /// The home directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The configuration, to change before the first use.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// The parts.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The log of interactions, opened on first use.
    pub fn log(&self) -> Result<Arc<Log>> {
        once(&mut self.loaded().log, || Log::open(&self.home.join("log")))
    }

    /// Writes what can still be read of a log that no longer opens, as JSON lines; see [`salvage`].
    pub fn salvage_log(&self, writer: impl std::io::Write) -> Result<Salvaged> {
        salvage(&self.home.join("log"), writer)
    }

    /// All interactions that can be read, the newest first; of what is damaged there is a note.
    fn interactions(&self) -> Result<Vec<Interaction>> {
        let Listed { interactions, damaged } = self.log()?.list(&Filter::default())?;
        damaged.iter().for_each(|damage| self.progress.note(damage));
        Ok(interactions)
    }

    /// The index of documents, opened on first use.
    pub fn index(&self) -> Result<Arc<Index>> {
        once(&mut self.loaded().index, || Index::open(&self.home.join("index")))
    }

    /// A folder in the home that goes with its handle. Those of long ago go too, whose process was killed.
    fn scratch(&self) -> Result<tempfile::TempDir> {
        durable::create_dir(&self.home)?;
        durable::sweep(&self.home)?;
        let refused = |e| Error::io(format!("cannot write in {}", self.home.display()), e);
        tempfile::Builder::new().prefix(".tmp-scratch").tempdir_in(&self.home).map_err(refused)
    }

    /// Who computes now: answers go first.
    pub(crate) fn turn(&self) -> Turn {
        Turn::new(&self.home)
    }

    /// The wish to stop for long work, which waits while somebody answers.
    fn patience(&self) -> Cancel {
        self.cancel.giving_way(self.turn())
    }

    fn loaded(&self) -> std::sync::MutexGuard<'_, Loaded> {
        // What is in there is only ever put in whole.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is in `slot`, opened when it is first asked for.
fn once<T>(slot: &mut Option<Arc<T>>, open: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
    if let Some(opened) = slot {
        return Ok(opened.clone());
    }
    Ok(slot.insert(Arc::new(open()?)).clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_home_is_where_it_was_when_it_was_opened() {
        let runtime = Runtime::open(Path::new("nowhere")).unwrap();
        assert!(runtime.home.is_absolute() && runtime.models.is_absolute(), "{}", runtime.home.display());
        let refused = Runtime::open(Path::new("")).err().unwrap();
        assert!(refused.kind() == ErrorKind::Invalid && refused.to_string().contains("as a home"), "{refused}");
    }
}

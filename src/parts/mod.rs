//! Parts: what Wayside needs and does not carry itself, which is ONNX Runtime and the default models.
//!
//! ```text
//! parts/
//!   .lock                                        held by the one process that writes
//!   onnxruntime-1.32.0-x86_64-unknown-linux-gnu/
//!     libonnxruntime.so.1.32.0
//!     LICENSE, ThirdPartyNotices.txt             licence texts, if they were offered
//!     .verified                                  younger than every file: their hashes were right
//!   smollm2-135m-instruct-0.1.2/ ...
//!   .tmp-XXXX/                                   being made; removed by the next holder of the lock
//!   .joining-NAME-VERSION/                       a part in pieces, of which some have come; see `pieces.rs`
//! ```
//!
//! Parts may also have come with the program (`shipped.rs`): what is not whole in the folder of parts is looked for
//! there, and nothing is written there.
//!
//! Three degrees of certainty, by what they cost. Users of a part look at presence and sizes (microseconds). A pull
//! also looks at `.verified`, and hashes what was touched since. [`Parts::verify`] hashes everything, and takes
//! `.verified` away from a part that is altered, so that the next pull repairs it.

mod archive;
mod catalog;
mod fetch;
mod hash;
mod local;
mod lock;
mod pieces;
mod pip;
mod shipped;
#[cfg(test)]
mod tests;

pub use catalog::{
    Archive, Catalog, EMBEDDER, GPU_RUNTIME, Kind, LANGUAGE_MODEL, MULTILINGUAL, Part, PartFile, RUNTIME, TARGET, Wheel,
};
pub use hash::Sha256;

use crate::durable::{self, Staged};
use crate::error::{Error, ErrorKind, Result};
use crate::watch::{Cancel, Progress};
use hash::Meter;
use pip::Pip;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// The mark of a part whose hashes were right, inside its folder.
const VERIFIED: &str = ".verified";

/// Longer than the tick of any kernel's clock.
const TICK: Duration = Duration::from_millis(12);

/// The folder of parts of one home, and the catalogue of what belongs there.
#[derive(Clone, Debug)]
pub struct Parts {
    dir: PathBuf,
    /// Parts that came with the program, to read.
    shipped: Option<PathBuf>,
    catalog: Catalog,
    target: String,
    /// What fetches; nothing does without.
    pip: Option<Pip>,
}

/// One part as people and programs see it.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// What it is called.
    pub name: String,
    /// The Python package that carries it, or the first and the last that do.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its licence, as an SPDX expression.
    pub license: String,
    /// Who made what is in it.
    pub publisher: String,
    /// The SHA-256 its main file must have.
    pub sha256: Option<Sha256>,
    /// What it is for.
    pub kind: Kind,
    /// One line for people.
    pub description: String,
    /// The size of its files in bytes.
    pub bytes: u64,
    /// Whether its files are there, each with its right size.
    pub present: bool,
    /// Whether it is pulled by name alone.
    pub optional: bool,
    /// What to open, if it is present: a file, or a folder.
    pub path: Option<PathBuf>,
}

/// What [`Parts::pull`] did for one part.
#[derive(Clone, Debug, Serialize)]
pub struct Pulled {
    /// The part as it is now.
    #[serde(flatten)]
    pub status: Status,
    /// Whether it had to be got; otherwise it was there and whole.
    pub fetched: bool,
}

/// What [`Parts::verify`] found out about one part.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The part as it is now.
    #[serde(flatten)]
    pub status: Status,
    /// Whether every file is there with the right hash.
    pub intact: bool,
    /// If not: what is wrong and what to run.
    pub problem: Option<String>,
}

impl Parts {
    /// The parts of this binary's catalogue and target in the folder `dir`, which need not exist yet, or beside the
    /// program.
    pub fn open(dir: &Path) -> Result<Self> {
        Ok(Self { shipped: shipped::folder(), ..Self::with_catalog(dir, Catalog::builtin()?, TARGET) })
    }

    /// The parts that another machine needs, in the folder `dir` alone.
    ///
    /// # Errors
    /// Unsupported for a target that the catalogue has no ONNX Runtime for.
    pub fn of_target(dir: &Path, target: &str) -> Result<Self> {
        let catalog = Catalog::builtin()?;
        catalog.find(RUNTIME, target)?;
        Ok(Self::with_catalog(dir, catalog, target))
    }

    /// The parts of another catalogue, or for another target, in the folder `dir` alone.
    pub fn with_catalog(dir: &Path, catalog: Catalog, target: &str) -> Self {
        let (dir, target) = (dir.to_owned(), target.to_owned());
        Self { dir, shipped: None, catalog, target, pip: Some(Pip::default()) }
    }

    /// The same, fetching nothing: a part is then there, or taken from a folder, or `NotFound`.
    pub fn offline(&self) -> Self {
        Self { pip: None, ..self.clone() }
    }

    /// Every part of this target, present or not.
    pub fn list(&self) -> Vec<Status> {
        self.catalog.of_target(&self.target).map(|part| self.status(part)).collect()
    }

    /// The part of that name that a model is made of, if there is one.
    pub fn model(&self, name: &str) -> Option<Status> {
        let part = self.catalog.of_target(&self.target).find(|part| part.name == name && part.kind.is_model())?;
        Some(self.status(part))
    }

    /// What to open for a part, if it is there. Looks at presence and sizes only.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.catalog.find(name, &self.target).ok().and_then(|part| self.entry(part))
    }

    /// What to open for a part, pulling it if it is not there.
    ///
    /// # Errors
    /// As [`Parts::pull`].
    pub fn ensure(&self, name: &str, from: Option<&Path>, progress: &dyn Progress, cancel: &Cancel) -> Result<PathBuf> {
        let part = self.catalog.find(name, &self.target)?;
        if let Some(path) = self.entry(part) {
            return Ok(path);
        }
        self.pull_part(part, from, progress, cancel)?;
        self.entry(part).ok_or_else(|| gone(part))
    }

    /// Gets the named parts, or if `names` is empty all of this target, but optional ones that are not there: by
    /// package name over the network, or out of `from`, a folder that holds wheels or the bare files. Parts that are
    /// there and whole are left alone; altered ones are replaced. Each part becomes visible whole or not at all.
    ///
    /// # Errors
    /// Not found for a name that is not in the catalogue, or nothing fitting in `from`; corrupt if what was offered
    /// is not what the catalogue says; fetch if pip is missing or fails; cancelled; full disk and other I/O.
    pub fn pull(
        &self,
        names: &[&str],
        from: Option<&Path>,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Vec<Pulled>> {
        let pull = |part| {
            let fetched = self.pull_part(part, from, progress, cancel)?;
            Ok(Pulled { status: self.status(part), fetched })
        };
        self.chosen(names)?.into_iter().map(pull).collect()
    }

    /// Hashes every file of the named parts, or if `names` is empty of all of this target, but optional ones that are
    /// not there.
    ///
    /// # Errors
    /// Not found for a name that is not in the catalogue; cancelled. An altered part is a verdict, not an error.
    pub fn verify(&self, names: &[&str], progress: &dyn Progress, cancel: &Cancel) -> Result<Vec<Verdict>> {
        let verify = |part: &Part| {
            let problem = match self.check(part, progress, cancel) {
                Ok(()) => None,
                Err(_) if !self.folder(part).exists() => Some(gone(part).to_string()),
                Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
                Err(e) => Some(format!("{e}; run `wayside models pull {}`", part.name)),
            };
            Ok(Verdict { status: self.status(part), intact: problem.is_none(), problem })
        };
        self.chosen(names)?.into_iter().map(verify).collect()
    }

    fn chosen(&self, names: &[&str]) -> Result<Vec<&Part>> {
        if names.is_empty() {
            let parts = self.catalog.of_target(&self.target);
            return Ok(parts.filter(|part| !part.optional || self.entry(part).is_some()).collect());
        }
        names.iter().map(|name| self.catalog.find(name, &self.target)).collect()
    }

    /// Whether it had to be fetched.
    fn pull_part(&self, part: &Part, from: Option<&Path>, progress: &dyn Progress, cancel: &Cancel) -> Result<bool> {
        // Before the lock, so that whole parts serve from a medium that cannot be written.
        if self.is_whole(part, progress, cancel)? {
            return Ok(false);
        }
        if from.is_none() && self.pip.is_none() {
            return Err(gone(part));
        }
        let _lock = lock::hold(&self.dir, progress, cancel)?;
        // While it was waited for, another process may have done the work.
        if self.is_whole(part, progress, cancel)? {
            return Ok(false);
        }
        match from {
            Some(from) => self.take(part, from, progress, cancel)?,
            None => self.fetch(part, progress, cancel)?,
        }
        Ok(true)
    }

    fn is_whole(&self, part: &Part, progress: &dyn Progress, cancel: &Cancel) -> Result<bool> {
        if self.entry(part).is_none() {
            return Ok(false);
        }
        if self.is_marked(part) {
            return Ok(true);
        }
        match self.check(part, progress, cancel) {
            Err(e) if e.kind() == ErrorKind::Cancelled => Err(e),
            checked => Ok(checked.is_ok()),
        }
    }

    fn take(&self, part: &Part, from: &Path, progress: &dyn Progress, cancel: &Cancel) -> Result<()> {
        let mut refused: Option<Error> = None;
        for source in local::sources(part, from)? {
            match self.publish(part, &source, progress, cancel) {
                Ok(()) => return Ok(()),
                // What is there and wrong tells more than what is not there.
                Err(e) if e.kind() == ErrorKind::Corrupt => refused = refused.or(Some(e)),
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    if refused.is_none() {
                        refused = Some(e);
                    }
                }
                Err(e) => return Err(e),
            }
        }
        let why = refused.unwrap_or_else(|| gone(part));
        Err(why.context(format!("{} is not to be had from {}", part.title(), from.display())))
    }

    fn publish(&self, part: &Part, source: &local::Source, progress: &dyn Progress, cancel: &Cancel) -> Result<()> {
        let staged = Staged::new(&self.dir.join(part.folder()))?;
        let bytes = part.bytes() + part.archive.as_ref().map_or(0, |a| a.bytes);
        let mut meter = Meter::start(&format!("unpacking {}", part.title()), bytes, progress, cancel);
        source.unpack(part, staged.path(), &mut meter)?;
        // A kernel stamps files by its clock's tick, and the mark must be younger than all of them.
        sleep(TICK);
        let mark = staged.path().join(VERIFIED);
        fs::write(&mark, "").map_err(|e| Error::io(format!("cannot write {}", mark.display()), e))?;
        staged.publish_for_all()
    }

    /// Hashes the files of a part, and sets or removes its mark accordingly.
    fn check(&self, part: &Part, progress: &dyn Progress, cancel: &Cancel) -> Result<()> {
        let folder = self.folder(part);
        let mark = self.dir.join(part.folder()).join(VERIFIED);
        let mut meter = Meter::start(&format!("checking {}", part.title()), part.bytes(), progress, cancel);
        for file in &part.files {
            let path = folder.join(file.name());
            if file.notice && !path.exists() {
                continue;
            }
            if let Err(e) = hash::verify(&path, file.expect(), &mut meter) {
                if e.kind() != ErrorKind::Cancelled {
                    // Where it cannot be removed, nothing can be repaired either.
                    let _ = durable::remove(&mark);
                }
                return Err(e);
            }
        }
        if folder.starts_with(&self.dir) && !self.is_marked(part) {
            // On a medium that cannot be written, the next pull checks again; nothing worse.
            let _ = durable::write(&mark, b"");
        }
        Ok(())
    }

    /// Whether the mark is younger than every file. One of the same instant might have been written after it.
    fn is_marked(&self, part: &Part) -> bool {
        let folder = self.folder(part);
        let modified = |name: &str| fs::metadata(folder.join(name)).and_then(|m| m.modified());
        let Ok(mark) = modified(VERIFIED) else { return false };
        part.files.iter().all(|file| match modified(file.name()) {
            Ok(time) => time < mark,
            Err(e) => file.notice && e.kind() == std::io::ErrorKind::NotFound,
        })
    }

    /// What to open, if every file is there with its right size.
    fn entry(&self, part: &Part) -> Option<PathBuf> {
        let folder = self.folder(part);
        let present = has_all(&folder, part);
        present.then(|| if part.entry == "." { folder } else { folder.join(&part.entry) })
    }

    /// Where a part is: in the folder of parts, so that what was pulled to replace a damaged one does, unless it only
    /// came with the program.
    fn folder(&self, part: &Part) -> PathBuf {
        let own = self.dir.join(part.folder());
        let shipped = self.shipped.as_ref().map(|dir| dir.join(part.folder()));
        shipped.filter(|shipped| !has_all(&own, part) && has_all(shipped, part)).unwrap_or(own)
    }

    fn status(&self, part: &Part) -> Status {
        let path = self.entry(part);
        Status {
            name: part.name.clone(),
            package: part.carrier(),
            version: part.version.clone(),
            license: part.license.clone(),
            publisher: part.publisher.clone(),
            sha256: part.sha256(),
            kind: part.kind,
            description: part.description.clone(),
            bytes: part.bytes(),
            present: path.is_some(),
            optional: part.optional,
            path,
        }
    }
}

/// Whether every file of a part is in `folder` with its right size; licence texts may be missing.
fn has_all(folder: &Path, part: &Part) -> bool {
    let sized =
        |file: &PartFile| fs::metadata(folder.join(file.name())).is_ok_and(|m| m.is_file() && m.len() == file.bytes);
    part.files.iter().filter(|f| !f.notice).all(sized)
}

fn gone(part: &Part) -> Error {
    Error::not_found(format!("{} is not there; run `wayside models pull {}`", part.title(), part.name))
}

//! The doors: where `[trust] require = true`, nothing that was not signed is loaded.

use super::Runtime;
use crate::bundle::TOKENIZER;
use crate::config;
use crate::error::{Error, Result};
use crate::trust::{Admitted, Gate, Origin};
use std::path::{Path, PathBuf};

/// How a library begins that ONNX Runtime loads itself, from its own folder.
const PROVIDERS: &str = "libonnxruntime_providers_";

/// What lies in the folder of a file.
fn neighbours(file: &Path) -> Vec<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| folder.join(entry.file_name())).collect()
}

impl Runtime {
    /// Whose signatures count here, and whether they are required.
    pub fn gate(&self) -> Gate {
        let trust = &self.config.trust;
        Gate::new(trust.require, self.keys.join(&trust.keys), self.keys.join("device"))
    }

    /// Lets `path` pass where signatures are not required, or where it is as one who counts signed it.
    pub(super) fn vouched(&self, what: &str, path: &Path, origin: Origin) -> Result<()> {
        self.admitted(path, origin, false)
            .map(drop)
            .map_err(|e| e.context(format!("{what} is not loaded, since signatures are required")))
    }

    /// The same for a file or folder that is to be imported, with the files beside it that an import reads along: the
    /// other parts of a split one, and a tokenizer.
    pub(super) fn vouched_source(&self, path: &Path) -> Result<()> {
        const WHAT: &str = "what is to be imported";
        self.vouched(WHAT, path, Origin::Here)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.rsplit_once("-of-").and_then(|(rest, _)| rest.rsplit_once('-')).map(|(stem, _)| stem);
        let along =
            |name: &str| name == TOKENIZER || stem.is_some_and(|s| name.starts_with(s) && name.ends_with(".gguf"));
        if !self.config.trust.require || !path.is_file() {
            return Ok(());
        }
        for beside in neighbours(path).into_iter().filter(|beside| *beside != path) {
            if beside.file_name().is_some_and(|name| along(&name.to_string_lossy())) {
                self.vouched(WHAT, &beside, Origin::Elsewhere)?;
            }
        }
        Ok(())
    }

    /// The same for ONNX Runtime, with the libraries that it loads itself.
    pub(super) fn vouched_library(&self, library: &Path) -> Result<()> {
        if !self.config.trust.require {
            return Ok(());
        }
        if library.parent().is_none_or(|folder| folder.as_os_str().is_empty()) {
            return Err(Error::invalid(format!(
                "{} would be looked for by the system, and signatures are required; name the file by its path",
                library.display()
            )));
        }
        self.vouched("ONNX Runtime", library, Origin::Elsewhere)?;
        for beside in neighbours(library) {
            let name = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(PROVIDERS) && !name.ends_with(".sig") {
                self.vouched("a library of ONNX Runtime's", &beside, Origin::Elsewhere)?;
            }
        }
        Ok(())
    }

    /// Signs what was just made here of what was let in, with this home's own key, where signatures are required.
    pub(super) fn made(&self, path: &Path) -> Result<()> {
        self.gate().sign_own(path, &*self.progress, &self.cancel)
    }

    fn admitted(&self, path: &Path, origin: Origin, afresh: bool) -> Result<Option<Admitted>> {
        self.gate().admit(path, origin, afresh, &*self.progress, &self.cancel)
    }

    /// What there is to load, each with who vouches for it, and whether nothing is answered without: every byte is
    /// hashed. One line where signatures are not required.
    pub(super) fn look_at_signatures(&self) -> Vec<(String, bool, Result<String>)> {
        let gate = self.gate();
        let trusted = gate.ring().map(|ring| ring.trusted().len());
        if !gate.is_required() {
            let told = trusted.map(|n| format!("not required (`[trust] require = true` would); {n} trusted keys"));
            return vec![("signatures".into(), false, told)];
        }
        let mut rows = vec![("signatures".into(), true, trusted.map(|n| format!("required; {n} trusted keys")))];
        let mut look = |what: String, needed: bool, path: &Path, origin: Origin| {
            let found = self.admitted(path, origin, true).map(|admitted| match admitted {
                Some(Admitted { is_own: true, .. }) => "signed here, by this home's own key".to_owned(),
                Some(Admitted { signed_by, version, .. }) => {
                    let version = version.map_or(String::new(), |version| format!("version {version}, "));
                    format!("{version}signed by {}", signed_by.get(..16).unwrap_or(&signed_by))
                }
                None => String::new(),
            });
            rows.push((format!("signature of {what}"), needed, found));
        };
        if let Ok(library) = config::library_path(&self.config, &self.parts) {
            look("onnxruntime".into(), true, &library, Origin::Elsewhere);
        }
        for (name, _) in self.bundles().unwrap_or_default() {
            let needed = [&self.config.model, &self.config.embedder].contains(&&name);
            look(format!("model {name}"), needed, &self.bundle_dir(&name), Origin::Here);
        }
        let library = self.library().ok();
        for (id, _) in library.as_ref().and_then(|library| library.list().ok()).unwrap_or_default() {
            if let Some(library) = &library {
                look(format!("adapter {id}"), false, &library.dir().join(&id), Origin::Here);
            }
        }
        rows
    }
}

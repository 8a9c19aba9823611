//! The doors: where `[trust] require = true`, nothing that was not signed is loaded.

use super::Runtime;
use crate::bundle::{Bundle, TOKENIZER};
use crate::config;
use crate::error::{Error, Result};
use crate::trust::{Admitted, Gate, Origin};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What lies in the folder of a file.
fn neighbours(file: &Path) -> Vec<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| folder.join(entry.file_name())).collect()
}

/// Whether the system would load it as a library: by its first bytes, whatever it is called. What cannot be read might
/// be one.
fn is_loadable(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    match read {
        Ok(()) => &magic == b"\x7fELF" || magic == [0xcf, 0xfa, 0xed, 0xfe] || magic.starts_with(b"MZ"),
        Err(e) => e.kind() != std::io::ErrorKind::UnexpectedEof,
    }
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

    /// The same for ONNX Runtime, with whatever lies below its folder and the system would load for it: it looks there
    /// for what the library needs.
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
        let cannot = |path: &Path, e| Error::io(format!("cannot look at {}", path.display()), e);
        let folder = library.parent().unwrap_or(Path::new("."));
        let root = folder.canonicalize().map_err(|e| cannot(folder, e))?;
        for entry in WalkDir::new(folder).min_depth(1) {
            let entry = entry.map_err(|e| cannot(folder, e.into()))?;
            let path = entry.path();
            if entry.path_is_symlink() {
                // What it leads to is looked at where it lies.
                if !path.canonicalize().is_ok_and(|target| target.starts_with(&root)) {
                    return Err(Error::invalid(format!(
                        "{} leads out of the folder of ONNX Runtime, and signatures are required; remove it",
                        path.display()
                    )));
                }
            } else if path != library && entry.file_type().is_file() && is_loadable(path) {
                self.vouched("a library beside ONNX Runtime", path, Origin::Elsewhere)
                    .map_err(|e| e.context("ONNX Runtime needs a folder to itself"))?;
            }
        }
        Ok(())
    }

    /// Sees to it that a model lies under the name that it was signed with: another that is signed too must not stand
    /// in for it.
    pub(super) fn named(&self, name: &str, bundle: &Bundle) -> Result<()> {
        let own = &bundle.manifest.name;
        if !self.config.trust.require || own == name {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "the folder {name} holds the model {own}, which was signed under that name; put it under models/{own}, or \
             import it as {name} and sign that",
        )))
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
        let mut look = |what: String, needed: bool, path: &Path, origin: Origin, named: Result<()>| {
            let admitted = self.admitted(path, origin, true).and_then(|admitted| named.map(|()| admitted));
            let found = admitted.map(|admitted| match admitted {
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
            look("onnxruntime".into(), true, &library, Origin::Elsewhere, self.vouched_library(&library));
        }
        for (name, bundle) in self.bundles().unwrap_or_default() {
            let needed = [&self.config.model, &self.embedder_name()].contains(&&name);
            let named = bundle.as_ref().map_or(Ok(()), |bundle| self.named(&name, bundle));
            look(format!("model {name}"), needed, &self.bundle_dir(&name), Origin::Here, named);
        }
        let library = self.library().ok();
        for (id, _) in library.as_ref().and_then(|library| library.list().ok()).unwrap_or_default() {
            if let Some(library) = &library {
                look(format!("adapter {id}"), false, &library.dir().join(&id), Origin::Here, Ok(()));
            }
        }
        rows
    }
}

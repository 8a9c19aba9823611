//! Which ONNX Runtime library is loaded.

use super::Config;
use crate::error::{Error, Result};
use crate::parts::{Parts, RUNTIME};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment variable that names the ONNX Runtime library, before the configuration and the part.
pub const RUNTIME_VARIABLE: &str = "ORT_DYLIB_PATH";

impl Config {
    /// The ONNX Runtime library that the user chose: ORT_DYLIB_PATH, else `runtime`; `None` means the part.
    ///
    /// # Errors
    /// Not found if the choice names a file that is not there.
    pub fn chosen_library(&self) -> Result<Option<PathBuf>> {
        self.chosen(if self.environment { std::env::var_os(RUNTIME_VARIABLE) } else { None })
    }

    fn chosen(&self, variable: Option<OsString>) -> Result<Option<PathBuf>> {
        let variable = variable.filter(|v| !v.is_empty()).map(|v| (RUNTIME_VARIABLE, PathBuf::from(v)));
        let setting =
            self.runtime.clone().map(|path| ("`runtime` in config.toml, or `library` of a program's options,", path));
        match variable.or(setting) {
            Some((name, path)) if !is_bare(&path) && !path.is_file() => Err(Error::not_found(format!(
                "{name} names {}, which is not a file; correct or remove it",
                path.display()
            ))),
            chosen => Ok(chosen.map(|(_, path)| path)),
        }
    }
}

/// The ONNX Runtime library to load: ORT_DYLIB_PATH, else `runtime` of the configuration, else the part.
///
/// # Errors
/// Not found if the choice is not there, or the part has not been pulled.
pub fn library_path(config: &Config, parts: &Parts) -> Result<PathBuf> {
    if let Some(path) = config.chosen_library()? {
        return Ok(path);
    }
    parts.path(RUNTIME).ok_or_else(|| {
        Error::not_found(format!(
            "ONNX Runtime is not here; run `wayside models pull {RUNTIME}`, or set {RUNTIME_VARIABLE} to a library"
        ))
    })
}

/// A name without a folder is for the system's loader to find.
pub(super) fn is_bare(path: &Path) -> bool {
    path.parent().is_some_and(|p| p.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Catalog;

    #[test]
    fn the_library_is_the_variables_then_the_settings_then_the_parts() {
        let home = tempfile::tempdir().unwrap();
        let [one, two] = ["one.so", "two.so"].map(|name| home.path().join(name));
        std::fs::write(&one, "1").unwrap();
        std::fs::write(&two, "2").unwrap();
        let mut config = Config::default();
        assert_eq!(config.chosen(None).unwrap(), None);
        config.runtime = Some(two.clone());
        assert_eq!(config.chosen(Some("".into())).unwrap(), Some(two.clone()));
        assert_eq!(config.chosen(Some(one.clone().into())).unwrap(), Some(one));
        assert_eq!(config.chosen(Some("libonnxruntime.so".into())).unwrap(), Some("libonnxruntime.so".into()));
        let error = config.chosen(Some("/nowhere/ort.so".into())).unwrap_err();
        assert!(error.to_string().contains(RUNTIME_VARIABLE), "{error}");
    }

    #[test]
    fn without_a_library_the_remedy_is_named() {
        if std::env::var_os(RUNTIME_VARIABLE).is_none() {
            let home = tempfile::tempdir().unwrap();
            let error = library_path(&Config::default(), &no_parts(home.path())).unwrap_err();
            assert!(error.to_string().contains("wayside models pull onnxruntime"), "{error}");
        }
    }

    fn no_parts(home: &Path) -> Parts {
        Parts::with_catalog(&home.join("parts"), Catalog::builtin().unwrap(), crate::parts::TARGET)
    }
}

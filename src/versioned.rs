//! JSON files that say which version of their layout they have: `format`, a number that grows.

use crate::error::{Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads the file at `path`, whose layout is known up to `newest`. `remedy` says what to do about one that is damaged.
///
/// Errors: `NotFound`; `Corrupt` with the remedy; `Incompatible` when a newer Wayside wrote it.
pub fn read<T: DeserializeOwned>(path: &Path, newest: u32, remedy: &str) -> Result<T> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let bytes = std::fs::read(path).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?;
    let damaged = |e| Error::corrupt(format!("{} is damaged: {e}; {remedy}", path.display()));
    // First the number: of another layout nothing else need be there.
    let Version { format } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if format > newest {
        return Err(Error::incompatible(format!(
            "{} has format {format}, written by a newer Wayside; this one reads up to {newest}",
            path.display()
        )));
    }
    serde_json::from_slice(&bytes).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn versions_are_told_apart() {
        #[derive(Debug, Deserialize)]
        struct Thing {
            name: String,
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thing.json");
        let read = || read::<Thing>(&path, 2, "make it again");
        assert_eq!(read().unwrap_err().kind(), ErrorKind::NotFound);
        for (text, kind) in [
            (r#"{"format": 3, "other": 1}"#, ErrorKind::Incompatible),
            (r#"{"format": 2, "other": 1}"#, ErrorKind::Corrupt),
            (r#"{"name": "a"}"#, ErrorKind::Corrupt),
            ("", ErrorKind::Corrupt),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read().unwrap_err().kind(), kind, "{text}");
        }
        std::fs::write(&path, r#"{"format": 1, "name": "a"}"#).unwrap();
        assert_eq!(read().unwrap().name, "a");
    }
}

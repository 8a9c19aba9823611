//! What is in a folder: the documents, and everything that is none.

use super::Format;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Found {
    /// Files of known formats, and links, in order.
    pub files: Vec<PathBuf>,
    /// What is no document, with its kind: `.jpg`, `no extension`, `hidden`.
    pub others: Vec<(PathBuf, String)>,
    /// Folders that could not be looked into, with the reason.
    pub unreadable: Vec<(PathBuf, Error)>,
}

/// What is below `folder`. Hidden folders are not looked into.
///
/// Errors: `Io` where the folder itself cannot be read.
pub fn files(folder: &Path) -> Result<Found> {
    let mut found = Found::default();
    let mut walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                let path = e.path().unwrap_or(folder).to_path_buf();
                let error = Error::io(format!("cannot list {}", path.display()), e.into());
                if path == folder {
                    return Err(error);
                }
                found.unreadable.push((path, error));
                continue;
            }
        };
        let hidden = entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
        if hidden {
            if entry.file_type().is_dir() {
                walk.skip_current_dir();
            }
            found.others.push((entry.into_path(), "hidden".to_string()));
            continue;
        }
        let linked = entry.path_is_symlink() && entry.path().is_dir();
        if !linked && entry.file_type().is_dir() {
            continue;
        }
        if linked || Format::of(entry.path()).is_some() {
            found.files.push(entry.into_path());
        } else {
            let kind = entry.path().extension().map(|e| format!(".{}", e.to_string_lossy().to_lowercase()));
            found.others.push((entry.into_path(), kind.unwrap_or_else(|| "no extension".to_string())));
        }
    }
    Ok(found)
}

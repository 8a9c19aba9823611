//! Beginnings that many prompts share (system text, the house's instructions), computed once: what the model remembers
//! of them is lent to every new context. The latest few are kept in memory and, memory-mapped when they are needed, on
//! the disk, where they outlive the process.
//!
//! What is lent is, to the last bit, what computing it again would give on that machine: the key names what it depends
//! on. What belongs to one person is never given to this place; see [`Prefixes::keep`].
//!
//! ```text
//! prefixes/<key>    safetensors: U8 "rows", the bytes of numbers [layers, 2, kv_heads, tokens, head_dim]
//!                   "__metadata__": {"crc32": of the rows}
//! ```

use super::context::Context;
use crate::durable;
use crate::error::{Error, Result};
use crate::format;
use crate::hex::hex;
use crate::watch::Cancel;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Beginnings that are kept; with the default model one takes some 2 MB. The one used longest ago goes first.
const KEPT: usize = 8;
/// The version of the layout, part of the key.
const FORMAT: u32 = 2;
const ROWS: &str = "rows";
const CRC: &str = "crc32";

/// The beginnings of a home.
pub struct Prefixes {
    folder: PathBuf,
    /// The latest first.
    lately: Mutex<Vec<(String, Arc<Vec<u8>>)>>,
}

impl Prefixes {
    /// Those kept in `folder`, which is made when there is something to keep.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), lately: Mutex::default() }
    }

    /// Lets `context` begin with `tokens` if what the model makes of them is known, and it holds less of them itself.
    /// Returns whether it did. A file that is damaged is as good as none.
    pub fn lend(&self, context: &mut Context, tokens: &[u32]) -> Result<bool> {
        if context.tokens().starts_with(tokens) {
            return Ok(false);
        }
        let key = key(context, tokens);
        let rows = self.lately().iter().find(|(known, _)| *known == key).map(|(_, rows)| rows.clone());
        let rows = match rows {
            Some(rows) => rows,
            None => match read(&self.folder.join(&key)) {
                Ok(rows) => Arc::new(rows),
                Err(e) => {
                    log::debug!("no beginning to lend: {e}");
                    return Ok(false);
                }
            },
        };
        if !context.begin(tokens, &rows)? {
            return Ok(false);
        }
        self.remember(key, rows);
        Ok(true)
    }

    /// Lets `context` begin with `tokens`: lent if what the model makes of them is known, else computed by themselves,
    /// as they will be lent. Stock kernels may round a row otherwise among other rows.
    ///
    /// Errors: as [`Context::set`].
    pub fn begin(&self, context: &mut Context, tokens: &[u32], cancel: &Cancel) -> Result<()> {
        if !context.tokens().starts_with(tokens) && !self.lend(context, tokens)? {
            context.set(tokens, cancel)?;
        }
        Ok(())
    }

    /// Keeps what the model makes of `tokens`, with which `context` begins, unless it is kept already. The caller
    /// answers for it that nothing personal is in them: they are written to the disk.
    ///
    /// A disk that takes nothing is no error: the next process computes them again.
    pub fn keep(&self, context: &Context, tokens: &[u32]) -> Result<()> {
        let key = key(context, tokens);
        if tokens.is_empty() || self.lately().iter().any(|(known, _)| *known == key) {
            return Ok(());
        }
        let Some(rows) = context.beginning(tokens)? else { return Ok(()) };
        if let Err(e) = write(&self.folder.join(&key), &rows).and_then(|()| self.clear()) {
            log::warn!("{e}");
        }
        self.remember(key, Arc::new(rows));
        Ok(())
    }

    /// Forgets all of them, in memory and on the disk: what a model or an adapter made that must be gone.
    pub fn forget(&self) -> Result<()> {
        self.lately().clear();
        durable::discard(&self.folder)
    }

    fn remember(&self, key: String, rows: Arc<Vec<u8>>) {
        let mut lately = self.lately();
        lately.retain(|(known, _)| *known != key);
        lately.insert(0, (key, rows));
        lately.truncate(KEPT);
    }

    /// Removes the oldest files beyond [`KEPT`].
    fn clear(&self) -> Result<()> {
        durable::sweep(&self.folder)?;
        let entries = self.folder.read_dir().map_err(|e| Error::io(self.folder.display().to_string(), e))?;
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        let over = files.len().saturating_sub(KEPT);
        files.iter().take(over).try_for_each(|(_, path)| durable::remove(path))
    }

    fn lately(&self) -> std::sync::MutexGuard<'_, Vec<(String, Arc<Vec<u8>>)>> {
        // Entries are only ever put in whole.
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the rows depend on: the model to its last byte, what it wears, the kernels that computed them, the tokens.
fn key(context: &Context, tokens: &[u32]) -> String {
    let bundle = context.model().bundle();
    let mut hash = Sha256::new();
    let machine = std::env::consts::ARCH;
    hash.update(format!("{FORMAT}\n{machine}\n{}\n{}\n", context.model().sessions.build_info(), bundle.fingerprint()));
    hash.update(context.adapter().unwrap_or_default());
    for token in tokens {
        hash.update(token.to_le_bytes());
    }
    let mut key = hex(&hash.finalize());
    key.truncate(32);
    key
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let map = format::map(path)?;
    let damaged = || Error::corrupt(format!("{} is damaged", path.display()));
    let file = SafeTensors::deserialize(&map).map_err(|e| damaged().because(e))?;
    let (_, header) = SafeTensors::read_metadata(&map).map_err(|e| damaged().because(e))?;
    let rows = file.tensor(ROWS).map_err(|e| damaged().because(e))?;
    let crc = header.metadata().as_ref().and_then(|m| m.get(CRC)?.parse().ok());
    if rows.dtype() != Dtype::U8 || crc != Some(crc32fast::hash(rows.data())) {
        return Err(damaged());
    }
    Ok(rows.data().to_vec())
}

fn write(path: &Path, rows: &[u8]) -> Result<()> {
    let failed = |e| Error::invalid("the beginning cannot be written").because(e);
    let view = TensorView::new(Dtype::U8, vec![rows.len()], rows).map_err(failed)?;
    let about = HashMap::from([(CRC.to_owned(), crc32fast::hash(rows).to_string())]);
    durable::write(path, &serialize([(ROWS, view)], Some(about)).map_err(failed)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_comes_back_or_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prefixes/abc");
        let rows = [1, 0, 255];
        assert!(read(&path).is_err());
        write(&path, &rows).unwrap();
        assert_eq!(read(&path).unwrap(), rows);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&path, &flipped).unwrap();
            assert!(read(&path).is_err() || read(&path).unwrap() == rows, "{at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(read(&path).is_err(), "{at}");
        }
    }

    #[test]
    fn what_is_forgotten_is_in_no_place() {
        let home = tempfile::tempdir().unwrap();
        let prefixes = Prefixes::new(&home.path().join("prefixes"));
        prefixes.forget().unwrap();
        write(&home.path().join("prefixes/abc"), &[1]).unwrap();
        prefixes.remember("abc".into(), Arc::new(vec![1]));
        prefixes.forget().unwrap();
        assert!(prefixes.lately().is_empty());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_the_latest_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let prefixes = Prefixes::new(folder.path());
        for n in 0..KEPT + 3 {
            let path = folder.path().join(format!("{n:02}"));
            write(&path, &[n as u8]).unwrap();
            let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 - n as u64);
            fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
        }
        prefixes.clear().unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!((left.len(), left[0].to_str()), (KEPT, Some("00")));
    }
}

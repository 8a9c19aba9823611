//! The keys that are trusted: PEM files in a folder, and beside them a list of those that are no more.

use super::key::PublicKey;
use crate::durable;
use crate::error::{Error, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The list of keys that were revoked: an id a line.
const REVOKED: &str = "revoked";
/// Digits of an id that name a file.
const DIGITS: usize = 16;

/// Whether a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// What it signed may be loaded.
    Trusted,
    /// It is not to be trusted again.
    Revoked,
}

/// A key that is known.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    /// Its [`PublicKey::id`].
    pub digest: String,
    /// Its curve, where the key itself is there.
    pub curve: Option<&'static str>,
    /// Whether it counts.
    pub standing: Standing,
    /// Its file.
    pub path: Option<PathBuf>,
    #[serde(skip)]
    key: Option<PublicKey>,
}

/// A folder of keys.
#[derive(Clone, Debug)]
pub struct Ring {
    dir: PathBuf,
    known: Vec<Known>,
}

impl Ring {
    /// Reads the folder `dir`, which need not be there. What cannot be read there is an error, and no key less: nobody
    /// should be trusted because a list of the revoked is damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        let revoked = revoked(&dir.join(REVOKED))?;
        let mut known = Vec::new();
        let entries = match std::fs::read_dir(dir) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => vec![],
            entries => {
                let entries = entries.and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>());
                entries.map_err(|e| Error::io(format!("cannot list the keys in {}", dir.display()), e))?
            }
        };
        let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "pem" || end == "pub"));
        paths.sort();
        for path in paths {
            let key = PublicKey::read(&path)?;
            let digest = key.id();
            let standing = if revoked.contains(&digest) { Standing::Revoked } else { Standing::Trusted };
            known.push(Known { digest, curve: Some(key.curve()), standing, path: Some(path), key: Some(key) });
        }
        for digest in revoked {
            if !known.iter().any(|known| known.digest == digest) {
                known.push(Known { digest, curve: None, standing: Standing::Revoked, path: None, key: None });
            }
        }
        Ok(Self { dir: dir.to_owned(), known })
    }

    /// All keys, trusted and revoked.
    pub fn known(&self) -> &[Known] {
        &self.known
    }

    /// Whether a key with this id was revoked.
    pub fn has_revoked(&self, id: &str) -> bool {
        self.known.iter().any(|known| known.digest == id && known.standing == Standing::Revoked)
    }

    /// The keys that count.
    pub fn trusted(&self) -> Vec<PublicKey> {
        let trusted = self.known.iter().filter(|known| known.standing == Standing::Trusted);
        trusted.filter_map(|known| known.key.clone()).collect()
    }

    /// Trusts the key in the PEM file `path` from now on. A key that is trusted already is left as it is.
    ///
    /// Errors: as [`PublicKey::read`]; `Invalid` for one that was revoked.
    pub fn trust(&mut self, path: &Path) -> Result<Known> {
        let key = PublicKey::read(path)?;
        let digest = key.id();
        match self.known.iter().find(|known| known.digest == digest) {
            Some(known) if known.standing == Standing::Trusted => Ok(known.clone()),
            Some(_) => Err(Error::invalid(format!(
                "the key {digest} was revoked; make a new one, or take its line out of {}",
                self.dir.join(REVOKED).display()
            ))),
            None => {
                let file = self.dir.join(format!("{}.pem", digest.get(..DIGITS).unwrap_or_default()));
                key.write(&file)?;
                let curve = Some(key.curve());
                let known = Known { digest, curve, standing: Standing::Trusted, path: Some(file), key: Some(key) };
                self.known.push(known.clone());
                Ok(known)
            }
        }
    }

    /// Trusts a key no more, by its id, by enough of its beginning, or by its PEM file. One that is not known here is
    /// revoked all the same, by its whole id or its file.
    ///
    /// Errors: `NotFound`; `Invalid` when several begin so.
    pub fn revoke(&mut self, named: &str) -> Result<Known> {
        let as_file = Path::new(named).is_file().then(|| PublicKey::read(Path::new(named))).transpose()?;
        let id = as_file.as_ref().map_or_else(|| named.to_lowercase(), PublicKey::id);
        let found: Vec<usize> = (0..self.known.len())
            .filter(|&at| !id.is_empty() && self.known.get(at).is_some_and(|known| known.digest.starts_with(&id)))
            .collect();
        let digest = match found.as_slice() {
            [at] => self.known.get(*at).map_or(id, |known| known.digest.clone()),
            [] if is_id(&id) => id,
            [] => {
                return Err(Error::not_found(format!(
                    "there is no key {named:?} in {}; `wayside keys list` shows them",
                    self.dir.display()
                )));
            }
            _ => return Err(Error::invalid(format!("{named:?} is the beginning of several keys; give more of it"))),
        };
        let mut all = revoked(&self.dir.join(REVOKED))?;
        if !all.contains(&digest) {
            all.push(digest.clone());
            let text: String = all.iter().map(|digest| format!("{digest}\n")).collect();
            durable::write(&self.dir.join(REVOKED), text.as_bytes())?;
        }
        match self.known.iter_mut().find(|known| known.digest == digest) {
            Some(known) => {
                known.standing = Standing::Revoked;
                Ok(known.clone())
            }
            None => {
                let known = Known { digest, curve: None, standing: Standing::Revoked, path: None, key: as_file };
                self.known.push(known.clone());
                Ok(known)
            }
        }
    }
}

/// The ids in the list at `path`; none where there is no list.
fn revoked(path: &Path) -> Result<Vec<String>> {
    let text = match durable::read_text(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        text => text.map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?,
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let id = |line: &str| {
        let id = line.to_lowercase();
        let wrong = || Error::corrupt(format!("{} has a line that is no key's id: {line:?}; mend it", path.display()));
        if is_id(&id) { Ok(id) } else { Err(wrong()) }
    };
    lines.map(id).collect()
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::super::PrivateKey;
    use super::*;

    #[test]
    fn a_key_is_trusted_until_it_is_revoked_and_never_again() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("trust");
        let key = PrivateKey::generate().unwrap().public().unwrap();
        let file = folder.path().join("key.pub");
        key.write(&file).unwrap();
        let mut ring = Ring::open(&dir).unwrap();
        assert!(ring.known().is_empty());
        ring.trust(&file).unwrap();
        ring.trust(&file).unwrap();
        assert_eq!(Ring::open(&dir).unwrap().trusted(), std::slice::from_ref(&key));
        assert!(ring.revoke("").is_err() && ring.revoke("zz").is_err());
        ring.revoke(&key.id()[..5]).unwrap();
        let again = Ring::open(&dir).unwrap();
        assert!(ring.trusted().is_empty() && again.trusted().is_empty());
        assert_eq!(again.known().len(), 1);
        assert!(ring.trust(&file).unwrap_err().to_string().contains("was revoked"));
        let strange = "ab".repeat(32);
        ring.revoke(&strange).unwrap();
        assert_eq!(Ring::open(&dir).unwrap().known().len(), 2, "one that was never here");
    }

    #[test]
    fn a_damaged_ring_trusts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        PrivateKey::generate().unwrap().public().unwrap().write(&folder.path().join("a.pem")).unwrap();
        assert_eq!(Ring::open(folder.path()).unwrap().trusted().len(), 1);
        std::fs::write(folder.path().join(REVOKED), "abc\n").unwrap();
        assert!(Ring::open(folder.path()).unwrap_err().to_string().contains("abc"));
        std::fs::write(folder.path().join(REVOKED), "# none\n").unwrap();
        std::fs::write(folder.path().join("b.pem"), "-----BEGIN").unwrap();
        assert!(Ring::open(folder.path()).unwrap_err().to_string().contains("b.pem"));
    }
}

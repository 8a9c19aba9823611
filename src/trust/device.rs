//! This home's own key: it signs what was made here, and seals what was verified here. Made when it is first needed.

use super::key::{PrivateKey, PublicKey};
use crate::error::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

const KEY: &str = "key.pem";

/// The key, and its folder.
#[derive(Debug)]
pub struct Device {
    key: PrivateKey,
    dir: PathBuf,
}

impl Device {
    /// The one in `dir`; none where none was made yet.
    ///
    /// Errors: as [`PrivateKey::read`]; `Invalid` for one that others may read.
    pub fn open(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(KEY);
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let key = PrivateKey::read(&path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).map_or(0, |metadata| metadata.permissions().mode());
            if mode & 0o077 != 0 {
                return Err(Error::invalid(format!(
                    "{} may be read by others, so what it signed says nothing; remove it, and sign again what was made \
                     here",
                    path.display()
                )));
            }
        }
        Ok(Some(Self { key, dir: dir.to_owned() }))
    }

    /// The one in `dir`, made where there is none.
    pub fn ensure(dir: &Path) -> Result<Self> {
        if let Some(device) = Self::open(dir)? {
            return Ok(device);
        }
        match PrivateKey::generate()?.write(&dir.join(KEY)) {
            // Another process may have been first.
            Err(e) if e.kind() != ErrorKind::Invalid => Err(e),
            _ => Self::open(dir)?.ok_or_else(|| Error::not_found(format!("{} is gone", dir.join(KEY).display()))),
        }
    }

    /// The key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Its other half.
    pub fn public(&self) -> Result<PublicKey> {
        self.key.public()
    }

    /// The folder of seals, and what they are keyed with.
    pub fn seals(&self) -> (PathBuf, [u8; 32]) {
        (self.dir.join("seals"), self.key.derive("wayside seal v1"))
    }
}

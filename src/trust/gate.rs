//! What may be loaded: where signatures are required, only what a trusted key signed, as it was signed.

use super::device::Device;
use super::key::PublicKey;
use super::ring::Ring;
use super::seal::Seal;
use super::signature::{self, Options, Signed, signature_of};
use super::tree;
use crate::error::{Error, Result};
use crate::watch::{Cancel, Progress};
use std::path::{Path, PathBuf};

/// Where signatures are required, and whose count.
#[derive(Clone, Debug)]
pub struct Gate {
    required: bool,
    keys: PathBuf,
    device: PathBuf,
}

/// Who may have signed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A trusted key alone.
    Elsewhere,
    /// A trusted key, or this home's own: it may have been made here.
    Here,
}

/// Who vouches for what was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The [`PublicKey::id`] of who signed.
    pub signed_by: String,
    /// Its number, where the signer counts.
    pub version: Option<u64>,
    /// Whether this home's own key signed it.
    pub is_own: bool,
    /// Whether nothing had to be hashed.
    pub was_sealed: bool,
}

impl Gate {
    /// One for the keys in the folder `keys`, with this home's own in `device`.
    pub fn new(required: bool, keys: PathBuf, device: PathBuf) -> Self {
        Self { required, keys, device }
    }

    /// Whether signatures are required.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// The keys that are known.
    pub fn ring(&self) -> Result<Ring> {
        Ring::open(&self.keys)
    }

    /// Lets `path` pass where signatures are not required, or where it is as one who counts signed it. Call it before
    /// any byte of what is there is used. `afresh` hashes what a seal vouches for, too.
    ///
    /// Errors: as [`signature::verify`]; `Incompatible` for a version below one that was admitted here before.
    pub fn admit(
        &self,
        path: &Path,
        origin: Origin,
        afresh: bool,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Option<Admitted>> {
        if !self.required {
            return Ok(None);
        }
        let signature = signature_of(path);
        let place = self.place(path)?;
        let device = Device::open(&self.device)?;
        let own = device.as_ref().map(Device::public).transpose()?;
        let ring = self.ring()?;
        let mut keys = ring.trusted();
        keys.extend(own.clone().filter(|_| origin == Origin::Here));
        let is_own = |id: &str| own.as_ref().is_some_and(|own| own.id() == id);
        let sealed = device.as_ref().and_then(|device| Seal::read(&place, device));
        let counts = |seal: &&Seal| !afresh && keys.iter().any(|key| key.id() == seal.signed_by);
        if let Some(seal) = sealed.as_ref().filter(counts) {
            let left_out: Vec<PathBuf> = signature.strip_prefix(path).into_iter().map(Path::to_owned).collect();
            if seal.holds(&tree::files(path, &left_out)?, &signature) {
                let (signed_by, version) = (seal.signed_by.clone(), seal.version);
                return Ok(Some(Admitted { is_own: is_own(&signed_by), signed_by, version, was_sealed: true }));
            }
        }
        if let Some(id) = signature::signer_of(&signature).filter(|id| ring.has_revoked(id)) {
            let id = id.get(..16).unwrap_or(&id);
            return Err(Error::invalid(format!(
                "{} was signed by {id}, a key that was revoked; get one that a key signed which still counts",
                path.display()
            )));
        }
        let (signed, items) = signature::verified(path, &signature, &keys, &[], true, progress, cancel)?;
        let highest = sealed.and_then(|seal| seal.version);
        if signed.version < highest {
            let number =
                |version: Option<u64>| version.map_or("without a version".to_owned(), |v| format!("version {v}"));
            return Err(Error::incompatible(format!(
                "{} was signed {}, and {} was used here before; put that back, or sign a newer one",
                path.display(),
                number(signed.version),
                number(highest)
            )));
        }
        let seal = Seal::new(&place, &signed, &items);
        // Where nothing can be written, everything is hashed at each start.
        if let Err(e) = Device::ensure(&self.device).and_then(|device| seal.write(&device)) {
            log::debug!("{} is not sealed: {e}", path.display());
        }
        let Signed { signed_by, version, .. } = signed;
        Ok(Some(Admitted { is_own: is_own(&signed_by), signed_by, version, was_sealed: false }))
    }

    /// What a path is remembered under: where it is in the home, wherever that lies and whatever its links lead to.
    fn place(&self, path: &Path) -> Result<PathBuf> {
        let full = |path: &Path| {
            std::path::absolute(path).map_err(|e| Error::io(format!("cannot look at {}", path.display()), e))
        };
        let (path, home) = (full(path)?, full(self.device.parent().unwrap_or(&self.device))?);
        Ok(path.strip_prefix(&home).map(Path::to_owned).unwrap_or(path))
    }

    /// The keys that count for what may have been made here: the trusted ones, and this home's own.
    pub fn keys(&self) -> Result<Vec<PublicKey>> {
        let mut keys = self.ring()?.trusted();
        keys.extend(Device::open(&self.device)?.as_ref().map(Device::public).transpose()?);
        Ok(keys)
    }

    /// Signs what was made here, of what was let in, with this home's own key; nothing where none are required.
    pub fn sign_own(&self, path: &Path, progress: &dyn Progress, cancel: &Cancel) -> Result<()> {
        if !self.required {
            return Ok(());
        }
        let device = Device::ensure(&self.device)?;
        let signature = signature_of(path);
        signature::sign(path, device.key(), &signature, &Options::default(), progress, cancel).map(drop)
    }
}

#[cfg(test)]
mod tests;

//! What was verified, written down so that only who has the device's key could have: the same files, by inode, size and
//! times, need not be hashed again. It also remembers the highest version that was seen under a path.

use super::device::Device;
use super::signature::Signed;
use super::tree::{Item, Stamp};
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::{durable, versioned};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const FORMAT: u32 = 1;
/// A file younger than this may be written again within one tick of the clock that stamps it, and show nothing of it.
const YOUNG: Duration = Duration::from_millis(100);

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    format: u32,
    path: PathBuf,
    /// What the file system said of the files; none where they were too young to tell.
    files: Option<Vec<(String, Stamp)>>,
    signature: Option<Stamp>,
    /// As in [`Signed`].
    pub digest: String,
    /// As in [`Signed`]; the highest that was ever admitted here, since a lower one is refused.
    pub version: Option<u64>,
    /// As in [`Signed`].
    pub signed_by: String,
    #[serde(default)]
    mac: String,
}

impl Seal {
    /// One about `items`, which were just verified.
    pub fn new(path: &Path, signed: &Signed, items: &[Item]) -> Self {
        let signature = std::fs::symlink_metadata(&signed.signature).ok().map(|metadata| Stamp::of(&metadata));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let limit = now.saturating_sub(YOUNG);
        let limit = (i64::try_from(limit.as_secs()).unwrap_or_default(), i64::from(limit.subsec_nanos()));
        let old = items.iter().map(|item| Some(item.stamp)).chain([signature]);
        let old = old.into_iter().all(|stamp| stamp.is_some_and(|stamp| stamp.changed < limit));
        Self {
            format: FORMAT,
            path: path.to_owned(),
            files: old.then(|| items.iter().map(|item| (item.name.clone(), item.stamp)).collect()),
            signature,
            digest: signed.digest.clone(),
            version: signed.version,
            signed_by: signed.signed_by.clone(),
            mac: String::new(),
        }
    }

    /// The one about `path`, if there is one and the device wrote it.
    pub fn read(path: &Path, device: &Device) -> Option<Self> {
        let (dir, key) = device.seals();
        let file = dir.join(name(path));
        let mut seal: Self = versioned::read(&file, FORMAT, "remove it").ok()?;
        let given = unhex(&std::mem::take(&mut seal.mac))?;
        let text = serde_json::to_vec(&seal).ok()?;
        // The comparison takes the same time wherever the two differ.
        let genuine = mac(&key, &text)?.verify_slice(&given).is_ok();
        (genuine && seal.path == path).then_some(seal)
    }

    /// Keeps it in place of an older one.
    pub fn write(mut self, device: &Device) -> Result<()> {
        let (dir, key) = device.seals();
        let unwritable = || Error::invalid("a seal cannot be written");
        self.mac = String::new();
        let text = serde_json::to_vec(&self).map_err(|e| unwritable().because(e))?;
        self.mac = hex(&mac(&key, &text).ok_or_else(unwritable)?.finalize().into_bytes());
        let text = serde_json::to_vec(&self).map_err(|e| unwritable().because(e))?;
        durable::write(&dir.join(name(&self.path)), &text)
    }

    /// Whether `items` and the signature are what they were.
    pub fn holds(&self, items: &[Item], signature: &Path) -> bool {
        let same = |files: &Vec<(String, Stamp)>| {
            let now = items.iter().map(|item| (&item.name, &item.stamp));
            files.len() == items.len() && now.eq(files.iter().map(|(name, stamp)| (name, stamp)))
        };
        let stamp = std::fs::symlink_metadata(signature).ok().map(|metadata| Stamp::of(&metadata));
        self.files.as_ref().is_some_and(same) && self.signature.is_some() && self.signature == stamp
    }
}

fn name(path: &Path) -> String {
    format!("{}.json", hex(&Sha256::digest(path.as_os_str().as_encoded_bytes())))
}

fn mac(key: &[u8], text: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.as_bytes().chunks(2).map(digit).collect()
}

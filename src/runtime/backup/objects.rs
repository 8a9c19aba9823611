//! The files of a backup, each under the hash of what it holds.

use super::manifest::Entry;
use crate::durable;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::watch::Cancel;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind as Io, Read, Seek, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// A folder of files under their hashes.
pub(super) struct Objects<'a> {
    dir: PathBuf,
    cancel: &'a Cancel,
}

/// A file that is in the folder now.
pub(super) struct Kept {
    pub entry: Entry,
    /// Whether it had to be written.
    pub is_new: bool,
}

impl Kept {
    /// Adds what was written to files and bytes.
    pub fn count(&self, (files, bytes): &mut (usize, u64)) {
        if self.is_new {
            *files += 1;
            *bytes += self.entry.bytes;
        }
    }
}

impl<'a> Objects<'a> {
    /// The files in `dir`, for the only one who writes there: what others left half written goes.
    pub fn new(dir: PathBuf, cancel: &'a Cancel) -> Result<Self> {
        durable::create_dir(&dir)?;
        durable::clear(&dir)?;
        Ok(Self { dir, cancel })
    }

    /// Keeps a file; none where it is not there any more. `each` hears how many bytes are done.
    pub fn put_file(&self, source: &Path, each: &mut dyn FnMut(u64)) -> Result<Option<Kept>> {
        let cannot = |e| Error::io(format!("cannot read {}", source.display()), e);
        let mut file = match File::open(source) {
            Err(e) if e.kind() == Io::NotFound => return Ok(None),
            opened => opened.map_err(cannot)?,
        };
        let entry = hashed(&mut file, source, &mut |_| Ok(()), each, self.cancel)?;
        if self.has(&entry)? {
            return Ok(Some(Kept { entry, is_new: false }));
        }
        file.rewind().map_err(cannot)?;
        let mut copy = self.begin()?;
        let failed = |e| Error::io(format!("cannot write in {}", self.dir.display()), e);
        // Hashed again: somebody may have changed it meanwhile, and its name must be true.
        let mut write = |piece: &[u8]| copy.write_all(piece).map_err(failed);
        let entry = hashed(&mut file, source, &mut write, each, self.cancel)?;
        self.finish(copy, entry).map(Some)
    }

    /// Keeps what `copy` writes into an open file.
    pub fn put_store(&self, copy: &mut dyn FnMut(&mut File) -> Result<()>) -> Result<Kept> {
        self.cancel.check()?;
        let mut file = self.begin()?;
        copy(file.as_file_mut())?;
        let failed = |e| Error::io(format!("cannot read in {}", self.dir.display()), e);
        file.as_file_mut().rewind().map_err(failed)?;
        let path = file.path().to_owned();
        let entry = hashed(file.as_file_mut(), &path, &mut |_| Ok(()), &mut |_| (), self.cancel)?;
        if self.has(&entry)? {
            return Ok(Kept { entry, is_new: false });
        }
        self.finish(file, entry)
    }

    /// Removes all that none of these hashes names.
    pub fn retain(&self, hashes: &BTreeSet<&str>) -> Result<()> {
        let listed = std::fs::read_dir(&self.dir);
        let entries = listed.map_err(|e| Error::io(format!("cannot list {}", self.dir.display()), e))?;
        for entry in entries.flatten().filter(|e| !hashes.contains(&*e.file_name().to_string_lossy())) {
            durable::remove(&entry.path())?;
        }
        durable::sync_dir(&self.dir)
    }

    /// Sees to it that the names of what was kept are on the disk, too.
    pub fn flush(&self) -> Result<()> {
        durable::sync_dir(&self.dir)
    }

    /// Whether such a file is there and whole: what rotted on the medium is written anew.
    fn has(&self, entry: &Entry) -> Result<bool> {
        Ok(fault(&self.dir, entry, &mut |_| (), self.cancel)?.is_none())
    }

    fn begin(&self) -> Result<NamedTempFile> {
        let failed = |e| Error::io(format!("cannot write in {}", self.dir.display()), e);
        tempfile::Builder::new().prefix(durable::HALF).tempfile_in(&self.dir).map_err(failed)
    }

    fn finish(&self, file: NamedTempFile, entry: Entry) -> Result<Kept> {
        let path = self.dir.join(&entry.sha256);
        let failed = |e| Error::io(format!("cannot write {}", path.display()), e);
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|e| failed(e.error))?;
        Ok(Kept { entry, is_new: true })
    }
}

/// What is wrong with the file of an entry in `dir`, if anything is.
pub(super) fn fault(dir: &Path, entry: &Entry, each: &mut dyn FnMut(u64), cancel: &Cancel) -> Result<Option<String>> {
    let path = dir.join(&entry.sha256);
    let found = match open(&path) {
        Err(e) if e.kind() == Io::NotFound => return Ok(Some("it is missing".into())),
        Err(e) => return Ok(Some(format!("it cannot be read: {e}"))),
        Ok(mut file) => hashed(&mut file, &path, &mut |_| Ok(()), each, cancel),
    };
    match found {
        Err(e) if e.kind() == crate::ErrorKind::Cancelled => Err(e),
        // A bad block of the medium is damage like any other.
        Err(e) => Ok(Some(e.to_string())),
        Ok(found) if found == *entry => Ok(None),
        Ok(found) if found.bytes != entry.bytes => {
            Ok(Some(format!("it has {} bytes instead of {}", found.bytes, entry.bytes)))
        }
        Ok(_) => Ok(Some("its bytes are not those that were backed up".into())),
    }
}

/// Writes the file of an entry in `dir` to `target`. Errors: `Corrupt` where it is not what was backed up.
pub(super) fn take(dir: &Path, entry: &Entry, target: &Path, each: &mut dyn FnMut(u64), cancel: &Cancel) -> Result<()> {
    let source = dir.join(&entry.sha256);
    let mut from = open(&source).map_err(|e| Error::io(format!("cannot read {}", source.display()), e))?;
    let failed = |e| Error::io(format!("cannot write {}", target.display()), e);
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut to = options.open(target).map_err(failed)?;
    let found = hashed(&mut from, &source, &mut |piece| to.write_all(piece).map_err(failed), each, cancel)?;
    if found == *entry {
        return Ok(());
    }
    Err(Error::corrupt("its bytes are not those that were backed up"))
}

/// A file to read: no pipe that somebody put there, and nothing else that may never end.
fn open(path: &Path) -> std::io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::new(Io::InvalidInput, "it is no file"));
    }
    File::open(path)
}

/// Reads a file from where it stands to its end, and gives `write` each piece.
fn hashed(
    file: &mut File,
    path: &Path,
    write: &mut dyn FnMut(&[u8]) -> Result<()>,
    each: &mut dyn FnMut(u64),
    cancel: &Cancel,
) -> Result<Entry> {
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        cancel.check()?;
        let n = file.read(&mut buffer).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?;
        let piece = buffer.get(..n).unwrap_or_default();
        if piece.is_empty() {
            return Ok(Entry { bytes, sha256: hex(&hash.finalize()) });
        }
        hash.update(piece);
        write(piece)?;
        bytes += n as u64;
        each(bytes);
    }
}

//! The files that are there, in the order and under the names that signatures give them.

use crate::error::{Error, Result};
use crate::watch::{Cancel, Progress};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{Read, Take};
use std::path::{Component, Path, PathBuf};

/// How much is hashed between two looks at [`Cancel`].
const BLOCK: usize = 1 << 20;

/// What a file system says of a file: it differs whenever somebody wrote to it, or put another in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    inode: u64,
    /// Its length.
    pub size: u64,
    modified: (i64, i64),
    /// When anything of it changed last; nobody but the kernel sets it.
    pub changed: (i64, i64),
}

/// A file that is there.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name in a signature: its path from the root, or "." for a root that is a file.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What the file system says of it.
    pub stamp: Stamp,
}

impl Stamp {
    /// That of a file whose metadata are known.
    #[cfg(unix)]
    pub fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// That of a file whose metadata are known. What cannot be told apart here is never sealed.
    #[cfg(not(unix))]
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: 0, inode: 0, size: metadata.len(), modified: (0, 0), changed: (i64::MAX, 0) }
    }
}

/// The files of `root`, a folder or a file, but those at or below a path of `ignored`.
///
/// Errors: `NotFound`; `Invalid` for a symbolic link, for what is neither file nor folder, and for names that are no
/// Unicode: none of them can be signed.
pub fn files(root: &Path, ignored: &[PathBuf]) -> Result<Vec<Item>> {
    let refused = |path: &Path, what: &str, remedy: &str| {
        Error::invalid(format!("{} is {what}, which no signature covers; {remedy}", path.display()))
    };
    let metadata = root.symlink_metadata().map_err(|e| Error::io(format!("cannot look at {}", root.display()), e))?;
    if metadata.is_symlink() {
        return Err(refused(root, "a symbolic link", "name what it leads to"));
    }
    if metadata.is_file() {
        return Ok(vec![Item { name: ".".into(), path: root.to_owned(), stamp: Stamp::of(&metadata) }]);
    }
    if !metadata.is_dir() {
        return Err(refused(root, "neither file nor folder", "name one of these"));
    }
    let mut items = Vec::new();
    let counts = |relative: &Path| !ignored.iter().any(|ignored| relative.starts_with(ignored));
    let relative = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
    let walk = walkdir::WalkDir::new(root).min_depth(1).into_iter().filter_entry(|e| counts(&relative(e.path())));
    for entry in walk {
        let entry = entry.map_err(|e| Error::io(format!("cannot list {}", root.display()), e.into()))?;
        let kind = entry.file_type();
        if kind.is_dir() {
            continue;
        }
        let path = entry.path();
        if kind.is_symlink() {
            return Err(refused(path, "a symbolic link", "put the file itself there"));
        }
        if !kind.is_file() {
            return Err(refused(path, "neither file nor folder", "remove it"));
        }
        let Some(name) = name(&relative(path)) else {
            return Err(refused(path, "no name in Unicode", "rename it"));
        };
        let metadata =
            entry.metadata().map_err(|e| Error::io(format!("cannot look at {}", path.display()), e.into()))?;
        items.push(Item { name, path: path.to_owned(), stamp: Stamp::of(&metadata) });
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(items)
}

/// A relative path with '/' between its parts.
pub fn name(relative: &Path) -> Option<String> {
    let part = |component: Component<'_>| component.as_os_str().to_str().map(str::to_owned);
    relative.components().map(part).collect::<Option<Vec<_>>>().map(|parts| parts.join("/"))
}

/// The SHA-256 of each file; of each piece of `piece` bytes where that is given, under `name:begin:end`.
///
/// Errors: those of reading; `Busy` when a file changed since `items` were listed.
pub fn hash(
    items: &[Item],
    piece: Option<u64>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<BTreeMap<String, [u8; 32]>> {
    progress.start("hashing", items.iter().map(|item| item.stamp.size).sum());
    let mut done = 0;
    let hashes = items.iter().try_fold(BTreeMap::new(), |mut hashes, item| {
        let changed = || Error::busy(format!("{} changed while it was read; try again", item.path.display()));
        let mut file = File::open(&item.path).map_err(|e| unreadable(&item.path, e))?;
        let same = |file: &File| file.metadata().is_ok_and(|m| Stamp::of(&m) == item.stamp);
        // What was listed, and no pipe or other file that somebody has put there since.
        if !same(&file) {
            return Err(changed());
        }
        let size = item.stamp.size;
        let mut begin = 0;
        while begin < size || (piece.is_none() && begin == 0) {
            let end = piece.map_or(size, |piece| begin.saturating_add(piece).min(size));
            let mut part = file.by_ref().take(end - begin);
            let hash = drain(&mut part, &item.path, &mut done, progress, cancel)?;
            if part.limit() > 0 {
                return Err(changed());
            }
            let name = piece.map_or_else(|| item.name.clone(), |_| format!("{}:{begin}:{end}", item.name));
            hashes.insert(name, hash);
            if size == 0 {
                break;
            }
            begin = end;
        }
        if same(&file) { Ok(hashes) } else { Err(changed()) }
    });
    progress.finish();
    hashes
}

/// The SHA-256 of what is left of `part`.
fn drain(
    part: &mut Take<&mut File>,
    path: &Path,
    done: &mut u64,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<[u8; 32]> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; BLOCK]);
    loop {
        let read = match part.read(&mut buffer) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(|e| unreadable(path, e))?,
        };
        if read == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        *done += read as u64;
        progress.at(*done);
        cancel.check()?;
    }
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    Error::io(format!("cannot read {}", path.display()), cause)
}

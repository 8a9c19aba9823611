//! A new home in the place of the old one, in one step where the system has one for that.

use crate::durable::{self, Staged};
use crate::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Takes each model and part of the old home along that the backup does not have. Files that nobody changes are the
/// same files under a second name, or copies where the system has no such names.
pub(super) fn keep_models(old: &Path, new: &Path) -> Result<()> {
    for name in ["models", "parts"] {
        let (from, to) = (old.join(name), new.join(name));
        if from.symlink_metadata().is_err() {
            continue;
        }
        if to.symlink_metadata().is_err() {
            again(&from, &to)?;
            continue;
        }
        let entries = fs::read_dir(&from).map_err(|e| Error::io(format!("cannot list {}", from.display()), e))?;
        for entry in entries.flatten().filter(|entry| !durable::is_hidden(&entry.file_name().to_string_lossy())) {
            let to = to.join(entry.file_name());
            if to.symlink_metadata().is_err() {
                again(&entry.path(), &to)?;
            }
        }
    }
    Ok(())
}

/// Takes along what must not go back with a home: keys that were revoked, the versions that were seen, and receipts of
/// erasures, whose names this returns.
pub(super) fn keep_trust(old: &Path, new: &Path) -> Result<Vec<String>> {
    let revoked = |home: &Path| durable::read_text(&home.join("trust/revoked")).unwrap_or_default();
    let (before, now) = (revoked(old), revoked(new));
    let missing: Vec<&str> = before.lines().filter(|line| !now.lines().any(|known| known == *line)).collect();
    if !missing.is_empty() {
        let text = [now.trim_end(), &missing.join("\n")].join("\n");
        durable::write(&new.join("trust/revoked"), (text.trim_start().to_owned() + "\n").as_bytes())?;
    }
    let key = |home: &Path| fs::read(home.join("device/key.pem")).ok();
    if key(old).is_some() && key(old) == key(new) {
        copy_missing(&old.join("device/seals"), &new.join("device/seals"), true)?;
    }
    copy_missing(&old.join("receipts"), &new.join("receipts"), false)
}

/// Copies files of a folder, those that are there already too where `newer`; gives the names of those that were not.
fn copy_missing(from: &Path, to: &Path, newer: bool) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let (name, to) = (entry.file_name(), to.join(entry.file_name()));
        let is_there = to.exists();
        if is_there && !newer || durable::is_hidden(&name.to_string_lossy()) {
            continue;
        }
        let bytes =
            fs::read(entry.path()).map_err(|e| Error::io(format!("cannot keep {}", entry.path().display()), e))?;
        durable::write(&to, &bytes)?;
        missing.extend((!is_there).then(|| name.to_string_lossy().into_owned()));
    }
    missing.sort();
    Ok(missing)
}

/// Whether a disk of its own is mounted there, whose name no other can take.
#[cfg(unix)]
pub(super) fn is_mounted(home: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let disk = |path: &Path| path.metadata().map(|m| m.dev()).ok();
    home.parent().is_some_and(|parent| disk(home).is_some() && disk(home) != disk(parent))
}

#[cfg(not(unix))]
pub(super) fn is_mounted(_: &Path) -> bool {
    false
}

/// The same files, folders and links at another place.
fn again(from: &Path, to: &Path) -> Result<()> {
    let failed = |path: &Path, e| Error::io(format!("cannot keep {}", path.display()), e);
    for entry in WalkDir::new(from).follow_root_links(false) {
        let entry = entry.map_err(|e| failed(from, e.into()))?;
        let below = entry.path().strip_prefix(from).unwrap_or(Path::new(""));
        let target = if below.as_os_str().is_empty() { to.to_owned() } else { to.join(below) };
        let kind = entry.file_type();
        let made = if kind.is_dir() {
            fs::create_dir(&target)
        } else if kind.is_symlink() {
            fs::read_link(entry.path()).and_then(|leads| link(&leads, &target))
        } else if kind.is_file() {
            fs::hard_link(entry.path(), &target).or_else(|_| fs::copy(entry.path(), &target).map(drop))
        } else {
            continue;
        };
        made.map_err(|e| failed(entry.path(), e))?;
    }
    Ok(())
}

#[cfg(unix)]
fn link(leads: &Path, target: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(leads, target)
}

#[cfg(not(unix))]
fn link(_: &Path, target: &Path) -> std::io::Result<()> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, format!("{} would be a link", target.display())))
}

/// Gives the new home to whoever owned the old one: the system's administrator restores for a service.
#[cfg(unix)]
pub(super) fn owned_alike(old: &Path, new: &Path) {
    use std::os::unix::fs::{MetadataExt, lchown};
    let (Ok(old), Ok(ours)) = (old.metadata(), new.metadata()) else { return };
    if (old.uid(), old.gid()) == (ours.uid(), ours.gid()) {
        return;
    }
    for entry in WalkDir::new(new).into_iter().flatten() {
        // Models that were kept are their owner's already.
        if entry.metadata().is_ok_and(|m| m.uid() == ours.uid()) {
            let _ = lchown(entry.path(), Some(old.uid()), Some(old.gid()));
        }
    }
}

#[cfg(not(unix))]
pub(super) fn owned_alike(_: &Path, _: &Path) {}

/// Puts the staged home in place. Where the old one holds data it is kept, and told under which name.
pub(super) fn swap(staged: Staged, home: &Path, keep: bool) -> Result<Option<PathBuf>> {
    if fs::symlink_metadata(home).is_err() {
        return staged.publish().map(|()| None);
    }
    let former = aside(home)?;
    staged.exchange(&former)?;
    if keep {
        return Ok(Some(former));
    }
    // Nothing is in it but names of models that the new one has, too; a disk of their own is not ours to clear.
    if is_one_disk(&former) {
        durable::discard(&former)?;
        return Ok(None);
    }
    Ok(Some(former))
}

/// A name beside the home that nothing has yet.
fn aside(home: &Path) -> Result<PathBuf> {
    let name = home.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let day = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let names = (0..100).map(|n| match n {
        0 => format!("{name}.before-{day}"),
        n => format!("{name}.before-{day}-{n}"),
    });
    let mut paths = names.map(|name| home.with_file_name(name));
    let free = paths.find(|path| path.symlink_metadata().is_err());
    free.ok_or_else(|| Error::invalid(format!("there is no name left beside {} for what it holds", home.display())))
}

#[cfg(unix)]
fn is_one_disk(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(disk) = dir.metadata().map(|m| m.dev()) else { return false };
    WalkDir::new(dir).into_iter().flatten().all(|entry| entry.metadata().is_ok_and(|m| m.dev() == disk))
}

#[cfg(not(unix))]
fn is_one_disk(_: &Path) -> bool {
    false
}

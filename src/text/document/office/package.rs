//! A zip file of parts, each unfolded no further than reason.

use crate::error::{Error, Result};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// The most that the parts of a document may unfold into together, in bytes.
const LARGEST: u64 = 192 << 20;
/// The most parts of a document.
const MOST: usize = 20_000;

/// An open package.
pub struct Package<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    room: u64,
}

impl<'a> Package<'a> {
    /// Errors: `Corrupt` where `bytes` are no zip file.
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged().because(e))?;
        if zip.len() > MOST {
            return Err(Error::full("has more parts than a document has"));
        }
        Ok(Self { zip, room: LARGEST })
    }

    /// A part; none where there is no such.
    pub fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let name = name.trim_start_matches('/');
        let Some(index) = self.zip.index_for_name(name) else { return Ok(None) };
        let entry = self.zip.by_index(index).map_err(|e| damaged().because(e))?;
        let mut bytes = Vec::new();
        entry.take(self.room + 1).read_to_end(&mut bytes).map_err(|e| damaged().because(e))?;
        self.room = self.room.checked_sub(bytes.len() as u64).ok_or_else(too_large)?;
        Ok(Some(bytes))
    }

    /// A part that must be there.
    pub fn must(&mut self, name: &str) -> Result<Vec<u8>> {
        self.part(name)?.ok_or_else(damaged)
    }

    /// Refuses a package that unfolds beyond reason, for a reader that does not ask.
    pub fn check(&mut self) -> Result<()> {
        let mut room = LARGEST;
        for index in 0..self.zip.len() {
            let entry = self.zip.by_index(index).map_err(|e| damaged().because(e))?;
            let unfolded = std::io::copy(&mut entry.take(room + 1), &mut std::io::sink());
            room = room.checked_sub(unfolded.map_err(|e| damaged().because(e))?).ok_or_else(too_large)?;
        }
        Ok(())
    }
}

/// What `target` means as seen from the part `from`.
pub fn resolve(from: &str, target: &str) -> String {
    if let Some(whole) = target.strip_prefix('/') {
        return whole.to_string();
    }
    let mut path: Vec<&str> = from.split('/').collect();
    path.pop();
    for step in target.split('/') {
        match step {
            ".." => drop(path.pop()),
            "." | "" => {}
            step => path.push(step),
        }
    }
    path.join("/")
}

fn too_large() -> Error {
    Error::full("unfolds into more data than a document has")
}

pub fn damaged() -> Error {
    Error::corrupt("is damaged, or not what its name says; open it in its program and save it anew")
}

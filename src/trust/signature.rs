//! Signing what is there, and comparing what is there with what was signed.

use super::envelope;
use super::key::{PrivateKey, PublicKey};
use super::statement::Statement;
use super::tree::{self, Item};
use crate::durable;
use crate::error::{Error, Result};
use crate::watch::{Cancel, Progress};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The signature's name in a folder, as `model-signing` calls it.
const NAME: &str = "model.sig";
/// What `model-signing` leaves out: files of git.
const GIT: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// The folder or file.
    pub path: PathBuf,
    /// Its signature.
    pub signature: PathBuf,
    /// The SHA-256 over the hashes of all files.
    pub digest: String,
    /// Its number, where the signer counts.
    pub version: Option<u64>,
    /// The [`PublicKey::id`] of who signed.
    pub signed_by: String,
    /// How many files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What is not plain about a signature.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Paths that are left out; relative ones are meant from where the process is.
    pub ignored: Vec<PathBuf>,
    /// The number to sign with.
    pub version: Option<u64>,
}

/// Where the signature of `path` is unless somebody says otherwise: in a folder, beside a file.
pub fn signature_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.join(NAME);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sig");
    beside.into()
}

/// The id of the key that a signature says made it, which is not verified.
pub(super) fn signer_of(signature: &Path) -> Option<String> {
    envelope::hint(&durable::read_text(signature).ok()?)
}

/// Signs every file of `path`, a folder or a file, into the file `signature`.
///
/// Errors: as listing and reading; `Invalid` where there is nothing to sign. Then nothing is written.
pub fn sign(
    path: &Path,
    key: &PrivateKey,
    signature: &Path,
    options: &Options,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Signed> {
    let mut ignored = below(path, &options.ignored)?;
    ignored.extend(below(path, &[signature.to_owned()])?);
    ignored.extend(GIT.map(PathBuf::from));
    let items = tree::files(path, &ignored)?;
    if items.is_empty() {
        return Err(Error::invalid(format!("{} holds no files to sign", path.display())));
    }
    let hashes = tree::hash(&items, None, progress, cancel)?;
    let name = path.canonicalize().ok().and_then(|path| path.file_name()?.to_str().map(str::to_owned));
    let ignored = ignored.iter().filter_map(|path| tree::name(path)).collect();
    let statement = Statement::new(name.unwrap_or_default(), hashes.into_iter().collect(), ignored, options.version);
    durable::write(signature, &envelope::seal(&statement.write()?, key)?)?;
    Ok(told(path, signature, &items, statement, &key.public()?))
}

/// Whether `path` is what one of `keys` signed. Paths that the signer left out, those of `ignored`, git's and the
/// signature itself do not count; where `whole`, the signature alone does not, and whatever else is there must have
/// been signed.
///
/// Errors: those of an envelope that cannot be opened, and of a statement that cannot be read; `Corrupt` naming the
/// first file that is not as it was signed.
pub fn verify(
    path: &Path,
    signature: &Path,
    keys: &[PublicKey],
    ignored: &[PathBuf],
    whole: bool,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Signed> {
    verified(path, signature, keys, ignored, whole, progress, cancel).map(|(signed, _)| signed)
}

/// As [`verify`], with the files that were looked at.
pub(super) fn verified(
    path: &Path,
    signature: &Path,
    keys: &[PublicKey],
    ignored: &[PathBuf],
    whole: bool,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Signed, Vec<Item>)> {
    let what = |is: &str| Error::invalid(format!("{} {is}; sign it with `wayside sign`", path.display()));
    match signature.symlink_metadata() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            path.symlink_metadata().map_err(|e| Error::io(format!("cannot look at {}", path.display()), e))?;
            return Err(what(&format!("is not signed: there is no {}", signature.display())));
        }
        Ok(metadata) if !metadata.is_file() => {
            return Err(what(&format!("is not signed: {} is no plain file", signature.display())));
        }
        _ => {}
    }
    let (payload, key) = envelope::open(signature, keys)?;
    let statement = Statement::parse(&payload).map_err(|e| e.context(signature.display()))?;
    let mut left_out = below(path, &[signature.to_owned()])?;
    if !whole {
        left_out.extend(below(path, ignored)?);
        left_out.extend(GIT.map(PathBuf::from));
        left_out.extend(statement.ignored.iter().map(PathBuf::from));
    }
    let items = tree::files(path, &left_out)?;
    // What is missing or new is seen before gigabytes are hashed.
    compare_names(path, &items, &statement)?;
    let hashes = tree::hash(&items, statement.piece, progress, cancel)?;
    let differs = |name: &&String| hashes.get(*name) != statement.hashes.get(*name);
    if let Some(name) = statement.hashes.keys().chain(hashes.keys()).find(differs) {
        return Err(Error::corrupt(format!("{} was altered since it was signed; {REMEDY}", named(path, name))));
    }
    Ok((told(path, signature, &items, statement, key), items))
}

const REMEDY: &str = "get it anew from where it came from, or sign again if the change is yours";

fn compare_names(root: &Path, items: &[Item], statement: &Statement) -> Result<()> {
    let file = |name: &String| match statement.piece {
        None => name.clone(),
        Some(_) => name.rsplitn(3, ':').last().unwrap_or_default().to_owned(),
    };
    let signed: std::collections::BTreeSet<String> = statement.hashes.keys().map(file).collect();
    // An empty file has no pieces.
    let counts = |item: &&Item| statement.piece.is_none() || item.stamp.size > 0;
    let new = items.iter().filter(counts).find(|item| !signed.contains(&item.name)).map(|item| named(root, &item.name));
    let there = |name: &&String| !items.iter().any(|item| item.name == **name);
    match (signed.iter().find(there).map(|name| named(root, name)), new) {
        (None, None) => Ok(()),
        (Some(gone), None) => Err(Error::corrupt(format!("{gone} was signed and is not there; {REMEDY}"))),
        (None, Some(new)) => Err(Error::corrupt(format!("{new} was not signed with the rest; remove it, or {REMEDY}"))),
        (Some(gone), Some(new)) => {
            Err(Error::corrupt(format!("{gone} was signed and is not there, {new} is and was not; {REMEDY}")))
        }
    }
}

fn named(root: &Path, name: &str) -> String {
    if name == "." { root.display().to_string() } else { root.join(name).display().to_string() }
}

fn told(path: &Path, signature: &Path, items: &[Item], statement: Statement, key: &PublicKey) -> Signed {
    Signed {
        path: path.to_owned(),
        signature: signature.to_owned(),
        digest: statement.digest,
        version: statement.version,
        signed_by: key.id(),
        files: items.len(),
        bytes: items.iter().map(|item| item.stamp.size).sum(),
    }
}

/// Those of `paths` that lie in the folder `root`, from there.
fn below(root: &Path, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let full = |path: &Path| {
        let path = std::path::absolute(path).map_err(|e| Error::io(format!("cannot use {}", path.display()), e))?;
        // The file itself need not be there yet; its folder may be reached by a link.
        let (folder, name) = (path.parent().and_then(|p| p.canonicalize().ok()), path.file_name());
        Ok::<_, Error>(folder.zip(name).map_or(path.clone(), |(folder, name)| folder.join(name)))
    };
    let root = root.canonicalize().map_err(|e| Error::io(format!("cannot look at {}", root.display()), e))?;
    let paths = paths.iter().map(|path| full(path)).collect::<Result<Vec<_>>>()?;
    let inside =
        |path: PathBuf| path.strip_prefix(&root).ok().filter(|p| !p.as_os_str().is_empty()).map(Path::to_owned);
    Ok(paths.into_iter().filter_map(inside).collect())
}

#[cfg(test)]
mod tests;

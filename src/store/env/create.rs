//! A store that was not there, made whole before it is seen.

use super::{DATA, Env, Kind};
use crate::durable;
use crate::error::{Error, Result};
use crate::store::format;
use std::path::Path;

/// How folders begin that are being made.
pub(super) const STAGED: &str = ".tmp-";

/// Makes an environment in a folder of its own, then links its file into place unless another process was faster.
pub(super) fn create<const N: usize>(
    dir: &Path,
    file: &Path,
    kind: &'static Kind,
    names: [&'static str; N],
) -> Result<()> {
    let folder = staged(dir)?;
    let env = Env::map(folder.path(), kind, N as u32)?;
    env.make(&names)?;
    let tables = env.tables(names)?;
    if let Some(meta) = tables.first() {
        env.write(|txn| format::create(txn, meta, kind))?;
    }
    drop(env);
    let refused = |e| Error::io(format!("cannot write in {}", dir.display()), e);
    let made = tempfile::TempPath::try_from_path(folder.path().join(DATA)).map_err(refused)?;
    match made.persist_noclobber(file) {
        Err(e) if e.error.kind() != std::io::ErrorKind::AlreadyExists => return Err(refused(e.error)),
        _ => durable::sync_dir(dir)?,
    }
    // The folder itself may be new.
    dir.parent().filter(|p| !p.as_os_str().is_empty()).map_or(Ok(()), durable::sync_dir)
}

/// A folder in `dir` to make an environment in; dropping it removes it.
pub(super) fn staged(dir: &Path) -> Result<tempfile::TempDir> {
    let refused = |e| Error::io(format!("cannot write in {}", dir.display()), e);
    tempfile::Builder::new().prefix(STAGED).tempdir_in(dir).map_err(refused)
}

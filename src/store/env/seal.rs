//! Whether a large file is still the one that was walked over.
//!
//! A walk reads the whole file: 0.1 s for 100 MB that are in memory, seconds from a card. So whoever closes a store
//! that was whole when it was opened writes down beside it which file that is, how long, and when it was changed
//! last. The next to open it, and to find it so, need not walk. A file that was copied, written to by anything else,
//! or left by a process that was killed, is walked over again; so is every small one. What rots on the medium changes
//! no time: `doctor` always walks.
//!
//! ```text
//! checked     device inode bytes modified changed         (nanoseconds)
//! ```

use std::fs::File;
use std::path::Path;

const NAME: &str = "checked";
/// Up to here walking takes less time than anybody notices.
const SMALL: u64 = 8 << 20;

/// Whether the file is the one that was sealed.
pub(super) fn holds(dir: &Path, data: &File) -> bool {
    let Some(print) = print(data) else { return false };
    std::fs::read_to_string(dir.join(NAME)).is_ok_and(|sealed| sealed == print)
}

/// Seals the file. Without a seal it is walked over again, so a failure is none.
pub(super) fn put(dir: &Path, data: &File) {
    let path = dir.join(NAME);
    match print(data) {
        // Renamed without being flushed: what a power cut leaves of it is no seal.
        Some(print) if !holds(dir, data) => {
            let staged = tempfile::Builder::new().prefix(super::create::STAGED).tempfile_in(dir);
            let _ = staged.map(|file| std::fs::write(file.path(), print).map(|()| file.persist(path).map(drop)));
        }
        Some(_) => {}
        None => drop(std::fs::remove_file(path)),
    }
}

/// What tells a large file from others, and from itself before a change. None for a small one.
#[cfg(unix)]
fn print(data: &File) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let m = data.metadata().ok().filter(|m| m.len() > SMALL)?;
    let time = |seconds: i64, nanoseconds: i64| format!("{seconds}.{nanoseconds:09}");
    let (modified, changed) = (time(m.mtime(), m.mtime_nsec()), time(m.ctime(), m.ctime_nsec()));
    Some(format!("{} {} {} {modified} {changed}\n", m.dev(), m.ino(), m.len()))
}

/// Nothing here tells a file from another: it is walked over each time.
#[cfg(not(unix))]
fn print(_: &File) -> Option<String> {
    None
}

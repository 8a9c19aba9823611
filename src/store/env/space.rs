//! Room on the disk for what LMDB writes through a map.
//!
//! LMDB makes its lock file by setting a length, which takes no room, and maps it. On a full disk the first write to
//! that map is a SIGBUS. So the file gets its room before LMDB sees it. A file system that writes each change to a new
//! place, as btrfs does, is asked not to for this file.

use crate::error::{Error, Result};
use crate::store::fault::is_full;
use std::fs::File;
use std::path::Path;

const NAME: &str = "lock.mdb";

/// Makes sure that the lock file has its room. Errors: Full where there is none.
pub(super) fn reserve(dir: &Path) -> Result<()> {
    let path = dir.join(NAME);
    let file = match File::options().create(true).truncate(false).read(true).write(true).open(&path) {
        Ok(file) => file,
        // LMDB says better what it cannot do.
        Err(_) => return Ok(()),
    };
    fill(&file).map_err(|e| match is_full(&e) {
        true => Error::full(format!("no space left for {}; free some space and try again", path.display())).because(e),
        false => Error::io(format!("cannot reserve space for {}", path.display()), e),
    })
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn fill(file: &File) -> std::io::Result<()> {
    use rustix::fs::{FallocateFlags, IFlags, fallocate, ioctl_getflags, ioctl_setflags};
    /// What LMDB gives a lock file of 126 readers. One that is there keeps its length: others may have it mapped.
    const NEW: u64 = 8192;
    let length = match file.metadata()?.len() {
        0 => {
            // Where it is not known it is not needed.
            let _ = ioctl_getflags(file).map(|flags| ioctl_setflags(file, flags | IFlags::NOCOW));
            NEW
        }
        length => length,
    };
    match fallocate(file, FallocateFlags::empty(), 0, length) {
        // A file system without it: zeros take room, too, and only a new file may be written to.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) if file.metadata()?.len() == 0 => {
            std::io::Write::write_all(&mut &*file, &[0; NEW as usize])
        }
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        done => Ok(done?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn fill(_: &File) -> std::io::Result<()> {
    Ok(())
}

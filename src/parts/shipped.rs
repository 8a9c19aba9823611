//! The parts that came with the program or the library: a package lays them down in `lib/wayside/parts`, seen from the
//! folder above the one this code was loaded from.
//!
//! ```text
//! bin/wayside                     or another program that holds libwayside.a
//! lib/libwayside.so.0.1.0
//! lib/wayside/parts/onnxruntime-1.32.0-x86_64-unknown-linux-gnu/...
//! ```
//!
//! So a package runs wherever it is unpacked. Which file that is, program or shared library, the kernel tells: it is
//! the one mapped where this code runs. Links to it make no difference.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The folder of shipped parts, which need not exist. None where the kernel does not tell.
pub(super) fn folder() -> Option<PathBuf> {
    let maps = std::fs::read("/proc/self/maps").ok()?;
    let own = mapped_at(&maps, folder as fn() -> Option<PathBuf> as usize)?;
    Some(own.parent()?.parent()?.join("lib/wayside/parts"))
}

/// The file that `maps`, in the layout of proc_pid_maps(5), has at an address.
fn mapped_at(maps: &[u8], address: usize) -> Option<&Path> {
    let holds = |range: &[u8]| {
        let (from, to) = std::str::from_utf8(range).ok()?.split_once('-')?;
        let number = |hex| usize::from_str_radix(hex, 16).ok();
        Some((number(from)?..number(to)?).contains(&address))
    };
    let line = maps.split(|b| *b == b'\n').find(|line| {
        let range = line.split(|b| *b == b' ').next().unwrap_or_default();
        holds(range) == Some(true)
    })?;
    // What stands before it has no slash.
    let path = line.iter().position(|b| *b == b'/').and_then(|at| line.get(at..))?;
    Some(Path::new(OsStr::from_bytes(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn this_code_was_loaded_from_this_program() {
        let program = std::env::current_exe().unwrap().canonicalize().unwrap();
        let top = program.parent().unwrap().parent().unwrap();
        assert_eq!(folder(), Some(top.join("lib/wayside/parts")));
    }

    #[test]
    fn a_line_names_a_file_or_none() {
        let maps = b"1000-2000 r--p 00000000 fe:01 77   /opt/my kiosk/bin/wayside\n\
            2000-3000 r-xp 00001000 fe:01 77   /opt/my kiosk/bin/wayside\n\
            3000-4000 rw-p 00000000 00:00 0 \n\
            4000-5000 rw-p 00000000 00:00 0    [heap]\n";
        for address in [0x1000, 0x2abc] {
            assert_eq!(mapped_at(maps, address), Some(Path::new("/opt/my kiosk/bin/wayside")), "{address:x}");
        }
        for address in [0xfff, 0x3000, 0x4fff, 0x5000] {
            assert_eq!(mapped_at(maps, address), None, "{address:x}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(maps in proptest::collection::vec(any::<u8>(), 0..200), address in any::<usize>()) {
            let _ = mapped_at(&maps, address);
        }
    }
}

//! Bytes counted and hashed while they move, so that a file is accepted or refused in one pass.

use crate::error::{Error, Result};
use crate::hex::hex;
use crate::watch::{Cancel, Progress};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// How much moves between two looks at [`Cancel`], in bytes.
const BLOCK: usize = 256 * 1024;

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Sha256([u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Sha256 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a SHA-256: 64 hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(digest))
    }
}

/// What a file must be: its exact size and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expect {
    pub bytes: u64,
    pub sha256: Sha256,
}

/// Reports moved bytes, and stops when asked.
pub(super) struct Meter<'a> {
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
    done: u64,
}

impl<'a> Meter<'a> {
    /// Begins a stage of `total` bytes; it ends when the meter is dropped.
    pub fn start(stage: &str, total: u64, progress: &'a dyn Progress, cancel: &'a Cancel) -> Self {
        progress.start(stage, total);
        Self { progress, cancel, done: 0 }
    }

    fn advance(&mut self, bytes: usize) -> Result<()> {
        self.done += bytes as u64;
        self.progress.at(self.done);
        self.cancel.check()
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        self.progress.finish();
    }
}

/// Moves `from` to `to` and checks that it is what `expect` says. `source` and `target` name the two in errors.
///
/// Reads at most one block past the expected size, whatever `from` would give.
///
/// # Errors
/// Corrupt when `from` is anything else or breaks off; I/O and full-disk errors when `to` refuses.
pub(super) fn copy(
    from: &mut dyn Read,
    source: &str,
    to: &mut dyn Write,
    target: &str,
    expect: Expect,
    meter: &mut Meter,
) -> Result<()> {
    let (bytes, sha256) = pour(from, source, to, target, expect.bytes, meter)?;
    check(source, bytes, sha256, expect)
}

/// Moves all of `from`, of which nothing is known but that it has at most `most` bytes; returns how many it has.
///
/// # Errors
/// As [`copy`].
pub(super) fn append(
    from: &mut dyn Read,
    source: &str,
    to: &mut dyn Write,
    target: &str,
    most: u64,
    meter: &mut Meter,
) -> Result<u64> {
    let (bytes, _) = pour(from, source, to, target, most, meter)?;
    if bytes <= most { Ok(bytes) } else { Err(Error::corrupt(format!("{source} has more than {most} bytes"))) }
}

/// Hashes the file at `path` and checks it; nothing is written.
pub(super) fn verify(path: &Path, expect: Expect, meter: &mut Meter) -> Result<()> {
    let source = path.display().to_string();
    let mut file = File::open(path).map_err(|e| Error::io(format!("cannot read {source}"), e))?;
    let (bytes, sha256) = drain(&mut file, &source, expect.bytes, meter, &mut |_| Ok(()))?;
    check(&source, bytes, sha256, expect)
}

fn pour(
    from: &mut dyn Read,
    source: &str,
    to: &mut dyn Write,
    target: &str,
    limit: u64,
    meter: &mut Meter,
) -> Result<(u64, Sha256)> {
    drain(from, source, limit, meter, &mut |block| {
        to.write_all(block).map_err(|e| Error::io(format!("cannot write {target}"), e))
    })
}

fn drain(
    from: &mut dyn Read,
    source: &str,
    limit: u64,
    meter: &mut Meter,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<(u64, Sha256)> {
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; BLOCK];
    let mut bytes = 0;
    while bytes <= limit {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(unreadable(source, e)),
        };
        let block = buffer.get(..count).unwrap_or_default();
        hasher.update(block);
        each(block)?;
        bytes += count as u64;
        meter.advance(count)?;
    }
    Ok((bytes, Sha256(hasher.finalize().into())))
}

fn check(source: &str, bytes: u64, sha256: Sha256, expect: Expect) -> Result<()> {
    use std::cmp::Ordering;
    let wanted = expect.bytes;
    match bytes.cmp(&wanted) {
        Ordering::Less => Err(Error::corrupt(format!("{source} is truncated: {bytes} of {wanted} bytes"))),
        Ordering::Greater => Err(Error::corrupt(format!("{source} is larger than the expected {wanted} bytes"))),
        Ordering::Equal if sha256 != expect.sha256 => {
            Err(Error::corrupt(format!("{source} is altered: its SHA-256 is {sha256}, expected {}", expect.sha256)))
        }
        Ordering::Equal => Ok(()),
    }
}

/// A decoder that meets damaged data reports it as an I/O error; a failing medium does too, but with a code.
fn unreadable(source: &str, cause: io::Error) -> Error {
    if cause.raw_os_error().is_some() {
        Error::io(format!("cannot read {source}"), cause)
    } else {
        Error::corrupt(format!("{source} is damaged: {cause}")).because(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::watch::Quiet;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn expect(content: &[u8]) -> Expect {
        Expect { bytes: content.len() as u64, sha256: Sha256(sha2::Sha256::digest(content).into()) }
    }

    fn copy_to(to: &mut dyn Write, content: &[u8], expect: Expect, cancel: &Cancel) -> Result<()> {
        let mut meter = Meter::start("test", 0, &Quiet, cancel);
        copy(&mut &content[..], "source", to, "target", expect, &mut meter)
    }

    #[test]
    fn digests_read_as_they_are_written() {
        let digest = Sha256::try_from(EMPTY.to_owned()).unwrap();
        assert_eq!(digest.to_string(), EMPTY);
        assert_eq!(digest, expect(b"").sha256);
        for wrong in ["", "e3", &EMPTY.replace('e', "g"), &EMPTY.replace("e3", "é"), &EMPTY.replace("e3", "+3")] {
            assert!(Sha256::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_expected_bytes_pass() {
        let cancel = Cancel::new();
        let mut out = Vec::new();
        copy_to(&mut out, b"wayside", expect(b"wayside"), &cancel).unwrap();
        assert_eq!(out, b"wayside");
        for wrong in [&b"waysidE"[..], b"waysid", b"wayside!"] {
            let error = copy_to(&mut Vec::new(), wrong, expect(b"wayside"), &cancel).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn an_endless_source_is_not_read_to_its_end() {
        let cancel = Cancel::new();
        let mut out = Vec::new();
        let mut meter = Meter::start("test", 0, &Quiet, &cancel);
        let error = copy(&mut io::repeat(0), "source", &mut out, "target", expect(b"1"), &mut meter).unwrap_err();
        assert!(error.to_string().contains("larger"), "{error}");
        assert!(out.len() <= 2 * BLOCK);
    }

    #[test]
    fn a_wish_to_stop_is_met() {
        let cancel = Cancel::new();
        cancel.cancel();
        let error = copy_to(&mut Vec::new(), b"wayside", expect(b"wayside"), &cancel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_apart() {
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let error = copy_to(&mut full, b"wayside", expect(b"wayside"), &Cancel::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(error.to_string().contains("free some space"), "{error}");
    }
}

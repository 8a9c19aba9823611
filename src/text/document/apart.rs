//! Reading in a process of its own: a file that was made to exhaust its reader exhausts that process and no other.
//!
//! The parent gives the bytes and waits for the document; the child limits itself before it looks at them.

use super::{Document, read};
use crate::error::{Error, ErrorKind, Result};
use crate::thread;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The longest that a document may take to read.
const LONGEST: Duration = Duration::from_secs(29);
/// What the child may have in memory beside a few times the document's own bytes.
const ROOM: u64 = 400 << 20;
/// The longest answer: a document's text takes far less.
const ANSWER: u64 = 192 << 20;
/// The word that makes the program a reader.
pub const WORD: &str = "read-document";

/// What the child says.
#[derive(Serialize, Deserialize)]
enum Reply {
    Document(Document),
    Error(u8, String),
}

/// As [`read`], by `program` in a process of its own: `program read-document PATH`, the bytes on its standard input.
///
/// Errors: as for [`read`]; [`Full`](crate::ErrorKind::Full) where it takes too long, and
/// [`Corrupt`](crate::ErrorKind::Corrupt) where the process did not survive the document.
pub fn read_apart(program: &Path, path: &Path, bytes: &[u8]) -> Result<Document> {
    let cannot = |e| Error::io(format!("cannot start {} to read {}", program.display(), path.display()), e);
    let mut child = Command::new(program)
        .arg(WORD)
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(cannot)?;
    let reply = answer(&mut child, bytes);
    // It has nothing more to say, whatever it is doing.
    let _ = child.kill();
    let _ = child.wait();
    match reply {
        Some(Ok(Reply::Document(document))) => Ok(document),
        Some(Ok(Reply::Error(kind, message))) => Err(Error::new(kind_of(kind), message)),
        Some(Err(())) => Err(Error::corrupt(format!(
            "{}: cannot be read: its reader ran out of memory or failed; save it anew, or leave it out",
            path.display()
        ))),
        None => Err(Error::full(format!(
            "{}: takes longer than {} s to read; split it, or leave it out",
            path.display(),
            LONGEST.as_secs()
        ))),
    }
}

/// What the child answers to `bytes`; none where it takes too long.
fn answer(child: &mut Child, bytes: &[u8]) -> Option<Result<Reply, ()>> {
    let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else { return Some(Err(())) };
    let (said, heard) = mpsc::channel();
    let listener = thread::spawn("reader", move || {
        let mut reply = Vec::new();
        let read = from.take(ANSWER).read_to_end(&mut reply);
        // Nobody listens any more where it took too long.
        let _ = said.send(read.map(|_| reply));
    });
    let Ok(listener) = listener else { return Some(Err(())) };
    // A child that died does not listen to the end; what it said tells more. It reads all before it does anything.
    let _ = to.write_all(bytes);
    drop(to);
    let reply = heard.recv_timeout(LONGEST).ok();
    if reply.is_some() {
        let _ = listener.join();
    }
    Some(reply?.map_err(drop).and_then(|reply| serde_json::from_slice(&reply).map_err(drop)))
}

/// The child: limits itself, reads the document of `path` from `input`, and answers on `output`.
///
/// Errors: `Io` when the parent is gone.
pub fn serve(path: &Path, input: &mut dyn Read, output: &mut dyn Write) -> Result<()> {
    let gone = |e| Error::io("cannot speak to the program that asked", e);
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(gone)?;
    limit(ROOM + 4 * bytes.len() as u64);
    let reply = match read(path, &bytes) {
        Ok(document) => Reply::Document(document),
        Err(e) => Reply::Error(e.kind() as u8, e.to_string()),
    };
    let json = serde_json::to_vec(&reply).map_err(|e| Error::invalid("a document cannot be told").because(e))?;
    output.write_all(&json).and_then(|()| output.flush()).map_err(gone)
}

#[cfg(unix)]
fn limit(bytes: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let within = |resource: Resource, most: u64| {
        let now = getrlimit(resource);
        let most = now.maximum.map_or(most, |maximum| maximum.min(most));
        // A system that has no such limit still has the parent's clock.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: now.maximum });
    };
    within(Resource::As, bytes);
    within(Resource::Core, 0);
    within(Resource::Cpu, LONGEST.as_secs());
}

#[cfg(not(unix))]
fn limit(_: u64) {}

/// The kind with a number.
fn kind_of(number: u8) -> ErrorKind {
    let kinds = [ErrorKind::Invalid, ErrorKind::NotFound, ErrorKind::Unsupported, ErrorKind::Io, ErrorKind::Full];
    kinds.into_iter().find(|kind| *kind as u8 == number).unwrap_or(ErrorKind::Corrupt)
}

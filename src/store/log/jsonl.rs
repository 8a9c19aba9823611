//! The log as JSON lines: in from the data people have, out to files they keep.

use super::interaction::{Interaction, new_id};
use super::{Log, readable};
use crate::error::{Error, Result};
use crate::store::{codec, env};
use crate::watch::Cancel;
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

/// Bytes of a line; more is a file that is no JSON lines.
const LONGEST_LINE: u64 = 64 << 20;

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Interactions under ids that were not in the log.
    pub added: u64,
    /// Interactions that took the place of one with the same id.
    pub replaced: u64,
    /// Interactions that stayed out, because their subject was erased since.
    pub left_out: u64,
}

/// What an export did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Interactions written.
    pub written: u64,
    /// What could not be read, one sentence each.
    pub damaged: Vec<String>,
}

impl Log {
    /// Takes in JSON lines: `messages` with `role` and `content`, and whatever else an interaction has, in the shape of
    /// other programs too: content in parts, numbers for times and thumbs. A missing id
    /// becomes a new one, a missing time the present; an id that the log has is replaced. Blank lines are passed over.
    /// What somebody said who was erased since stays out.
    ///
    /// All or nothing: a bad line is an error that names its number, and the log stays as it was.
    pub fn import(&self, reader: impl Read, cancel: &Cancel) -> Result<Imported> {
        let mut spool = self.spool(reader, cancel)?;
        self.env.write(|txn| {
            let mut imported = Imported::default();
            spool.rewind().map_err(spool_failed)?;
            for interaction in serde_json::Deserializer::from_reader(BufReader::new(&spool)).into_iter() {
                cancel.check()?;
                let interaction: Interaction = interaction.map_err(|e| spool_failed(e.into()))?;
                if self.tables.is_erased(txn, &interaction)? {
                    imported.left_out += 1;
                    continue;
                }
                match self.tables.put(txn, &interaction)? {
                    true => imported.replaced += 1,
                    false => imported.added += 1,
                }
            }
            Ok(imported)
        })
    }

    /// Checks every line and keeps the interactions in a file. The transaction that follows then waits for no slow
    /// reader, and can start over when the map has to grow.
    fn spool(&self, reader: impl Read, cancel: &Cancel) -> Result<File> {
        let mut spool = BufWriter::new(tempfile::tempfile_in(self.env.dir()).map_err(spool_failed)?);
        for entry in interactions(reader) {
            cancel.check()?;
            let (number, mut interaction) = entry?;
            if interaction.id.is_empty() {
                interaction.id = new_id();
            }
            interaction.unmark();
            interaction.validate().map_err(|e| e.context(format!("line {number}")))?;
            serde_json::to_writer(&mut spool, &interaction).map_err(|e| spool_failed(e.into()))?;
        }
        spool.into_inner().map_err(|e| spool_failed(e.into_error()))
    }

    /// Writes all interactions as JSON lines, the oldest first. What is damaged is left out and reported, so that
    /// this also saves what can be saved.
    pub fn export(&self, mut writer: impl Write) -> Result<Exported> {
        let failed = |e| Error::io("cannot write the interactions", e);
        self.env.read(|txn| {
            let mut exported = Exported::default();
            for entry in self.tables.times.raw().iter(txn)? {
                if let Some(interaction) = readable(self.tables.at(txn, entry?.0), &mut exported.damaged)? {
                    serde_json::to_writer(&mut writer, &interaction).map_err(|e| failed(e.into()))?;
                    writer.write_all(b"\n").map_err(failed)?;
                    exported.written += 1;
                }
            }
            writer.flush().map_err(failed)?;
            Ok(exported)
        })
    }
}

/// Writes what can still be read of a log that cannot be opened any more, as JSON lines in the order of their ids. What
/// cannot be read is left out and reported, as far as anybody can tell.
pub fn salvage(dir: &Path, mut writer: impl Write) -> Result<Exported> {
    let failed = |e| Error::io("cannot write the interactions", e);
    let (mut exported, mut refused) = (Exported::default(), None);
    let mut each = |interaction: &Interaction| -> std::io::Result<()> {
        serde_json::to_writer(&mut writer, interaction)?;
        writer.write_all(b"\n")
    };
    let (mut written, mut damaged) = (0, Vec::new());
    let lost = env::salvage(dir, "interactions", &mut |key, value| {
        let read = codec::unseal(key, value).map_err(|damage| damage.to_string());
        let read = read.and_then(|json| serde_json::from_slice::<Interaction>(json).map_err(|e| e.to_string()));
        match read {
            Ok(_) if refused.is_some() => {}
            Ok(interaction) => match each(&interaction) {
                Ok(()) => written += 1,
                Err(e) => refused = Some(e),
            },
            Err(why) => damaged.push(format!("the interaction '{}' is damaged: {why}", key.escape_ascii())),
        }
    })?;
    if let Some(e) = refused {
        return Err(failed(e));
    }
    writer.flush().map_err(failed)?;
    exported.written = written;
    exported.damaged = lost.into_iter().chain(damaged).collect();
    Ok(exported)
}

/// The interactions of JSON lines as they stand there, each with the number of its line. Blank lines are passed over.
///
/// A bad line is an error that names its number; nothing comes after it.
pub fn interactions(reader: impl Read) -> impl Iterator<Item = Result<(u64, Interaction)>> {
    let mut lines = Lines { reader: BufReader::new(reader), line: Vec::new(), number: 0 };
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let next = lines.next();
        over = !matches!(next, Ok(Some(_)));
        let number = lines.number;
        next.map_err(|e| e.context(format!("line {number}"))).transpose().map(|next| Ok((number, next?)))
    })
}

struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// Of the line in hand, from 1.
    number: u64,
}

impl<R: Read> Lines<R> {
    /// What the next line that is not blank holds.
    fn next(&mut self) -> Result<Option<Interaction>> {
        loop {
            self.number += 1;
            self.line.clear();
            let mut reader = (&mut self.reader).take(LONGEST_LINE);
            let length =
                reader.read_until(b'\n', &mut self.line).map_err(|e| Error::io("cannot read the interactions", e))?;
            if length == 0 {
                return Ok(None);
            }
            if length as u64 == LONGEST_LINE {
                return Err(Error::invalid("longer than 64 MiB; interactions come one to a line"));
            }
            let mark: &[u8] = if self.number == 1 { b"\xEF\xBB\xBF" } else { b"" };
            let text = self.line.strip_prefix(mark).unwrap_or(&self.line);
            if !text.trim_ascii().is_empty() {
                let wrong = |e: serde_json::Error| {
                    // Every line is the first of its own text.
                    let why = e.to_string().replace("at line 1 column", "at column");
                    Error::invalid(format!("this is no interaction: {why}")).because(e)
                };
                let value = super::lenient::tidy(serde_json::from_slice(text).map_err(wrong)?)?;
                return serde_json::from_value(value).map(Some).map_err(wrong);
            }
        }
    }
}

fn spool_failed(error: std::io::Error) -> Error {
    Error::io("cannot write the import's temporary file", error)
}

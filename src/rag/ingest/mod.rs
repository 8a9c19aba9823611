//! Files to the index. Only what changed is read closely, embedded and written; what is gone is removed.
//!
//! A document goes by its canonical path. Its digest covers the bytes and how they were read and cut, so that a new
//! chunk size is a change, and so is a reader that makes more of a format. Documents become visible in batches, each
//! document whole; an interrupted run goes on where it was, because what is in the index already counts as unchanged.
//!
//! Nothing is lost that only cannot be seen: see [`plan`]. What was not taken is kept as a list: see [`passed_over`].
//! What the index knows under another path, or knew before, costs no embedding: see [`held`]. Which embedder is used
//! depends on the languages: see [`embedders`].

mod embedders;
mod held;
mod passed_over;
mod plan;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::hex::hex;
use crate::store::index::{Index, NewChunk, NewDocument};
use crate::text::{chunk, document};
use crate::watch::{Cancel, Progress};
use embedders::Choice;
use held::Held;
use plan::{File, plan};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

pub use embedders::Embedders;

/// Chunks that are embedded and written together: some seconds of work, which is what a power cut can cost.
const BATCH: usize = 256;
/// How documents are read, by number: one more whenever `text::document` makes more of a format, so that the next
/// ingest reads what an earlier version took in.
const READING: u32 = 3;

/// How documents are cut and stored.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they go.
    pub collection: String,
    /// The longest chunk, in the embedder's tokens.
    pub chunk_tokens: usize,
    /// What a chunk repeats of the one before, in tokens.
    pub overlap_tokens: usize,
    /// The largest document, in bytes.
    pub max_bytes: u64,
    /// Whether documents go that are not there, though their folder may only be away.
    pub remove_missing: bool,
    /// The program that reads what may be made to exhaust one, in a process of its own. Without one, this one does.
    pub reader: Option<PathBuf>,
}

/// What an ingest did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ingested {
    /// Documents that are new or changed.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// Documents that were there already as they are.
    pub unchanged: u64,
    /// Documents whose file is gone.
    pub removed: u64,
    /// Those of them whose content came in from another place: they were moved.
    pub moved: u64,
    /// Chunks whose vector was there already, so that nothing was embedded for them.
    pub reused: u64,
    /// Everything that was not taken: each with its kind and the reason.
    pub skipped: Vec<Skipped>,
    /// The embedder that the index has vectors of now.
    pub embedder: String,
    /// How many of each kind were not taken.
    pub skipped_kinds: BTreeMap<String, u64>,
    /// Documents that could not be read this time, or not be seen: they still say what they said.
    pub stale: Vec<Skipped>,
}

/// A file that was left out, or left as it was.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Skipped {
    /// Its path.
    pub document: String,
    /// What it is: its extension, `hidden`, `folder`; `stale` for what was left as it was.
    pub kind: String,
    /// Why.
    pub reason: String,
}

impl Skipped {
    fn new(document: &str, kind: &str, reason: &str) -> Self {
        Self { document: document.to_owned(), kind: kind.to_owned(), reason: reason.to_owned() }
    }
}

/// Brings the collection up to date with `paths`: files, or folders with all that is in them.
///
/// What cannot be read is skipped and named, and keeps what it said before; so does what is below a folder that is
/// empty or away. What is gone from a folder that is still in use is removed. Where the index has vectors of another
/// embedder, all are made anew.
///
/// Errors: that of the first path, when none of `paths` leads to anything.
pub fn ingest(
    index: &Index,
    embedders: Embedders,
    paths: &[PathBuf],
    settings: &Settings,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Ingested> {
    let choice = Choice::new(index, embedders, progress, cancel)?;
    let known: BTreeMap<String, String> =
        index.documents(&settings.collection)?.into_iter().map(|d| (d.name, d.digest)).collect();
    let plan = plan(paths, &known, settings.remove_missing)?;
    let held = Held::new(index, &settings.collection)?;
    let (done, batch) = (Ingested::default(), Vec::new());
    let mut work = Work { index, choice, settings, progress, cancel, held, done, batch };
    work.done.skipped = plan.skipped;
    work.done.stale = plan.stale;
    let mut failed = plan.failed;
    let total = plan.files.len() as u64;
    progress.start("ingest", total);
    for (at, file) in (0..).zip(&plan.files) {
        cancel.check()?;
        match work.read(file, &known) {
            Ok(Found::New(document)) => work.add(document)?,
            Ok(Found::Unchanged(digest)) => {
                work.done.unchanged += 1;
                work.held.seen(digest);
            }
            Err(e) if e.kind() == crate::ErrorKind::Cancelled => return Err(e),
            Err(e) => {
                let (kind, reason) = (plan::kind(&file.path), e.to_string());
                work.done.skipped.push(Skipped::new(&file.name, &kind, &reason));
                // What it said last is better than nothing, as long as that is told.
                if known.contains_key(&file.name) {
                    work.done.stale.push(Skipped::new(&file.name, "stale", &reason));
                }
                failed.extend(file.named.then_some(e));
            }
        }
        progress.at(at + 1);
    }
    let nothing = failed.len() == paths.len() && work.done.stale.is_empty();
    if let Some(first) = failed.into_iter().next().filter(|_| nothing) {
        return Err(first);
    }
    work.flush()?;
    let mut removed = plan.gone;
    work.done.moved = work.held.moved(&mut removed);
    // A collection that nothing came into need not be there.
    if !removed.is_empty() {
        work.done.removed = index.remove_documents(&settings.collection, &removed, cancel)?;
    }
    work.choice.embedder.name().clone_into(&mut work.done.embedder);
    passed_over::remember(index, settings, &plan.roots, &work.done.skipped)?;
    for skipped in &work.done.skipped {
        *work.done.skipped_kinds.entry(skipped.kind.clone()).or_default() += 1;
    }
    progress.finish();
    Ok(work.done)
}

/// The name of the document at an absolute path: the path. Bytes that are no UTF-8 are written as `\xE9`, so that two
/// files stay two documents.
pub fn document_name(path: &Path) -> String {
    let chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}"));
        [chunk.valid().to_owned()].into_iter().chain(invalid).collect::<String>()
    };
    path.as_os_str().as_encoded_bytes().utf8_chunks().map(chunk).collect()
}

enum Found {
    New(Cut),
    Unchanged(String),
}

/// A document cut into pieces, not embedded yet.
struct Cut {
    name: String,
    digest: String,
    title: String,
    pieces: Vec<chunk::Piece>,
    /// For each piece its vector, where the index has it.
    vectors: Vec<Option<Vec<f32>>>,
}

struct Work<'a> {
    index: &'a Index,
    choice: Choice<'a>,
    settings: &'a Settings,
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
    held: Held<'a>,
    done: Ingested,
    batch: Vec<Cut>,
}

impl Work<'_> {
    fn read(&self, file: &File, known: &BTreeMap<String, String>) -> Result<Found> {
        // Before the batch it would be in: one name must not keep the others out.
        Index::check_name(&file.name)?;
        if !file.named {
            document::check_in_folder(&file.path)?;
        }
        let bytes = document::load(&file.path, self.settings.max_bytes)?;
        let digest = self.digest(&bytes);
        if known.get(&file.name) == Some(&digest) {
            return Ok(Found::Unchanged(digest));
        }
        let apart = document::is_binary(&file.path).then_some(self.settings.reader.as_ref()).flatten();
        let document = match apart {
            Some(program) => document::read_apart(program, &file.path, &bytes)?,
            None => document::read(&file.path, &bytes)?,
        };
        for note in &document.notes {
            self.progress.note(&format!("{}: {note}", file.name));
        }
        let count = |text: &str| self.choice.embedder.count(text);
        let pieces = chunk::split(&document, self.settings.chunk_tokens, self.settings.overlap_tokens, &count);
        if pieces.is_empty() {
            return Err(Error::invalid(format!("{} holds no text", file.path.display())));
        }
        let (name, title) = (file.name.clone(), document.title);
        let vectors = self.held.vectors(&name, &digest, &title, &pieces)?;
        Ok(Found::New(Cut { name, digest, title, pieces, vectors }))
    }

    fn digest(&self, bytes: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{READING} {} {}\n", self.settings.chunk_tokens, self.settings.overlap_tokens));
        hash.update(bytes);
        hex(&hash.finalize())
    }

    fn add(&mut self, document: Cut) -> Result<()> {
        self.batch.push(document);
        let waiting: usize = self.batch.iter().map(|d| d.pieces.len()).sum();
        if waiting >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Embeds what waits, outside any transaction, then writes it in one.
    fn flush(&mut self) -> Result<()> {
        let mut batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        if self.choice.look_at(&batch)? {
            // Vectors that were held are another embedder's now.
            batch.iter_mut().flat_map(|document| &mut document.vectors).for_each(|vector| *vector = None);
        }
        let batch = self.embed(batch)?;
        let came = batch.iter().map(|d| (d.name.clone(), d.digest.clone())).collect::<Vec<_>>();
        let documents = batch.into_iter().map(|d| {
            let chunk = |(p, vector): (chunk::Piece, Option<Vec<f32>>)| NewChunk {
                section: p.section,
                text: p.text,
                tokens: p.tokens as u32,
                vector: vector.unwrap_or_default(),
            };
            let chunks = d.pieces.into_iter().zip(d.vectors).map(chunk).collect();
            NewDocument { name: d.name, digest: d.digest, title: d.title, chunks }
        });
        let id = self.choice.embedder.id();
        let applied = self.index.apply_of(id, &self.settings.collection, documents.collect(), self.cancel)?;
        self.done.documents += applied.documents;
        self.done.chunks += applied.chunks;
        came.into_iter().for_each(|(name, digest)| self.held.came(name, digest));
        Ok(())
    }

    /// Finds the vectors that are missing. Of documents with the same content one is embedded.
    fn embed(&mut self, mut batch: Vec<Cut>) -> Result<Vec<Cut>> {
        let mut first = HashMap::new();
        for (at, document) in batch.iter().enumerate() {
            first.entry(document.digest.clone()).or_insert(at);
        }
        let is_first = |at: usize, d: &Cut| first.get(&d.digest) == Some(&at);
        let mut texts = Vec::new();
        for (_, d) in batch.iter().enumerate().filter(|(at, d)| is_first(*at, d)) {
            let missing = d.pieces.iter().zip(&d.vectors).filter(|(_, vector)| vector.is_none());
            texts.extend(missing.map(|(piece, _)| passage(&d.title, &piece.section, &piece.text)));
        }
        let all: usize = batch.iter().map(|d| d.pieces.len()).sum();
        self.done.reused += all.saturating_sub(texts.len()) as u64;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut made = match texts.is_empty() {
            true => Vec::new(),
            false => self.choice.embedder.passages(&texts, self.progress, self.cancel)?,
        }
        .into_iter();
        let mut whole: HashMap<String, Vec<Option<Vec<f32>>>> = HashMap::new();
        for (at, d) in batch.iter_mut().enumerate() {
            if first.get(&d.digest) == Some(&at) {
                d.vectors.iter_mut().filter(|v| v.is_none()).for_each(|v| *v = made.next());
                whole.insert(d.digest.clone(), d.vectors.clone());
            } else if let Some(vectors) = whole.get(&d.digest) {
                d.vectors.clone_from(vectors);
            }
        }
        Ok(batch)
    }
}

/// What is embedded: a piece under its headings, which often carry the words people ask with.
fn passage(title: &str, section: &str, text: &str) -> String {
    match section {
        "" => format!("{title}\n{text}"),
        section => format!("{title} > {section}\n{text}"),
    }
}

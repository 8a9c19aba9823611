//! Documents to language modelling: their texts one after the other, cut into windows of equal length.
//!
//! ```text
//! | document ... | boundary | document ...        | boundary | document |
//! |<--- window --->|<--- window --->|<--- window --->|<- tail ->|
//! ```
//!
//! Windows do not overlap, and every token of one but the first is learnt. Nothing is padded but the tail, which is
//! left out where it is too short to be worth a step.

use super::data::{Data, Origin};
use super::example::Example;
use super::language::Language;
use crate::error::{Error, ErrorKind, Result};
use crate::hex::hex;
use crate::text::document::{self, Document};
use crate::watch::{Cancel, Progress};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The shortest window, in tokens.
pub const SHORTEST: usize = 16;

/// Reads documents from `paths`: files, or folders with all that is in them. Windows have `length` tokens; no document
/// may have more than `max_bytes`.
///
/// A file named by itself must be readable; in a folder, what cannot be read is skipped and reported.
///
/// Errors: `Invalid` when all texts together have less than [`SHORTEST`] tokens, or `length` is less.
pub fn read(
    paths: &[PathBuf],
    language: &Language,
    length: usize,
    max_bytes: u64,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Data> {
    if length < SHORTEST {
        return Err(Error::invalid(format!("windows of {length} tokens are too short; choose {SHORTEST} or more")));
    }
    let mut stream = Stream { language, tokens: Vec::new(), data: Data::default() };
    // Where each path begins in the stream.
    let mut begins = Vec::with_capacity(paths.len());
    for path in paths {
        begins.push(stream.tokens.len());
        stream.add(path, max_bytes, progress, cancel)?;
    }
    let Stream { tokens, mut data, .. } = stream;
    let windows = tokens.chunks(length).filter(|window| window.len() >= SHORTEST);
    data.examples = windows.map(|window| Example::whole(window.to_vec())).collect::<Result<_>>()?;
    if data.examples.is_empty() {
        let why = data.skipped.reasons.first().map(|why| format!(" (skipped: {why})")).unwrap_or_default();
        return Err(Error::invalid(format!(
            "the documents have {} tokens in all; training takes {SHORTEST} or more{why}",
            tokens.len()
        )));
    }
    let windows_before = |token: usize| token.div_ceil(length).min(data.examples.len());
    let ends = begins.iter().skip(1).copied().chain([tokens.len()]);
    for ((begin, end), origin) in begins.iter().zip(ends).zip(&mut data.origins) {
        origin.examples = windows_before(end) - windows_before(*begin);
    }
    Ok(data)
}

/// The windows of one text, of `length` tokens each; a tail too short for a step is left out.
pub fn windows(text: &str, language: &Language, length: usize) -> Result<Vec<Example>> {
    let tokens = language.tokenizer.encode(text, false)?;
    let long = tokens.chunks(length.max(SHORTEST)).filter(|window| window.len() >= SHORTEST);
    long.map(|window| Example::whole(window.to_vec())).collect()
}

/// The texts so far.
struct Stream<'a> {
    language: &'a Language<'a>,
    tokens: Vec<u32>,
    data: Data,
}

impl Stream<'_> {
    /// Adds a file, or the files of a folder.
    fn add(&mut self, path: &Path, max_bytes: u64, progress: &dyn Progress, cancel: &Cancel) -> Result<()> {
        let is_folder = path.is_dir();
        let files = if is_folder { document::files(path)?.files } else { vec![path.to_owned()] };
        let mut hash = Sha256::new();
        progress.start("read", files.len() as u64);
        for (done, file) in (1..).zip(&files) {
            cancel.check()?;
            let found = if is_folder { document::check_in_folder(file) } else { Ok(()) };
            match found.and_then(|()| self.document(file, max_bytes, &mut hash)) {
                Err(e) if is_folder && e.kind() != ErrorKind::Cancelled => {
                    progress.note(&format!("skipped: {e}"));
                    self.data.skipped.add(e.to_string());
                }
                read => read?,
            }
            progress.at(done);
        }
        progress.finish();
        let name = path.canonicalize().ok().and_then(|full| full.file_name().map(|n| n.to_string_lossy().into_owned()));
        let name = name.unwrap_or_else(|| path.display().to_string());
        self.data.origins.push(Origin { name, sha256: hex(&hash.finalize()), examples: 0 });
        Ok(())
    }

    /// Adds a document whole, or not at all.
    fn document(&mut self, path: &Path, max_bytes: u64, hash: &mut Sha256) -> Result<()> {
        let bytes = document::load(path, max_bytes)?;
        let text = text(&document::read(path, &bytes)?, path);
        if text.trim().is_empty() {
            return Err(Error::invalid(format!("{} holds no text", path.display())));
        }
        let tokens = self.language.tokenizer.encode(&text, false)?;
        // A model that knows a beginning knows no text without one; else a boundary only parts two.
        let parted = self.language.bos.is_some() || !self.tokens.is_empty();
        self.tokens.extend(self.language.boundary().filter(|_| parted));
        self.tokens.extend(tokens);
        hash.update(&bytes);
        Ok(())
    }
}

/// What a document says, as a person would read it out: title, headings and texts, a blank line between.
fn text(document: &Document, path: &Path) -> String {
    let mut blocks: Vec<&str> = Vec::new();
    // A document without a title goes by its file's name, which it does not say.
    if path.file_stem().is_none_or(|stem| stem.to_string_lossy() != document.title) {
        blocks.push(&document.title);
    }
    let mut open: &[String] = &[];
    for section in &document.sections {
        let shared = section.path.iter().zip(open).take_while(|(a, b)| a == b).count();
        blocks.extend(section.path.iter().skip(shared).map(String::as_str));
        // A heading with nothing under it is its own text.
        if blocks.last() != Some(&section.text.as_str()) {
            blocks.push(&section.text);
        }
        open = &section.path;
    }
    blocks.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::super::language::tests::Fixture;
    use super::*;
    use crate::watch::Quiet;
    use proptest::prelude::*;
    use std::fs;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn open(paths: &[PathBuf], fixture: &Fixture, length: usize) -> Result<Data> {
        read(paths, &fixture.language(), length, 1 << 20, &Quiet, &Cancel::new())
    }

    #[test]
    fn windows_hold_the_texts_with_a_boundary_between() {
        let fixture = Fixture::llama();
        let home = folder(&[
            ("a.md", "# Pump\n\nHold the green button.\n\n## Reset\n\nWait until the light stops."),
            ("b.txt", "It's in the manual, on page twelve."),
            ("c.bin", "left alone"),
        ]);
        let data = open(&[home.path().to_owned()], &fixture, 16).unwrap();
        let all: Vec<u32> = data.examples.iter().flat_map(|e| e.tokens.clone()).collect();
        let texts = [
            "Pump\n\nHold the green button.\n\nReset\n\nWait until the light stops.",
            "It's in the manual, on page twelve.",
        ];
        let [a, b] = texts.map(|text| fixture.tokenizer.encode(text, false).unwrap());
        let mut wanted = [a, vec![0], b].concat();
        let tail = wanted.len() % 16;
        wanted.truncate(wanted.len() - tail);
        assert_eq!(all, wanted, "a tail of {tail} is too short");
        assert!(data.examples.iter().all(|e| e.len() == 16 && e.learnt() == 15));
        assert_eq!(data.origins[0].examples, data.examples.len());
        assert_eq!(data.origins[0].name, home.path().file_name().unwrap().to_string_lossy());
    }

    #[test]
    fn a_model_with_a_beginning_begins_every_text() {
        let mut fixture = Fixture::llama();
        fixture.bos = Some(1);
        let home = folder(&[("a.txt", "Hold the green button for 12 seconds."), ("b.txt", "And wait until it stops.")]);
        let data = open(&[home.path().to_owned()], &fixture, 4096).unwrap();
        let [only] = data.examples.as_slice() else { panic!("{data:?}") };
        let begins: Vec<usize> = (0..only.len()).filter(|i| only.tokens[*i] == 1).collect();
        assert_eq!((begins.len(), begins[0]), (2, 0));
    }

    #[test]
    fn a_bad_file_is_an_error_when_named_and_skipped_in_a_folder() {
        let fixture = Fixture::llama();
        let home =
            folder(&[("a.txt", "Hold the green button for 12 seconds, then wait."), ("b.jsonl", "{"), ("c.txt", " ")]);
        let bad = home.path().join("b.jsonl");
        assert_eq!(open(&[bad], &fixture, 32).unwrap_err().kind(), ErrorKind::Corrupt);
        let data = open(&[home.path().to_owned()], &fixture, 32).unwrap();
        assert_eq!((data.examples.len(), data.skipped.count), (1, 2), "{:?}", data.skipped);
        assert_eq!(open(&[home.path().join("none.txt")], &fixture, 32).unwrap_err().kind(), ErrorKind::NotFound);
        let short = folder(&[("a.txt", "Hold."), ("c.txt", "")]);
        let error = open(&[short.path().to_owned()], &fixture, 32).unwrap_err();
        assert!(error.to_string().contains("16 or more (skipped: ") && error.to_string().contains("c.txt"), "{error}");
        assert!(open(&[home.path().to_owned()], &fixture, 15).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_token_is_lost_but_a_short_tail(
            texts in prop::collection::vec("[a-z]{1,5}( [a-z.]{1,8}){0,40}", 1..5), length in 16usize..64,
        ) {
            let fixture = Fixture::llama();
            let home = tempfile::tempdir().unwrap();
            let path = |i: usize| home.path().join(format!("{i}.txt"));
            texts.iter().enumerate().for_each(|(i, text)| fs::write(path(i), text).unwrap());
            let paths: Vec<PathBuf> = (0..texts.len()).map(path).collect();
            let Ok(data) = open(&paths, &fixture, length) else { return Ok(()) };
            let tokens: usize = texts.iter().map(|text| fixture.tokenizer.count(text)).sum::<usize>() + texts.len() - 1;
            let held: usize = data.examples.iter().map(Example::len).sum();
            prop_assert!(held <= tokens && tokens - held < SHORTEST, "{held} of {tokens}");
            prop_assert_eq!(data.origins.iter().map(|o| o.examples).sum::<usize>(), data.examples.len());
        }
    }
}

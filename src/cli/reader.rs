//! The program as a reader of one document, for the program that ingests: see `text::document::read_apart`.

use std::path::Path;
use std::process::ExitCode;
use wayside::rag::{READER_WORD, serve_document};

/// Reads one document for the parent, where that is what the words ask for.
pub fn run() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let path = words.next().filter(|word| *word == READER_WORD).and_then(|_| words.next())?;
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let served = serve_document(Path::new(&path), &mut input, &mut output);
    Some(if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! Takes folders in, shows how far it is, and says what was not taken.
//!
//! ```sh
//! cargo run --release --example ingest -- HOME manuals
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wayside::Runtime;
use wayside::watch::{Cancel, Progress};

/// Says each stage, and each tenth of it.
struct Tenths(std::sync::Mutex<(String, u64, u64)>);

impl Progress for Tenths {
    fn start(&self, stage: &str, total: u64) {
        if let Ok(mut now) = self.0.lock() {
            *now = (stage.to_owned(), total, 0);
        }
    }

    fn at(&self, done: u64) {
        let Ok(mut now) = self.0.lock() else { return };
        let tenth = (done * 10).checked_div(now.1).unwrap_or(0);
        if tenth > now.2 {
            now.2 = tenth;
            eprintln!("{}: {} of {}", now.0, done, now.1);
        }
    }

    fn note(&self, text: &str) {
        eprintln!("{text}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let home = words.next().ok_or("say a home, then files and folders")?;
    let paths: Vec<PathBuf> = words.map(PathBuf::from).collect();
    let progress = Arc::new(Tenths(std::sync::Mutex::default()));
    let runtime = Runtime::open(Path::new(&home))?.watched(progress, Cancel::new());
    let done = runtime.ingest(&paths, None)?;
    println!("{} documents in {} passages, {} unchanged", done.documents, done.chunks, done.unchanged);
    for skipped in &done.skipped {
        println!("not taken: {} ({})", skipped.document, skipped.reason);
    }
    Ok(())
}

//! Progress on standard error: a bar on a terminal, one line for each stage with `-v` elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wayside::watch::Progress;

/// Stages of the library that count bytes; the others count things.
const BYTES: [&str; 3] = ["downloading", "unpacking", "checking"];

/// Draws the library's progress.
pub struct Bars {
    /// Whether bars are drawn.
    draw: bool,
    /// Whether stages are told line by line.
    tell: bool,
    quiet: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Bars {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { draw: terminal && !quiet, tell: !terminal && verbose, quiet, bar: Mutex::default() }
    }

    fn bar(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn start(&self, stage: &str, total: u64) {
        if self.tell {
            let _ = writeln!(std::io::stderr(), "{stage}");
        }
        if !self.draw {
            return;
        }
        let bar = ProgressBar::with_draw_target((total > 0).then_some(total), ProgressDrawTarget::stderr());
        bar.set_style(style(stage, total));
        bar.set_message(stage.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        if let Some(before) = self.bar().replace(bar) {
            before.finish_and_clear();
        }
    }

    fn at(&self, done: u64) {
        if let Some(bar) = &*self.bar() {
            bar.set_position(done);
        }
    }

    fn finish(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        let tell = || {
            let _ = writeln!(std::io::stderr(), "{text}");
        };
        match &*self.bar() {
            _ if self.quiet => {}
            Some(bar) => bar.suspend(tell),
            None => tell(),
        }
    }
}

fn style(stage: &str, total: u64) -> ProgressStyle {
    ProgressStyle::with_template(template(stage, total)).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn template(stage: &str, total: u64) -> &'static str {
    let bytes = BYTES.iter().any(|s| stage.starts_with(s));
    match (total, bytes) {
        (0, _) => "{spinner} {msg} {elapsed}",
        (_, true) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        (_, false) => "{msg} {wide_bar} {pos}/{len} {per_sec} {eta}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_valid() {
        for (stage, total) in [("looking", 0), ("downloading a part", 7), ("ingest", 7)] {
            assert!(ProgressStyle::with_template(template(stage, total)).is_ok(), "{stage}");
        }
    }
}

//! Progress on standard error: bars on a terminal, one line for each stage with `-v` elsewhere.

use super::style::shown;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wayside::watch::Progress;

/// Stages of the library that count bytes; the others count things.
const BYTES: [&str; 5] = ["downloading", "unpacking", "checking", "backing up", "restoring"];

/// Draws the library's progress.
pub struct Bars {
    screen: MultiProgress,
    /// A bar for each stage under way, the innermost last: an ingest embeds while it goes on.
    stages: Mutex<Vec<ProgressBar>>,
    /// Whether bars are drawn.
    draw: bool,
    /// Whether stages are told line by line.
    tell: bool,
    quiet: bool,
}

impl Bars {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { screen, stages: Mutex::default(), draw: terminal && !quiet, tell: !terminal && verbose, quiet }
    }

    /// Takes all bars off the screen, also those of stages that an error ended.
    pub fn clear(&self) {
        self.stages().drain(..).for_each(|bar| bar.finish_and_clear());
    }

    fn stages(&self) -> MutexGuard<'_, Vec<ProgressBar>> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn start(&self, stage: &str, total: u64) {
        if self.tell {
            let _ = writeln!(std::io::stderr(), "{stage}");
        }
        if self.draw {
            let bar = self
                .screen
                .add(ProgressBar::with_draw_target((total > 0).then_some(total), ProgressDrawTarget::hidden()));
            bar.set_style(style(stage, total));
            bar.set_message(stage.to_owned());
            bar.set_prefix(stage.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            self.stages().push(bar);
        }
    }

    fn at(&self, done: u64) {
        if let Some(bar) = self.stages().last() {
            bar.set_position(done);
        }
    }

    fn detail(&self, text: &str) {
        if let Some(bar) = self.stages().last() {
            bar.set_message(format!("{} ({text})", bar.prefix()));
        }
    }

    fn finish(&self) {
        if let Some(bar) = self.stages().pop() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        if !self.quiet {
            self.screen.suspend(|| {
                let _ = writeln!(std::io::stderr(), "{}", shown(text));
            });
        }
    }
}

fn style(stage: &str, total: u64) -> ProgressStyle {
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{:.1}/s", state.per_sec());
    };
    let remaining = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = out.write_str(&left(remaining(state.elapsed(), state.pos(), state.len().unwrap_or(0))));
    };
    let style = ProgressStyle::with_template(template(stage, total)).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", rate).with_key("remaining", remaining)
}

/// The time that is left where the rest takes as long as what is done; none while nothing is.
fn remaining(elapsed: Duration, done: u64, total: u64) -> Option<Duration> {
    let each = (done > 0).then(|| elapsed.as_secs_f64() / done as f64)?;
    Duration::try_from_secs_f64(each * total.saturating_sub(done) as f64).ok()
}

fn left(remaining: Option<Duration>) -> String {
    remaining.map_or_else(|| "? left".to_owned(), |time| format!("{:#} left", HumanDuration(time)))
}

fn template(stage: &str, total: u64) -> &'static str {
    let bytes = BYTES.iter().any(|s| stage.starts_with(s));
    match (total, bytes) {
        (0, _) => "{spinner} {msg} {elapsed}",
        (_, true) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {elapsed}, {remaining}",
        (_, false) => "{msg} {wide_bar} {pos}/{len} {rate} {elapsed}, {remaining}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_valid() {
        for (stage, total) in [("looking", 0), ("downloading a part", 7), ("ingest", 7)] {
            assert!(ProgressStyle::with_template(template(stage, total)).is_ok(), "{stage}");
            assert!(template(stage, total).contains("{elapsed}"), "{stage}");
        }
    }

    #[test]
    fn remaining_time_is_elapsed_over_done() {
        let seconds = Duration::from_secs;
        assert_eq!(remaining(seconds(40), 0, 100), None, "nothing is done");
        assert_eq!(remaining(seconds(40), 10, 100), Some(seconds(360)));
        assert_eq!(remaining(seconds(40), 100, 100), Some(seconds(0)));
        assert_eq!(remaining(seconds(40), 101, 100), Some(seconds(0)), "more than was said");
        assert_eq!(remaining(Duration::MAX, 1, u64::MAX), None, "longer than can be told");
        assert_eq!(left(None), "? left");
        assert_eq!(left(Some(seconds(360))), "6m left");
    }
}

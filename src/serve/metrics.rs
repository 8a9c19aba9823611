//! What is counted, in Prometheus's text format. Nothing of it tells who asked, or what.

use super::house::House;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use wayside::memory;

/// Upper bounds of what is measured in seconds.
const SECONDS: [f64; 10] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// Counts that only grow.
#[derive(Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// From a request to its answer's first word, by what was asked.
    first: Histogram,
    /// From a request to its answer's last word.
    whole: Histogram,
    /// Tokens that models read.
    pub prompt_tokens: AtomicU64,
    /// Tokens that were there already.
    pub known_tokens: AtomicU64,
    /// Tokens that models wrote.
    pub answer_tokens: AtomicU64,
    /// Answers that rest on something.
    pub found: AtomicU64,
    /// Questions for which nothing was found.
    pub silent: AtomicU64,
    /// Answers whose client left before their end.
    pub left: AtomicU64,
    /// Connections that are open.
    pub connections: AtomicU64,
    /// Connections that were closed to make room.
    pub evicted: AtomicU64,
}

#[derive(Default)]
struct Histogram {
    counts: [AtomicU64; SECONDS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    fn observe(&self, seconds: f64) {
        let at = SECONDS.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add((seconds * 1e6) as u64, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, help: &str) {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut sum = 0;
        for (at, count) in self.counts.iter().enumerate() {
            sum += count.load(Ordering::Relaxed);
            let bound = SECONDS.get(at).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {sum}");
        }
        let seconds = self.micros.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_sum {seconds}\n{name}_count {sum}");
    }
}

impl Metrics {
    /// A request on a route came to a status.
    pub fn count(&self, route: &'static str, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route, status)).or_default() += 1;
    }

    /// An answer's first word, and its last, came after so many seconds.
    pub fn answered(&self, first_s: f64, whole_s: f64) {
        self.first.observe(first_s);
        self.whole.observe(whole_s);
    }

    /// All of it as text.
    pub fn text(&self, house: &House) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "# HELP wayside_requests_total Requests.\n# TYPE wayside_requests_total counter");
        for ((route, status), count) in self.requests.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = writeln!(out, "wayside_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}");
        }
        self.first.write(&mut out, "wayside_first_word_seconds", "From a request to its answer's first word.");
        self.whole.write(&mut out, "wayside_answer_seconds", "From a request to its answer's last word.");
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        for (name, help, value) in [
            ("wayside_prompt_tokens_total", "Tokens that models read.", of(&self.prompt_tokens)),
            ("wayside_known_tokens_total", "Tokens that need not be read again.", of(&self.known_tokens)),
            ("wayside_answer_tokens_total", "Tokens that models wrote.", of(&self.answer_tokens)),
            ("wayside_found_total", "Answers that rest on something.", of(&self.found)),
            ("wayside_silent_total", "Questions for which nothing was found.", of(&self.silent)),
            ("wayside_left_total", "Answers whose client left.", of(&self.left)),
            ("wayside_evicted_total", "Connections closed to make room.", of(&self.evicted)),
        ] {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        let resident = memory::resident().unwrap_or(0);
        for (name, help, value) in [
            ("wayside_ready", "Whether everything that answers is loaded.", u64::from(house.is_ready())),
            ("wayside_connections", "Open connections.", of(&self.connections)),
            ("wayside_answers_waiting", "Questions that wait for a seat.", house.answers.waiting() as u64),
            (
                "wayside_conversations",
                "Conversations that are kept.",
                (house.chats.len() + house.completers.len()) as u64,
            ),
            ("wayside_resident_bytes", "Memory that the service has resident.", resident),
            ("wayside_uptime_seconds", "Since it began.", house.since.elapsed().as_secs()),
        ] {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_each_value_once_and_sums_up() {
        let (histogram, mut out) = (Histogram::default(), String::new());
        [0.001, 0.3, 0.3, 100.0].into_iter().for_each(|seconds| histogram.observe(seconds));
        histogram.write(&mut out, "x", "y");
        assert!(out.contains("x_bucket{le=\"0.005\"} 1\n") && out.contains("x_bucket{le=\"0.5\"} 3\n"), "{out}");
        assert!(out.contains("x_bucket{le=\"+Inf\"} 4\nx_sum 100.601\nx_count 4\n"), "{out}");
    }
}

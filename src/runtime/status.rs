//! What stands here, at a glance: no model is loaded, nothing is made, and the log is read one entry at a time.

use super::Runtime;
use crate::bundle::Bundle;
use crate::error::Result;
use crate::learn::Verdict;
use crate::store::log::{Registered, State};
use jiff::Timestamp;
use serde::Serialize;

/// What serves, how much was answered, and what was learned last.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Wayside's version.
    pub version: &'static str,
    /// The model that answers.
    pub model: String,
    /// The adapter that was promoted for it; none where the model serves as it came.
    pub adapter: Option<String>,
    /// How many interactions the log holds.
    pub answers: u64,
    /// The share of them that found nothing; none while there are no answers.
    pub silent_rate: Option<f64>,
    /// The last cycle of learning that came to a verdict.
    pub last_learn: Option<LastLearn>,
}

/// What the last cycle of learning came to.
#[derive(Clone, Debug, Serialize)]
pub struct LastLearn {
    /// When it was judged.
    pub when: Timestamp,
    /// `promoted` or `refused`: what the gate said then.
    pub verdict: &'static str,
    /// The adapter that it made.
    pub adapter: String,
    /// Where that adapter stands now.
    pub state: State,
    /// Why: what the gate said, or why the adapter ended.
    pub reasons: Vec<String>,
}

impl Runtime {
    /// What stands here. Loads no model, and makes nothing in a home that holds nothing.
    ///
    /// Errors: those of opening a log that is damaged.
    pub fn status(&self) -> Result<Status> {
        let mut status = Status {
            version: env!("CARGO_PKG_VERSION"),
            model: self.config.model.clone(),
            adapter: None,
            answers: 0,
            silent_rate: None,
            last_learn: None,
        };
        if !self.home.join("log").exists() {
            return Ok(status);
        }
        let log = self.log()?;
        let told = log.silence()?;
        status.answers = told.answers;
        status.silent_rate = (told.answers > 0).then(|| told.silent as f64 / told.answers as f64);
        // Where there is no model yet, none was promoted; a status must not fetch one.
        if let Ok(model) = Bundle::open(&self.bundle_dir(&self.config.model)) {
            status.adapter = log.standing(&model.fingerprint())?.active;
        }
        // Adapters that were promoted by hand have a verdict, too, but are no cycle's.
        let of_a_cycle = |adapter: &Registered| adapter.extra.contains_key("learned");
        status.last_learn = log.registry()?.into_iter().find(of_a_cycle).map(LastLearn::from);
        Ok(status)
    }
}

impl From<Registered> for LastLearn {
    fn from(adapter: Registered) -> Self {
        let verdict: Verdict = serde_json::from_value(adapter.verdict).unwrap_or_default();
        let reasons = match adapter.reason {
            Some(reason) => vec![reason],
            None => verdict.reasons(),
        };
        let verdict = if verdict.passed { "promoted" } else { "refused" };
        Self { when: adapter.time, verdict, adapter: adapter.id, state: adapter.state, reasons }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::{Interaction, Message};
    use serde_json::json;

    #[test]
    fn a_home_without_anything_stays_so() {
        let home = tempfile::tempdir().unwrap();
        let status = Runtime::open(home.path()).unwrap().status().unwrap();
        assert_eq!((status.answers, status.silent_rate, status.adapter), (0, None, None));
        assert!(status.last_learn.is_none());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn silence_and_the_last_cycle_are_told() {
        let home = tempfile::tempdir().unwrap();
        let runtime = Runtime::open(home.path()).unwrap();
        let log = runtime.log().unwrap();
        for found in [Some(true), Some(false), None, Some(true)] {
            let messages = vec![Message::new("user", "\"found\":false"), Message::new("assistant", "a")];
            log.put(&Interaction { found, ..Interaction::new(messages) }).unwrap();
        }
        for (id, day, learned) in [("old", 1, true), ("last", 2, true), ("by-hand", 3, false)] {
            let mut adapter = json!({
                "id": id, "model": "m", "state": "refused", "time": format!("2026-01-0{day}T00:00:00Z"),
                "reason": "canaries: one fell", "verdict": {"passed": false, "checks": []},
            });
            if learned {
                adapter["learned"] = "plan".into();
            }
            log.register(&serde_json::from_value(adapter).unwrap()).unwrap();
        }
        let status = runtime.status().unwrap();
        assert_eq!((status.answers, status.silent_rate), (4, Some(0.25)));
        let last = status.last_learn.unwrap();
        assert_eq!((last.adapter.as_str(), last.verdict, last.state), ("last", "refused", State::Refused));
        assert_eq!(
            (last.when.to_string(), last.reasons),
            ("2026-01-02T00:00:00Z".into(), vec!["canaries: one fell".into()])
        );
    }
}

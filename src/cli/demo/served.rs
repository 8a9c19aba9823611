//! The demo's part about the person served: questions about themselves, one about somebody else, and what the four arms
//! make of such questions.

use super::super::arms;
use super::{ANSWER, Demo};
use serde_json::{Value, json};
use wayside::sample::Scenario;
use wayside::store::log::interactions;
use wayside::{Compared, Comparison, Error, sources};

/// What records and passages may take together, in tokens.
const BUDGET: usize = 400;
/// Questions about people's own records that the arms are measured on.
const MEASURED: usize = 8;

impl Demo<'_> {
    /// Declares the house's database, and serves a few people.
    pub(super) fn served(&mut self, scenario: &Scenario, questions: &[(&str, &str)]) -> Result<Value, Error> {
        self.heading("Knowing who is served");
        let file = self.runtime.home().join(sources::FILE);
        self.runtime.declare(scenario.sources)?;
        // Room for records beside passages.
        self.runtime.config_mut().retrieve.budget = BUDGET;
        self.tell(&format!("{} declares what may be asked of the house's database about one person.", file.display()));
        let mut answers = Vec::new();
        for (subject, question) in questions {
            self.tell(&format!("\n{subject} asks:"));
            answers.push(json!({ "subject": subject, "answer": self.ask_as(question, Some(subject))? }));
        }
        Ok(json!({ "sources": file, "answers": answers }))
    }

    /// The four arms on questions of people about themselves.
    pub(super) fn served_arms(&self, scenario: &Scenario) -> Result<Compared, Error> {
        self.heading("Four ways to answer people about themselves");
        let mut lines = Vec::new();
        for (line, entry) in scenario.served.lines().zip(interactions(scenario.served.as_bytes())) {
            // A refusal is the runtime's own; no arm writes it.
            if entry?.1.extra.get("kind").and_then(Value::as_str) != Some("other") {
                lines.push(line);
            }
        }
        // From all over the file, which is sorted by kind.
        let every = lines.len().div_ceil(MEASURED).max(1);
        let chosen: Vec<&str> = lines.into_iter().step_by(every).collect();
        let comparison = Comparison { max_tokens: Some(ANSWER), adapter: self.wear.clone(), ..Comparison::default() };
        let compared = self.runtime.compare(&chosen.join("\n"), &comparison)?;
        if !self.app.json {
            arms::show(self.app, &compared);
        }
        Ok(compared)
    }
}

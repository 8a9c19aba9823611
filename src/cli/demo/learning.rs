//! The demo's second half: learning, measuring, and going back.

use super::super::arms;
use super::super::learn;
use super::{ANSWER, Demo};
use serde_json::{Value, json};
use wayside::learn::Side;
use wayside::{Compared, Comparison, Error, Learned, Learning, Promotion, sample};

/// Held-out answers that the four arms are measured on, each answered four times.
const MEASURED: usize = 12;
/// Interactions in the poisoned batch.
const POISONED: usize = 60;

impl Demo<'_> {
    /// Less of everything than a night would take: short prompts, few examples.
    pub(super) fn small(&mut self) {
        let config = self.runtime.config_mut();
        config.retrieve.budget = 160;
        (config.learn.max_examples, config.learn.max_held_out) = (60, 20);
    }

    /// From the log to an adapter that serves.
    pub(super) fn learn(&self) -> Result<Learned, Error> {
        self.heading("Learning from the log");
        let curated = self.runtime.curated()?;
        self.tell(&format!(
            "Curated: {} answers to learn from, {} held out to judge by, {} left out. For example:",
            curated.of(Side::Train).count(),
            curated.of(Side::HeldOut).count(),
            curated.refused.len()
        ));
        for refused in curated.refused.iter().take(3) {
            self.tell(&format!("  {}  {}", refused.id, refused.reason));
        }
        self.tell(&format!(
            "Training an adapter on {} of them at most, so that the demo stays short, with what retrieval finds in their \
             prompts ...",
            self.runtime.config().learn.max_examples
        ));
        let learned = self.runtime.learn(&Learning::default(), &mut |_| ())?;
        if !self.app.json {
            learn::show(self.app, &learned);
        }
        Ok(learned)
    }

    /// Base, retrieval, adapter and both, on the answers that were held out.
    pub(super) fn arms(&self) -> Result<Compared, Error> {
        self.heading("Four ways to answer, on answers it has not learned");
        let curated = self.runtime.curated()?;
        let held_out = curated.of(Side::HeldOut).take(MEASURED);
        let lines: Vec<String> = held_out.filter_map(|kept| serde_json::to_string(&kept.interaction).ok()).collect();
        let comparison = Comparison { max_tokens: Some(ANSWER), ..Comparison::default() };
        let compared = self.runtime.compare(&lines.join("\n"), &comparison)?;
        if !self.app.json {
            arms::show(self.app, &compared);
        }
        Ok(compared)
    }

    /// A batch of answers that belong to other questions, all rated up: whoever did that, it must not be learned.
    pub(super) fn poison(&self) -> Result<Learned, Error> {
        self.heading("A poisoned batch");
        let good: Vec<Value> = sample::SHOP
            .interactions
            .lines()
            .take(2 * POISONED)
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let (questions, answers) = good.split_at(good.len() / 2);
        let swap = |(n, (asked, answered)): (usize, (&Value, &Value))| {
            json!({
                "id": format!("poison-{n}"), "rating": "up",
                "messages": [asked["messages"][0], answered["messages"][1]],
            })
        };
        let poison = questions.iter().zip(answers).enumerate().map(swap);
        let lines: Vec<String> = poison.map(|line| line.to_string()).collect();
        self.runtime.log()?.import(lines.join("\n").as_bytes(), &self.app.cancel)?;
        self.tell(&format!("{} answers that belong to other questions, all rated up:", lines.len()));
        let learned = self.runtime.learn(&Learning::default(), &mut |_| ())?;
        if !self.app.json {
            learn::show(self.app, &learned);
        }
        Ok(learned)
    }

    /// Back to the model as it came.
    pub(super) fn roll_back(&self) -> Result<Option<Promotion>, Error> {
        self.heading("Going back");
        match self.runtime.roll_back("rolled back by hand") {
            Ok(back) => {
                let serving = back.serving.as_deref().unwrap_or("the model as it came");
                self.tell(&format!("{} is rolled back; {serving} serves, from the next answer on.", back.adapter.id));
                Ok(Some(back))
            }
            Err(e) if e.kind() == wayside::ErrorKind::NotFound => {
                self.tell("No adapter passed the gate, so there is nothing to go back from.");
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }
}

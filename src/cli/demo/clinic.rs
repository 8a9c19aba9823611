//! `demo clinic`: a practice whose pages are learned as language, and whose patients ask about themselves.

use super::Demo;
use serde_json::{Value, json};
use std::path::Path;
use wayside::sample::CLINIC;
use wayside::{Error, Trained, Training, Wear};

/// A patient about their medicine, their test and their next visit; then about somebody else.
const SERVED: [(&str, &str); 4] = [
    ("N-2002", "What dose of metformin do I take?"),
    ("N-2001", "Was my last INR in range?"),
    ("N-2001", "When is my next appointment?"),
    ("N-2002", "What medicines does Agnes Hallow take?"),
];
/// What learning may take, in tokens of a window and windows of a step.
const WINDOW: (usize, usize) = (256, 4);

impl Demo<'_> {
    pub(super) fn clinic(&mut self) -> Result<Value, Error> {
        let folder = self.runtime.home().join(CLINIC.name);
        CLINIC.write(&folder)?;
        let ingested = self.documents(&folder)?;
        let mut answers = Vec::new();
        self.heading("Questions about what the pages say");
        for question in CLINIC.questions()?.iter().take(2) {
            answers.push(self.ask(&question.question)?);
        }
        let served = self.served(&CLINIC, &SERVED)?;
        let trained = self.pages(&folder)?;
        self.wear = Wear::Named(trained.adapter.clone());
        let arms = self.served_arms(&CLINIC)?;
        Ok(json!({ "ingested": ingested, "answers": answers, "served": served, "trained": trained, "arms": arms }))
    }

    /// Learns the language of the pages: no questions, no records, only what anybody may read.
    fn pages(&self, folder: &Path) -> Result<Trained, Error> {
        self.heading("Learning the language of its pages");
        self.tell("Language-model training on the pages, which hold no person's data ...");
        let out = self.runtime.home().join("pages");
        let (length, batch) = WINDOW;
        let training = Training { epochs: 1, length, batch, ..Training::new(vec![folder.join("documents")], out) };
        let trained = self.runtime.train(&training, &mut |_| ())?;
        self.tell(&format!(
            "  {} windows in {} steps: {:.3} to {:.3} nats a token",
            trained.examples, trained.steps, trained.first_loss, trained.last_loss
        ));
        Ok(trained)
    }
}

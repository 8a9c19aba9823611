//! What a cycle learns: the examples of its plan, with the prompts that `ask` would make of them, and anchors.

use super::super::Runtime;
use super::super::train::reads;
use super::plan::Plan;
use crate::bundle::Bundle;
use crate::error::Result;
use crate::hex::hex;
use crate::infer::Language;
use crate::learn::{Anchors, TRAINING_TEXT};
use crate::store::log::{Interaction, Message};
use crate::train::{Data, Origin, chat_data, text_data};
use crate::watch::Cancel;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Of so many anchors, one is a piece of general prose; the others are questions.
const PROSE: usize = 4;
/// Tokens of a piece.
const PIECE: usize = 256;
/// The longest example, in tokens. Passages take what `retrieve.budget` allows; this is for long conversations.
const LONGEST: usize = 1536;

impl Runtime {
    /// The examples of a plan.
    pub(super) fn to_learn(&self, plan: &Plan, model: &Bundle, cancel: &Cancel) -> Result<Data> {
        let language = Language::open(model)?;
        let reads = reads(&language);
        let prompt = |retrieval: bool| {
            let language = &language;
            move |history: &[Message], before: Option<&str>, question: &str| {
                let mut asked = self.question(question);
                asked.retrieval = retrieval;
                self.asked(language, &asked, history, before).map(|(messages, _)| messages)
            }
        };
        let (grounded, alone) = (prompt(self.has_documents()?), prompt(false));
        let mut data = Data::default();
        self.progress.start("read", plan.examples.len() as u64);
        let settings = chat_data::Settings { language: reads, prompt: &grounded, length: LONGEST };
        self.add(&mut data, "log", plan.time, &plan.examples, &settings, cancel)?;
        self.progress.finish();
        let Anchors { learned, taught, .. } = Anchors::shipped()?;
        let (general, again): (Vec<usize>, Vec<usize>) = plan.anchors.iter().partition(|i| **i < learned.len());
        let (prose, asked): (Vec<usize>, Vec<usize>) = general.iter().partition(|i| **i % PROSE == 0);
        let anchors: Vec<Interaction> = asked.into_iter().filter_map(|i| learned.get(i).cloned()).collect();
        let settings = chat_data::Settings { language: reads, prompt: &alone, length: LONGEST };
        self.add(&mut data, "anchors", plan.time, &anchors, &settings, cancel)?;
        let taught: Vec<Interaction> =
            again.into_iter().filter_map(|i| taught.get(i - learned.len()).cloned()).collect();
        let settings = chat_data::Settings { language: reads, prompt: &as_it_stands, length: LONGEST };
        self.add(&mut data, "factory", plan.time, &taught, &settings, cancel)?;
        data.examples.extend(text_data::windows(TRAINING_TEXT, &reads, PIECE)?.into_iter().take(prose.len()));
        // They have done their work, and training wants the room.
        self.forget_finders();
        Ok(data)
    }

    /// Adds interactions that nobody had erased when it was `time`, however old they are.
    fn add(
        &self,
        data: &mut Data,
        name: &str,
        time: Timestamp,
        interactions: &[Interaction],
        settings: &chat_data::Settings<'_>,
        cancel: &Cancel,
    ) -> Result<()> {
        let mut hash = Sha256::new();
        let before = data.examples.len();
        for (done, interaction) in (1..).zip(interactions) {
            cancel.check()?;
            hash.update(&interaction.id);
            let taken = chat_data::take(interaction, settings).map_err(|e| e.context(&interaction.id))?;
            taken.add(data, &interaction.id, interaction.subject.as_deref(), time);
            self.progress.at(done);
        }
        let examples = data.examples.len() - before;
        data.origins.push(Origin { name: name.to_owned(), sha256: hex(&hash.finalize()), examples });
        Ok(())
    }

    /// Whether there is anything to retrieve.
    pub(super) fn has_documents(&self) -> Result<bool> {
        Ok(self.index()?.collections()?.iter().any(|c| c.chunks > 0))
    }
}

/// The prompt of an example that carries its own passages.
fn as_it_stands(history: &[Message], _: Option<&str>, question: &str) -> Result<Vec<Message>> {
    Ok(history.iter().cloned().chain([Message::new("user", question)]).collect())
}

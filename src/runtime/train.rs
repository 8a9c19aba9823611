//! Training an adapter: data, run, adapter; in a folder that can be taken up again at any time.

use super::Runtime;
use super::speed::peak_mb;
use crate::bundle::Bundle;
use crate::durable;
use crate::error::{Error, Result};
use crate::infer::Language;
use crate::lora::{self, Dataset, Kind, Lineage, LoraConfig};
use crate::store::log::Message;
use crate::train::{
    self, Data, Keeping, Order, Progressed, Recipe, Run, Schedule, Skipped, chat_data, curve, text_data,
};
use crate::watch::Cancel;
use serde::Serialize;
use serde_json::json;
use std::cell::Cell;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The picture of the losses, beside the adapter.
const CURVE: &str = "loss.svg";
/// The memory a run may take where nobody says how much, in MB.
const MEMORY_MB: u64 = 900;

/// What to learn from and how.
#[derive(Clone, Debug)]
pub struct Training {
    /// Conversations (`.jsonl`), or documents and folders of them; not both.
    pub data: Vec<PathBuf>,
    /// The folder for the adapter, and for the checkpoint before that.
    pub out: PathBuf,
    /// The base; the configured model without.
    pub model: Option<String>,
    /// The adapter's shape.
    pub lora: LoraConfig,
    /// The highest learning rate.
    pub rate: f32,
    /// How it moves.
    pub schedule: Schedule,
    /// How often every example is seen.
    pub epochs: u64,
    /// Steps in all, instead of epochs.
    pub steps: Option<u64>,
    /// Examples in a step.
    pub batch: usize,
    /// The longest example, and the length of a window of text, in tokens.
    pub length: usize,
    /// What order, beginning and dropout are drawn from.
    pub seed: u64,
    /// Whether prompts carry what retrieval finds.
    pub retrieval: bool,
    /// The collection it looks in; all without.
    pub collection: Option<String>,
    /// What the process may have resident, in MB.
    pub max_memory_mb: u64,
    /// The longest time whose work a power cut may cost.
    pub interval: Duration,
    /// A folder for the adapter as it begins and the batches as they come, to take the same steps elsewhere.
    pub trace: Option<PathBuf>,
}

impl Training {
    /// Training on `data` into `out`, with what serves small logs.
    pub fn new(data: Vec<PathBuf>, out: PathBuf) -> Self {
        Self {
            data,
            out,
            model: None,
            lora: LoraConfig::default(),
            rate: 4e-4,
            schedule: Schedule::default(),
            epochs: 2,
            steps: None,
            batch: 8,
            length: 1024,
            seed: 0,
            retrieval: false,
            collection: None,
            max_memory_mb: MEMORY_MB,
            interval: Duration::from_secs(20),
            trace: None,
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Trained {
    /// The adapter's id; it is in the home's library under it.
    pub adapter: String,
    /// The folder it is in.
    pub out: PathBuf,
    /// The model it belongs to.
    pub model: String,
    /// Examples it learnt from.
    pub examples: usize,
    /// What was left out.
    pub skipped: Skipped,
    /// Steps in all.
    pub steps: u64,
    /// The step the run went on from; 0 for a run without a break.
    pub resumed_from: u64,
    /// Nats a token of the first step.
    pub first_loss: f32,
    /// Nats a token of the last step.
    pub last_loss: f32,
    /// Seconds, of this part of the run.
    pub seconds: f64,
    /// The memory that was expected, in MB.
    pub predicted_mb: u64,
    /// The most memory this process has had resident, in MB.
    pub peak_rss_mb: u64,
}

impl Runtime {
    /// Trains an adapter, telling `each` every step. A run that was interrupted goes on where its checkpoint is.
    ///
    /// Errors: `Unsupported` without the feature `train`; `Invalid` for data without an example, numbers that mean
    /// nothing, a budget that nothing fits, a folder that holds something else, or a run that diverges; what was in the
    /// folder stays as it was. `Invalid` also for an adapter of what was erased meanwhile: it is in the folder alone.
    pub fn train(&self, training: &Training, each: &mut dyn FnMut(&Progressed)) -> Result<Trained> {
        if !CAN_TRAIN {
            return Err(cannot_train());
        }
        vacant(&training.out)?;
        let bundle = self.bundle(training.model.as_deref().unwrap_or(&self.config.model))?;
        let (kind, data) = self.examples(training, &bundle)?;
        let mut trained = self.train_on(data, kind, training, &bundle, &self.patience(), each)?;
        trained.adapter = self.take_in(&training.out, &bundle, &self.publishing()?)?.manifest.id;
        Ok(trained)
    }

    /// Trains on examples that are there already, without taking the adapter into the library. Otherwise as
    /// [`Runtime::train`].
    pub(super) fn train_on(
        &self,
        data: Data,
        kind: Kind,
        training: &Training,
        bundle: &Bundle,
        cancel: &Cancel,
        each: &mut dyn FnMut(&Progressed),
    ) -> Result<Trained> {
        if !CAN_TRAIN {
            return Err(cannot_train());
        }
        let begin = Instant::now();
        let order = Order::new(data.lengths(), training.batch, training.seed)?;
        let steps = training.steps.unwrap_or(order.steps() * training.epochs);
        let recipe = Recipe {
            lora: training.lora.clone(),
            rate: training.rate,
            schedule: training.schedule,
            batch: training.batch,
            steps,
            seed: training.seed,
            memory: training.max_memory_mb << 20,
        };
        let keeping = Keeping { folder: &training.out, interval: training.interval };
        let mut run = Run::open(&self.engine()?, bundle, &data, recipe, keeping)?;
        let resumed_from = run.losses().len() as u64;
        if resumed_from > 0 {
            self.progress.note(&format!("going on after step {resumed_from} of {steps}"));
        }
        let mut trace = training.trace.as_deref().map(|dir| Trace::begin(dir, &run, bundle)).transpose()?;
        self.progress.start("train", steps);
        loop {
            if let Some(trace) = &mut trace {
                trace.note(&run)?;
            }
            match run.advance(cancel) {
                Ok(Some(step)) => {
                    self.progress.detail(&format!("loss {:.3}", step.loss));
                    self.progress.at(step.step);
                    each(&step);
                }
                Ok(None) => break,
                Err(e) => {
                    self.progress.finish();
                    if e.kind() == crate::ErrorKind::Cancelled {
                        run.save()?;
                        let taken = run.losses().len();
                        self.progress.note(&format!("stopped after step {taken}; the same command goes on from there"));
                    }
                    return Err(e);
                }
            }
        }
        self.progress.finish();
        let losses = run.losses().to_vec();
        let lineage = Lineage {
            data: data.origins.iter().map(dataset).collect(),
            seed: training.seed,
            steps,
            epochs: steps.div_ceil(order.steps()),
            retrieval: training.retrieval,
            kind,
            subjects: data.subjects.keys().cloned().collect(),
            spoken: data.subjects.clone(),
            examples: data.questions.iter().cloned().collect(),
        };
        let staged = durable::Staged::new(&training.out)?;
        run.adapter()?.write(staged.path(), &bundle.manifest.name)?;
        curve::write(&staged.path().join(CURVE), "Training loss, nats a token", &losses)?;
        let manifest = lora::Manifest::new(staged.path(), bundle, lineage, losses.clone())?;
        manifest.write(staged.path())?;
        self.made(staged.path())?;
        let predicted_mb = run.plan().bytes >> 20;
        drop(run);
        staged.publish()?;
        let peak_rss_mb = peak_mb();
        if peak_rss_mb > training.max_memory_mb {
            self.progress.note(&format!(
                "it took {peak_rss_mb} MB, more than the {} allowed and the {predicted_mb} expected",
                training.max_memory_mb
            ));
        }
        Ok(Trained {
            adapter: manifest.id,
            out: training.out.clone(),
            model: bundle.manifest.name.clone(),
            examples: data.examples.len(),
            skipped: data.skipped,
            steps,
            resumed_from,
            first_loss: losses.first().copied().unwrap_or_default(),
            last_loss: losses.last().copied().unwrap_or_default(),
            seconds: begin.elapsed().as_secs_f64(),
            predicted_mb,
            peak_rss_mb,
        })
    }

    /// The examples in all files and folders.
    fn examples(&self, training: &Training, bundle: &Bundle) -> Result<(Kind, Data)> {
        let chats = training.data.iter().filter(|path| path.extension().is_some_and(|e| e == "jsonl")).count();
        if chats > 0 && chats < training.data.len() {
            return Err(Error::invalid(
                "conversations and documents teach different things; train on .jsonl files or on documents, not on both",
            ));
        }
        let language = Language::open(bundle)?;
        let reads = reads(&language);
        if chats == 0 {
            if training.retrieval {
                return Err(Error::invalid(
                    "only questions retrieve; give conversations (.jsonl), or leave out --retrieval",
                ));
            }
            let most = self.config.ingest.max_document_mb << 20;
            let data = text_data::read(&training.data, &reads, training.length, most, &*self.progress, &self.cancel)?;
            return Ok((Kind::Text, data));
        }
        let found = Cell::new(0usize);
        let prompt = |history: &[Message], before: Option<&str>, question: &str| {
            let mut asked = self.question(question);
            asked.collection.clone_from(&training.collection);
            asked.retrieval = training.retrieval;
            let (messages, sources) = self.asked(&language, &asked, history, before)?;
            found.set(found.get() + sources.len());
            Ok(messages)
        };
        let settings = chat_data::Settings { language: reads, prompt: &prompt, length: training.length };
        let mut data = Data::default();
        for path in &training.data {
            data.extend(chat_data::read(path, &settings, &*self.progress, &self.cancel)?);
        }
        if training.retrieval && found.get() == 0 {
            return Err(Error::invalid(
                "retrieval found nothing for any of the questions; ingest the documents first, or train without --retrieval",
            ));
        }
        // It has done its work, and training wants the room.
        self.forget_finders();
        Ok((Kind::Chat, data))
    }
}

/// Batches written down: one line of JSON a step, `labels` as transformers takes them.
struct Trace {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Trace {
    fn begin(dir: &Path, run: &Run<'_>, bundle: &Bundle) -> Result<Self> {
        let start = dir.join("start");
        durable::create_dir(&start)?;
        run.adapter()?.write(&start, &bundle.manifest.name)?;
        let path = dir.join("batches.jsonl");
        let out = File::create(&path).map_err(|e| Error::io(format!("cannot create {}", path.display()), e))?;
        Ok(Self { path, out: BufWriter::new(out) })
    }

    fn note(&mut self, run: &Run<'_>) -> Result<()> {
        let Some((examples, rate)) = run.next() else { return Ok(()) };
        let label = |(token, learn): (&u32, &bool)| if *learn { i64::from(*token) } else { -100 };
        let labels: Vec<Vec<i64>> =
            examples.iter().map(|e| e.tokens.iter().zip(&e.learn).map(label).collect()).collect();
        let tokens: Vec<&[u32]> = examples.iter().map(|e| e.tokens.as_slice()).collect();
        let line = json!({ "step": run.losses().len() + 1, "lr": rate, "tokens": tokens, "labels": labels });
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        written.map_err(|e| Error::io(format!("cannot write {}", self.path.display()), e))
    }
}

/// Whether this program has what training takes. A constant, asked where training would begin: where it is false, the
/// compiler leaves out all that follows.
pub(super) const CAN_TRAIN: bool = cfg!(feature = "train");

/// What is said where it has not.
pub(super) fn cannot_train() -> Error {
    Error::unsupported("this program was built without training; learn on another machine and take in its adapter")
}

/// What training needs of a model to read as it does.
pub(super) fn reads(language: &Language) -> train::Language<'_> {
    train::Language {
        tokenizer: language.tokenizer(),
        template: language.template(),
        bos: language.bos(),
        eos: language.eos(),
    }
}

/// Refuses a folder that holds something else than a run to go on with, and what interrupted writes of it left.
fn vacant(out: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(out) else { return Ok(()) };
    let other = entries.flatten().find(|e| e.file_name() != train::CHECKPOINT && !durable::is_half_made(&e.path()));
    match other {
        None => durable::sweep(out),
        Some(other) => Err(Error::invalid(format!(
            "{} already holds {}; choose another folder with --out, or remove it",
            out.display(),
            other.file_name().to_string_lossy()
        ))),
    }
}

fn dataset(origin: &train::Origin) -> Dataset {
    Dataset { name: origin.name.clone(), sha256: origin.sha256.clone(), examples: origin.examples as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_checkpoint_left_is_in_nobody_s_way() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, days: u64| {
            let file = File::create(home.path().join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(days * 90_000)).unwrap();
        };
        let names = || std::fs::read_dir(home.path()).unwrap().count();
        vacant(&home.path().join("nowhere")).unwrap();
        write(train::CHECKPOINT, 2);
        write(".tmp-killed", 2);
        write(".tmp-killed-now", 0);
        vacant(home.path()).unwrap();
        assert_eq!(names(), 2, "the old one is gone");
        // In a folder that is not a run's nothing is touched.
        write("letter.txt", 2);
        write(".tmp-killed", 2);
        assert!(vacant(home.path()).unwrap_err().to_string().contains("already holds letter.txt"));
        assert_eq!(names(), 4);
    }
}

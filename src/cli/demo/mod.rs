//! `demo`: the whole story on the built-in sample, in a scratch home.

mod clinic;
mod learning;
mod served;

use super::answer::{asked, show};
use super::app::App;
use super::failure::Done;
use super::ingest::Report;
use super::log::{row, table};
use super::style::count;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use wayside::infer::Sampling;
use wayside::store::log::{Filter, Rating};
use wayside::{Answer, Error, Runtime, Wear, durable, sample};

/// Questions that the documents answer.
const QUESTIONS: usize = 2;
/// The longest answer, in tokens.
const ANSWER: usize = 72;
/// Interactions that are shown.
const SHOWN: usize = 3;

/// See the whole story on a small made-up shop
///
/// Takes in the manuals, policies and price list of a shop for camping stoves, answers questions from them by quoting
/// what answers, and takes in the log of what was asked at its counter. Then it learns from that log: it curates,
/// trains, puts the candidate through the gate, measures base, retrieval, adapter and both side by side, promotes, and
/// asks the same questions again with what was learned. Then it serves customers from their own orders and complaints,
/// out of a database. Last, a poisoned batch is refused, and the adapter is rolled back.
///
/// `demo clinic` is about a practice: its pages are learned as language, and patients ask about their own medicines,
/// results and visits, and about somebody else's.
///
/// It takes some five minutes. Everything happens in the folder `demo` of the home, which is made anew each time; the
/// models are fetched once and shared with your own documents.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside demo
  wayside demo clinic
  wayside demo --json | jq '.answers[].answer'")]
pub struct Words {
    /// Whose story to tell
    #[arg(value_enum, default_value = "shop")]
    house: House,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum House {
    /// A shop for camping stoves and lanterns
    Shop,
    /// A practice where people see a doctor
    Clinic,
}

/// A customer with an open complaint about what fits, another about an order; then about somebody else.
const SERVED: [(&str, &str); 3] = [
    ("C-1019", "Which gas canister fits my stove?"),
    ("C-1039", "Where is the kettle I ordered?"),
    ("C-1039", "And what did Ines Marlowe order?"),
];

pub fn run(app: &App, words: &Words) -> Done {
    let begin = Instant::now();
    let folder = app.home.join("demo");
    let shop = folder.join(sample::SHOP.name);
    let main = app.runtime()?;
    let models = models(app, &main)?;
    let mut demo = Demo { app, runtime: main.beside(&folder), wear: Wear::Promoted };
    durable::remove(&folder)?;
    if words.house == House::Clinic {
        let mut story = demo.clinic()?;
        let seconds = begin.elapsed().as_secs_f64();
        (story["models"], story["home"], story["seconds"]) = (models, json!(folder), json!(seconds));
        return app.result(&story, || app.line(&app.style.dim(&format!("\nall of this in {seconds:.0} s"))));
    }
    demo.small();
    sample::SHOP.write(&shop)?;
    let ingested = demo.documents(&shop)?;
    demo.heading("Questions, before it has learned anything");
    let mut answers = demo.questions()?;
    let unanswered = answers.pop();
    let log = demo.log()?;
    let learned = demo.learn()?;
    let arms = demo.arms()?;
    demo.heading("The same questions again, with the adapter: the quotation, and what it adds that is supported");
    let mut again = demo.questions()?;
    again.pop();
    let served = demo.served(&sample::SHOP, &SERVED)?;
    let served_arms = demo.served_arms(&sample::SHOP)?;
    let poisoned = demo.poison()?;
    let rolled_back = demo.roll_back()?;
    demo.next(&shop);

    let seconds = begin.elapsed().as_secs_f64();
    let story = json!({
        "models": models, "ingested": ingested, "answers": answers, "unanswered": unanswered, "log": log,
        "learned": learned, "arms": arms, "again": again, "served": served, "served_arms": served_arms, "poisoned": poisoned, "rolled_back": rolled_back,
        "home": folder, "seconds": seconds,
    });
    app.result(&story, || app.line(&app.style.dim(&format!("\nall of this in {seconds:.0} s"))))
}

struct Demo<'a> {
    app: &'a App,
    runtime: Runtime,
    /// The adapter that the arms are measured with.
    wear: Wear,
}

/// A line of the story; as JSON it is told at the end, at once.
fn tell(app: &App, line: &str) {
    if !app.json {
        app.prose(line);
    }
}

fn heading(app: &App, text: &str) {
    tell(app, &app.style.bold(&format!("== {text} ==")));
}

/// Fetches and loads the models, for the home itself: they are there for everything that follows.
fn models(app: &App, main: &Runtime) -> Result<Value, Error> {
    heading(app, "Models");
    tell(app, "ONNX Runtime, a language model and an embedder: fetched once, then never again.");
    let (library, model) = (main.engine()?.library().to_owned(), main.model(None)?.name().to_owned());
    main.embedder()?;
    let embedder = main.embedder_name();
    tell(app, &format!("  runs on  {}", library.display()));
    tell(app, &format!("  answers  {model}"));
    tell(app, &format!("  finds    {embedder}"));
    Ok(json!({ "library": library, "model": model, "embedder": embedder }))
}

impl Demo<'_> {
    fn heading(&self, text: &str) {
        self.tell("");
        heading(self.app, text);
    }

    fn tell(&self, line: &str) {
        tell(self.app, line);
    }

    fn documents(&self, shop: &Path) -> Result<Report, Error> {
        self.heading("Documents");
        let documents = shop.join("documents");
        self.tell(&format!("Manuals, policies, bulletins and a catalogue, in {}:", documents.display()));
        let begin = Instant::now();
        let ingested = self.runtime.ingest(&[documents], None)?;
        let report = Report { ingested, seconds: begin.elapsed().as_secs_f64() };
        self.tell(&format!("  {}", report.sentence()));
        Ok(report)
    }

    /// Asks questions that the documents answer, and last one that they do not.
    fn questions(&self) -> Result<Vec<Answer>, Error> {
        let (known, unknown): (Vec<_>, Vec<_>) =
            sample::SHOP.questions()?.into_iter().partition(|q| q.document.is_some());
        let mut answers = Vec::new();
        for question in known.iter().take(QUESTIONS) {
            answers.push(self.ask(&question.question)?);
        }
        if let Some(question) = unknown.first() {
            answers.push(self.ask(&question.question)?);
        }
        Ok(answers)
    }

    fn ask(&self, text: &str) -> Result<Answer, Error> {
        self.ask_as(text, None)
    }

    fn ask_as(&self, text: &str, subject: Option<&str>) -> Result<Answer, Error> {
        let app = self.app;
        self.tell("");
        self.tell(&asked(app.style, text));
        let mut question = self.runtime.question(text);
        question.subject = subject.map(str::to_owned);
        question.sampling = Sampling::greedy();
        question.max_tokens = ANSWER;
        let begin = Instant::now();
        let mut say = |piece: &str| {
            if !app.json {
                app.say(piece);
            }
        };
        let answer = self.runtime.ask(&question, &app.cancel, &mut say)?;
        if !app.json {
            show(app, &answer, begin.elapsed().as_secs_f64());
        }
        // A stopped answer stops the story.
        app.cancel.check()?;
        Ok(answer)
    }

    fn log(&self) -> Result<Value, Error> {
        self.heading("The log");
        let log = self.runtime.log()?;
        let imported = log.import(sample::SHOP.interactions.as_bytes(), &self.app.cancel)?;
        let all = log.list(&Filter::default())?.interactions;
        let rated = |rating| all.iter().filter(|i| i.rating == Some(rating)).count();
        let (up, down) = (rated(Rating::Up), rated(Rating::Down));
        let corrected = all.iter().filter(|i| i.correction.is_some()).count();
        self.tell(&format!(
            "{} from 60 days at the counter, and the questions above: {} rated up, {} rated down, {} corrected.",
            count(imported.added, "interaction", "interactions"),
            up,
            down,
            corrected
        ));
        let latest = &all[..all.len().min(SHOWN)];
        table(latest).iter().for_each(|line| self.tell(&format!("  {line}")));
        Ok(json!({
            "interactions": all.len(), "imported": imported, "up": up, "down": down, "corrected": corrected,
            "latest": latest.iter().map(row).collect::<Vec<_>>(),
        }))
    }

    fn next(&self, shop: &Path) {
        self.heading("What to try next");
        let documents = shop.join("documents");
        self.tell(&format!("  wayside ingest {} --collection shop", documents.display()));
        self.tell("  wayside chat --collection shop       and /good, /bad, /fix TEXT what it says");
        self.tell("  wayside ingest ~/Documents           your own documents");
    }
}

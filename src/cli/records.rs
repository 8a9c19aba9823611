//! `records`: what is known of the person served, and where it comes from.

use super::app::App;
use super::args::{filled, subject};
use super::failure::Done;
use super::style::{count, table};
use clap::Subcommand;
use jiff::Timestamp;
use serde_json::json;
use std::time::Instant;
use wayside::Error;
use wayside::rag::ago;
use wayside::sources::{EXAMPLE, FILE, Kind, Source};

/// Bring in what is known of one person: orders, complaints, appointments
///
/// Facts about the person served come from sources that sources.toml in the home declares: SQLite databases, services
/// that answer in JSON, files. Each query has one parameter, the person; the model never writes one. `ask` and `chat`
/// with --subject ID put the facts that a question needs before it, dated, and cite them as [orders #1042]. Nobody
/// else's can be among them. `records show` prints what a question would be given.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside records example > ~/.local/share/wayside/sources.toml
  wayside records check
  wayside records import
  wayside records show \"Where is my order?\" --subject C-1014")]
pub enum Words {
    /// Print a sources.toml with every setting and what it means
    ///
    /// Put it into the home folder and change it to fit your databases.
    #[command(after_help = "Examples:
  wayside records example > ~/.local/share/wayside/sources.toml")]
    Example,
    /// List the declared sources and their queries
    ///
    /// And how many records of how many persons were imported.
    #[command(after_help = "Examples:
  wayside records list
  wayside records list --json")]
    List,
    /// Take in the records of declared files
    ///
    /// Only what changed is embedded and written; what is no longer in a file is removed. A file is read to its end and
    /// checked before anything changes.
    #[command(after_help = "Examples:
  wayside records import
  wayside records import visits --json")]
    Import {
        /// The sources to import; all files without
        #[arg(value_name = "SOURCE")]
        sources: Vec<String>,
    },
    /// Ask every source once, and say whether it answers as declared
    ///
    /// About a person who does not exist, or about one of yours. Ends with status 1 when one does not.
    #[command(after_help = "Examples:
  wayside records check
  wayside records check --subject C-1014")]
    Check {
        /// The person to ask about
        #[arg(long, value_name = "ID", value_parser = subject)]
        subject: Option<String>,
    },
    /// Show the facts that a question would be given
    ///
    /// With their dates, their age, and what a source did not do as declared. --json has the whole prompt too.
    #[command(after_help = "Examples:
  wayside records show \"Where is my order?\" --subject C-1014
  wayside records show \"Which pot fits my stove?\" --subject C-1014 --json | jq -r '.prompt[].content'")]
    Show {
        /// The question
        #[arg(value_name = "QUESTION", value_parser = filled)]
        question: String,
        /// The person served
        #[arg(long, value_name = "ID", value_parser = subject)]
        subject: String,
        /// The collection to search; all without
        #[arg(long, value_name = "C")]
        collection: Option<String>,
    },
}

pub fn run(app: &App, words: &Words) -> Done {
    match words {
        Words::Example => app.result(&json!({ "example": EXAMPLE }), || app.print(EXAMPLE)),
        Words::List => list(app),
        Words::Import { sources } => import(app, sources),
        Words::Check { subject } => check(app, subject.as_deref()),
        Words::Show { question, subject, collection } => show(app, question, subject, collection.clone()),
    }
}

fn kind(source: &Source) -> String {
    match source.kind() {
        Kind::Sqlite(path) => format!("SQLite {}", path.display()),
        Kind::Http(url) => url.to_owned(),
        Kind::Postgres(_) => "PostgreSQL".to_owned(),
        Kind::File(path, _) => format!("file {}", path.display()),
    }
}

fn list(app: &App) -> Done {
    let runtime = app.runtime()?;
    let (sources, stats) = (runtime.sources()?, runtime.records()?.stats()?);
    let declared: Vec<_> = sources.iter().map(|(name, s)| json!({ "name": name, "source": s })).collect();
    app.result(&json!({ "file": app.home.join(FILE), "sources": declared, "kept": stats }), || {
        if sources.is_empty() {
            let file = app.home.join(FILE);
            app.note(&format!("no sources are declared in {}; `wayside records example` shows how", file.display()));
        }
        let row = |(_, source, query): (&str, &Source, &wayside::sources::Query)| {
            let always = if query.always { "always" } else { "" };
            [query.name.clone(), kind(source), always.into(), query.answers.clone()]
        };
        let heads = ["QUERY", "SOURCE", "WHEN", "ANSWERS"];
        table(heads, sources.queries().map(row)).iter().for_each(|line| app.line(line));
        let (records, persons) = (stats.records, stats.subjects);
        let known = (count(records, "record", "records"), count(persons, "person", "persons"));
        app.line(&app.style.dim(&format!("{} of {} imported or kept", known.0, known.1)));
    })
}

fn import(app: &App, names: &[String]) -> Done {
    let runtime = app.runtime()?;
    let begin = Instant::now();
    let imported = runtime.import_records(names)?;
    let seconds = begin.elapsed().as_secs_f64();
    if imported.is_empty() {
        app.note("sources.toml declares no file to import");
    }
    app.result(&json!({ "sources": imported, "seconds": seconds }), || {
        for one in &imported {
            let records = count(one.records, "record", "records");
            let erased = match one.erased {
                0 => String::new(),
                rows => format!(", {} of erased persons left out", count(rows, "row", "rows")),
            };
            app.line(&format!(
                "{}: {records} taken in, {} unchanged, {} removed, of {}{erased}",
                one.source,
                one.unchanged,
                one.removed,
                count(one.subjects, "person", "persons")
            ));
        }
    })
}

fn check(app: &App, subject: Option<&str>) -> Done {
    let checked = app.runtime()?.check_sources(subject)?;
    app.result(&json!({ "queries": checked }), || {
        let row = |c: &wayside::CheckedQuery| {
            let ok = if c.ok { "ok" } else { "fails" };
            [ok.to_owned(), c.query.clone(), c.source.clone(), format!("{:.3} s", c.seconds), c.detail.clone()]
        };
        let heads = ["STATE", "QUERY", "SOURCE", "TIME", "DETAIL"];
        table(heads, checked.iter().map(row)).iter().for_each(|line| app.line(line));
    })?;
    match checked.iter().filter(|c| !c.ok).count() {
        0 => Ok(()),
        failing => Err(Error::invalid(format!("{} of {} queries fail", failing, checked.len())).into()),
    }
}

fn show(app: &App, question: &str, subject: &str, collection: Option<String>) -> Done {
    let runtime = app.runtime()?;
    let mut asked = runtime.question(question);
    asked.subject = Some(subject.to_owned());
    asked.collection = collection;
    let begin = Instant::now();
    let shown = runtime.preview(&asked)?;
    let seconds = begin.elapsed().as_secs_f64();
    app.result(&json!({ "shown": shown, "seconds": seconds }), || {
        shown.notes.iter().for_each(|note| app.note(&format!("note: {note}")));
        if shown.refused {
            app.line("this asks about somebody else: nothing is looked up, and the model is not asked");
        }
        for fact in &shown.facts {
            let date = fact.date.as_deref().unwrap_or_default();
            let age = fact.said.map(|said| format!(" (as of {})", ago(Timestamp::now(), said))).unwrap_or_default();
            let name = app.style.bold(&format!("[{}]", fact.name));
            app.line(&format!("{name} {} {}{}", app.style.dim(date), fact.text, app.style.dim(&age)));
        }
        app.line(&app.style.dim(&format!(
            "{} and {} in the prompt, {seconds:.3} s",
            count(shown.facts.len() as u64, "fact", "facts"),
            count(shown.passages as u64, "passage", "passages")
        )));
    })
}
